"""Each screen as text at its sizes: a change of a screen shows as a diff that can be read."""

import pytest

from rsp.core.exchange_rows import Exchanges
from rsp.core.replies import Connections, Events
from rsp.tui.screens.detail import DetailScreen
from rsp.tui.screens.frame import guide_rows
from tests.tui import canned, canned_endings
from tests.tui.stage import (
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

SIZES = [(80, 24), (120, 35), (200, 60)]
EVENTS = Events(canned.events(), 4, 0)


@pytest.mark.parametrize("size", SIZES)
async def test_connections(size: tuple[int, int]) -> None:
    app = still_dashboard()
    async with app.run_test(size=size) as pilot:
        hand_seconds(app, 6)
        await pilot.pause()
        await check_golden(pilot, app, named("connections", size))


@pytest.mark.parametrize("size", SIZES)
async def test_detail(size: tuple[int, int]) -> None:
    app = still_dashboard()
    async with app.run_test(size=size) as pilot:
        await open_detail(app, pilot)
        for step in range(3, 20):
            hand(app, canned.status(step), canned.detail(step))
        await pilot.pause()
        await check_golden(pilot, app, named("detail", size))
        await pilot.press("right_square_bracket")
        await pilot.pause()
        await check_golden(pilot, app, named("detail-ledger", size))
        await pilot.press("right_square_bracket")
        await pilot.pause()
        await check_golden(pilot, app, named("detail-time", size))
        await pilot.press("right_square_bracket")
        await pilot.pause()
        await check_golden(pilot, app, named("detail-tcp-info", size))
        await pilot.press("right_square_bracket")
        await pilot.pause()
        await check_golden(pilot, app, named("detail-story", size))


@pytest.mark.parametrize("size", SIZES[:2])
async def test_events(size: tuple[int, int]) -> None:
    app = still_dashboard()
    async with app.run_test(size=size) as pilot:
        hand_seconds(app, 2)
        hand(app, EVENTS)
        await pilot.press("5")
        await pilot.pause()
        hand(app, canned.status(3))
        await pilot.press("k")
        await pilot.pause()
        await check_golden(pilot, app, named("events", size))


@pytest.mark.parametrize("size", SIZES[:2])
async def test_exchanges(size: tuple[int, int]) -> None:
    app = still_dashboard()
    async with app.run_test(size=size) as pilot:
        hand_seconds(app, 2)
        await pilot.press("E")
        await pilot.pause()
        hand(app, Exchanges(canned_endings.exchanges(), canned_endings.SLOW))
        await pilot.pause()
        await check_golden(pilot, app, named("exchanges", size))
        # The sentence stays where none of the rows does that it speaks of.
        await pilot.press("slash", *"path~nobody", "enter")
        await pilot.pause()
        assert "why it is slow: all exchanges, not only those of the filter" in screen_text(app)


@pytest.mark.parametrize("size", SIZES[:2])
async def test_autopsies(size: tuple[int, int]) -> None:
    app = still_dashboard()
    async with app.run_test(size=size) as pilot:
        hand_seconds(app, 2)
        await pilot.press("5", "A")
        await pilot.pause()
        hand(app, canned_endings.autopsies())
        await pilot.pause()
        await check_golden(pilot, app, named("autopsies", size))


@pytest.mark.parametrize("size", SIZES[:2])
async def test_pauses(size: tuple[int, int]) -> None:
    app = still_dashboard()
    async with app.run_test(size=size) as pilot:
        hand_seconds(app, 2)
        await pilot.press("b")
        await pilot.pause()
        hand(app, canned.pauses())
        await pilot.press("j", "j", "j")
        await pilot.pause()
        await check_golden(pilot, app, named("pauses", size))


@pytest.mark.parametrize("size", SIZES[:2])
async def test_help(size: tuple[int, int]) -> None:
    app = still_dashboard()
    async with app.run_test(size=size) as pilot:
        hand_seconds(app, 2)
        await pilot.press("question_mark")
        await pilot.pause()
        await pilot.pause()
        await check_golden(pilot, app, named("help", size))


async def test_an_engine_without_connections_says_what_to_try() -> None:
    app = still_dashboard()
    async with app.run_test(size=(80, 24)) as pilot:
        hand(app, canned.backends(), canned.status(0, sessions=0, blocked=0))
        hand(app, Connections(7, 0, 1000.0, []))
        await pilot.pause()
        await check_golden(pilot, app, "empty-80x24")


async def test_the_first_session_after_an_empty_list_has_the_keys() -> None:
    app = still_dashboard()
    async with app.run_test(size=(80, 24)) as pilot:
        hand(app, canned.backends(), canned.status(0, sessions=0, blocked=0))
        hand(app, Connections(7, 0, 1000.0, []))
        await pilot.pause()
        assert "enter Open" not in screen_text(app)
        hand_seconds(app, 2)
        await shows(pilot, app, "enter Open")
        await pilot.press("enter")
        await wait_until(pilot, lambda: isinstance(app.screen, DetailScreen))


def test_steps_that_are_passed_make_room_for_the_next_one() -> None:
    steps = ["The slow write", "1. Look.", "2. Press enter. ✓", "3. Mend it.", "→ all bytes ✓"]
    assert guide_rows(steps, 40, 5) == steps
    assert guide_rows(steps, 40, 4) == [steps[0], *steps[2:]]
    assert guide_rows(steps, 40, 2) == ["3. Mend it.", "→ all bytes ✓"]
    assert guide_rows(steps, 40, 1) == ["3. Mend it."]


def test_what_was_measured_stays_whole_while_steps_are_still_to_come() -> None:
    steps = [
        "The story",
        "1. Look.",
        "2. Mend it.",
        "3. Look again.",
        "→ 5 of 6 went to the wrong one",
    ]
    assert guide_rows(steps, 20, 3) == ["1. Look.", "→ 5 of 6 went to the", "wrong one"]
    done = [steps[0], *(f"{step} ✓" for step in steps[1:4]), "→ all right"]
    assert guide_rows(done, 20, 2) == ["3. Look again. ✓", "→ all right"]


async def test_a_notice_leaves_the_guide_in_sight() -> None:
    app = still_dashboard(guide=("1. Look. ✓", "2. Press ctrl+r.", "→ 0 of 6 reloads went astray"))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        hand_seconds(app, 2)
        app.say("line 22 changed\nand another one")
        await shows(pilot, app, "and another one")
        assert "→ 0 of 6 reloads went astray  " in screen_text(app)
        await pilot.press("h")
        await wait_until(pilot, lambda: "0 of 6" not in screen_text(app))
        assert "and another one" in screen_text(app).splitlines()[-2]


async def test_the_guide_stands_above_the_keys_until_it_is_hidden() -> None:
    app = still_dashboard(guide=("1  Look at session 41: it is BLOCKED.", "2  Press enter."))
    async with app.run_test(size=(80, 24)) as pilot:
        hand_seconds(app, 2)
        await pilot.pause()
        await check_golden(pilot, app, "guide-80x24")
        await pilot.press("h")
        await wait_until(pilot, lambda: "Press enter." not in screen_text(app))


async def test_questions() -> None:
    app = still_dashboard()
    async with app.run_test(size=(80, 24)) as pilot:
        hand_seconds(app, 2)
        await pilot.pause()
        await pilot.press("X")
        await pilot.pause()
        await check_golden(pilot, app, "question-close-80x24")
        await listening(app, pilot)
        await pilot.press("escape")
        await pilot.press("q")
        await pilot.pause()
        await check_golden(pilot, app, "question-leave-80x24")


async def test_the_menu_of_the_kernels_share() -> None:
    app = still_dashboard()
    async with app.run_test(size=(80, 24)) as pilot:
        hand_seconds(app, 2)
        await pilot.press("enter")
        await wait_until(pilot, lambda: isinstance(app.screen, DetailScreen))
        hand(app, canned.status(3), canned.detail(3))
        await pilot.press("K")
        await listening(app, pilot)
        await check_golden(pilot, app, "kernel-share-80x24")


async def test_a_terminal_that_is_too_small_says_what_it_needs() -> None:
    app = still_dashboard()
    async with app.run_test(size=(52, 14)) as pilot:
        hand_seconds(app, 1)
        need = "need 60×16, have 52×14; q leaves"  # noqa: RUF001
        await wait_until(pilot, lambda: screen_text(app).strip() == need)
        await pilot.resize_terminal(80, 24)
        await shows(pilot, app, "Connections [8]")
