"""Breaking things on purpose from the dashboard, and what the engine was told."""

import os
from typing import Any

import pytest
from textual.widgets import Input

from rsp.core.faults.kinds import KINDS
from rsp.core.faults.rows import FaultAdded, FaultRow, FaultsRemoved, FaultsReply
from rsp.core.wire import Request
from rsp.tui.app import Dashboard
from rsp.tui.model.fault_edit import (
    EVERYTHING,
    default_text,
    fault_lines,
    params,
    problem,
    scopes_of_backend,
    scopes_of_session,
)
from rsp.tui.screens.connections import ConnectionsScreen
from rsp.tui.screens.faults import FaultForm, FaultsScreen
from tests.tui import canned
from tests.tui.fake_engine import FakeEngine
from tests.tui.stage import Driver, attached, check_golden, screen_text, shows, wait_until

SIZES = [(80, 24), (120, 35)]
TWO = ["lose_on_eagain", "latency"]


def fault(number: int, kind: str, sentence: str) -> FaultRow:
    return FaultRow(
        number, kind, "", {}, "response", None, None, None, None, 0, 1, 1.0, 0, 2, sentence
    )


IN_FORCE = [
    fault(1, "lose_on_eagain", "lose_on_eagain on everything: a write that meets EAGAIN loses it"),
    fault(2, "latency", "latency (latency 200 ms) on session 1, response: every byte goes later"),
]


class BreakingEngine(FakeEngine):
    """A fake engine that has faults."""

    async def _answer(self, request: Request) -> object:
        if request.method == "fault.list":
            return FaultsReply(IN_FORCE[: self.status_changes.get("faults", 0)])
        answer = await super()._answer(request)
        if request.method == "fault.add" and request.method not in self.refuse:
            return FaultAdded(3, "latency (latency 250 ms) on session 1: every byte goes later")
        if request.method == "fault.remove":
            return FaultsRemoved([1])
        return answer


@pytest.fixture
async def breaking(tmp_path: Any) -> Any:
    engine = BreakingEngine(tmp_path / "control.sock")
    await engine.start()
    yield engine
    await engine.stop()


def broken(engine: FakeEngine) -> None:
    engine.status_changes = {"faults": 2, "fault_kinds": TWO}


async def at_faults(pilot: Driver, app: Dashboard) -> None:
    await shows(pilot, app, "● LIVE")
    screen = app.screen
    assert isinstance(screen, ConnectionsScreen)
    await wait_until(pilot, lambda: screen.table.cursor_row)
    await pilot.press("T")
    await shows(pilot, app, "Faults on purpose")
    await shows(pilot, app, "WHAT IT DOES")


@pytest.mark.parametrize("size", SIZES)
async def test_the_header_says_what_is_broken(
    breaking: BreakingEngine, size: tuple[int, int]
) -> None:
    broken(breaking)
    breaking.auto_step = False
    app = attached(breaking)
    async with app.run_test(size=size) as pilot:
        # Where there is little room, how many is what matters.
        names = ": lose_on_eagain, latency" if size[0] > 80 else ""
        await shows(pilot, app, f"↯ 2 faults{names}")
        app.action_show_faults()
        await shows(pilot, app, "In force [2]")
        assert isinstance(app.screen, FaultsScreen)


@pytest.mark.parametrize("size", SIZES)
async def test_the_list(breaking: BreakingEngine, size: tuple[int, int]) -> None:
    broken(breaking)
    breaking.auto_step = False
    app = attached(breaking)
    async with app.run_test(size=size) as pilot:
        await at_faults(pilot, app)
        await shows(pilot, app, "↯ 2 latency")
        await picture(app, f"faults-{size[0]}x{size[1]}")
        await check_golden(pilot, app, f"faults-{size[0]}x{size[1]}")


@pytest.mark.parametrize("size", SIZES)
async def test_a_fault_is_added(breaking: BreakingEngine, size: tuple[int, int]) -> None:
    breaking.auto_step = False
    app = attached(breaking)
    async with app.run_test(size=size, notifications=True) as pilot:
        await at_faults(pilot, app)
        await shows(pilot, app, "Nothing is broken on purpose")
        await pilot.press("enter")
        await wait_until(pilot, lambda: isinstance(app.screen, FaultForm))
        await shows(pilot, app, "every byte goes later")
        await picture(app, f"fault-form-{size[0]}x{size[1]}")
        await check_golden(pilot, app, f"fault-form-{size[0]}x{size[1]}")
        app.screen.query_one("#field-latency", Input).value = "soon"
        await shows(pilot, app, 'latency latency cannot be "soon"; it takes a number of ms')
        await pilot.press("ctrl+s")
        app.screen.query_one("#field-latency", Input).value = "250"
        await pilot.press("enter")
        await wait_until(pilot, lambda: breaking.commands)
        await shows(pilot, app, "↯ 3: latency (latency 250 ms)")
        method, sent = breaking.commands[0]
        assert method == "fault.add"
        assert sent.pop("who").startswith("dashboard")
        assert sent == {
            "kind": "latency",
            "values": {"latency": "250", "jitter": "0"},
            "direction": "response",
            "session": sent["session"],
        }
        assert isinstance(app.screen, FaultsScreen)


async def test_faults_are_removed(breaking: BreakingEngine) -> None:
    broken(breaking)
    app = attached(breaking)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await at_faults(pilot, app)
        await shows(pilot, app, "↯ 2 latency")
        await pilot.press("j", "x")
        await shows(pilot, app, "fault 2 removed")
        await pilot.press("X")
        await shows(pilot, app, "all faults removed")
        assert [sent["id"] for _, sent in breaking.commands] == [2, "all"]
        await pilot.press("T")
        await wait_until(pilot, lambda: not isinstance(app.screen, FaultsScreen))


async def test_the_cursor_stands_on_a_fault_or_a_kind_and_never_on_a_title(
    breaking: BreakingEngine,
) -> None:
    broken(breaking)
    app = attached(breaking)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await at_faults(pilot, app)
        await shows(pilot, app, "↯ 2 latency")
        screen = app.screen
        assert isinstance(screen, FaultsScreen)
        for left, said in ((1, "In force [1]"), (0, "Nothing is broken on purpose")):
            breaking.status_changes = {"faults": left}
            await pilot.press("x")
            await shows(pilot, app, said)
            line = screen.table.cursor_row
            assert line is not None
            assert not line.title, "it stands on a fault or on a kind"


async def test_a_refusal_stands_in_the_form(breaking: BreakingEngine) -> None:
    breaking.refuse["fault.add"] = "no session 1 is open"
    app = attached(breaking)
    async with app.run_test(size=(120, 35)) as pilot:
        await at_faults(pilot, app)
        await pilot.press("enter")
        await wait_until(pilot, lambda: isinstance(app.screen, FaultForm))
        await pilot.press("enter")
        await shows(pilot, app, "✗ no session 1 is open")
        await pilot.press("escape", "escape")
        await wait_until(pilot, lambda: not isinstance(app.screen, FaultForm | FaultsScreen))


async def test_a_dashboard_that_only_looks_breaks_nothing(breaking: BreakingEngine) -> None:
    broken(breaking)
    app = attached(breaking, read_only=True)
    async with app.run_test(size=(120, 35)) as pilot:
        await shows(pilot, app, "↯ 2 faults")
        await pilot.press("T")
        assert not isinstance(app.screen, FaultsScreen)
        app.action_show_faults()
        await shows(pilot, app, "↯ 2 latency")
        assert "Toxics" not in screen_text(app)
        await pilot.press("x", "X", "enter")
        await pilot.pause()
        assert breaking.commands == []


async def test_the_palette(breaking: BreakingEngine) -> None:
    app = attached(breaking)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await shows(pilot, app, "● LIVE")
        command = next(each for each in app.commands() if each.name == "fault")
        command.run("add latency latency=20 session=7 direction=request")
        await wait_until(pilot, lambda: len(breaking.commands) == 1)
        _, sent = breaking.commands[0]
        assert (sent["values"], sent["session"], sent["direction"]) == (
            {"latency": "20"}, 7, "request",
        )  # fmt: skip
        command.run("remove all")
        await wait_until(pilot, lambda: len(breaking.commands) == 2)
        command.run("nonsense")
        await shows(pilot, app, "Say `fault add KIND")


def typed(kind: str, **others: str) -> dict[str, str]:
    fields = {name: default_text(value) for name, value in KINDS[kind].values.items()}
    return {**fields, "direction": "response", "scope": "all", **others}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_added_as_it_stands(kind: str) -> None:
    assert problem(kind, typed(kind), [EVERYTHING]) is None
    assert params(kind, typed(kind), [EVERYTHING])["kind"] == kind
    assert [line for line in fault_lines([], may_add=True) if line.kind == kind]


def test_what_is_typed_wrongly_is_named() -> None:
    scopes = scopes_of_backend("web", "web1")
    for field, value in (("latency", "x"), ("direction", "down"), ("scope", "session")):
        found = problem("latency", typed("latency", **{field: value}), scopes)
        assert found is not None
        assert found.field == field
    sent = params("latency", typed("latency", scope="backend"), scopes)
    assert sent["backend"] == "web/web1"


def test_a_session_offers_what_it_belongs_to() -> None:
    row = canned.connections(0).connections[0]
    words = [scope.word for scope in scopes_of_session(row)]
    assert words[0] == "session"
    assert words[-2:] == ["listener", "all"]


async def picture(app: Dashboard, name: str) -> None:
    """Save a picture where somebody wants to look at one."""
    if folder := os.environ.get("RSP_PICTURES"):
        app.save_screenshot(f"{name}.svg", folder)
