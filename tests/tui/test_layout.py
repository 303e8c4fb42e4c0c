"""What stands where after the room for it has changed: no pane keeps the lines of another size."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from textual.strip import Strip

import rsp.tui
from rsp.tui.app import Dashboard
from rsp.tui.screens.connections import ConnectionsScreen
from rsp.tui.screens.tabs import TABS
from rsp.tui.widgets.titles import entitle
from rsp.tui.widgets.virtual_table import VirtualTable
from tests.tui import canned, canned_routes
from tests.tui.stage import (
    hand,
    hand_seconds,
    open_detail,
    screen_text,
    still_dashboard,
    wait_until,
)
from tests.tui.test_goldens import EVENTS


def hand_all(app: Dashboard) -> None:
    hand(app, EVENTS, canned_routes.decisions(canned_routes.mixed()))
    hand_seconds(app, 2)


@pytest.mark.parametrize("tab", ["1", "2", "3", "5"])
async def test_a_screen_is_as_before_once_its_list_has_given_the_room_back(tab: str) -> None:
    app = still_dashboard()
    async with app.run_test(size=(80, 24)) as pilot:
        hand_all(app)
        await pilot.press(tab)
        await pilot.pause()
        before = screen_text(app)
        await pilot.press("f")
        await wait_until(pilot, lambda: screen_text(app) != before)
        await pilot.press("f")
        await wait_until(pilot, lambda: screen_text(app) == before)


@pytest.mark.parametrize("tab", ["1", "2", "3", "5"])
async def test_a_screen_that_grew_is_the_one_that_began_so_large(tab: str) -> None:
    texts = []
    for size in ((80, 24), (120, 35)):
        app = still_dashboard()
        async with app.run_test(size=size) as pilot:
            hand_all(app)
            await pilot.press(tab)
            await pilot.pause()
            await pilot.resize_terminal(120, 35)
            await pilot.pause()
            await pilot.pause()
            texts.append(screen_text(app))
    assert texts[0] == texts[1]


async def test_a_title_is_painted_again_alone_and_only_when_it_is_another_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = still_dashboard()
    async with app.run_test(size=(80, 24)) as pilot:
        hand_all(app)
        await pilot.pause()
        frame = app.screen
        assert isinstance(frame, ConnectionsScreen)
        painted: list[int] = []
        paint = VirtualTable.render_line

        def counted(table: VirtualTable[Any], y: int) -> Strip:
            painted.append(y)
            return paint(table, y)

        monkeypatch.setattr(VirtualTable, "render_line", counted)
        for title in (None, "another title", "a third one"):
            frame.show_body()
            entitle(frame.table, title, title)
            await pilot.pause()
            assert screen_text(app).count(title or "rows 1 to 8") == (2 if title else 1)
        assert painted == []
        frame.sessions.toggle_mark(41)
        frame.show_body()
        await pilot.pause()
        assert painted == [1]


def sources() -> Iterable[Path]:
    return Path(rsp.tui.__path__[0]).rglob("*.py")


def test_no_handler_calls_the_one_of_its_base_which_textual_calls_anyway() -> None:
    calls = re.compile(r"super\(\)\.on_\w+")
    assert [
        (path.name, calls.findall(path.read_text()))
        for path in sources()
        if calls.search(path.read_text())
    ] == []


@pytest.mark.parametrize(
    ("tab", "is_dashed"), [("1", True), ("3", True), ("5", True), ("4", False)]
)
async def test_a_list_that_stands_still_has_a_dashed_border(tab: str, is_dashed: bool) -> None:
    app = still_dashboard()
    async with app.run_test(size=(80, 24)) as pilot:
        hand_all(app)
        await pilot.press(tab)
        await wait_until(pilot, lambda: app.current_mode == TABS[int(tab) - 1].mode)
        await pilot.press("space")
        await pilot.pause()
        borders = {table.styles.border_top[0] for table in app.screen.query(VirtualTable)}
        assert borders == {"dashed" if is_dashed else "round"}
        await pilot.press("space")
        await pilot.pause()
        borders = {table.styles.border_top[0] for table in app.screen.query(VirtualTable)}
        assert borders == {"round"}


@pytest.mark.parametrize("size", [(60, 16), (80, 18), (80, 19)])
@pytest.mark.parametrize("tab", ["1", "2", "3", "5"])
async def test_a_list_has_rows_on_the_smallest_screens_beside_the_guide(
    tab: str, size: tuple[int, int]
) -> None:
    guide = ("1. Look. ✓", "2. Press ctrl+r.", "→ 0 of 6 reloads went to the wrong backend so far")
    app = still_dashboard(guide=guide)
    async with app.run_test(size=size) as pilot:
        hand_all(app)
        await pilot.press(tab)
        await pilot.pause()
        await pilot.pause()
        table = app.screen.query(VirtualTable).first()
        assert table.content_height >= 3, screen_text(app)
        assert "→ 0 of 6" in screen_text(app)


async def test_a_session_shows_its_tabs_on_the_smallest_screen() -> None:
    app = still_dashboard()
    async with app.run_test(size=(60, 16)) as pilot:
        await open_detail(app, pilot)
        hand(app, canned.detail(3))
        await pilot.pause()
        await pilot.pause()
        assert "▐Timeline▌" in screen_text(app)
        assert app.screen.query_one("#calls", VirtualTable).content_height >= 2
