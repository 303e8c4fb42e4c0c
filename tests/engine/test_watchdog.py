"""A call of `route` that runs long is reported while it runs; a short one is not."""

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rsp.core.events import Noted
from rsp.core.route import RouteRequest
from rsp.core.vocabulary import EventLevel
from rsp.engine.log import Log
from rsp.engine.lua_config import LuaRouter, load_source
from rsp.engine.server import Engine
from rsp.engine.telemetry import Telemetry
from rsp.engine.watchdog import LongCalls, Watchdog
from tests.engine.fakes import Here

SOURCE = b"""
listen { address = "127.0.0.1:0" }
pool("web", { backends = { { name = "a", address = "127.0.0.1:1" } } })
function route(request) return "web" end
"""
REQUEST = RouteRequest("GET", "/slow", "", "www.example", "www.example", [], "127.0.0.1", "")


@pytest.fixture
def router() -> LuaRouter:
    loaded = load_source(SOURCE, "test.lua").router
    assert loaded is not None
    return loaded


@pytest.fixture
def reports() -> list[Noted]:
    return []


@pytest.fixture
def reported() -> threading.Event:
    return threading.Event()


@pytest.fixture
def watchdog(
    router: LuaRouter, reports: list[Noted], reported: threading.Event
) -> Iterator[Watchdog]:
    def report(event: Noted) -> None:
        reports.append(event)
        reported.set()

    watchdog = Watchdog(lambda: router, report)
    watchdog.start()
    yield watchdog
    watchdog.stop()


@pytest.mark.usefixtures("watchdog")
def test_a_call_that_does_not_end_is_reported_once(
    router: LuaRouter, reports: list[Noted], reported: threading.Event
) -> None:
    router.calls += 1
    router.running = REQUEST
    assert reported.wait(30)
    reported.clear()
    # The next call begins, and is reported as well: so the first one was not told of twice.
    router.calls += 1
    assert reported.wait(30)
    assert len(reports) == 2
    for event in reports:
        assert event.message.startswith("route at test.lua:4 has run for 0.")
        assert "for GET www.example/slow; all traffic waits for it" in event.message


def test_a_call_is_told_of_once_and_only_when_it_is_long() -> None:
    calls = LongCalls()
    looks = [(None, 0.0), (7, 1.0), (7, 1.04), (7, 1.06), (7, 1.2), (8, 1.3), (None, 1.32)]
    told = [calls.look(number, now_s) for number, now_s in looks]
    assert told == [None, None, None, pytest.approx(0.06), None, None, None]


def test_many_short_calls_are_not_one_long_one() -> None:
    calls = LongCalls()
    assert [calls.look(number, number * 0.02) for number in range(100)] == [None] * 100


async def test_the_log_says_so_while_the_loop_stands_still_and_once(tmp_path: Path) -> None:
    telemetry = Telemetry()
    path = tmp_path / "log"
    with path.open("w") as stream:
        log = Log(telemetry, stream, as_json=False, least=EventLevel.INFO)
        telemetry.listen(log.write)
        engine = Engine(load_source(SOURCE, "test.lua"), telemetry, Here(), listen=None)
        await engine.start()
        engine.cry = log.write_now
        router = engine.context.dispatcher.router
        assert isinstance(router, LuaRouter)
        try:
            router.calls += 1
            router.running = REQUEST
            # This very function is on the loop, and lets nothing else run there.
            ends_s = time.monotonic() + 30
            while "all traffic waits" not in path.read_text():
                assert time.monotonic() < ends_s
                time.sleep(0.01)  # noqa: ASYNC251 - that is the point
            assert "all traffic waits" not in str(telemetry.events.newest())
            router.running = None
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert "all traffic waits" in str(telemetry.events.newest())
        finally:
            await engine.stop()
    assert path.read_text().count("all traffic waits") == 1
