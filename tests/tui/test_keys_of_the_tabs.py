"""Every tab: the keys at its foot lead somewhere, and its help lists them."""

import tempfile
from pathlib import Path

import pytest

from rsp.tui.app import Dashboard
from rsp.tui.keymap import KEYS
from rsp.tui.screens.help import HelpScreen
from rsp.tui.screens.tabs import TABS
from tests.tui.editing_engine import EditingEngine
from tests.tui.stage import screen_text, wait_until


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
