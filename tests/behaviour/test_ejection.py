"""Backends that fail requests: where a pool ejects, they are left out for a while."""

from collections.abc import Callable

from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import OpenBackend, StartEngine
from tests.behaviour.named import Named, answers, wait_for_health
from tests.behaviour.running import Engine, Row
from tests.behaviour.waiting import wait_until
from tests.behaviour.wire import Message, Wire, request, response

EJECTS = "eject = { errors = 3, seconds = 3600, most = 3600 },"
SOON_BACK = "eject = { errors = 3, seconds = 0.1 },"


def ask_until_ejected(engine: Engine, name: str, ask: Callable[[], object] | None = None) -> Row:
    """Ask again and again until a backend is ejected; return its row."""

    def look() -> Row:
        (ask or engine.get)()
        row = engine.backend(name)
        return row if row["health"] == "ejected" else {}

    return wait_until(look)


def said(engine: Engine, part: str) -> bool:
    """Tell whether an event has `part` in its sentence."""
    return any(part in line for line in engine.events())


def test_one_that_answers_503_again_and_again_is_left_out_and_says_why(
    engine: StartEngine, backend: OpenBackend
) -> None:
    web1, web2 = backend(answer=Named("web1")), backend(answer=Named("web2", "503 Busy"))
    running = engine(LISTEN + pool(web1, web2, settings=EJECTS))
    row = ask_until_ejected(running, "web2")
    assert row["health_reason"].startswith("3 errors in a row, the last one: status 503; back in")
    assert answers(running, 4) == ["web1"] * 4
    running.wait_for_event("backend web/web2 is ejected: 3 errors in a row")
    decision = running.ask("decisions", limit=1)["decisions"][0]
    verdicts = {row["name"]: row["verdict"] for row in decision["candidates"]}
    assert verdicts["web2"] == "ejected (3 errors in a row, the last one: status 503)"


def test_never_more_than_half_of_a_pool_is_left_out(
    engine: StartEngine, backend: OpenBackend
) -> None:
    bad = [backend(answer=Named(name, "503 Busy")) for name in "abc"]
    alone = backend(answer=Named("alone", "503 Busy"))
    route = """
function route(request)
  return request.path == "/alone" and "alone" or "web"
end
"""
    pools = pool(*bad, settings=EJECTS) + pool(alone, settings=EJECTS, name="alone")
    running = engine(LISTEN + pools + route)
    wait_until(lambda: running.get().status and said(running, "is ejected"))
    for _ in range(20):
        assert running.get().status == 503
        assert running.get("/alone").body == b"alone"
    # Two looks at the exchanges later, all of these have been counted.
    ended = running.ask("status")["now_s"]
    wait_until(lambda: running.ask("status")["now_s"] > ended + 0.5)
    rows = [running.backend(f"web{number}")["health"] for number in (1, 2, 3)]
    assert sorted(rows) == ["ejected", "unknown", "unknown"]
    assert running.backend("alone1", "alone")["health"] == "unknown"


def test_one_comes_back_when_its_time_is_over(engine: StartEngine, backend: OpenBackend) -> None:
    named = Named("web2", "503 Busy")
    web1, web2 = backend(answer=Named("web1")), backend(answer=named)
    running = engine(LISTEN + pool(web1, web2, settings=SOON_BACK + " slow_start = 3600,"))
    wait_until(lambda: running.get().status and said(running, "web/web2 is ejected"))
    named.status = "200 OK"
    running.wait_for_event("backend web/web2 is let back in; it was ejected for")
    row = wait_for_health(running, "web2", "unknown")
    assert row["ramp"] == 0.1
    assert "web2" in answers(running, 11)


def test_a_good_answer_begins_the_count_anew_and_a_500_is_none_of_the_bad_ones(
    engine: StartEngine, backend: OpenBackend
) -> None:
    turns = ["503 Busy", "503 Busy", "500 Oops"] * 5

    def answer(_: Message) -> bytes:
        return response(turns.pop(0))

    web1, web2 = backend(answer=answer), backend()
    running = engine(LISTEN + pool(web1, web2, settings=EJECTS + ' balance = "first",'))
    with_one = running.connect()
    statuses = [with_one.get().status for _ in range(len(turns))]
    assert statuses == [503, 503, 500] * 5
    web1.answer = lambda _: response("503 Busy")
    ask_until_ejected(running, "web1", with_one.get)
    assert with_one.get().body == b"hello"


def test_refused_connects_and_broken_answers_count_too(
    engine: StartEngine, backend: OpenBackend
) -> None:
    def hang_up(wire: Wire) -> None:
        wire.read_request()

    web1, web2, web3 = backend(), backend(hang_up), backend()
    more = [backend(), backend()]
    running = engine(LISTEN + pool(web1, web2, web3, *more, settings=EJECTS))
    web1.refuse()
    ask_until_ejected(running, "web1")
    reason = ask_until_ejected(running, "web2")
    assert "closed the connection without a response" in reason["health_reason"]
    assert "refused (ECONNREFUSED)" in running.backend("web1")["health_reason"]
    assert {running.get().status for _ in range(6)} == {200}


def test_in_tcp_mode_a_connect_is_all_that_counts(
    engine: StartEngine, backend: OpenBackend
) -> None:
    web1, web2 = backend(), backend()
    listen = 'listen { address = "127.0.0.1:0", mode = "tcp" }\n'
    running = engine(listen + pool(web1, web2, settings=EJECTS))
    web1.refuse()

    def relay() -> None:
        wire = running.connect()
        assert wire.ask(request()).status == 200
        wire.close()

    ask_until_ejected(running, "web1", relay)
    failures = running.backend("web1")["failures"]
    relay()
    assert running.backend("web1")["failures"] == failures == 3


def test_nobody_is_left_out_where_the_file_does_not_say_so(
    engine: StartEngine, backend: OpenBackend
) -> None:
    web1, web2 = backend(answer=Named("web1")), backend(answer=Named("web2", "503 Busy"))
    running = engine(LISTEN + pool(web1, web2))
    assert answers(running, 20).count("web2") == 10
    assert running.backend("web2")["health"] == "unknown"


def test_a_fault_that_refuses_connects_ejects_and_no_check_meets_it(
    engine: StartEngine, backend: OpenBackend
) -> None:
    web1, web2 = backend(answer=Named("web1")), backend(answer=Named("web2"))
    checked = "health = { interval = 0.1, timeout = 10, rise = 1, fall = 1 }, "
    running = engine(LISTEN + pool(web1, web2, settings=checked + EJECTS))
    wait_for_health(running, "web1", "up")
    running.ask("fault.add", kind="down", backend="web/web1")
    reason = ask_until_ejected(running, "web1")["health_reason"]
    assert "refused (the fault" in reason
    assert set(running.backend("web1")["timeline"]) == {"."}
    assert answers(running, 2) == ["web2", "web2"]
