"""Every tab: the keys at its foot lead somewhere, and its help lists them."""

import asyncio
import tempfile
from pathlib import Path

import pytest
from textual.screen import ModalScreen
from textual.widgets import Input

from rsp.tui.app import Dashboard
from rsp.tui.keymap import KEYS
from rsp.tui.screens.breaks import BreaksScreen
from rsp.tui.screens.detail import DetailScreen
from rsp.tui.screens.frame import Frame
from rsp.tui.screens.help import HelpScreen
from rsp.tui.screens.newest_first import NewestFirst
from rsp.tui.screens.pauses import PausesScreen
from rsp.tui.screens.tabs import TABS, Tab
from rsp.tui.screens.trace import TraceScreen
from tests.tui.editing_engine import EditingEngine
from tests.tui.stage import DEADLINE_S, Driver, attached, screen_text, shows, wait_until


@pytest.mark.parametrize("tab", TABS, ids=lambda tab: tab.mode)
async def test_every_key_at_the_foot_leads_somewhere(tab: object) -> None:
    assert isinstance(tab, type(TABS[0]))
    with tempfile.TemporaryDirectory(prefix="rsp") as directory:
        engine = EditingEngine(Path(directory) / "s")
        await engine.start()
        app = Dashboard(str(engine.path), read_only=False, engine_is_child=False)
        async with app.run_test(size=(200, 60)) as pilot:
            await wait_until(pilot, lambda: "● LIVE" in screen_text(app))
            await pilot.press(tab.number)
            await wait_until(pilot, lambda: isinstance(app.screen, tab.screen))
            frame = app.frame
            assert frame is not None
            bound = {
                active.binding.id: active.node
                for active in frame.active_bindings.values()
                if active.enabled
            }
            here = [key for key in KEYS if key.where == frame.WHERE]
            assert {key.id for key in here} <= bound.keys()
            for key_id, _, _, action in frame._live_keys():
                node = app if action.startswith("app.") else bound[key_id]
                name = "action_" + action.removeprefix("app.").partition("(")[0]
                assert hasattr(node, name), f"{key_id} leads nowhere: {name}"
            await pilot.press("question_mark")
            await wait_until(pilot, lambda: isinstance(app.screen, HelpScreen))
            await wait_until(pilot, lambda: all(key.tooltip in screen_text(app) for key in here))
        await engine.stop()


LEAVES = {"back_or_quit"}
OPENED = (BreaksScreen, DetailScreen, NewestFirst, PausesScreen, TraceScreen)
"""What a key may open on top of a tab."""


@pytest.mark.parametrize("tab", TABS, ids=lambda tab: tab.mode)
async def test_every_key_at_the_foot_can_be_pressed(tab: Tab, editing: EditingEngine) -> None:
    app = attached(editing)
    async with app.run_test(size=(200, 60)) as pilot:
        await shows(pilot, app, "● LIVE")
        await shows(pilot, app, "● BLOCKED")
        await pilot.press(tab.number)
        await wait_until(pilot, lambda: isinstance(app.screen, tab.screen))
        frame = app.screen
        assert isinstance(frame, Frame)
        await wait_until(pilot, lambda: frame.is_laid_out and frame.focused)
        keys = {
            active.binding.id: active.binding.key
            for active in frame.active_bindings.values()
            if active.enabled
        }
        shown = [key_id for key_id, *_ in frame._live_keys() if key_id not in LEAVES]
        assert {"copy", "maximise", "settings", "palette", "help"} <= set(shown)
        for key_id in shown:
            await pilot.press(keys[key_id])
            await pilot.pause()
            assert app.is_running, key_id
            await back_at(pilot, app, tab)


async def back_at(pilot: Driver, app: Dashboard, tab: Tab) -> None:
    """Close whatever a key has opened."""
    async with asyncio.timeout(DEADLINE_S):
        while not isinstance(app.screen, tab.screen) or isinstance(app.screen.focused, Input):
            is_open = isinstance(app.screen, ModalScreen) or isinstance(app.screen.focused, Input)
            await pilot.press("escape" if is_open else tab.number)
            if isinstance(app.screen, OPENED):
                await pilot.press("escape")
            await pilot.pause(0.01)
