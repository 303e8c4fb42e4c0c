"""Keys pressed in the real app, and what the engine was told: over a real socket."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from rsp.core.replies import Connections
from rsp.tui.app import Dashboard, LeaveChoice
from rsp.tui.keymap import KEYS
from rsp.tui.screens.autopsies import AutopsiesScreen
from rsp.tui.screens.connections import ConnectionsScreen
from rsp.tui.screens.detail import DetailScreen
from rsp.tui.screens.dialog import Dialog
from rsp.tui.screens.events import EventsScreen
from rsp.tui.screens.exchanges import ExchangesScreen
from tests.tui import canned
from tests.tui.fake_engine import FakeEngine
from tests.tui.stage import listening, screen_text, wait_until

Driver = Pilot[LeaveChoice]


def attached(engine: FakeEngine, **changes: Any) -> Dashboard:
    arguments: dict[str, Any] = {"read_only": False, "engine_is_child": True}
    return Dashboard(str(engine.path), **arguments | changes)


async def shows(pilot: Driver, app: Dashboard, text: str) -> None:
    await wait_until(pilot, lambda: text in screen_text(app), text)


async def is_at(pilot: Driver, app: Dashboard, screen: type) -> None:
    await wait_until(pilot, lambda: isinstance(app.screen, screen), screen.__name__)


async def told(pilot: Driver, engine: FakeEngine, method: str) -> dict[str, Any]:
    await wait_until(pilot, lambda: any(name == method for name, _ in engine.commands), method)
    return next(params for name, params in engine.commands if name == method)


async def test_live_rows_come_by_themselves(engine: FakeEngine) -> None:
    app = attached(engine)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await shows(pilot, app, "● BLOCKED")
        engine.rows = lambda step: canned.connections(step, [canned.session(99)])
        await shows(pilot, app, "[1]")
        await shows(pilot, app, " 99 ")


async def test_closing_asks_first_and_with_another_key(engine: FakeEngine) -> None:
    app = attached(engine)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await shows(pilot, app, "● BLOCKED")
        await pilot.press("X")
        await listening(app, pilot)
        await pilot.press("X", "y")
        assert engine.commands == []
        await pilot.press("r")
        assert await told(pilot, engine, "close") == {"id": 41, "reset": True}


async def test_a_careless_enter_cancels(engine: FakeEngine) -> None:
    app = attached(engine)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await shows(pilot, app, "● BLOCKED")
        await pilot.press("X")
        await listening(app, pilot)
        await pilot.press("enter")
        await is_at(pilot, app, ConnectionsScreen)
        assert engine.commands == []


async def test_a_dialog_is_deaf_at_first(
    engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rsp.tui.screens.dialog.DEAF_S", 3_600.0)
    app = attached(engine)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await shows(pilot, app, "● BLOCKED")
        await pilot.press("X", "c")
        await wait_until(pilot, lambda: isinstance(app.screen, Dialog))
        dialog = app.screen
        assert isinstance(dialog, Dialog)
        assert not dialog.is_listening
        await pilot.press("escape")
        await pilot.pause()
        assert engine.commands == []


async def test_marks_are_closed_together(engine: FakeEngine) -> None:
    app = attached(engine)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await shows(pilot, app, "● BLOCKED")
        await pilot.press("m", "m")
        await shows(pilot, app, "2 marked")
        await pilot.press("X")
        await listening(app, pilot)
        assert "Close 2 sessions?" in screen_text(app)
        await pilot.press("c")
        await wait_until(pilot, lambda: len(engine.commands) == 2)
        assert {params["id"] for _, params in engine.commands} == {41, 47}


async def test_a_session_is_opened_watched_and_paused(engine: FakeEngine) -> None:
    engine.detail_changes = {"watched": False, "calls": []}
    app = attached(engine)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await shows(pilot, app, "● BLOCKED")
        await pilot.press("enter")
        await shows(pilot, app, "client · fd 92")
        await pilot.press("w")
        assert await told(pilot, engine, "watch") == {"id": 41}
        engine.detail_changes = {}
        await shows(pilot, app, "kernel is full")
        engine.commands.clear()
        await pilot.press("w")
        assert await told(pilot, engine, "watch") == {"id": 41, "off": True}
        await pilot.press("P")
        assert await told(pilot, engine, "pause") == {"id": 41}
        await pilot.press("escape")
        await is_at(pilot, app, ConnectionsScreen)


async def test_the_kernels_share_is_chosen_from_a_menu(engine: FakeEngine) -> None:
    app = attached(engine)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await shows(pilot, app, "● BLOCKED")
        await pilot.press("K")
        await listening(app, pilot)
        assert "(now)" not in screen_text(app), "the list does not say"
        await pilot.press("4")
        assert await told(pilot, engine, "lowat") == {"id": 41, "bytes": "unlimited"}
        engine.commands.clear()
        await pilot.press("enter")
        await shows(pilot, app, "client · fd 92")
        await pilot.press("K")
        await listening(app, pilot)
        assert "what every connection begins with (now)" in screen_text(app)
        await pilot.press("1")
        assert await told(pilot, engine, "lowat") == {"id": 41, "bytes": 4096}


async def test_a_paused_session_is_resumed(engine: FakeEngine) -> None:
    app = attached(engine)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await shows(pilot, app, "‖ PAUSED")
        await pilot.press("G", "P")
        assert await told(pilot, engine, "resume") == {"id": 48}


async def test_edits_carry_the_generation_that_was_seen(engine: FakeEngine) -> None:
    app = attached(engine)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await shows(pilot, app, "generation 7")
        await pilot.press("z")
        params = await told(pilot, engine, "undo")
        assert params["if_generation"] == 7
        assert params["who"].startswith("dashboard")
        await shows(pilot, app, "weight of web/web1")


async def test_a_reload_is_shown_before_it_is_done(engine: FakeEngine) -> None:
    app = attached(engine)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await shows(pilot, app, "generation 7")
        await pilot.press("ctrl+r")
        await shows(pilot, app, "Reload the configuration?")
        assert engine.commands[0][1]["preview"] is True
        await listening(app, pilot)
        await pilot.press("y")
        await wait_until(pilot, lambda: len(engine.commands) == 2)
        assert "preview" not in engine.commands[1][1]


async def test_a_refusal_is_shown(engine: FakeEngine) -> None:
    engine.refuse["reload"] = "blog.lua:24: '=' expected near 'key'; the running one stays"
    app = attached(engine)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await shows(pilot, app, "● BLOCKED")
        await pilot.press("ctrl+r")
        await shows(pilot, app, "blog.lua:24")


async def test_the_palette_takes_arguments(engine: FakeEngine) -> None:
    app = attached(engine)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await shows(pilot, app, "● BLOCKED")
        await pilot.press("colon", *"pause", "space", *"44")
        await shows(pilot, app, "pause 44")
        await pilot.press("enter")
        await pilot.pause()
        if not engine.commands:
            await pilot.press("enter")
        assert await told(pilot, engine, "pause") == {"id": 44}


async def test_a_read_only_dashboard_changes_nothing(engine: FakeEngine) -> None:
    app = attached(engine, read_only=True, engine_is_child=False)
    mutating = [key for key in KEYS if key.mutates]
    assert {"close", "pause", "undo", "reload"} <= {key.id for key in mutating}
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await shows(pilot, app, "read-only")
        assert "Close…" not in screen_text(app)
        await pilot.press("X", "P", "z", "Z", "ctrl+r")
        await pilot.press("enter")
        await is_at(pilot, app, DetailScreen)
        await pilot.press("w", "P", "X")
        await is_at(pilot, app, DetailScreen)
        assert engine.commands == []
        assert not any(command.mutates for command in app.commands())


async def test_the_filter_narrows_while_it_is_typed(engine: FakeEngine) -> None:
    app = attached(engine)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await shows(pilot, app, "[8]")
        await pilot.press("slash", *"state:blocked")
        await shows(pilot, app, "[1 of 8]")
        await shows(pilot, app, "enter Done  esc Clear")
        await pilot.press("space", "quotation_mark")
        await shows(pilot, app, "✗")
        assert "[1 of 8]" in screen_text(app)
        await pilot.press("enter", "escape")
        await shows(pilot, app, "[8]")


async def test_sort_and_reverse(engine: FakeEngine) -> None:
    app = attached(engine)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await shows(pilot, app, "by trouble")
        await pilot.press(">")
        await shows(pilot, app, "by id")
        table = app.screen.query_one("#sessions")
        assert [row.id for row in table.rows] == [41, 42, 43, 44, 45, 46, 47, 48]  # type: ignore[attr-defined]
        await pilot.press("r")
        await wait_until(pilot, lambda: table.rows[0].id == 48)  # type: ignore[attr-defined]


async def test_freezing_holds_the_rows_and_not_the_header(engine: FakeEngine) -> None:
    app = attached(engine)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await shows(pilot, app, "[8]")
        await pilot.press("space")
        await shows(pilot, app, "‖ FROZEN")
        engine.rows = lambda step: canned.connections(step, [canned.session(99)])
        engine.status_changes = {"sessions": 1234}
        await shows(pilot, app, "1,234")
        assert "[8]" in screen_text(app)
        await pilot.press("space")
        await shows(pilot, app, "[1]")


async def test_the_kernel_queues_of_the_chosen_session_are_asked_for(engine: FakeEngine) -> None:
    app = attached(engine)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await wait_until(pilot, lambda: ("connections", {"visible": [41]}) in engine.pulls)


async def test_events_and_exchanges(engine: FakeEngine) -> None:
    app = attached(engine)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await shows(pilot, app, "● BLOCKED")
        await pilot.press("E")
        await is_at(pilot, app, ExchangesScreen)
        await shows(pilot, app, "/page/5")
        await pilot.press("5")
        await is_at(pilot, app, EventsScreen)
        await shows(pilot, app, "ECONNREFUSED")
        assert "loop lag" not in screen_text(app)
        await pilot.press("l", "l", "l")
        await shows(pilot, app, "loop lag")
        await pilot.press("G", "N", "enter")
        await is_at(pilot, app, DetailScreen)
        await pilot.press("5")
        await is_at(pilot, app, EventsScreen)


async def test_the_endings_stand_behind_the_events(engine: FakeEngine) -> None:
    app = attached(engine)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await shows(pilot, app, "● BLOCKED")
        await pilot.press("5")
        await is_at(pilot, app, EventsScreen)
        await shows(pilot, app, "ECONNREFUSED")
        await pilot.press("A")
        await is_at(pilot, app, AutopsiesScreen)
        await shows(pilot, app, "SD: by the backend, while data passed")
        await pilot.press("slash", *"code", "colon", *"CD", "enter")
        await shows(pilot, app, "Endings (code:CD) [1]")
        await shows(pilot, app, "CD: by the client, while data passed")
        await pilot.press("enter")
        await is_at(pilot, app, DetailScreen)
        await pilot.press("5")
        await is_at(pilot, app, AutopsiesScreen)
        await pilot.press("escape")
        await shows(pilot, app, "Endings [3]")
        await pilot.press("escape")
        await is_at(pilot, app, EventsScreen)


async def test_the_engine_may_go_and_come_back(engine: FakeEngine) -> None:
    app = attached(engine)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await shows(pilot, app, "● BLOCKED")
        await engine.stop()
        await shows(pilot, app, "engine gone since")
        assert "● BLOCKED" in screen_text(app)
        await engine.start()
        await shows(pilot, app, "● LIVE")


async def test_a_dashboard_without_an_engine_waits_for_it(tmp_path: Path) -> None:
    app = Dashboard(str(tmp_path / "none"), read_only=False, engine_is_child=False)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await shows(pilot, app, "no such file or directory")


@pytest.mark.parametrize(("key", "choice"), [("s", "stop"), ("l", "leave")])
async def test_leaving_a_child_engine_asks(engine: FakeEngine, key: str, choice: str) -> None:
    app = attached(engine)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await shows(pilot, app, "● BLOCKED")
        await pilot.press("q")
        await listening(app, pilot)
        await pilot.press(key)
        await pilot.pause()
    assert app.return_value == choice


async def test_leaving_an_attached_dashboard_just_leaves(engine: FakeEngine) -> None:
    app = attached(engine, engine_is_child=False)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await shows(pilot, app, "● BLOCKED")
        await pilot.press("ctrl+q")
        await pilot.pause()
    assert app.return_value == "leave"


async def test_rows_are_copied_and_saved(
    engine: FakeEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    app = attached(engine)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await shows(pilot, app, "● BLOCKED")
        await pilot.press("y")
        await shows(pilot, app, "Copied session 41 as JSON.")
        assert json.loads(app.clipboard)["id"] == 41
        await pilot.press("ctrl+s")
        await shows(pilot, app, "Saved 8 rows")
    (saved,) = sorted(os.listdir(tmp_path))
    assert saved.startswith("rsp-connections-")
    assert json.loads((tmp_path / saved).read_bytes())[0]["id"] == 41


async def test_every_key_at_the_foot_works(engine: FakeEngine) -> None:
    app = attached(engine)
    async with app.run_test(size=(200, 60), notifications=True) as pilot:
        await shows(pilot, app, "● BLOCKED")
        frame = app.frame
        assert frame is not None
        bound = {
            active.binding.id: active.node
            for active in frame.active_bindings.values()
            if active.enabled
        }
        for key_id, _, _, action in frame._live_keys():
            node = app if action.startswith("app.") else bound[key_id]
            name = "action_" + action.removeprefix("app.").partition("(")[0]
            assert hasattr(node, name), f"{key_id} leads nowhere: {name}"


async def test_help_is_made_of_the_keys_that_work_here(engine: FakeEngine) -> None:
    app = attached(engine)
    async with app.run_test(size=(120, 60), notifications=True) as pilot:
        await shows(pilot, app, "● BLOCKED")
        await pilot.press("question_mark", *"reload")
        await shows(pilot, app, "Check the configuration, then reload it")
        assert "Show only some sessions" not in screen_text(app)


async def test_an_empty_engine_offers_the_command_to_try(engine: FakeEngine) -> None:
    engine.rows = lambda step: Connections(7, 0, 1000.0 + step, [])
    app = attached(engine)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await shows(pilot, app, "curl -v http://127.0.0.1:8080/")
        await pilot.press("y")
        await shows(pilot, app, "Copied the command.")
        assert app.clipboard == "curl -v http://127.0.0.1:8080/"
