"""What stands where after the room for it has changed: no pane keeps the lines of another size."""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

import rsp.tui
from rsp.tui.app import Dashboard
from tests.tui import canned_routes
from tests.tui.stage import hand, hand_seconds, screen_text, still_dashboard, wait_until
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


def sources() -> Iterable[Path]:
    return Path(rsp.tui.__path__[0]).rglob("*.py")


def test_no_handler_calls_the_one_of_its_base_which_textual_calls_anyway() -> None:
    calls = re.compile(r"super\(\)\.on_\w+")
    assert [
        (path.name, calls.findall(path.read_text()))
        for path in sources()
        if calls.search(path.read_text())
    ] == []
