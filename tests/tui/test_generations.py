"""Changes from the dashboard: checked against what was seen, on trial, confirmed, remembered."""

from typing import Any

import pytest
from textual.widgets import Input

from rsp.core.generation_rows import TrialRow
from rsp.core.limits import TRIAL_S
from rsp.tui.app import Dashboard
from rsp.tui.screens.backend_form import AddForm
from rsp.tui.screens.connections import ConnectionsScreen
from rsp.tui.screens.form import Form
from rsp.tui.screens.questions import old_sessions_question, reload_question
from tests.tui import canned, canned_routes
from tests.tui.editing_engine import EditingEngine
from tests.tui.stage import (
    Driver,
    attached,
    check_golden,
    hand,
    listening,
    named,
    screen_text,
    shows,
    still_dashboard,
    wait_until,
)

SIZE = (120, 35)


async def at_backends(pilot: Driver, app: Dashboard) -> None:
    await shows(pilot, app, "generation 7")
    await pilot.press("2")
    await shows(pilot, app, ">>> pool web")


def test_a_frozen_table_follows_our_own_changes_and_no_others() -> None:
    app = still_dashboard()
    model = app.model
    for answer in (canned.status(0), canned_routes.pools(0, generation=7)):
        model.take(answer)
    model.freeze()
    model.take(canned_routes.pools(1, generation=8))
    assert model.backends.generation == 7
    model.note_generation(9)
    model.take(canned_routes.pools(2, generation=9))
    shown = model.backends.pools
    assert model.backends.generation == 9
    model.take(canned_routes.pools(3, generation=9))
    assert model.backends.pools is shown


@pytest.mark.parametrize(
    ("keys", "answers", "method"),
    [
        ("z", "", "undo"),
        ("Z", "", "redo"),
        ("C", "", "confirm"),
        ("ctrl+r", "y", "reload"),
        ("ctrl+r", "t", "reload"),
        ("plus", "", "backend.set"),
        ("f5", "", "backend.set"),
        ("d", "2", "backend.set"),
        ("x", "n", "backend.remove"),
        ("x", "i", "backend.remove"),
    ],
)
async def test_every_change_is_checked_against_the_generation_that_was_seen(
    editing: EditingEngine, keys: str, answers: str, method: str
) -> None:
    app = attached(editing)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await at_backends(pilot, app)
        await pilot.press(keys)
        if answers:
            await wait_until(pilot, lambda: hasattr(app.screen, "is_listening"))
            await listening(app, pilot)
            await pilot.press(answers)
        await wait_until(pilot, lambda: editing.told_to(method))
        (params,) = editing.told_to(method)
        assert params["if_generation"] == 7


@pytest.mark.parametrize(
    ("words", "method"),
    [
        ("undo", "undo"),
        ("redo", "redo"),
        ("confirm", "confirm"),
        ("weight web/web1 9", "backend.set"),
        ("drain web/web1", "backend.set"),
    ],
)
async def test_so_is_what_the_palette_changes(
    editing: EditingEngine, words: str, method: str
) -> None:
    app = attached(editing)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await shows(pilot, app, "generation 7")
        name, _, argument = words.partition(" ")
        (command,) = [each for each in app.commands() if each.name == name]
        command.run(argument)
        await wait_until(pilot, lambda: editing.told_to(method))
        assert editing.told_to(method)[0]["if_generation"] == 7


@pytest.mark.parametrize(("key", "answer"), [("ctrl+r", "y"), ("d", "2"), ("x", "n")])
async def test_an_answer_is_to_what_was_asked_whatever_happens_meanwhile(
    editing: EditingEngine, key: str, answer: str
) -> None:
    app = attached(editing)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await at_backends(pilot, app)
        await pilot.press(key)
        await wait_until(pilot, lambda: hasattr(app.screen, "is_listening"))
        await listening(app, pilot)
        editing.edit_elsewhere("web/web3", weight=5)
        await wait_until(pilot, lambda: app.model.backends.generation == 8)
        await pilot.press(answer)
        await shows(pilot, app, "the generation is 8, not 7: somebody changed something")
        assert editing.generation == 8


async def test_what_nobody_has_seen_yet_is_not_changed(editing: EditingEngine) -> None:
    editing.refuse["status"] = "not now"
    app = attached(editing)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await pilot.press("z")
        await shows(pilot, app, "The engine has not answered yet: nothing was changed.")
        assert editing.commands == []


async def test_a_reload_can_be_on_trial(editing: EditingEngine) -> None:
    app = attached(editing)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await shows(pilot, app, "generation 7")
        await pilot.press("ctrl+r")
        await shows(pilot, app, "Reload the configuration?")
        await listening(app, pilot)
        await pilot.press("t")
        await wait_until(pilot, lambda: editing.told_to("reload"))
        assert editing.told_to("reload") == [{"confirm": TRIAL_S, "if_generation": 7}]
        await shows(pilot, app, "on trial for 60 s: C confirms, z undoes")


async def test_a_form_can_put_a_backend_on_trial(editing: EditingEngine) -> None:
    app = attached(editing)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await at_backends(pilot, app)
        await pilot.press("equals_sign")
        await wait_until(pilot, lambda: isinstance(app.screen, Form))
        app.screen.query_one("#field-weight", Input).value = "60"
        app.screen.query_one("#field-confirm", Input).value = "soon"
        await shows(pilot, app, "a trial takes 1 to 86,400 s; empty: no trial")
        app.screen.query_one("#field-confirm", Input).value = "90"
        await shows(pilot, app, "web/web1: weight 2 → 60")
        await pilot.press("enter")
        await wait_until(pilot, lambda: editing.commands)
        assert editing.told_to("backend.set") == [
            {"target": "web/web1", "weight": 60, "confirm": 90, "if_generation": 7}
        ]
        await shows(pilot, app, "on trial for 90 s: C confirms, z undoes")
        await pilot.press("a")
        await wait_until(pilot, lambda: isinstance(app.screen, AddForm))
        values = {"name": "web9", "address": "127.0.0.1:9", "confirm": "30"}
        for name, value in values.items():
            app.screen.query_one(f"#field-{name}", Input).value = value
        await pilot.press("enter")
        await wait_until(pilot, lambda: editing.told_to("backend.add"))
        assert editing.told_to("backend.add")[0]["confirm"] == 30


def on_trial(**changes: Any) -> TrialRow:
    values: dict[str, Any] = {"exchanges": 40, "failed": 3, **changes}
    return TrialRow(7, "web/web1: weight 2 → 60", "dashboard", 43.2, 30.0, **values)


@pytest.mark.parametrize("size", [(80, 24), (120, 35)])
async def test_the_header_says_what_is_on_trial(size: tuple[int, int]) -> None:
    app = still_dashboard()
    async with app.run_test(size=size) as pilot:
        hand(app, canned.backends(), canned.status(2, trial=on_trial(), edits=1))
        await pilot.pause()
        long = "◷ on trial: 43 s left, C confirms, z undoes, 3 of 40 failed"
        assert ("◷ trial 43s" if size[0] == 80 else long) in screen_text(app)
        hand(app, canned.status(3))
        await pilot.pause()
        assert "◷" not in screen_text(app)


async def test_a_rollback_is_an_alert_that_says_why() -> None:
    app = still_dashboard()
    why = "rolled back generation 8: 12 of 20 exchanges failed, more than 30 %"
    async with app.run_test(size=SIZE) as pilot:
        hand(app, canned.backends(), canned.status(2, rolled_back=why))
        await pilot.pause()
        assert f"↶ {why}" in screen_text(app)


async def test_the_history_is_a_pane_and_leads_to_the_sessions_of_a_generation(
    editing: EditingEngine,
) -> None:
    app = attached(editing)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await shows(pilot, app, "generation 7")
        await pilot.press("4", "right_square_bracket")
        await shows(pilot, app, "History: 7 generations")
        await shows(pilot, app, "rollback")
        await pilot.press("tab")
        await wait_until(pilot, lambda: app.screen.focused is app.screen.query_one("#history"))
        await pilot.press("enter")
        await wait_until(pilot, lambda: isinstance(app.screen, ConnectionsScreen))
        await shows(pilot, app, "(generation=7)")


@pytest.mark.parametrize("size", [(80, 24), (120, 35)])
async def test_the_history_as_text(size: tuple[int, int]) -> None:
    app = still_dashboard()
    async with app.run_test(size=size) as pilot:
        await pilot.press("4", "left_square_bracket" if size[0] < 120 else "right_square_bracket")
        await pilot.pause()
        hand(app, canned.status(2, trial=on_trial()), canned_routes.edits())
        hand(app, canned_routes.config())
        await pilot.pause()
        await pilot.pause()
        await check_golden(pilot, app, f"history-{size[0]}x{size[1]}")


@pytest.mark.parametrize(
    ("answer", "sent"), [("l", {}), ("d", {"drain": True}), ("c", {"close": True})]
)
async def test_old_sessions_are_left_drained_or_closed(
    editing: EditingEngine, answer: str, sent: dict[str, Any]
) -> None:
    app = attached(editing)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await shows(pilot, app, "generation 7")
        await pilot.press("4", "o")
        await shows(pilot, app, "3 sessions go where an old generation sent them")
        await listening(app, pilot)
        await pilot.press(answer)
        if not sent:
            await wait_until(pilot, lambda: not hasattr(app.screen, "is_listening"))
        else:
            await wait_until(pilot, lambda: len(editing.commands) == 2)
        looked, *acted = editing.told_to("old-sessions")
        assert (looked, acted) == ({}, [{"before": 7, **sent}] if sent else [])


@pytest.mark.parametrize("size", [(60, 16), (80, 24)])
async def test_the_questions_as_text(size: tuple[int, int]) -> None:
    app = still_dashboard()
    async with app.run_test(size=size) as pilot:
        _ = app.push_screen(old_sessions_question(canned.old_sessions({})))
        await pilot.pause()
        await check_golden(pilot, app, named("question-old-sessions", size))
        _ = app.pop_screen()
        changed = canned.changed_with_edits()
        _ = app.push_screen(reload_question(changed, size[0]))
        await pilot.pause()
        await check_golden(pilot, app, named("question-reload-edits", size))
