"""Keys pressed on the Config screen, and what it shows."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rsp.tui.app import Dashboard
from rsp.tui.screens.config import ConfigScreen
from tests.tui import canned, canned_routes
from tests.tui.canned_routes import ERROR, LUA, broken_config, config
from tests.tui.editing_engine import EditingEngine
from tests.tui.stage import (
    Driver,
    attached,
    check_golden,
    hand,
    screen_text,
    shows,
    still_dashboard,
    wait_until,
)

SIZES = [(80, 24), (120, 35), (200, 60)]


async def at_config(pilot: Driver, app: Dashboard) -> None:
    await shows(pilot, app, "● LIVE")
    await pilot.press("4")
    await shows(pilot, app, "loaded at 11:02:13")


async def test_a_file_that_broke_is_seen_at_once_and_the_error_is_copied(
    editing: EditingEngine,
) -> None:
    app = attached(editing)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await at_config(pilot, app)
        await shows(pilot, app, "✓ the same as what runs")
        editing.source = broken_config()
        editing.status_changes = {"config_changed": True}
        await shows(pilot, app, f"✗ {ERROR}")
        await shows(pilot, app, "✗ '=' expected near 'key'")
        await shows(pilot, app, "+   locl key = request.host")
        await pilot.press("y")
        await shows(pilot, app, "Copied the error.")
        assert app.clipboard == ERROR


async def test_the_cursor_goes_to_the_error_and_comes_back_to_it(
    editing: EditingEngine,
) -> None:
    editing.source = broken_config()
    app = attached(editing)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await at_config(pilot, app)
        screen = app.screen
        assert isinstance(screen, ConfigScreen)
        await wait_until(pilot, lambda: screen.source.cursor == "12")
        await pilot.press("home")
        await wait_until(pilot, lambda: screen.source.cursor_index == 0)
        await pilot.press("n")
        await wait_until(pilot, lambda: screen.source.cursor == "12")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (config(), "blog.lua is what runs, and it loads."),
        (config(on_disk=LUA + "\n"), "blog.lua loads. ctrl+r says what it would change."),
        (broken_config(), "What runs is as before."),
    ],
)
async def test_validating_asks_the_engine(editing: EditingEngine, source: Any, words: str) -> None:
    app = attached(editing)
    async with app.run_test(size=(200, 60), notifications=True) as pilot:
        await at_config(pilot, app)
        editing.source = source
        await pilot.press("V")
        await shows(pilot, app, words)


async def test_the_file_is_edited_at_the_error_and_validated_afterwards(
    editing: EditingEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, told, editor = tmp_path / "blog.lua", tmp_path / "told", tmp_path / "editor"
    file.write_text(LUA)
    editor.write_text(f'#!/bin/sh\necho "$@" > {told}\n')
    editor.chmod(0o700)
    monkeypatch.setenv("VISUAL", str(editor))
    editing.source = config(path=str(file), on_disk="x", error=f"{file}:12: no", error_line=12)

    @contextlib.contextmanager
    def suspended() -> Iterator[None]:
        yield

    app = attached(editing)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await at_config(pilot, app)
        monkeypatch.setattr(app, "suspend", suspended)
        await shows(pilot, app, ":12: no")
        editing.source = config(path=str(file))
        await pilot.press("e")
        await shows(pilot, app, "blog.lua is what runs, and it loads.")
        assert told.read_text() == f"+12 {file}\n"


async def test_where_no_editor_can_be_opened_the_path_is_said(editing: EditingEngine) -> None:
    app = attached(editing)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await at_config(pilot, app)
        await pilot.press("e")
        await shows(pilot, app, "the file is")


async def test_a_read_only_dashboard_edits_no_file(editing: EditingEngine) -> None:
    app = attached(editing, read_only=True)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await at_config(pilot, app)
        assert "e Edit" not in screen_text(app)
        await pilot.press("e", "ctrl+r")
        await pilot.press("V")
        await shows(pilot, app, "blog.lua is what runs")
        assert editing.commands == []


async def test_a_reload_is_asked_for_with_what_it_would_do(editing: EditingEngine) -> None:
    editing.source = config(on_disk=LUA + "\n")
    app = attached(editing)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await at_config(pilot, app)
        await shows(pilot, app, "✎ changed, and it loads")
        await pilot.press("ctrl+r")
        await shows(pilot, app, "Reload the configuration?")
        assert [name for name, _ in editing.previews] == ["reload"]
        assert "reload" not in [name for name, _ in editing.commands]


async def test_the_panes_of_a_narrow_screen_are_walked_through(editing: EditingEngine) -> None:
    editing.source = broken_config()
    app = attached(editing)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await at_config(pilot, app)
        await shows(pilot, app, "▐blog.lua · on disk▌")
        await pilot.press("right_square_bracket")
        await shows(pilot, app, "▐running → on disk: 2 lines differ▌")
        await pilot.press("right_square_bracket")
        await shows(pilot, app, "▐Live edits▌")
        await shows(pilot, app, "state ready → drain")
        await pilot.press("right_square_bracket")
        await shows(pilot, app, "▐History: 7 generations▌")
        await shows(pilot, app, "rolled back generation 3")
        await pilot.press("right_square_bracket")
        await shows(pilot, app, "▐blog.lua · on disk▌")


async def test_without_a_file_the_screen_says_how_to_get_one(editing: EditingEngine) -> None:
    editing.source = config(path=None, running="")
    editing.status_changes = {"config": None}
    app = attached(editing)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await at_config(pilot, app)
        await shows(pilot, app, "rsp init rsp.lua")
        keys = screen_text(app).splitlines()[-1]
        assert not [word for word in ("Edit", "Write", "Validate", "Find", "Pane") if word in keys]
        await pilot.press("W", "ctrl+r", "2", "question_mark")
        await shows(pilot, app, "Help: ")
        await pilot.press(*"file")
        await shows(pilot, app, "Words and signs")
        assert "into the file" not in screen_text(app)


@pytest.mark.parametrize("size", SIZES)
async def test_the_screen_as_text(size: tuple[int, int]) -> None:
    app = still_dashboard()
    async with app.run_test(size=size) as pilot:
        await pilot.press("4")
        await pilot.pause()
        hand(app, canned.status(2, config_changed=True, edits=1), canned_routes.edits())
        hand(app, broken_config())
        await pilot.pause()
        await pilot.pause()
        await check_golden(pilot, app, f"config-{size[0]}x{size[1]}")


async def test_an_engine_without_a_file_as_text() -> None:
    app = still_dashboard()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("4")
        await pilot.pause()
        hand(app, canned.status(2, config=None), config(path=None, running=""))
        await pilot.pause()
        await check_golden(pilot, app, "config-none-80x24")
