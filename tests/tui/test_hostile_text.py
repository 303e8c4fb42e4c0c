"""Strangers' bytes in every field of every screen: no control byte may reach the terminal."""

from typing import Any

import msgspec
import pytest

from rsp.core.replies import (
    BackendRow,
    Backends,
    CallRow,
    Connections,
    Events,
    Exchanges,
    ListenerRow,
    PoolRow,
    RequestSummary,
    RouteSummary,
)
from rsp.tui.app import Dashboard
from tests.tui import canned
from tests.tui.stage import hand, screen_text, still_dashboard

HOSTILE = [
    "\x1b]52;c;ZXZpbA==\x07",
    "\x1b[2J\x1b]0;title\x07",
    "\x9b31m\x9d0;title\x9c",
    "\u202egnp.exe",
    "/a[/b][bold]x[/bold][red]",
    "a\x00b\r\nc\td\x7f",
    "e\u0301\u200bx\ufeff",
    "漢字\U0001f600",
    "[@click=app.leave]x[/]",
    "$accent {{x}} %s \\[",
]


def hostile(struct: Any, payload: str) -> Any:
    """Return a copy of a struct with the payload in every text field, however deep."""
    if isinstance(struct, list):
        return [hostile(item, payload) for item in struct]
    if isinstance(struct, dict):
        return {
            f"{payload}{index}": hostile(value, payload)
            for index, value in enumerate(struct.values())
        }
    if isinstance(struct, str):
        return payload
    if not isinstance(struct, msgspec.Struct):
        return struct
    changes = {
        name: hostile(getattr(struct, name), payload)
        for name in struct.__struct_fields__
        if name not in ("state", "level", "paused_by", "at")
    }
    return msgspec.structs.replace(struct, **changes)


def assert_clean(app: Dashboard) -> None:
    text = screen_text(app)
    bad = {
        character
        for character in text
        if character != "\n"
        and (
            ord(character) < 0x20
            or 0x7F <= ord(character) < 0xA0
            or character in "\u202e\u200b\ufeff"
        )
    }
    assert not bad, f"control characters on the screen: {bad!r}"


def tcp_info(payload: str) -> dict[str, dict[str, int]]:
    return {"client": {payload: 3}, payload: {"rtt_us": 5}}


@pytest.mark.parametrize("payload", HOSTILE)
async def test_no_screen_lets_a_control_byte_through(payload: str) -> None:
    app = still_dashboard(guide=[payload])
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        rows = [hostile(row, payload) for row in canned.small_table()]
        status = hostile(canned.status(5, listeners=[ListenerRow(payload, "http")]), payload)
        hand(app, canned.status(1), hostile(canned.backends(), payload), status)
        hand(app, Connections(7, len(rows), 1005.0, rows))
        await pilot.pause()
        assert_clean(app)
        await pilot.press("enter")
        await pilot.pause()
        detail = hostile(canned.detail(5), payload)
        detail = msgspec.structs.replace(detail, tcp_info=tcp_info(payload))
        hand(app, detail)
        for _ in range(3):
            await pilot.pause()
            assert_clean(app)
            await pilot.press("right_square_bracket")
        await pilot.press("X")
        await pilot.pause()
        assert_clean(app)
        await pilot.press("escape")
        app.say(payload, is_error=True)
        app.engine_lost(payload)
        await pilot.pause()
        assert_clean(app)


@pytest.mark.parametrize("payload", HOSTILE)
async def test_events_and_exchanges_are_clean(payload: str) -> None:
    app = still_dashboard()
    async with app.run_test(size=(120, 40)) as pilot:
        hand(app, canned.status(1))
        await pilot.press("E")
        await pilot.pause()
        hand(app, Exchanges([hostile(row, payload) for row in canned.exchanges()]))
        await pilot.pause()
        assert_clean(app)
        await pilot.press("5")
        await pilot.pause()
        hand(app, Events([hostile(row, payload) for row in canned.events()], 4, 0))
        await pilot.press("k")
        await pilot.pause()
        assert_clean(app)
        await pilot.press("y")
        assert "\x1b" not in app.clipboard


def test_the_test_itself_puts_the_payload_everywhere() -> None:
    row = hostile(canned.blocked(1), "x")
    assert row.request == RequestSummary("x", "x", "x")
    assert row.route == RouteSummary("x", "x", None, "x", 3.1)
    assert row.client.address == "x"
    assert hostile(canned.calls(), "x")[0].note == "x"
    assert isinstance(hostile(canned.backends(), "x"), Backends)
    assert hostile(PoolRow("a", "b", []), "x").name == "x"
    assert hostile(BackendRow("a", "b", "ready", 1, 0, 0, None), "x").name == "x"
    assert hostile(CallRow(0, 1, "a", "b", 1, None, None, 0, ""), "x").call == "x"
