"""What the tests of the screens share: an app that stands still, and the text of its screen."""

import asyncio
import contextlib
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from textual.pilot import Pilot

from rsp.core.autopsy import Autopsies
from rsp.core.breaks.rows import BreaksReply
from rsp.core.decision_rows import Decisions
from rsp.core.exchange_rows import Exchanges
from rsp.core.generation_rows import Edits
from rsp.core.pause_tree import Pauses
from rsp.core.peek import PeekReply
from rsp.core.replies import Backends, ConfigSource, ConnectionDetail, Connections, Events, Status
from rsp.tui.app import Dashboard, LeaveChoice
from rsp.tui.feed import EVENTS_PULL, Feed, Pull
from rsp.tui.screens.detail import DetailScreen
from rsp.tui.screens.dialog import Dialog
from tests.tui import canned
from tests.tui.fake_engine import FakeEngine

GOLDENS = Path(__file__).parent / "goldens"
DEADLINE_S = 30.0
Driver = Pilot[LeaveChoice]


class StillFeed(Feed):
    """A feed without an engine: the test itself hands the answers to the app."""

    async def pull_for_ever(self) -> None:
        await asyncio.Event().wait()

    async def follow_events(self, since: int = 0) -> None:
        await asyncio.Event().wait()


def still_dashboard(**changes: Any) -> Dashboard:
    arguments: dict[str, Any] = {"read_only": False, "engine_is_child": True}
    app = Dashboard(
        "/nowhere", clock=lambda: datetime(2026, 1, 5, 12, 41, 7), **arguments | changes
    )
    app.feed = StillFeed("/nowhere", app)
    return app


def attached(engine: FakeEngine, **changes: Any) -> Dashboard:
    """Return a dashboard that attaches to a fake engine, over its real socket."""
    arguments: dict[str, Any] = {"read_only": False, "engine_is_child": False}
    return Dashboard(str(engine.path), **arguments | changes)


async def shows(pilot: Driver, app: Dashboard, text: str) -> None:
    """Return once `text` is on the screen."""
    await wait_until(pilot, lambda: text in screen_text(app), text)


_PULLS: dict[type[msgspec.Struct], Pull] = {
    Events: EVENTS_PULL,
    Status: Pull("status", Status),
    Backends: Pull("backends", Backends),
    ConnectionDetail: Pull("connection", ConnectionDetail),
    Connections: Pull("connections", Connections),
    Autopsies: Pull("autopsies", Autopsies),
    Exchanges: Pull("exchanges", Exchanges),
    PeekReply: Pull("peek", PeekReply),
    BreaksReply: Pull("break.list", BreaksReply),
    Pauses: Pull("pauses", Pauses),
    Edits: Pull("edits", Edits),
    Decisions: Pull("decisions", Decisions),
    ConfigSource: Pull("config", ConfigSource),
}
"""What each kind of answer is the answer to."""


def hand(app: Dashboard, *answers: msgspec.Struct) -> None:
    """Give the app answers as if they had been pulled."""
    for answer in answers:
        app.take(_PULLS[type(answer)], answer)


def hand_seconds(app: Dashboard, seconds: int) -> None:
    """Let some seconds of the canned engine pass."""
    hand(app, canned.backends())
    for step in range(seconds):
        hand(app, canned.status(step), canned.connections(step))


def screen_text(app: Dashboard) -> str:
    """Return what the terminal shows, without colours. The one place that needs the compositor."""
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips) + "\n"


async def wait_until(
    pilot: Pilot[LeaveChoice], predicate: Callable[[], object], what: str = "the condition"
) -> None:
    """Let the app run until the predicate is true.

    Raises:
        AssertionError: it was not within `DEADLINE_S`; says `what` was waited for.
    """
    try:
        async with asyncio.timeout(DEADLINE_S):
            while not predicate():
                await pilot.pause(0.01)
    except TimeoutError:
        raise AssertionError(f"not within {DEADLINE_S:g} s: {what}") from None


async def listening(app: Dashboard, pilot: Pilot[LeaveChoice]) -> None:
    """Wait until the dialog on the screen takes keys."""
    dialog = app.screen
    assert isinstance(dialog, Dialog), f"{dialog} is no dialog"
    await wait_until(pilot, lambda: dialog.is_listening)


async def open_detail(app: Dashboard, pilot: Driver) -> None:
    """Show the detail screen of the first session, on a dashboard that stands still."""
    hand_seconds(app, 3)
    await pilot.pause()
    await pilot.press("enter")
    # What is handed before it is there would be for the screen below.
    await wait_until(pilot, lambda: isinstance(app.screen, DetailScreen))
    await pilot.pause()


def named(screen: str, size: tuple[int, int]) -> str:
    """Return the name of the golden of `screen` in one size."""
    return f"{screen}-{size[0]}x{size[1]}"


async def check_golden(pilot: Driver, app: Dashboard, name: str) -> None:
    """Return once the screen is as it was committed. RSP_GOLDENS=write commits it anew."""
    path = GOLDENS / f"{name}.txt"
    if os.environ.get("RSP_GOLDENS") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(screen_text(app), encoding="utf-8")
    wanted = path.read_text(encoding="utf-8")
    with contextlib.suppress(AssertionError):
        await wait_until(pilot, lambda: screen_text(app) == wanted)
    assert screen_text(app) == wanted, f"{path.name} is not what the screen shows"
