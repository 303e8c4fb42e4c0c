"""Hostile bytes through a real engine to every place where people read: nothing is obeyed there.

What a client may not send at all (an ESC in a target) still reaches people when a `route` decodes
it and says it again; so this one decodes, and says it as key, reason, error, pool and by printing.
"""

import json
import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.running import Engine
from tests.behaviour.screen import Screen
from tests.behaviour.scripted import Backend
from tests.behaviour.wire import head
from tests.hostile import HOSTILE, MARK, as_sent, obeyed

ROUTE = """
local function decoded(text)
  return (text:gsub("%%(%x%x)", function(digits) return string.char(tonumber(digits, 16)) end))
end
function route(request)
  local how, text = request.query:match("^(%l+)=(.*)$")
  if not how then return "web" end
  text = decoded(text)
  if how == "error" then error(text) end
  if how == "pool" then return text end
  if how == "print" then print(text) end
  return "web", { key = text, reason = text }
end
"""
WAYS = ["key", "print", "error", "pool"]
SAMPLE = HOSTILE[::4]


def shared_config(site: Backend) -> str:
    return LISTEN + pool(site, settings='balance = "hash",') + ROUTE


@pytest.fixture
def haunted(proxy: Engine) -> Engine:
    """The shared engine, after all payloads have been there, the same ones for each test."""
    wire = proxy.connect()
    for number, payload in enumerate(HOSTILE):
        how = WAYS[number % len(WAYS)]
        encoded = quote(as_sent(payload)[:1500], safe="")
        answer = wire.get(f"/{MARK}[/b]?{how}={encoded}")
        assert answer.status == (502 if how in ("error", "pool") else 200)
        assert obeyed(answer.body.decode()) == set()
        if answer.status == 502:
            wire = proxy.connect()
    for payload in SAMPLE:
        raw = as_sent(payload)
        for request in (
            b"G%bT / HTTP/1.1\r\nHost: a\r\n\r\n" % raw,
            b"GET /%b HTTP/1.1\r\nHost: a\r\n\r\n" % raw,
            b"GET / HTTP/1.1\r\nHost: %b\r\n\r\n" % raw,
            b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x00%b\r\n\r\n" % raw,
        ):
            refused = proxy.connect()
            refused.send_what_is_taken(request)
            assert obeyed(refused.read_head().raw_head.decode("latin-1").replace("\r", "")) == set()
    proxy.hang_up()
    return proxy


def test_no_text_of_ctl_and_no_line_of_the_log_holds_one(haunted: Engine) -> None:
    for words in (["decisions"], ["events"], ["exchanges"], ["backends"], ["connections"]):
        done = haunted.run_ctl(*words)
        assert (done.returncode, done.stderr) == (0, "")
        assert obeyed(done.stdout) == set(), words
    assert MARK in haunted.run_ctl("decisions").stdout
    for row in haunted.ask("decisions")["decisions"][::24]:
        detail = haunted.run_ctl("connection", str(row["session"]))
        assert obeyed(detail.stdout + detail.stderr) == set()
    for payload in SAMPLE[::2]:
        text = payload.replace("\0", "").encode("utf-8", "replace").decode()[:900]
        for words in (["explain", "GET", text], ["connections", "--filter", text]):
            done = haunted.run_ctl(*words)
            assert done.returncode in (0, 1)
            assert obeyed(done.stdout + done.stderr) == set(), (words, done.stderr)
    log = haunted.log
    assert MARK in log
    assert obeyed(log) == set()


def test_json_says_the_same_and_no_terminal_obeys_it(haunted: Engine) -> None:
    rows = haunted.ask("events")["events"]
    assert any(MARK in row["message"] for row in rows)
    for name in ("events", "decisions", "exchanges"):
        printed = haunted.run_ctl(name, "--json").stdout
        assert obeyed(printed) == set()
        assert MARK in printed
        assert len(json.loads(printed)[name]) > 50


@pytest.fixture
def screen(haunted: Engine) -> Iterator[Screen]:
    opened = Screen(haunted)
    yield opened
    opened.close()


def test_no_byte_of_a_payload_reaches_a_real_terminal(haunted: Engine, screen: Screen) -> None:
    held = haunted.connect()
    held.send(head(f"POST /{MARK}[@click=app.bell]x[/] HTTP/1.1", "Host: a", "Content-Length: 3"))
    screen.read_until(f"/{MARK}[@click=app.bell]x[/]")
    for key, text in ((b"E", "bad_request"), (b"3", "Decisions ["), (b"5", "answered 400")):
        screen.press(key)
        screen.read_until(text)
    raw = screen.raw
    assert MARK.encode() in raw
    for payload in HOSTILE:
        if obeyed(payload):
            assert as_sent(payload)[:1500] not in raw, payload
    # Only the sequences of the dashboard itself are left: CSI, and the shape of the pointer.
    raw = re.sub(rb"\x1b\]22;[a-z]+\x07", b"", raw)
    assert set(re.findall(rb"\x1b(?!\[).{,12}", raw)) == set()
    text = raw.decode("utf-8")
    assert obeyed(text) <= {"\x1b", "\r"}
    assert set(re.findall(r"\x1b\[[\d;]*([A-Za-z])", text)) <= {"m", "H"}
