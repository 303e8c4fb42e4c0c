"""Sessions that stopped at a breakpoint, and the bytes of a watched one, on the screen."""

from collections.abc import Callable
from typing import Any

import pytest
from textual.timer import Timer

from rsp.core.breaks.rows import BreakSummary
from rsp.tui.app import Dashboard
from rsp.tui.screens.breaks import BreaksScreen
from rsp.tui.screens.detail import DetailScreen
from rsp.tui.screens.stopping import PendingForm
from tests.tui import canned
from tests.tui.fake_engine import FakeEngine
from tests.tui.stage import (
    Driver,
    attached,
    check_golden,
    hand,
    hand_seconds,
    listening,
    named,
    open_detail,
    screen_text,
    shows,
    still_dashboard,
    wait_until,
)

SIZES = [(80, 24), (120, 35)]
PATIENT_S = 3600.0
"""A timer of this long has no turn of its own in a test."""


async def told(pilot: Driver, engine: FakeEngine, method: str) -> dict[str, Any]:
    await wait_until(pilot, lambda: any(name == method for name, _ in engine.commands), method)
    return next(params for name, params in engine.commands if name == method)


@pytest.mark.parametrize("size", SIZES)
async def test_bytes_and_heads(size: tuple[int, int]) -> None:
    app = still_dashboard()
    async with app.run_test(size=size) as pilot:
        await open_detail(app, pilot)
        hand(app, canned.status(3), canned.detail(3))
        await pilot.press("left_square_bracket")
        hand(app, canned.peek())
        await pilot.pause()
        await check_golden(pilot, app, named("detail-peek", size))
        await pilot.press("h")
        await pilot.pause()
        await check_golden(pilot, app, named("detail-peek-text", size))
        await pilot.press("left_square_bracket")
        await pilot.pause()
        await check_golden(pilot, app, named("detail-headers", size))


async def test_the_guide_names_no_key_that_does_something_else_here() -> None:
    app = still_dashboard(guide=("1. Look.",))
    async with app.run_test(size=(80, 24)) as pilot:
        await open_detail(app, pilot)
        hand(app, canned.status(3), canned.detail(3))
        await wait_until(pilot, lambda: "guide · h hides it" in screen_text(app))
        await pilot.press("left_square_bracket")
        hand(app, canned.status(4), canned.detail(4), canned.peek())
        await wait_until(pilot, lambda: "hides it" not in screen_text(app))


@pytest.mark.parametrize("size", SIZES)
async def test_a_stopped_session(size: tuple[int, int]) -> None:
    app = still_dashboard()
    async with app.run_test(size=size) as pilot:
        await open_detail(app, pilot)
        status = canned.status(3, breaks=BreakSummary(2, 1, 41))
        hand(app, status, canned.detail(3, stopped=canned.stop()))
        await pilot.pause()
        await check_golden(pilot, app, named("detail-stopped", size))
        hand(app, status, canned.detail(3))
        await wait_until(pilot, lambda: "w Watch" in screen_text(app))


@pytest.mark.parametrize("size", SIZES)
async def test_breakpoints(size: tuple[int, int]) -> None:
    app = still_dashboard()
    async with app.run_test(size=size) as pilot:
        hand_seconds(app, 3)
        await pilot.press("ctrl+b")
        await wait_until(pilot, lambda: isinstance(app.screen, BreaksScreen))
        hand(app, canned.breaks())
        await pilot.pause()
        await check_golden(pilot, app, named("breaks", size))


async def test_what_is_looked_for_is_found_in_the_bytes(engine: FakeEngine) -> None:
    app = attached(engine)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await shows(pilot, app, "● BLOCKED")
        await pilot.press("enter", "left_square_bracket")
        await shows(pilot, app, "> request: ")
        await shows(pilot, app, "47 45 54 20")
        await pilot.press("h")
        await shows(pilot, app, "GET /big.iso HTTP/1.1")
        await pilot.press("slash", *"recorded", "enter")
        await shows(pilot, app, "nowhere")
        await pilot.press("escape", "slash", *"HTTP", "enter")
        await shows(pilot, app, "1 of 2")
        await pilot.press("n")
        await shows(pilot, app, "2 of 2")
        await pilot.press("N")
        await shows(pilot, app, "1 of 2")
        await pilot.press("escape")
        await wait_until(pilot, lambda: "1 of 2" not in screen_text(app))
        assert "\x1b" not in screen_text(app)
        await pilot.press("y")
        await shows(pilot, app, "Copied the line.")


async def test_the_keys_of_a_stopped_session_step_it(engine: FakeEngine) -> None:
    engine.detail_changes = {"stopped": canned.stop()}
    engine.status_changes = {"breaks": BreakSummary(2, 1, 41)}
    app = attached(engine)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await shows(pilot, app, "‖ session 41 stopped at a breakpoint")
        app.action_show_stopped()
        await shows(pilot, app, "Stopped at breakpoint 2: client.eagain_writes>3 (4)")
        await shows(pilot, app, "s Read  w Write  n Next  c Go on  x Close  e Edit")
        for key, method, params in (
            ("s", "step", {"id": 41, "kind": "read"}),
            ("w", "step", {"id": 41, "kind": "write"}),
            ("n", "step", {"id": 41, "kind": "event"}),
            ("c", "continue", {"id": 41}),
        ):
            engine.commands.clear()
            await pilot.press(key)
            assert await told(pilot, engine, method) == params
        await pilot.press("x")
        await listening(app, pilot)
        await pilot.press("r")
        assert await told(pilot, engine, "close") == {"id": 41, "reset": True}
        assert all(method != "watch" for method, _ in engine.commands)


async def at_pending(pilot: Driver, app: Dashboard) -> None:
    """Open the form with the bytes that wait in a stopped session."""
    await shows(pilot, app, "● BLOCKED")
    await pilot.press("enter")
    await shows(pilot, app, "e Edit")
    await pilot.press("e")
    await shows(pilot, app, "00000000 48 54 54 50 2f 31 2e 31 HTTP/1.1")


async def test_pending_bytes_are_seen_and_changed(engine: FakeEngine) -> None:
    engine.detail_changes = {"stopped": canned.stop()}
    app = attached(engine)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await at_pending(pilot, app)
        await pilot.press(*"4a6")
        await shows(pilot, app, "two digits for each byte")
        await pilot.press("5", "enter")
        wanted = {"id": 41, "side": "client", "set": "4a65", "at": 0}
        await wait_until(pilot, lambda: ("pending", wanted) in engine.pulls)


async def test_a_timer_that_was_stopped_too_late_asks_nothing(
    engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it would ask about is not what stands in the form by then."""
    engine.detail_changes = {"stopped": canned.stop()}
    app = attached(engine)
    turns: list[Callable[[], object]] = []
    start_timer = PendingForm.set_timer

    def set_timer(form: PendingForm, delay_s: float, turn: Callable[[], object]) -> Timer:
        turns.append(turn)
        return start_timer(form, PATIENT_S, turn)

    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await at_pending(pilot, app)
        monkeypatch.setattr(PendingForm, "set_timer", set_timer)
        await pilot.press("4", "a")
        await wait_until(pilot, lambda: turns)
        await pilot.press("6")
        await shows(pilot, app, "two digits for each byte")
        turns[-1]()
        assert [worker for worker in app.workers if worker.group == "form"] == []


async def test_breakpoints_are_added_and_removed(engine: FakeEngine) -> None:
    app = attached(engine)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await shows(pilot, app, "● BLOCKED")
        await pilot.press("ctrl+b")
        await shows(pilot, app, "client.eagain_writes>3 ")
        await pilot.press("a")
        await shows(pilot, app, "Add a breakpoint")
        await pilot.press(*"client gone")
        await shows(pilot, app, 'no event "gone"')
        await pilot.press(*["backspace"] * 4, *"rst", "enter")
        assert await told(pilot, engine, "break.add") == {"expression": "client rst"}
        await shows(pilot, app, "Breakpoints [2]")
        await pilot.press("down", "x")
        assert await told(pilot, engine, "break.remove") == {"id": 2}
        await pilot.press("enter")
        await wait_until(pilot, lambda: isinstance(app.screen, DetailScreen))


async def test_a_dashboard_that_only_looks_does_not_step(engine: FakeEngine) -> None:
    engine.detail_changes = {"stopped": canned.stop()}
    app = attached(engine, read_only=True)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await shows(pilot, app, "● BLOCKED")
        await pilot.press("enter")
        await shows(pilot, app, "Stopped at breakpoint 2")
        await pilot.press("s", "c", "x", "e")
        assert "s Read" not in screen_text(app)
        assert engine.commands == []


async def test_every_byte_of_a_long_line_is_to_be_seen(engine: FakeEngine) -> None:
    app = still_dashboard()
    long = "".join(f"{number:04}" for number in range(150))
    async with app.run_test(size=(80, 24)) as pilot:
        await open_detail(app, pilot)
        peek = canned.peek()
        peek.heads[0].lines = [f"GET /{long} HTTP/1.1"]
        peek.request.bytes_hex = f"GET /{long}".encode().hex()
        hand(app, canned.status(3), canned.detail(3))
        await pilot.press("left_square_bracket", "h")
        hand(app, peek)
        await shows(pilot, app, "0149")
        table = app.screen.query_one("#bytes")
        rows = [line.strip("│▌ ") for line in screen_text(app).splitlines() if line[:1] == "│"]
        text = "".join(row.rpartition(" ")[2] for row in rows if row.startswith("> 0"))
        assert text.endswith(long[4:])
        assert table.has_focus
