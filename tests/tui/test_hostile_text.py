"""Strangers' bytes in every field of every screen: no control byte may reach the terminal."""

import itertools
import re
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from rsp.core.evidence import CallRow
from rsp.core.exchange_rows import Exchanges
from rsp.core.listener_rows import ListenerRow
from rsp.core.replies import (
    BackendRow,
    Backends,
    Connections,
    Events,
    PoolRow,
    RequestSummary,
    RouteSummary,
)
from rsp.tui.app import Dashboard
from rsp.tui.screens.dialog import Dialog
from tests.hostile import HOSTILE, LONG, MARK, MARKUP, obeyed
from tests.tui import canned, canned_endings, canned_routes
from tests.tui.stage import Driver, hand, listening, screen_text, still_dashboard, wait_until

Texts = Callable[[], str]
"""Says what stands in the next text."""

BATCH = 3
"""Payloads in one picture: each of its texts has the next of them."""


def hostile(struct: Any, text: Texts) -> Any:
    """Return a copy of a struct with a payload in every text field, however deep."""
    if isinstance(struct, list):
        return [hostile(item, text) for item in struct]
    if isinstance(struct, dict):
        return {
            f"{text()}{index}": hostile(value, text) for index, value in enumerate(struct.values())
        }
    if isinstance(struct, str):
        return text()
    if not isinstance(struct, msgspec.Struct):
        return struct
    changes = {
        name: hostile(getattr(struct, name), text)
        for name in struct.__struct_fields__
        if name not in ("state", "level", "paused_by", "at", "loaded_at", "opened_at")
    }
    return msgspec.structs.replace(struct, **changes)


def say(payload: str) -> Texts:
    return lambda: payload


async def see_clean(pilot: Driver, app: Dashboard, *payloads: str, where: str = MARK) -> None:
    """See payloads come on the screen, and that nothing of them would be obeyed.

    `where` is what is to be found below the tabs: what stands above them is there on all screens.
    """

    def is_shown() -> bool:
        _, tabs, below = screen_text(app).partition("5 Events")
        return bool(tabs and re.search(where, below))

    await wait_until(pilot, is_shown, f"{[payload[:80] for payload in payloads]!r} on the screen")
    assert obeyed(screen_text(app)) == set(), f"{payloads!r}"


Answers = Callable[[Texts], list[msgspec.Struct]]


def connections(text: Texts) -> list[msgspec.Struct]:
    rows = [hostile(row, text) for row in canned.small_table()]
    return [Connections(7, len(rows), 1005.0, rows)]


def one_session(text: Texts) -> list[msgspec.Struct]:
    detail = hostile(canned.detail(5), text)
    tcp_info = {"client": {text(): 3}, text(): {"rtt_us": 5}}
    return [msgspec.structs.replace(detail, tcp_info=tcp_info)]


def exchanges(text: Texts) -> list[msgspec.Struct]:
    rows = [hostile(row, text) for row in canned_endings.exchanges()]
    return [Exchanges(rows, text())]


def events(text: Texts) -> list[msgspec.Struct]:
    return [Events([hostile(row, text) for row in canned.events()], 4, 0)]


def pools(text: Texts) -> list[msgspec.Struct]:
    return [hostile(canned_routes.pools(), text), hostile(canned_routes.edits(), text)]


def decisions(text: Texts) -> list[msgspec.Struct]:
    rows = [hostile(row, text) for row in canned_routes.mixed()]
    return [canned_routes.decisions(rows)]


def pauses(text: Texts) -> list[msgspec.Struct]:
    return [hostile(canned.pauses(), text)]


def autopsies(text: Texts) -> list[msgspec.Struct]:
    return [hostile(canned_endings.autopsies(), text)]


def configuration(text: Texts) -> list[msgspec.Struct]:
    return [hostile(canned_routes.broken_config(), text)]


SCREENS: dict[str, tuple[list[str], Answers]] = {
    "connections": ([], connections),
    "detail": (["enter"], one_session),
    "its buffers": (["enter", "right_square_bracket"], one_session),
    "its calls": (["enter", *["right_square_bracket"] * 3], one_session),
    "exchanges": (["E"], exchanges),
    "its time": (["enter", "right_square_bracket", "right_square_bracket"], one_session),
    "who blocks whom": (["b"], pauses),
    "backends": (["2"], pools),
    "routing": (["3"], decisions),
    "routing by group": (["3", "g"], decisions),
    "config": (["4"], configuration),
    "config, the difference": (["4", "right_square_bracket"], configuration),
    "events": (["5"], events),
    "autopsies": (["5", "A"], autopsies),
}


@pytest.mark.parametrize("name", SCREENS)
async def test_no_screen_lets_a_payload_through(name: str) -> None:
    """Every payload, in the texts of the rows and in whatever stands around the rows."""
    keys, answers = SCREENS[name]
    app = still_dashboard(guide=["guide"])
    async with app.run_test(size=(160, 40), notifications=True) as pilot:
        hand(app, canned.status(1), canned.backends(), *connections(say("row")))
        await pilot.pause()
        await pilot.press(*keys)
        for start in range(0, len(HOSTILE), BATCH):
            payloads = HOSTILE[start : start + BATCH]
            text = itertools.cycle(payloads).__next__
            status = canned.status(5, listeners=[ListenerRow(text(), "http")])
            hand(app, hostile(status, text), *answers(text))
            await pilot.pause()
            await see_clean(pilot, app, *payloads)


@pytest.mark.parametrize("payload", [*HOSTILE[:80:16], *MARKUP], ids=ascii)
async def test_no_dialog_and_no_sentence_lets_a_payload_through(payload: str) -> None:
    app = still_dashboard(guide=[payload])
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        hand(app, canned.status(1), canned.backends(), *connections(say(payload)))
        await pilot.pause()
        await see_clean(pilot, app, payload)
        await pilot.press("X")
        await listening(app, pilot)
        await see_clean(pilot, app, payload, where=rf"│ +41 {MARK}")
        await pilot.press("escape")
        await wait_until(pilot, lambda: not isinstance(app.screen, Dialog))
        app.say(f"Said{payload}", is_error=True)
        app.engine_lost(payload)
        await pilot.pause()
        await see_clean(pilot, app, payload, where=f"Said{MARK}")


async def test_what_is_copied_is_clean() -> None:
    app = still_dashboard()
    async with app.run_test(size=(120, 40)) as pilot:
        hand(app, canned.status(1))
        await pilot.press("5")
        for payload in HOSTILE[::4]:
            hand(app, *events(say(payload)))
            await pilot.press("y")
            assert MARK in app.clipboard
            assert obeyed(app.clipboard) == set()


def test_there_are_sixty_payloads_and_each_is_one() -> None:
    assert len(set(HOSTILE)) == len(HOSTILE) >= 60
    plain = [payload for payload in HOSTILE if not obeyed(payload)]
    assert all(set(payload) & set("[{&:\u6f22\u0301") for payload in plain)
    assert 60_000 < len(LONG.encode()) < 128 * 1024


def test_the_test_itself_puts_the_payload_everywhere() -> None:
    row = hostile(canned.blocked(1), say("x"))
    assert row.request == RequestSummary("x", "x", "x")
    assert row.route == RouteSummary("x", "x", None, "x", 3.1)
    assert row.client.address == "x"
    assert hostile(canned.calls(), say("x"))[0].note == "x"
    assert isinstance(hostile(canned.backends(), say("x")), Backends)
    assert hostile(PoolRow("a", "b", []), say("x")).name == "x"
    assert hostile(BackendRow("a", "b", "ready", 1, 0, 0, None), say("x")).name == "x"
    assert hostile(CallRow(0, 1, "a", "b", 1, None, None, 0, ""), say("x")).call == "x"
