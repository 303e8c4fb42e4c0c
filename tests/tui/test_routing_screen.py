"""Keys pressed on the Routing screen, what it shows, and what it asks the engine."""

import msgspec
import pytest
from textual.widgets import Input

from rsp.core.replies import Backends, PoolRow
from rsp.tui.app import Dashboard
from rsp.tui.screens.backends import BackendsScreen
from rsp.tui.screens.connections import ConnectionsScreen
from rsp.tui.screens.detail import DetailScreen
from rsp.tui.screens.routing import RoutingScreen
from rsp.tui.screens.try_route import TryRoute
from tests.tui import canned, canned_routes
from tests.tui.editing_engine import EditingEngine
from tests.tui.stage import (
    Driver,
    attached,
    check_golden,
    hand,
    screen_text,
    shows,
    still_dashboard,
    wait_until,
)

SIZES = [(80, 24), (120, 35), (200, 60)]


async def at_routing(pilot: Driver, app: Dashboard) -> None:
    await shows(pilot, app, "● LIVE")
    await pilot.press("3")
    await shows(pilot, app, "Decisions [9]")


async def test_a_split_key_is_an_alert_wherever_one_looks(editing: EditingEngine) -> None:
    app = attached(editing)
    async with app.run_test(size=(200, 60), notifications=True) as pilot:
        await shows(pilot, app, "⚠ spellings of 'ironhand.example' reach different backends")
        await at_routing(pilot, app)
        await shows(
            pilot,
            app,
            "⚠ 'IronHand.example' → shop2 (1×) but 'ironhand.example' → shop1 (4×): "  # noqa: RUF001
            "same name, different backends",
        )


async def test_the_alert_of_a_split_key_leads_to_both_decisions(editing: EditingEngine) -> None:
    app = attached(editing)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await shows(pilot, app, "⚠ spellings of 'ironhand.example'")
        await app.run_action("show_split")
        await wait_until(pilot, lambda: isinstance(app.screen, RoutingScreen))
        screen = app.screen
        assert isinstance(screen, RoutingScreen)
        await wait_until(pilot, lambda: len(screen.table.rows) == 2)
        assert {row.key for row in screen.table.rows} == {"IronHand.example", "ironhand.example"}


async def test_the_newest_is_followed_until_the_cursor_leaves_it(editing: EditingEngine) -> None:
    app = attached(editing)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await at_routing(pilot, app)
        await shows(pilot, app, "decision 9")
        editing.decided = [*editing.decided, canned_routes.decision(10)]
        await shows(pilot, app, "decision 10")
        await pilot.press("k", "k")
        await shows(pilot, app, "F follows the newest")
        editing.decided = [*editing.decided, canned_routes.decision(11)]
        await shows(pilot, app, "Decisions [11]")
        assert "decision 8" in screen_text(app)
        await pilot.press("F")
        await shows(pilot, app, "decision 11")


async def test_a_frozen_list_counts_what_waits(editing: EditingEngine) -> None:
    app = attached(editing)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await at_routing(pilot, app)
        await pilot.press("space")
        await shows(pilot, app, "0 new decisions are waiting")
        editing.decided = [*editing.decided, canned_routes.decision(10)]
        await shows(pilot, app, "1 new decisions are waiting")
        assert "Decisions [9]" in screen_text(app)
        await pilot.press("space")
        editing.decided = [*editing.decided, canned_routes.decision(11)]
        await shows(pilot, app, "Decisions [11]")


async def test_the_filter_narrows_and_escape_clears_it(editing: EditingEngine) -> None:
    app = attached(editing)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await at_routing(pilot, app)
        await pilot.press("slash", *"backend:shop2", "enter")
        await shows(pilot, app, "Decisions (backend:shop2) [1]")
        await pilot.press("escape")
        await shows(pilot, app, "Decisions [9]")


async def test_g_groups_and_enter_narrows_to_a_group(editing: EditingEngine) -> None:
    app = attached(editing)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await at_routing(pilot, app)
        await pilot.press("g")
        await shows(pilot, app, "by backend [5 groups]")
        await pilot.press("g")
        await shows(pilot, app, "by host [5 groups]")
        await pilot.press("home", "enter")
        await shows(pilot, app, "Decisions (host:ironhand.example) [4]")
        await pilot.press("escape", "g", "g", "g")
        await shows(pilot, app, "by reason")
        await pilot.press("escape")
        await shows(pilot, app, "Decisions [9]")


async def test_o_goes_to_the_session_and_b_to_the_backend(editing: EditingEngine) -> None:
    editing.decided = [canned_routes.decision(1, backend="web3")]
    app = attached(editing)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await shows(pilot, app, "● LIVE")
        await pilot.press("3")
        await shows(pilot, app, "Decisions [1]")
        await pilot.press("b")
        await wait_until(pilot, lambda: isinstance(app.screen, BackendsScreen))
        await shows(pilot, app, "─ web/web3 ─")
        await pilot.press("3")
        await wait_until(pilot, lambda: isinstance(app.screen, RoutingScreen))
        await pilot.press("o")
        await wait_until(pilot, lambda: isinstance(app.screen, DetailScreen))
        assert isinstance(app.screen, DetailScreen)
        assert app.screen.session_id == 901
        await pilot.press("escape")
        await wait_until(pilot, lambda: isinstance(app.screen, RoutingScreen))
        await pilot.press("1")
        await wait_until(pilot, lambda: isinstance(app.screen, ConnectionsScreen))


async def test_a_route_is_tried_while_one_types(editing: EditingEngine) -> None:
    app = attached(editing)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await at_routing(pilot, app)
        await pilot.press("home", "t")
        await wait_until(pilot, lambda: isinstance(app.screen, TryRoute))
        await shows(pilot, app, "→ web/web1   host decides")
        assert editing.explained[0] == {
            "method": "GET",
            "url": "http://blog.example.com/feed.xml",
            "header": [],
        }
        url = app.screen.query_one("#field-url", Input)
        url.value = "http://IronHand.example/"
        await shows(pilot, app, "→ web/web2   host decides")
        await shows(pilot, app, "⚠ In small letters it goes to web/web1: another backend.")
        app.screen.query_one("#field-header", Input).value = "no colon"
        await shows(pilot, app, "is no header field")
        app.screen.query_one("#field-header", Input).value = "X-Beta: yes"
        await wait_until(
            pilot, lambda: editing.explained[-1]["header"] == ["X-Beta: yes"], "the header is sent"
        )
        asked = len(editing.explained)
        await pilot.press("enter")
        await shows(pilot, app, "─ not sent · GET http://IronHand.example/ ─")
        await wait_until(pilot, lambda: len(editing.explained) > asked, "its lines are asked for")
        assert editing.explained[-1] == {
            "method": "GET",
            "url": "http://IronHand.example/",
            "header": ["X-Beta: yes"],
        }
        await pilot.press("y")
        await shows(pilot, app, "Copied the command that explains it.")
        assert app.clipboard == "rsp ctl explain GET http://IronHand.example/ -H 'X-Beta: yes'"
        await pilot.press("escape")
        await wait_until(pilot, lambda: isinstance(app.screen, TryRoute))
        await pilot.press("escape")
        await wait_until(pilot, lambda: isinstance(app.screen, RoutingScreen))
        assert editing.commands == []


async def test_the_engines_refusal_stands_in_the_form(editing: EditingEngine) -> None:
    editing.refuse["explain"] = "the route function is busy"
    app = attached(editing, read_only=True)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await at_routing(pilot, app)
        await pilot.press("t")
        await shows(pilot, app, "✗ the route function is busy")


async def test_a_decision_is_copied_as_a_command(editing: EditingEngine) -> None:
    app = attached(editing)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await at_routing(pilot, app)
        await pilot.press("home", "y")
        await shows(pilot, app, "Copied the command that explains it.")
        assert app.clipboard == "rsp explain /srv/blog.lua GET http://blog.example.com/feed.xml"


def split_up() -> list[msgspec.Struct]:
    keyed_pools = Backends(7, [PoolRow("web", "round_robin", []), PoolRow("shop", "hash", [])])
    decided = canned_routes.decisions(canned_routes.mixed())
    return [canned.status(2), keyed_pools, decided, canned.status(3)]


@pytest.mark.parametrize("size", SIZES)
async def test_the_screen_as_text(size: tuple[int, int]) -> None:
    app = still_dashboard()
    async with app.run_test(size=size) as pilot:
        await pilot.press("3")
        await pilot.pause()
        hand(app, *split_up())
        await pilot.press("home", "j", "j", "j", "j", "j", "j")
        await pilot.pause()
        name = f"{size[0]}x{size[1]}"
        await check_golden(pilot, app, f"routing-{name}")
        await pilot.press("g", "g")
        await pilot.pause()
        await check_golden(pilot, app, f"routing-by-host-{name}")


async def test_nothing_decided_yet_says_what_can_be_done() -> None:
    app = still_dashboard()
    async with app.run_test(size=(80, 24)) as pilot:
        hand(app, canned.status(2))
        await pilot.press("3")
        await shows(pilot, app, "t tries a route without traffic.")
        await pilot.press("o", "b", "y", "enter")
        await pilot.pause()
        assert isinstance(app.screen, RoutingScreen)
