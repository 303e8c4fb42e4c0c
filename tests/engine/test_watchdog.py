"""A call of `route` that runs long is reported while it runs; a short one is not."""

import threading
from collections.abc import Iterator

import pytest

from rsp.engine.lua_config import LuaRouter, load_source
from rsp.engine.watchdog import LongCalls, Watchdog

SOURCE = b"""
listen { address = "127.0.0.1:0" }
pool("web", { backends = { { name = "a", address = "127.0.0.1:1" } } })
function route(request) return "web" end
"""


@pytest.fixture
def router() -> LuaRouter:
    loaded = load_source(SOURCE, "test.lua").router
    assert loaded is not None
    return loaded


@pytest.fixture
def reports() -> list[float]:
    return []


@pytest.fixture
def reported() -> threading.Event:
    return threading.Event()


@pytest.fixture
def watchdog(
    router: LuaRouter, reports: list[float], reported: threading.Event
) -> Iterator[Watchdog]:
    def report(ran_s: float) -> None:
        reports.append(ran_s)
        reported.set()

    watchdog = Watchdog(lambda: router, report)
    watchdog.start()
    yield watchdog
    watchdog.stop()


@pytest.mark.usefixtures("watchdog")
def test_a_call_that_does_not_end_is_reported_once(
    router: LuaRouter, reports: list[float], reported: threading.Event
) -> None:
    router.calls += 1
    router.is_running = True
    assert reported.wait(5)
    reported.clear()
    # The next call begins, and is reported as well: so the first one was not told of twice.
    router.calls += 1
    assert reported.wait(5)
    assert len(reports) == 2
    assert all(ran_s >= 0.05 for ran_s in reports)


def test_a_call_is_told_of_once_and_only_when_it_is_long() -> None:
    calls = LongCalls()
    looks = [(None, 0.0), (7, 1.0), (7, 1.04), (7, 1.06), (7, 1.2), (8, 1.3), (None, 1.32)]
    told = [calls.look(number, now_s) for number, now_s in looks]
    assert told == [None, None, None, pytest.approx(0.06), None, None, None]


def test_many_short_calls_are_not_one_long_one() -> None:
    calls = LongCalls()
    assert [calls.look(number, number * 0.02) for number in range(100)] == [None] * 100
