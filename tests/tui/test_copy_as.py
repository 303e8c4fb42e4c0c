"""`Y`: one row in the forms that other tools take, whatever a stranger put into it."""

import json
import shlex

import pytest

from rsp.core.replies import RequestSummary
from rsp.tui.model.copy_as import (
    Asked,
    Copy,
    address_of,
    copies_of_decision,
    copies_of_exchange,
    copies_of_session,
    curl_command,
    markdown_row,
    reachable,
    ss_command,
    tcpdump_command,
)
from rsp.tui.screens.menu import Menu
from tests.tui import canned, canned_endings, canned_routes
from tests.tui.editing_engine import EditingEngine
from tests.tui.stage import (
    attached,
    check_golden,
    hand_seconds,
    listening,
    screen_text,
    shows,
    still_dashboard,
    wait_until,
)

AT = "127.0.0.1:8080"
UNIX = "unix:/run/a.sock"


def texts(copies: list[Copy]) -> dict[str, str]:
    return {copy.label: copy.text for copy in copies}


def test_a_session_has_every_form() -> None:
    made = texts(copies_of_session(canned.blocked(41)))
    assert json.loads(made["JSON"])["id"] == 41
    assert made["curl"] == (
        "curl -v -H 'Host: www.example.com' http://127.0.0.1:8080/media/talk.mp4"
    )
    assert made["ss"] == "ss -tinm 'dst 203.0.113.41:51522 or dst 127.0.0.1:9001'"
    assert made["tcpdump"] == (
        "tcpdump -ni any '(host 203.0.113.41 and port 51522) or (host 127.0.0.1 and port 9001)'"
    )
    assert "| `GET www.example.com/media/talk.mp4` |" in made["Markdown"]


def test_a_session_without_a_request_has_no_curl_command() -> None:
    made = texts(copies_of_session(canned.session(1, request=None, backend=None)))
    assert "curl" not in made
    assert made["ss"] == "ss -tinm 'dst 203.0.113.1:51001'"


def test_an_exchange_and_a_decision_name_the_backend_by_its_address() -> None:
    pools = canned.backends().pools
    exchange = canned_endings.exchanges()[0]
    address = address_of(pools, "web", "web1")
    assert address == "127.0.0.1:9001"
    assert address_of(pools, "web", "gone") == address_of(pools, None, None) == ""
    assert address in texts(copies_of_exchange(exchange, AT, address))["ss"]
    decision = canned_routes.decision(1)
    assert "ss" not in texts(copies_of_decision(decision, AT, ""))
    assert AT in texts(copies_of_decision(decision, AT, address))["curl"]


@pytest.mark.parametrize(
    ("asked", "command"),
    [
        (Asked("GET", AT, "/", AT), "curl -v http://127.0.0.1:8080/"),
        (Asked("HEAD", AT, "/", AT), "curl -v --head http://127.0.0.1:8080/"),
        (Asked("POST", "a", "/?b=1", AT), "curl -v -X POST -H 'Host: a' 'http://127.0.0.1:8080/?b=1'"),
        (Asked("GET", "", "/", AT), "curl -v -H Host: http://127.0.0.1:8080/"),
        (Asked("OPTIONS", AT, "*", AT), "curl -v -X OPTIONS --request-target '*' http://127.0.0.1:8080/"),
        (Asked("GET", AT, "/a/../b", AT), "curl -v --request-target /a/../b http://127.0.0.1:8080/"),
        (Asked("GET", AT, "/x#{1}", AT), "curl -v --request-target '/x#{1}' http://127.0.0.1:8080/"),
        (Asked("GET", AT, "/", ""), ""),
        (Asked("GET", UNIX, "/", UNIX), "curl -v --unix-socket /run/a.sock http://localhost/"),
        (Asked("GET", "a", "/b", UNIX), "curl -v --unix-socket /run/a.sock -H 'Host: a' http://localhost/b"),
        (Asked("GET", "a", "/", "unix:/a b"), "curl -v --unix-socket '/a b' -H 'Host: a' http://localhost/"),
        (Asked("GET", "a", "/", "unix:0"), ""),
    ],
)  # fmt: skip
def test_curl_asks_the_same_again(asked: Asked, command: str) -> None:
    assert curl_command(asked) == command


HOSTILE = [
    "/$(reboot)",
    "/`reboot`",
    "/'; reboot; '",
    '/"; reboot; "',
    "/a\nreboot\n",
    "/\x1b]0;title\x07",
    "/\x9b31m\u202e",
    "/-o/etc/passwd",
    "/" + "a" * 9_000,
]


@pytest.mark.parametrize("path", HOSTILE)
def test_what_a_stranger_sent_stays_one_quoted_word(path: str) -> None:
    row = canned.session(1, request=RequestSummary("GET", f"h{path}", path))
    command = texts(copies_of_session(row))["curl"]
    words = shlex.split(command)
    assert words[:3] == ["curl", "-v", "-H"]
    assert words[3].startswith("Host: h/")
    assert len(words) == (5 if "--request-target" not in words else 7)
    assert command.isprintable()
    assert len(command) > len(path)


@pytest.mark.parametrize(
    "address", ["app internal:80", "1.2.3.4:80 or port 22", "'; reboot:80", "1.2.3.4", "a:b:80", ""]
)
def test_what_is_no_address_gets_into_no_filter(address: str) -> None:
    assert ss_command([address]) == tcpdump_command([address]) == ""


def test_addresses_of_both_families_get_into_filters() -> None:
    peers = ["[2001:db8::7f]:4410", "app.internal:80"]
    assert ss_command(peers) == "ss -tinm 'dst [2001:db8::7f]:4410 or dst app.internal:80'"
    assert "host 2001:db8::7f and port 4410" in tcpdump_command(peers)


@pytest.mark.parametrize(
    ("listener", "typed"),
    [
        ("0.0.0.0:80", "127.0.0.1:80"),
        ("[::]:80", "127.0.0.1:80"),
        ("10.0.0.1:80", "10.0.0.1:80"),
        ("", ""),
    ],
)
def test_a_listener_becomes_an_address_that_can_be_typed(listener: str, typed: str) -> None:
    assert reachable(listener) == typed


def test_a_peer_of_a_unix_socket_is_in_no_filter() -> None:
    peers = ["unix:0", "unix:/run/a.sock", "127.0.0.1:9001"]
    assert ss_command(peers) == "ss -tinm 'dst 127.0.0.1:9001'"
    assert tcpdump_command(peers[:2]) == ""


def test_a_markdown_row_has_no_markup_but_its_own() -> None:
    made = markdown_row({"id": 7, "path": "/a|b`<img>\\", "host": "<b>x</b>", "key": None})
    head, rule, row = made.split("\n")
    assert head == "| id | path | host | key |"
    assert rule == "|---|---|---|---|"
    assert row == "| 7 | /a&#124;b&#96;&#60;img&#62;&#92; | `<b>x</b>` |  |"


async def test_the_menu_shows_each_form() -> None:
    app = still_dashboard()
    async with app.run_test(size=(80, 24)) as pilot:
        hand_seconds(app, 2)
        await pilot.pause()
        await pilot.press("Y")
        await listening(app, pilot)
        await pilot.pause()
        await check_golden(pilot, app, "copy-as-80x24")


async def test_a_row_is_copied_in_the_form_that_was_picked(editing: EditingEngine) -> None:
    app = attached(editing)
    async with app.run_test(size=(120, 35), notifications=True) as pilot:
        await shows(pilot, app, "● BLOCKED")
        await pilot.press("Y")
        await listening(app, pilot)
        await pilot.press("Y", "s")
        await shows(pilot, app, "Copied session 41 as ss.")
        assert app.clipboard.startswith("ss -tinm 'dst 203.0.113.41:51522")
        for keys, what, begin in (
            (("E",), "exchange", "curl -v"),
            (("escape", "2"), "web/web1", "curl -v http://127.0.0.1:9001/"),
            (("3",), "decision", "curl -v"),
        ):
            await pilot.press(*keys)
            await wait_until(pilot, lambda: app.frame and app.frame.copies() is not None, what)
            await pilot.press("Y")
            await listening(app, pilot)
            assert isinstance(app.screen, Menu)
            await pilot.press("down", "enter")
            await shows(pilot, app, f"Copied {what}")
            assert app.clipboard.startswith(begin)
        await pilot.press("4")
        await shows(pilot, app, "blog.lua · ")
        assert "Copy as" not in screen_text(app)


@pytest.mark.parametrize("size", [(120, 35), (90, 24), (80, 24), (60, 16)])
async def test_each_form_shows_how_it_begins_within_the_edge_of_the_menu(
    size: tuple[int, int],
) -> None:
    app = still_dashboard()
    async with app.run_test(size=size) as pilot:
        hand_seconds(app, 2)
        await pilot.press("Y")
        await shows(pilot, app, "Cancel  esc")
        lines = screen_text(app).split("\n")
    edge = next(line for line in lines if "Copy session" in line).rindex("╮")
    begins = [line for line in lines if '{"id":' in line or "ss -tinm" in line or "curl -v" in line]
    assert len(begins) == 3
    assert {line[edge] for line in begins} == {"│"}
    assert all("…" in line for line in begins if "{" in line)
