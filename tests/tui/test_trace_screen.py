"""A decision line by line on the screen, and the question of a reload that says who would move."""

import pytest

from rsp.core.explaining import Explanation, TraceStep
from rsp.core.replies import Changed
from rsp.tui.app import Dashboard
from rsp.tui.model.spans import plain
from rsp.tui.model.trace_view import told_lines, trace_lines
from rsp.tui.model.what_if_text import what_if_rows
from rsp.tui.screens.detail import DetailScreen
from rsp.tui.screens.questions import reload_question
from rsp.tui.screens.trace import TraceScreen, of_decision
from tests.tui import canned_routes
from tests.tui.editing_engine import EditingEngine
from tests.tui.stage import Driver, attached, check_golden, shows, still_dashboard, wait_until

SIZES = [(80, 24), (120, 35)]


async def at_trace(pilot: Driver, app: Dashboard) -> None:
    await shows(pilot, app, "● LIVE")
    await pilot.press("3")
    await shows(pilot, app, "Decisions [9]")
    await pilot.press("enter")
    await shows(pilot, app, "the highest wins: web2")


@pytest.mark.parametrize("size", SIZES)
async def test_enter_shows_the_lines_that_ran(
    editing: EditingEngine, size: tuple[int, int]
) -> None:
    app = attached(editing)
    async with app.run_test(size=size, notifications=True) as pilot:
        await at_trace(pilot, app)
        assert editing.explained == [{"decision": 9}]
        assert isinstance(app.screen, TraceScreen)
        ran = {line.number: line for line in app.screen.table.rows if line.runs}
        assert list(ran) == [12, 13]
        assert ran[12].set == 'key = "IronHand.example"'
        assert app.screen.table.cursor_row is ran[13]
        await shows(pilot, app, "after 13: key =")
        await pilot.press("k")
        await shows(pilot, app, "after 12: key =")
        await pilot.press("escape")
        await shows(pilot, app, "Decisions [9]")
        await pilot.press("o")
        await wait_until(pilot, lambda: isinstance(app.screen, DetailScreen), "the session")


async def test_e_opens_the_editor_at_the_line(
    editing: EditingEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[tuple[str, int]] = []
    monkeypatch.setattr(
        "rsp.tui.screens.trace.edit_in", lambda _frame, path, line: opened.append((path, line))
    )
    app = attached(editing)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await at_trace(pilot, app)
        await pilot.press("k", "e")
        await wait_until(pilot, lambda: bool(opened), "the editor")
        assert opened == [(editing.source.path, 12)]


async def test_a_refusal_is_shown(editing: EditingEngine) -> None:
    editing.refuse["explain"] = "decision 9 is not kept"
    app = attached(editing)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await shows(pilot, app, "● LIVE")
        await pilot.press("3")
        await shows(pilot, app, "Decisions [9]")
        await pilot.press("enter")
        await shows(pilot, app, "✗ decision 9 is not kept")


@pytest.mark.parametrize("size", SIZES)
async def test_the_screen_as_text(size: tuple[int, int]) -> None:
    app = still_dashboard()
    async with app.run_test(size=size) as pilot:
        await pilot.press("3")
        await pilot.pause()
        await app.push_screen(TraceScreen(of_decision(canned_routes.decision(9))))
        screen = app.screen
        assert isinstance(screen, TraceScreen)
        screen.put(canned_routes.explained(), canned_routes.config())
        await pilot.pause()
        await check_golden(pilot, app, f"trace-{size[0]}x{size[1]}")


@pytest.mark.parametrize("size", [(60, 16), *SIZES])
async def test_the_question_of_a_reload_says_who_would_move(size: tuple[int, int]) -> None:
    app = still_dashboard()
    changed = Changed(7, ["pool web: added web3"], [], canned_routes.what_if())
    async with app.run_test(size=size) as pilot:
        _ = app.push_screen(reload_question(changed, size[0]))
        await pilot.pause()
        await check_golden(pilot, app, f"question-reload-{size[0]}x{size[1]}")


def test_a_text_that_is_gone_leaves_the_lines_that_ran() -> None:
    answer = canned_routes.explained()
    assert [line.number for line in trace_lines(answer, "other text\n")] == [12, 13]
    whole = trace_lines(answer, canned_routes.LUA)
    assert len(whole) == len(canned_routes.LUA.splitlines())
    assert [line.number for line in whole if line.runs] == [12, 13]


def test_a_line_that_ran_again_shows_how_often_and_its_last_values() -> None:
    steps = [TraceStep(1, "n = n + 1", {"n": str(n)}) for n in range(3)]
    answer = Explanation("web", "a", None, "", 1, [], trace=steps, trace_note="cut")
    (line,) = trace_lines(answer, "")
    assert (line.runs, line.set, line.locals) == (3, "n = 2", (("n", "2"),))
    assert "cut" in "\n".join(plain(row) for row in told_lines(answer, line, 60, 8))


@pytest.mark.parametrize("height", range(1, 14))
def test_the_sums_of_a_preview_are_there_in_any_room(height: int) -> None:
    rows = [plain(row) for row in what_if_rows(canned_routes.what_if(), 70, height)]
    assert rows[0] == "312 of 4,810 recorded requests would go elsewhere"
    assert all(len(row) <= 70 for row in rows)
