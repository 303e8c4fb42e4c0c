"""Keys that change how the screen shows what it shows: over a real socket."""

import asyncio
from types import SimpleNamespace

import pytest

from rsp.tui import feed
from rsp.tui.model.config_view import line_text
from rsp.tui.screens.config import ConfigScreen
from rsp.tui.screens.exchanges import ExchangesScreen
from rsp.tui.screens.help import help_keys
from tests.tui.editing_engine import EditingEngine
from tests.tui.fake_engine import FakeEngine
from tests.tui.stage import attached, listening, screen_text, shows, wait_until


async def test_f_gives_the_list_all_the_room_until_esc_or_f(engine: FakeEngine) -> None:
    app = attached(engine)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await shows(pilot, app, "client  ← rsp")
        before = app.screen.query_one("#sessions").size.height
        for back in ("f", "escape"):
            await pilot.press("f")
            await shows(pilot, app, "f Restore")
            assert app.screen.query_one("#sessions").size.height > before
            assert "client  ← rsp" not in screen_text(app)
            await pilot.press(back)
            await shows(pilot, app, "client  ← rsp")
            assert app.screen.query_one("#sessions").size.height == before
        await pilot.press("f", "slash", *"state:blocked", "enter")
        await shows(pilot, app, "[1 of 8]")
        await pilot.press("escape")
        await shows(pilot, app, "[8]")
        await shows(pilot, app, "f Restore")


async def test_f_leaves_the_chosen_pane_of_the_configuration(editing: EditingEngine) -> None:
    app = attached(editing)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await shows(pilot, app, "● LIVE")
        await pilot.press("4")
        await shows(pilot, app, "blog.lua · ")
        edits = app.screen.query_one("#edits")
        await wait_until(pilot, lambda: edits.display)
        await pilot.press("f")
        await shows(pilot, app, "▐blog.lua")
        assert not edits.display
        await pilot.press("escape")
        await wait_until(pilot, lambda: edits.display)
        assert "▐blog.lua" not in screen_text(app)


async def test_plus_and_minus_change_how_often_is_pulled(engine: FakeEngine) -> None:
    app = attached(engine)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await shows(pilot, app, "● LIVE 5Hz")
        await pilot.press("plus", "plus")
        await shows(pilot, app, "● LIVE 10Hz")
        await pilot.press("minus", "minus", "minus", "minus")
        await shows(pilot, app, "● LIVE 1Hz")
        await pilot.press("2")
        await shows(pilot, app, ">>> pool web")
        await pilot.press("plus")
        await wait_until(pilot, lambda: engine.commands)
        assert engine.commands[0][0] == "backend.set"
        assert app.feed.pulls_per_s == 1


async def test_the_rate_is_the_rhythm_of_the_pulls(
    engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A round of pulls and the rest behind it take one period, however long the round took."""
    app = attached(engine)
    begun_s: list[float] = []
    rests: list[int] = []
    pull, rest = app.feed._round, app.feed._rest

    async def noted_round(now_s: float) -> None:
        begun_s.append(now_s)
        await pull(now_s)

    async def noted_rest(pause_s: float) -> None:
        period_s = 1 / app.feed.pulls_per_s
        took_s = asyncio.get_running_loop().time() - begun_s[-1]
        assert period_s - took_s <= pause_s <= period_s
        rests.append(app.feed.pulls_per_s)
        await rest(pause_s)

    # What a round costs the processor makes a rest longer: here it costs nothing.
    monkeypatch.setattr(feed, "time", SimpleNamespace(process_time=lambda: 0.0))
    monkeypatch.setattr(app.feed, "_round", noted_round)
    monkeypatch.setattr(app.feed, "_rest", noted_rest)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        for key, pulls_per_s in (("minus", 2), ("minus", 1), ("plus", 2), ("plus", 5)):
            rests.clear()
            await pilot.press(key)
            await wait_until(pilot, lambda: rests[-2:] == [pulls_per_s] * 2)  # noqa: B023


@pytest.mark.parametrize("tab", "12345")
async def test_each_key_stands_in_the_help_once(editing: EditingEngine, tab: str) -> None:
    app = attached(editing)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await shows(pilot, app, "● LIVE")
        await pilot.press(tab)
        await wait_until(pilot, lambda: app.frame and app.current_mode == app.frame.TAB)
        frame = app.frame
        assert frame is not None
        names = [name for key in help_keys(frame) for name in key.written.split()]
        assert sorted(names) == sorted(set(names))
        assert {"space", "p", "?", "f1", ":", "ctrl+p", "+", "-", "f"} <= {*names}


async def test_the_key_line_writes_a_pair_in_one_place(engine: FakeEngine) -> None:
    app = attached(engine)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await shows(pilot, app, "< > Sort")
        await shows(pilot, app, "space Freeze  : Cmd  ? Help")


async def test_exchanges_follow_the_newest_until_the_cursor_moves(engine: FakeEngine) -> None:
    app = attached(engine)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await shows(pilot, app, "● LIVE")
        await pilot.press("E")
        await shows(pilot, app, "following the newest · esc back")
        assert "f Max" in screen_text(app)
        await pilot.press("j")
        await shows(pilot, app, "F follows the newest · esc back")
        await pilot.press("F")
        await shows(pilot, app, "following the newest · esc back")
        screen = app.screen
        assert isinstance(screen, ExchangesScreen)
        assert screen.table.cursor_index == 0
        await pilot.press("F")
        await shows(pilot, app, "F follows the newest · esc back")


async def test_an_event_is_copied_as_json(engine: FakeEngine) -> None:
    app = attached(engine)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await shows(pilot, app, "● LIVE")
        await pilot.press("5")
        await shows(pilot, app, "ECONNREFUSED")
        await pilot.press("Y")
        await listening(app, pilot)
        await pilot.press("j")
        await shows(pilot, app, "as JSON.")
        assert '"level":' in app.clipboard


async def test_t_hides_the_times_of_the_events(engine: FakeEngine) -> None:
    app = attached(engine)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await shows(pilot, app, "● LIVE")
        await pilot.press("5")
        await shows(pilot, app, "ECONNREFUSED")
        assert "TIME" in screen_text(app)
        await pilot.press("t")
        await wait_until(pilot, lambda: "TIME" not in screen_text(app))
        await pilot.press("t")
        await shows(pilot, app, "TIME")


async def test_text_is_found_in_the_configuration(editing: EditingEngine) -> None:
    app = attached(editing)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await shows(pilot, app, "● LIVE")
        await pilot.press("4")
        await shows(pilot, app, "blog.lua · ")
        screen = app.screen
        assert isinstance(screen, ConfigScreen)
        texts = [line_text(line) for line in screen.source.rows]
        found = [index for index, text in enumerate(texts) if "backend" in text.lower()]
        await pilot.press("slash", *"BACKEND")
        await shows(pilot, app, f"1 of {len(found)}")
        seen = [screen.source.cursor_index]
        await pilot.press("enter")
        for key in ("n", "N", "N", "n"):
            await pilot.press(key)
            await pilot.pause()
            seen.append(screen.source.cursor_index)
        assert seen == [found[0], found[1 % len(found)], found[0], found[-1], found[0]]
        await pilot.press("slash", "x", "y", "z")
        await shows(pilot, app, "✗ nowhere")
        await pilot.press("escape")
        await wait_until(pilot, lambda: screen.focused is screen.source)
        assert "nowhere" not in screen_text(app)
