"""The keeper of health on a real loop: what is our own fault is no word against a backend."""

import asyncio
import errno
import os
import socket
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest

from rsp.core.backends import Backend, BackendTable, Pool
from rsp.core.health_checks import CheckRecord
from rsp.core.health_rules import Ejection, statuses
from rsp.core.limits import Limits
from rsp.core.route import FixedRouter
from rsp.core.vocabulary import Health
from rsp.engine import checking
from rsp.engine.context import Context
from rsp.engine.deadlines import Deadlines
from rsp.engine.dispatch import Dispatcher
from rsp.engine.nonblocking import NoLocalPort, OutOfFds, Socket
from rsp.engine.poller import Poller
from rsp.engine.telemetry import Telemetry
from tests.conftest import wait_until
from tests.core.making import checked

EJECT = Ejection(3, statuses("502-504"), 30.0, 300.0)


@pytest.fixture
def port() -> Iterator[int]:
    """Yield a port where every connect succeeds: nobody accepts, but the queue is long."""
    with socket.create_server(("127.0.0.1", 0), backlog=1000) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
async def context(poller: Poller) -> AsyncIterator[Context]:
    deadlines = Deadlines(asyncio.get_running_loop(), poller.look_at_clock)
    dispatcher = Dispatcher(BackendTable({}, 0), FixedRouter("web"))
    made = Context(poller, deadlines, Telemetry(), dispatcher, Limits())
    yield made
    made.health.stop()
    deadlines.stop()


def table_of(
    port: int, *, is_checked: bool = True, eject: Ejection | None = None, count: int = 1
) -> BackendTable:
    address = ("127.0.0.1", port)
    backends = tuple(
        Backend("web", f"web{number}", f"127.0.0.1:{port}", resolved=address)
        for number in range(1, count + 1)
    )
    health = checked(rise=2, fall=1, is_tcp=True, interval_s=0.1) if is_checked else None
    return BackendTable.of([Pool("web", backends, health=health, eject=eject)], 1)


def notes(context: Context) -> list[str]:
    return [event.message for _, event in context.telemetry.events.since(0)[0]]


def health(context: Context) -> Health:
    return context.dispatcher.table.pools["web"].condition("web1").health


def record(context: Context) -> CheckRecord:
    found = context.health.book.charts["web/web1"].record
    assert found is not None
    return found


@pytest.mark.parametrize("error", [OutOfFds("EMFILE"), NoLocalPort("no free local port")])
async def test_what_we_lack_is_no_word_against_a_backend_and_is_said_once(
    context: Context, port: int, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    tries = []

    def refuse(address: tuple[str, int]) -> Socket:
        tries.append(address)
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(checking, "start_connect", refuse)
        context.health.adopt(table_of(port))
        await wait_until(lambda: len(tries) >= 3)
    said = [line for line in notes(context) if "cannot be checked" in line]
    assert said == [f"backend web/web1 (127.0.0.1:{port}) cannot be checked: {error}"]
    assert record(context).count == 0
    await wait_until(lambda: health(context) is Health.UP)


async def test_a_bug_of_ours_costs_one_check(
    context: Context, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("oops")

    fds = len(os.listdir("/proc/self/fd"))
    with monkeypatch.context() as patch:
        patch.setattr(checking, "finish_connect", fail)
        context.health.adopt(table_of(port))
        await wait_until(lambda: any("a bug of ours" in line for line in notes(context)))
    await wait_until(lambda: health(context) is Health.UP)
    await wait_until(lambda: len(os.listdir("/proc/self/fd")) <= fds)


async def test_a_connect_that_fails_at_once_is_a_failed_check(
    context: Context, tmp_path: object
) -> None:
    path = f"{tmp_path}/none.sock"
    backend = Backend("web", "web1", f"unix:{path}", resolved=(path, 0))
    pool = Pool("web", (backend,), health=checked(fall=1, is_tcp=True, interval_s=0.1))
    context.health.adopt(BackendTable.of([pool], 1))
    await wait_until(lambda: health(context) is Health.DOWN)
    why = context.dispatcher.table.pools["web"].condition("web1").why
    assert why == f"there is no such socket ({errno.errorcode[errno.ENOENT]})"


async def test_with_nothing_declared_nobody_is_told_and_no_timer_runs(
    context: Context, port: int
) -> None:
    table = table_of(port, is_checked=False)
    context.health.adopt(table)
    assert context.dispatcher.table is table
    assert context.dispatcher.on_failure is None
    assert context.health.bucket == 0


async def test_what_was_counted_is_forgotten_once_it_was_acted_upon(
    context: Context, port: int
) -> None:
    context.health.adopt(table_of(port, is_checked=False, eject=EJECT, count=2))
    dispatcher = context.dispatcher
    backend = dispatcher.table.find("web/web1")
    for _ in range(3):
        assert health(context) is Health.UNKNOWN
        dispatcher.note_failure(backend, "refused")
    assert health(context) is Health.EJECTED
    assert dispatcher.loads["web/web1"].failed_in_a_row == 0
    assert dispatcher.loads["web/web1"].failures == 3
    context.health.adopt(table_of(port, is_checked=False, count=2))
    assert dispatcher.on_failure is None


async def test_after_the_end_nothing_is_checked_any_more(context: Context, port: int) -> None:
    context.health.adopt(table_of(port))
    await wait_until(lambda: record(context).count >= 2)
    count = record(context).count
    context.health.stop()
    assert context.health.deadline_s == 0.0
    seen = context.deadlines.lateness_s
    before = len(seen)
    # Ticks of the wheel go by, some of which would have begun a check.
    await wait_until(lambda: len(seen) >= before + 4)
    assert record(context).count == count


async def test_a_check_that_was_late_because_we_were_is_no_word_against_a_backend(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.setblocking(False)
        address = silent.getsockname()
        backend = Backend("web", "web1", f"127.0.0.1:{address[1]}", resolved=address)
        rules = replace(checked(fall=1, interval_s=3600.0), timeout_s=0.3)
        context.health.adopt(BackendTable.of([Pool("web", (backend,), health=rules)], 1))
        asked = await wait_for_client(silent)
        # The loop stands still for longer than the check may take.
        time.sleep(1.0)  # noqa: ASYNC251
        await wait_until(lambda: any("our loop was" in line for line in notes(context)))
        assert record(context).count == 0
        assert health(context) is Health.UNKNOWN
        asked.close()


async def wait_for_client(listener: socket.socket) -> socket.socket:
    """Return the next client of a listener."""
    return (await asyncio.get_running_loop().sock_accept(listener))[0]
