"""The process for previews and traces: what is too long is stopped, what fails is told."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import msgspec
import pytest

from rsp.core.route import RouteRequest
from rsp.core.wire import CommandRefused
from rsp.engine import worker
from rsp.engine.worker import Worker, start_worker
from rsp.engine.worker_jobs import (
    Plan,
    PlannedBackend,
    PlannedPool,
    Recorded,
    TraceJob,
    WhatIfJob,
    carry_out,
    decode_traced,
    decode_what_if,
)

SOURCE = """listen { address = "127.0.0.1:80" }
pool("web", { balance = "hash", backends = { { name = "web1", address = "127.0.0.1:1" } } })
function route(request)
  while request.path == "/long" do end
  return "web", { key = request.host }
end
"""
REQUEST = RouteRequest("GET", "/", "", "a.test", "a.test", [], "192.0.2.1", "127.0.0.1:80")
encode = msgspec.msgpack.encode


def plan(*names: str, source: str = SOURCE, balance: str = "hash") -> Plan:
    pools = [PlannedPool("web", balance, [PlannedBackend(name, 1, "ready") for name in names])]
    return Plan(source.encode(), "site.lua", True, pools, {"127.0.0.1:80": ""})


def asked(count: int, path: bytes = b"/") -> list[Recorded]:
    return [
        Recorded("GET", f"site{n}.test", path, b"" if n == 0 else 0, "", "127.0.0.1:80")
        for n in range(count)
    ]


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


@pytest.fixture
def started() -> Iterator[Worker]:
    """Yield a worker."""
    process = start_worker(None)
    yield process
    process.stop()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    """Yield a worker that gives each job one second."""
    monkeypatch.setattr(worker, "WHAT_IF_S", 1.0)
    process = start_worker(None)
    yield process
    process.stop()


async def test_a_job_goes_there_and_its_answer_comes_back(started: Worker) -> None:
    answer = await started.ask(pieces(encode(TraceJob(SOURCE.encode(), "site.lua", REQUEST))))
    assert [step.line for step in decode_traced(answer).steps] == [4, 5]


async def test_a_job_that_takes_too_long_is_stopped_and_the_next_one_is_done(
    impatient: Worker,
) -> None:
    job = encode(WhatIfJob(None, plan("web1")))
    with pytest.raises(CommandRefused, match="and was stopped"):
        await impatient.ask(pieces(job, encode(asked(10_000, b"/long"))))
    answer = await impatient.ask(pieces(job, encode(asked(3))))
    assert decode_what_if(answer).recorded == 3


async def test_a_job_that_nobody_waits_for_any_more_answers_nobody_else(started: Worker) -> None:
    sent = asyncio.Event()

    async def slow_pieces() -> AsyncIterator[bytes]:
        yield encode(TraceJob(SOURCE.encode(), "site.lua", REQUEST))
        sent.set()

    job = asyncio.ensure_future(started.ask(slow_pieces()))
    await sent.wait()
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    other = TraceJob(SOURCE.replace('"web", {', '"other", {').encode(), "site.lua", REQUEST)
    answer = decode_traced(await started.ask(pieces(encode(other)))).answer
    assert answer is not None
    assert answer.target == "other"


async def test_a_job_that_fails_is_told_and_the_next_one_is_done(started: Worker) -> None:
    with pytest.raises(CommandRefused, match="it failed"):
        await started.ask(pieces(b"no job"))
    assert await started.ask(pieces(encode(TraceJob(b"", "", REQUEST))))


async def test_a_job_that_breaks_off_on_its_way_is_answered_in_no_other_s_place(
    started: Worker,
) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield encode(TraceJob(b"", "", REQUEST))
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        await started.ask(broken())
    with pytest.raises(CommandRefused, match="a job broke off on its way there"):
        await started.ask(pieces(encode(TraceJob(b"", "", REQUEST))))


async def test_pieces_are_put_together_in_their_order() -> None:
    many = asked(1_000)
    job = encode(WhatIfJob(plan("a", "b", "c"), plan("a", "b")))
    whole = decode_what_if(carry_out([job, encode(many)]))
    parts = [encode(many[start : start + 70]) for start in range(0, 1_000, 70)]
    assert decode_what_if(carry_out([job, *parts])) == whole
    assert whole.recorded == 1_000
    assert {move.from_ for move in whole.moves} == {"web/c"}
    assert whole.moved == pytest.approx(333, rel=0.2)
    (keys,) = whole.keys
    assert (keys.before, keys.after) == (3, 2)
    assert keys.moved == pytest.approx(1 / 3)


async def test_a_listener_that_goes_leaves_its_requests_without_a_backend() -> None:
    after = plan("a")
    after.listeners = {}
    found = decode_what_if(carry_out([encode(WhatIfJob(plan("a"), after)), encode(asked(5))]))
    assert (found.moved, found.unrouted) == (5, 5)
    assert [(move.from_, move.to) for move in found.moves] == [("web/a", "no backend")]


async def test_moves_between_pools_are_known_whatever_the_policies() -> None:
    before = plan("a", balance="round_robin")
    after = plan("a", balance="round_robin", source=SOURCE.replace('return "web"', 'return "new"'))
    after.pools.append(PlannedPool("new", "least_connections", [PlannedBackend("n", 1, "ready")]))
    found = decode_what_if(carry_out([encode(WhatIfJob(before, after)), encode(asked(5))]))
    assert [(move.from_, move.to, move.count) for move in found.moves] == [("web", "new", 5)]
    assert found.shares["new/n"].after is None
    assert found.shares["web/a"].before == 1
