"""Terminals of few colours, of none, and with a mouse."""

import pytest

from rsp.tui.app import NoTerminal, run_dashboard
from rsp.tui.screens.events import EventsScreen
from tests.tui.stage import hand_seconds, screen_text, shows, still_dashboard, wait_until


async def test_sixteen_colours_get_a_theme_of_the_terminals_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("COLORTERM")
    monkeypatch.setenv("TERM", "xterm")
    app = still_dashboard()
    async with app.run_test(size=(80, 24)) as pilot:
        hand_seconds(app, 2)
        await shows(pilot, app, "▌      41")
        assert app.theme == "ansi-dark"


async def test_without_colour_the_cursor_and_every_state_can_be_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = still_dashboard()
    async with app.run_test(size=(80, 24)) as pilot:
        hand_seconds(app, 2)
        for mark in ("▌      41", "● BLOCKED", "‖ PAUSED", "○ IDLE", "● LIVE"):
            await shows(pilot, app, mark)


async def test_a_click_on_a_title_sorts_and_a_click_on_a_tab_goes_there() -> None:
    app = still_dashboard()
    async with app.run_test(size=(120, 35)) as pilot:
        hand_seconds(app, 2)
        await shows(pilot, app, "● BLOCKED")
        rows = screen_text(app).split("\n")
        y = next(index for index, row in enumerate(rows) if "CLIENT" in row)
        await pilot.click(offset=(rows[y].index("AGE") + 1, y))
        await wait_until(pilot, lambda: "by age" in screen_text(app))
        tabs = next(index for index, row in enumerate(rows) if "1 Connections" in row)
        await pilot.click(offset=(rows[tabs].index("Events"), tabs))
        await wait_until(pilot, lambda: isinstance(app.screen, EventsScreen))


def test_no_terminal_is_an_error_that_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    with pytest.raises(NoTerminal, match="rsp ctl status"):
        run_dashboard("/nowhere", read_only=True, engine_is_child=False)
