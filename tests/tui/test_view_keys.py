"""Keys that change how the screen shows what it shows: over a real socket."""

from tests.tui.editing_engine import EditingEngine
from tests.tui.fake_engine import FakeEngine
from tests.tui.stage import attached, screen_text, shows, wait_until


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
        await shows(pilot, app, "▐Source▌")
        assert not edits.display
        await pilot.press("escape")
        await wait_until(pilot, lambda: edits.display)
        assert "▐Source▌" not in screen_text(app)
