"""Keys pressed on the Backends screen, and what the engine was told."""

from typing import Any

import pytest
from textual.widgets import Input

from rsp.tui.app import Dashboard
from rsp.tui.screens.backend_form import AddForm
from rsp.tui.screens.backends import BackendsScreen
from rsp.tui.screens.connections import ConnectionsScreen
from rsp.tui.screens.form import Form
from tests.tui import canned, canned_routes
from tests.tui.editing_engine import EditingEngine
from tests.tui.stage import (
    Driver,
    attached,
    check_golden,
    hand,
    hand_seconds,
    listening,
    screen_text,
    shows,
    still_dashboard,
    wait_until,
)

SIZES = [(80, 24), (120, 35), (200, 60)]


async def at_backends(pilot: Driver, app: Dashboard) -> None:
    await shows(pilot, app, "● LIVE")
    await pilot.press("2")
    await shows(pilot, app, ">>> pool web")
    await shows(pilot, app, "generation 7")


async def at_form(pilot: Driver, app: Dashboard, key: str) -> None:
    """Open the form of the first backend by `key`."""
    await at_backends(pilot, app)
    await pilot.press(key)
    await wait_until(pilot, lambda: isinstance(app.screen, Form))


async def test_weights_change_at_once_and_each_press_counts(editing: EditingEngine) -> None:
    app = attached(editing)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await at_backends(pilot, app)
        await pilot.press("plus", "plus", "minus", "right_curly_bracket", "plus")
        await wait_until(pilot, lambda: len(editing.commands) == 5)
        assert [(params["weight"], params["if_generation"]) for _, params in editing.commands] == [
            (3, 7),
            (4, 8),
            (3, 9),
            (13, 10),
            (14, 11),
        ]
        assert {params["target"] for _, params in editing.commands} == {"web/web1"}
        await shows(pilot, app, "is in force · z undo")
        await shows(pilot, app, "generation 12")


async def test_the_function_keys_of_hatop_change_weights(editing: EditingEngine) -> None:
    app = attached(editing)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await at_backends(pilot, app)
        await pilot.press("f8", "f7", "f6", "f5")
        await wait_until(pilot, lambda: len(editing.commands) == 4)
        assert [params["weight"] for _, params in editing.commands] == [12, 13, 12, 2]


async def test_a_weight_stays_within_its_range(editing: EditingEngine) -> None:
    app = attached(editing)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await at_backends(pilot, app)
        await pilot.press("left_curly_bracket")
        await wait_until(pilot, lambda: editing.commands)
        assert editing.weight_of("web/web1") == 0


async def test_a_refusal_is_shown_and_drops_what_was_pressed_after_it(
    editing: EditingEngine,
) -> None:
    app = attached(editing)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await at_backends(pilot, app)
        await pilot.press("space")
        await shows(pilot, app, "‖ FROZEN")
        editing.edit_elsewhere("web/web1", weight=50)
        screen = app.screen
        assert isinstance(screen, BackendsScreen)
        for _ in range(3):
            screen.action_weigh(1)
        await shows(pilot, app, "generation is 8, not 7")
        assert [params["weight"] for _, params in editing.commands] == [3]
        assert editing.weight_of("web/web1") == 50
        await wait_until(pilot, lambda: app.model.backends.generation == 8)
        assert not app.model.is_frozen
        await wait_until(pilot, lambda: not screen._is_deaf)
        await pilot.press("plus")
        await wait_until(pilot, lambda: editing.weight_of("web/web1") == 51)
        assert "generation is 8, not 7" in screen_text(app)


async def test_the_state_is_chosen_from_a_menu(editing: EditingEngine) -> None:
    app = attached(editing)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await at_backends(pilot, app)
        await pilot.press("d")
        await listening(app, pilot)
        assert "State of web/web1" in screen_text(app)
        await pilot.press("d", "enter")
        assert editing.commands == []
        await pilot.press("d")
        await listening(app, pilot)
        await pilot.press("2")
        await wait_until(pilot, lambda: editing.commands)
        assert editing.told_to("backend.set") == [
            {"target": "web/web1", "if_generation": 7, "state": "drain"}
        ]


@pytest.mark.parametrize(
    ("key", "extra"), [("n", {}), ("i", {"when_idle": True}), ("escape", None)]
)
async def test_a_removal_asks_and_says_what_is_at_stake(
    editing: EditingEngine, key: str, extra: dict[str, Any] | None
) -> None:
    app = attached(editing)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await at_backends(pilot, app)
        await pilot.press("x")
        await listening(app, pilot)
        assert "6 sessions are at it now." in screen_text(app)
        await pilot.press("x", key)
        await wait_until(pilot, lambda: isinstance(app.screen, BackendsScreen))
        if extra is None:
            assert editing.commands == []
            return
        await wait_until(pilot, lambda: editing.commands)
        expected = {"target": "web/web1", "if_generation": 7} | extra
        assert editing.told_to("backend.remove") == [expected]


async def test_a_backend_is_added_when_nothing_is_wrong_with_it(editing: EditingEngine) -> None:
    app = attached(editing)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await at_backends(pilot, app)
        await pilot.press("a")
        await wait_until(pilot, lambda: isinstance(app.screen, AddForm))
        await shows(pilot, app, "it needs a name")
        await pilot.press(*"web1")
        await shows(pilot, app, "already there")
        await pilot.press("enter")
        assert isinstance(app.screen, AddForm)
        await pilot.press("backspace", "5", "tab", *"127.0.0.1")
        await shows(pilot, app, "the port is missing")
        await pilot.press(*":9005")
        await shows(pilot, app, "enter: added web/web5")
        await shows(pilot, app, "its share of pool web: 25%")
        await shows(pilot, app, "312 of 4,810 recorded requests would go elsewhere")
        await pilot.press("enter")
        await wait_until(pilot, lambda: isinstance(app.screen, BackendsScreen))
        assert editing.told_to("backend.add") == [
            {
                "if_generation": 7,
                "pool": "web",
                "name": "web5",
                "address": "127.0.0.1:9005",
                "weight": 1,
                "max_connections": 0,
            }
        ]


async def test_a_form_stays_open_when_the_engine_refuses(editing: EditingEngine) -> None:
    app = attached(editing)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await at_form(pilot, app, "equals_sign")
        editing.edit_elsewhere("web/web3", weight=5)
        await wait_until(pilot, lambda: app.model.generation == 8)
        await pilot.press("6", "0")
        await shows(pilot, app, "web/web1: weight 2 → 60")
        await pilot.press("enter")
        await shows(pilot, app, "✗ the generation is 8, not 7")
        assert isinstance(app.screen, Form)
        await pilot.press("enter")
        await wait_until(pilot, lambda: editing.weight_of("web/web1") == 60)
        await wait_until(pilot, lambda: isinstance(app.screen, BackendsScreen))


async def test_who_would_move_is_shown_before_an_edit_is_given(editing: EditingEngine) -> None:
    app = attached(editing)
    moves = "312 of 4,810 recorded requests would go elsewhere"
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await at_backends(pilot, app)
        await pilot.press("x")
        await shows(pilot, app, moves)
        await check_golden(pilot, app, "question-remove-moves-80x24")
        await listening(app, pilot)
        await pilot.press("escape", "d")
        await shows(pilot, app, "With 2 or 3:")
        await shows(pilot, app, moves)
        await listening(app, pilot)
        await pilot.press("escape", "equals_sign")
        await wait_until(pilot, lambda: isinstance(app.screen, Form))
        await pilot.press("6", "0")
        await shows(pilot, app, moves)
        assert editing.commands == []
        assert [(method, params["target"]) for method, params in editing.previews] == [
            ("backend.remove", "web/web1"),
            ("backend.set", "web/web1"),
            ("backend.set", "web/web1"),
        ]
        assert editing.previews[-1][1]["weight"] == 60


async def test_a_form_follows_what_is_in_force_but_for_what_was_typed(
    editing: EditingEngine,
) -> None:
    app = attached(editing)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await at_form(pilot, app, "e")
        form = app.screen
        editing.edit_elsewhere("web/web1", weight=42, address="127.0.0.1:9042")
        await wait_until(pilot, lambda: form.query_one("#field-weight", Input).value == "42")
        assert form.query_one("#field-address", Input).selected_text == "127.0.0.1:9042"
        form.query_one("#field-weight", Input).value = "60"
        await shows(pilot, app, "web/web1: weight 42 → 60")
        editing.edit_elsewhere("web/web1", weight=43, address="127.0.0.1:9043")
        await shows(pilot, app, "web/web1: weight 43 → 60")
        await pilot.press("enter")
        await shows(pilot, app, "✗ the generation is 9, not 7")
        editing.edit_elsewhere("web/web1", address="127.0.0.1:9044")
        address = form.query_one("#field-address", Input)
        await wait_until(pilot, lambda: address.value == "127.0.0.1:9044")
        await shows(pilot, app, "✗ the generation is 9, not 7")
        await pilot.press("enter")
        await wait_until(pilot, lambda: editing.weight_of("web/web1") == 60)
        assert editing.told_to("backend.set")[-1] == {
            "target": "web/web1", "if_generation": 10, "weight": 60,
        }  # fmt: skip


async def test_a_frozen_table_goes_on_when_the_engine_refuses_what_was_made_of_it(
    editing: EditingEngine,
) -> None:
    app = attached(editing)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await at_backends(pilot, app)
        await pilot.press("space")
        await wait_until(pilot, lambda: app.model.is_frozen)
        await pilot.press("equals_sign")
        await wait_until(pilot, lambda: isinstance(app.screen, Form))
        editing.edit_elsewhere("web/web1", weight=42)
        await pilot.press("6", "0", "enter")
        await shows(pilot, app, "✗ the generation is 8, not 7")
        await wait_until(pilot, lambda: app.model.backends.generation == 8)
        await pilot.press("enter")
        await wait_until(pilot, lambda: editing.weight_of("web/web1") == 60)


async def test_an_edit_sends_only_what_differs(editing: EditingEngine) -> None:
    app = attached(editing)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await at_form(pilot, app, "e")
        app.screen.query_one("#field-address", Input).value = "127.0.0.1:9091"
        await shows(pilot, app, "address 127.0.0.1:9001 → 127.0.0.1:9091")
        await pilot.press("ctrl+s")
        await wait_until(pilot, lambda: editing.commands)
        assert editing.told_to("backend.set") == [
            {"target": "web/web1", "if_generation": 7, "address": "127.0.0.1:9091"}
        ]


async def test_enter_shows_the_connections_of_a_backend_and_of_a_pool(
    editing: EditingEngine,
) -> None:
    app = attached(editing)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await at_backends(pilot, app)
        await pilot.press("enter")
        await wait_until(pilot, lambda: isinstance(app.screen, ConnectionsScreen))
        await shows(pilot, app, "(backend:web1)")
        await pilot.press("2", "home", "enter")
        await shows(pilot, app, "(pool:web)")


async def test_a_pool_line_is_no_backend(editing: EditingEngine) -> None:
    app = attached(editing)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await at_backends(pilot, app)
        await pilot.press("home", "plus", "d", "x", "e", "equals_sign")
        await shows(pilot, app, "Put the cursor on a backend first.")
        assert isinstance(app.screen, BackendsScreen)
        assert editing.commands == []


async def test_a_read_only_dashboard_edits_no_backend(editing: EditingEngine) -> None:
    app = attached(editing, read_only=True)
    async with app.run_test(size=(200, 60), notifications=True) as pilot:
        await at_backends(pilot, app)
        for word in ("Add", "Edit", "State…", "Weight", "Exact", "Remove…", "undoes"):
            assert f" {word} " not in screen_text(app).splitlines()[-1] + " "
        await pilot.press("a", "e", "d", "x", "plus", "minus", "equals_sign", "z", "Z")
        await pilot.press("right_curly_bracket", "left_curly_bracket")
        await pilot.pause()
        assert isinstance(app.screen, BackendsScreen)
        assert editing.commands == []


async def test_copying_gives_a_line_of_lua(editing: EditingEngine) -> None:
    app = attached(editing)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await at_backends(pilot, app)
        await pilot.press("y")
        await shows(pilot, app, "Copied web/web1 as a line of Lua.")
        assert app.clipboard.startswith('{ name = "web1"')


@pytest.mark.parametrize("size", SIZES)
async def test_the_screen_as_text(size: tuple[int, int]) -> None:
    app = still_dashboard()
    async with app.run_test(size=size) as pilot:
        hand_seconds(app, 3)
        await pilot.press("2")
        await pilot.pause()
        for step in range(3, 9):
            hand(app, canned.status(step), canned_routes.pools(step), canned_routes.edits())
        await pilot.press("j", "j")
        await pilot.pause()
        name = f"{size[0]}x{size[1]}"
        await check_golden(pilot, app, f"backends-{name}")
        await pilot.press("d")
        await pilot.pause()
        if size == SIZES[0]:
            await check_golden(pilot, app, f"question-state-{name}")


async def test_the_pane_of_a_pool_says_who_waits_at_it() -> None:
    app = still_dashboard()
    async with app.run_test(size=(80, 24)) as pilot:
        hand_seconds(app, 2)
        await pilot.press("2")
        await pilot.pause()
        hand(app, canned.status(3), canned_routes.queueing(), canned_routes.edits())
        await shows(pilot, app, ">>> pool web")
        await pilot.press("k", "k", "k")
        await shows(pilot, app, "7 of 100 wait for a place")
        await check_golden(pilot, app, "backends-queue-80x24")


async def test_the_forms_as_text() -> None:
    app = still_dashboard()
    async with app.run_test(size=(80, 24)) as pilot:
        hand_seconds(app, 1)
        await pilot.press("2")
        await pilot.pause()
        hand(app, canned.status(3), canned_routes.pools(3))
        await pilot.press("e")
        await pilot.pause()
        app.screen.query_one("#field-weight", Input).value = "60"
        await pilot.pause()
        await check_golden(pilot, app, "form-edit-80x24")
        await pilot.press("escape", "x")
        await pilot.pause()
        await check_golden(pilot, app, "question-remove-80x24")


async def test_the_palette_edits_backends_by_name(editing: EditingEngine) -> None:
    app = attached(editing)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await at_backends(pilot, app)
        run = {command.name: command.run for command in app.commands()}
        run["weight"]("web3 60")
        run["drain"]("shop/shop1")
        await wait_until(pilot, lambda: len(editing.commands) == 2)
        assert editing.told_to("backend.set") == [
            {"target": "web/web3", "if_generation": 7, "weight": 60},
            {"target": "shop/shop1", "if_generation": 8, "state": "drain"},
        ]
        run["weight"]("web3")
        await shows(pilot, app, "Give a backend and its weight")
        run["maint"]("nobody")
        await shows(pilot, app, "There is no backend 'nobody'")
        run["backend"]("web3")
        await shows(pilot, app, "─ web/web3 ─")
        assert len(editing.commands) == 2


async def test_a_read_only_palette_has_no_edits(editing: EditingEngine) -> None:
    app = attached(editing, read_only=True)
    async with app.run_test(size=(120, 35)) as pilot:
        await at_backends(pilot, app)
        names = {command.name for command in app.commands()}
        assert "backend" in names
        assert not names & {"weight", "drain", "ready", "maint"}
