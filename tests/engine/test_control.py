"""The control socket: a real server, a real engine, and clients of every kind."""

import asyncio
import json
import os
import socket
from contextlib import suppress
from pathlib import Path

import pytest

from rsp.core.limits import CONTROL_CLIENTS, CONTROL_LINE_BYTES, EVENTS_KEPT
from rsp.core.params import Params
from rsp.core.wire import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    REFUSED,
)
from rsp.engine import commands
from rsp.engine.server import Engine
from tests.engine.control_site import DEADLINE_S, MIB, Client, Site, command

# -- requests and replies


@pytest.mark.parametrize("request_id", [0, 7, -1, "a", "ä", None])
async def test_a_reply_has_the_id_of_its_command(site: Site, request_id: object) -> None:
    client = await site.open()
    assert (await client.say(command("status", request_id=request_id)))["id"] == request_id
    assert (await client.say(command("nothing", request_id=request_id)))["id"] == request_id


async def test_many_requests_at_once_are_answered_in_their_order(site: Site) -> None:
    client = await site.open()
    client.writer.write(b"".join(command("status", request_id=n) for n in range(100)))
    assert [(await client.hear())["id"] for _ in range(100)] == list(range(100))


async def test_empty_lines_are_passed_over(site: Site) -> None:
    client = await site.open()
    assert (await client.say(b"\n\r\n \n" + command("status")))["id"] == 7


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"GET / HTTP/1.1\r\n", PARSE_ERROR),
        (b"\x00\xff\x16\x03\x01\n", PARSE_ERROR),
        (b'{"method": "\xff"}\n', PARSE_ERROR),
        (b'{"method": "a", "params": {"a": ' + b"[" * 30_000 + b"\n", PARSE_ERROR),
        (b"[]\n", INVALID_REQUEST),
        (b'{"id": 1}\n', INVALID_REQUEST),
        (b'{"method": 7}\n', INVALID_REQUEST),
    ],
    ids=lambda value: repr(value)[:30],
)
async def test_garbage_is_answered_and_nothing_is_called_a_bug(
    site: Site, line: bytes, code: int
) -> None:
    client = await site.open()
    reply = await client.say(line)
    assert (reply["error"]["code"], reply["id"]) == (code, None)
    assert site.errors() == []
    assert await client.ask("status"), "the connection is still good"


async def test_an_unknown_command_is_told_which_there_are(site: Site) -> None:
    code, text = await (await site.open()).refused("backends.add")
    assert code == METHOD_NOT_FOUND
    assert 'no command "backends.add"' in text
    assert all(name in text for name in commands.COMMANDS)


@pytest.mark.parametrize(
    ("method", "params", "says"),
    [
        ("connection", {}, "`id`"),
        ("connection", {"id": "41"}, "Expected `int`, got `str`"),
        ("status", {"verbose": True}, "`verbose`"),
        ("backend.add", {"pool": "web", "name": "c", "adress": "127.0.0.1:1"}, "adress"),
        ("backend.set", {"target": "web/a", "state": "gone"}, "ready, drain, maint"),
        ("connections", {"filter": "nonsense>"}, "nonsense"),
        ("connections", {"sort": "nothing"}, "nothing"),
        ("stop", {"drain": -1}, "0 or more seconds"),
    ],
)
async def test_wrong_parameters_are_named(
    site: Site, method: str, params: dict[str, object], says: str
) -> None:
    code, text = await (await site.open()).refused(method, **params)
    assert code == INVALID_PARAMS
    assert says in text
    assert not site.engine.stopping.is_set()


async def test_what_the_engine_refuses_is_said_in_its_words(site: Site) -> None:
    client = await site.open()
    assert await client.refused("backend.remove", target="web/z") == (
        REFUSED,
        "no backend web/z; pool web has a",
    )
    code, text = await client.refused("close", id=41)
    assert code == REFUSED
    assert "session 41 is not there" in text


@pytest.mark.parametrize("noun", ["fault", "break"])
@pytest.mark.parametrize("given", ["²", "1" * 5000, "٣", "-1", 10**30], ids=range(5))
async def test_what_looks_like_a_number_and_is_none_of_ours_is_not_there(
    site: Site, noun: str, given: int | str
) -> None:
    code, text = await (await site.open()).refused(f"{noun}.remove", id=given)
    assert (code, f'"{given}"; there are none' in text) == (REFUSED, True)


async def test_a_change_is_in_force_when_it_is_answered(site: Site) -> None:
    client, other = await site.open(), await site.open()
    changed = await client.ask("backend.add", pool="web", name="b", address="127.0.0.1:9002")
    assert changed["generation"] == 2
    pools = (await other.ask("backends"))["pools"]
    assert [row["name"] for row in pools[0]["backends"]] == ["a", "b"]
    who = (await other.ask("edits"))["edits"][0]["who"]
    assert who == f"uid {os.getuid()}, pid {os.getpid()}"


async def test_a_bug_of_ours_costs_its_reply_and_is_noted(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_engine: Engine, _params: Params) -> None:
        raise ZeroDivisionError("sorry")

    monkeypatch.setitem(commands.COMMANDS, "status", (Params, fail))
    client = await site.open()
    code, text = await client.refused("status")
    assert code == INTERNAL_ERROR
    assert "ZeroDivisionError('sorry')" in text
    assert len(site.errors()) == 1
    assert await client.ask("backends")


# -- clients that behave badly


def send_and_read(path: Path, data: bytes) -> list[bytes]:
    """Send `data` for as long as anybody takes it; return the lines that came back."""
    answer = b""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(DEADLINE_S)
        sock.connect(str(path))
        with suppress(ConnectionError):
            sock.sendall(data)
        with suppress(ConnectionError):
            while piece := sock.recv(MIB):
                answer += piece
    return answer.splitlines()


async def test_a_line_may_be_so_long_and_no_longer(site: Site) -> None:
    room = CONTROL_LINE_BYTES - len(command("explain", method="GET", url=""))
    longest = command("explain", method="GET", url="u" * room)
    assert len(longest) == CONTROL_LINE_BYTES
    taken, refused = [
        json.loads(line)
        for line in await asyncio.to_thread(send_and_read, site.path, longest + b"  " + longest)
    ]
    assert taken["id"] == 7
    assert refused["error"]["code"] == INVALID_REQUEST
    assert f"{CONTROL_LINE_BYTES:,} bytes" in refused["error"]["message"]


async def test_ten_megabytes_without_a_newline_are_refused_and_not_kept(site: Site) -> None:
    other = await site.open()
    sending = asyncio.ensure_future(asyncio.to_thread(send_and_read, site.path, b"x" * 10 * MIB))
    assert await other.ask("status")
    (line,) = await asyncio.wait_for(sending, DEADLINE_S)
    assert json.loads(line)["error"]["code"] == INVALID_REQUEST
    assert await other.ask("status")


async def test_half_a_line_waits_for_its_other_half(site: Site) -> None:
    client, other = await site.open(), await site.open()
    line = command("status")
    client.writer.write(line[:20])
    assert await other.ask("status")
    assert (await client.say(line[20:]))["id"] == 7


async def test_a_client_that_leaves_in_the_middle_of_a_line_costs_nothing(site: Site) -> None:
    for _ in range(10):
        client = await site.open()
        client.writer.write(command("status")[:20])
        await client.close()
    assert await (await site.open()).ask("status")
    assert site.errors() == []


async def test_a_client_that_never_reads_waits_for_itself_alone(site: Site) -> None:
    for number in range(1000):
        site.engine.note(f"event {number} " + "x" * 100)
    deaf, other = await site.open(), await site.open()
    deaf.reader._limit = 1  # type: ignore[attr-defined]
    deaf.writer.write(b"".join(command("events", request_id=n) for n in range(50)))
    deaf.writer.transport.pause_reading()  # type: ignore[attr-defined]
    for _ in range(8):
        assert len((await other.ask("events"))["events"]) >= 1000
    deaf.reader._limit = 64 * MIB  # type: ignore[attr-defined]
    deaf.writer.transport.resume_reading()  # type: ignore[attr-defined]
    assert [(await deaf.hear())["id"] for _ in range(50)] == list(range(50))


async def test_so_many_clients_are_served_and_the_others_told_so_and_hung_up_on(
    site: Site,
) -> None:
    clients = [await site.open() for _ in range(CONTROL_CLIENTS)]
    assert await clients[-1].ask("status")
    crowd = [await site.open() for _ in range(100 - CONTROL_CLIENTS)]
    for client in crowd:
        refusal = (await client.hear())["error"]
        assert refusal["code"] == REFUSED
        assert refusal["message"].startswith(f"{CONTROL_CLIENTS} control clients are connected")
        assert await client.is_hung_up()
    assert await clients[0].ask("status")
    for client in clients[1:]:
        await client.close()
    for _ in range(1000):
        late = await site.open()
        if "result" in await late.say(command("status")):
            break
    else:
        pytest.fail("nobody is let in any more")


@pytest.mark.capability("root")
async def test_a_stranger_is_refused_with_a_reason(site: Site) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can be somebody else for a moment")
    os.chmod(site.path.parent, 0o755)
    os.chmod(site.path, 0o666)
    sock = socket.socket(socket.AF_UNIX)
    os.seteuid(65534)
    try:
        sock.connect(str(site.path))
    finally:
        os.seteuid(0)
    client = Client(*await asyncio.open_unix_connection(sock=sock))
    reply = await client.hear()
    assert "this engine belongs to uid 0; you are uid 65534" in reply["error"]["message"]
    assert await client.is_hung_up()
    await client.close()


# -- events


async def test_a_gap_in_the_events_is_never_hidden(site: Site) -> None:
    for number in range(EVENTS_KEPT + 5):
        site.engine.note(str(number))
    client = await site.open()
    read = await client.ask("events", since=0)
    kept = read["events"]
    assert (len(kept), read["dropped"]) == (EVENTS_KEPT, read["next_since"] - EVENTS_KEPT)
    assert read["dropped"] >= 5
    assert [row["seq"] for row in kept] == list(range(read["dropped"] + 1, read["next_since"] + 1))
    again = await client.ask("events", since=read["next_since"])
    assert (again["events"], again["dropped"]) == ([], 0)


async def test_who_waits_for_an_event_gets_it_when_it_happens(site: Site) -> None:
    client, other = await site.open(), await site.open()
    since = (await client.ask("events"))["next_since"]
    waiting = asyncio.ensure_future(client.ask("events", since=since, wait_s=60))
    assert await other.ask("status")
    assert not waiting.done()
    site.engine.note("it happened")
    read = await asyncio.wait_for(waiting, DEADLINE_S)
    assert [row["message"] for row in read["events"]] == ["it happened"]


async def test_who_waits_in_vain_is_answered_when_the_time_is_up(site: Site) -> None:
    client = await site.open()
    since = (await client.ask("events"))["next_since"]
    read = await client.ask("events", since=since, wait_s=0.05)
    assert read == {"events": [], "next_since": since, "dropped": 0}


async def test_who_asks_for_the_past_does_not_wait(site: Site) -> None:
    site.engine.note("long ago")
    read = await (await site.open()).ask("events", since=0, wait_s=60)
    assert read["events"][-1]["message"] == "long ago"


async def test_when_the_engine_ends_nobody_is_kept_waiting(site: Site) -> None:
    client = await site.open()
    since = (await client.ask("events"))["next_since"]
    client.writer.write(command("events", since=since, wait_s=60))
    idle = await site.open()
    await idle.ask("status")
    await site.server.stop()
    assert await client.is_hung_up()
    assert await idle.is_hung_up()
    assert not site.path.exists()
