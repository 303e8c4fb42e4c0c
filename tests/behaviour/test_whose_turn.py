"""Silence is a fact only where somebody has something to say: never of whom nobody waits for."""

import threading
from collections.abc import Iterator

import pytest

from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import OpenBackend, StartEngine
from tests.behaviour.running import Engine, Row
from tests.behaviour.scripted import Backend, Script
from tests.behaviour.waiting import PATIENCE_S, wait_until
from tests.behaviour.wire import Wire, head, request, response

SMALL_BYTES = 8192
QUIET_MS = 250
"""For longer than it takes to be called stalled."""
UPGRADE = head("GET /ws HTTP/1.1", "Host: a", "Connection: Upgrade", "Upgrade: websocket")
SWITCHING = head("HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: websocket")


def shared_config(site: Backend) -> str:
    return (
        'listen { address = "127.0.0.1:0" }\nlisten { address = "127.0.0.1:0", mode = "tcp" }\n'
    ) + pool(site)


def quiet_row(proxy: Engine, client: Wire) -> Row:
    """Return the row of a client's session when its kernel has long heard nothing of anybody."""

    def look() -> Row:
        row: Row = proxy.ask("connection", id=proxy.row(client)["id"])
        is_quiet = row["tcp_info"] and all(
            min(info["last_data_sent_ms"], info["last_data_recv_ms"]) > QUIET_MS
            for info in row["tcp_info"].values()
        )
        return row if is_quiet else {}

    return wait_until(look)


def accused(row: Row) -> dict[str, str]:
    """Return the sentence about each side that is said to stall."""
    sides = {side: row[side]["stall"] for side in ("client", "backend") if row[side]}
    return {side: stall["sentence"] for side, stall in sides.items() if stall}


def test_a_client_that_has_not_asked_yet(proxy: Engine) -> None:
    client = proxy.connect()
    assert accused(quiet_row(proxy, client)) == {}


def test_a_kept_connection(proxy: Engine) -> None:
    client = proxy.connect()
    assert client.get().status == 200
    assert accused(quiet_row(proxy, client)) == {}


@pytest.fixture
def over(site: Backend) -> Iterator[threading.Event]:
    """Is set when the test is over: until then a backend that says no more keeps its connection."""
    event = threading.Event()
    yield event
    event.set()


def talk(over: threading.Event, *pieces: bytes, reads: bool = True, ends: bool = False) -> Script:
    """Return a script that hears a head, says some pieces and then nothing."""

    def script(wire: Wire) -> None:
        if reads:
            wire.read_head()
        wire.send(*pieces)
        if ends:
            wire.finish()
        assert over.wait(PATIENCE_S)

    return script


@pytest.mark.parametrize("ends", ["nobody", "client", "backend"])
def test_a_relay(proxy: Engine, site: Backend, over: threading.Event, ends: str) -> None:
    site.script = talk(over, b"hello", reads=False, ends=ends == "backend")
    client = proxy.connect(proxy.ports[1])
    assert client.read(5) == b"hello"
    client.send(b"hello")
    if ends == "client":
        client.finish()
    assert accused(quiet_row(proxy, client)) == {}


@pytest.mark.parametrize("ends", ["nobody", "client", "backend"])
def test_a_tunnel(proxy: Engine, site: Backend, over: threading.Event, ends: str) -> None:
    site.script = talk(over, SWITCHING, ends=ends == "backend")
    client = proxy.connect()
    assert client.ask(UPGRADE).status == 101
    client.send(b"hello")
    if ends == "client":
        client.finish()
    assert accused(quiet_row(proxy, client)) == {}


def test_a_long_poll_is_told_calmly(proxy: Engine, site: Backend, over: threading.Event) -> None:
    """A client that has said all it has to say, and ended, waits as well as any other."""
    site.script = talk(over)
    client = proxy.connect()
    client.send(request())
    client.finish()
    said = wait_until(lambda: accused(quiet_row(proxy, client)))
    assert list(said) == ["backend"]
    assert said["backend"].startswith("web1 sends nothing for ")
    assert said["backend"].endswith(": it has the whole request and has not begun to answer")


def test_a_stream_of_events_pauses(proxy: Engine, site: Backend, over: threading.Event) -> None:
    events = head(
        "HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "Content-Type: text/event-stream"
    )
    site.script = talk(over, events, b"6\r\ndata: \r\n")
    client = proxy.connect()
    client.send(request())
    said = wait_until(lambda: accused(quiet_row(proxy, client)))
    assert list(said) == ["backend"]
    assert said["backend"].endswith(": its response pauses before chunk 2, after 6 bytes")


def test_a_client_that_asks_first_is_not_accused(
    proxy: Engine, site: Backend, over: threading.Event
) -> None:
    """It has sent no body because nobody has told it to (RFC 9110, section 10.1.1)."""
    site.script = talk(over)
    client = proxy.connect()
    client.send(head("PUT / HTTP/1.1", "Host: a", "Content-Length: 5", "Expect: 100-continue"))
    said = wait_until(lambda: accused(quiet_row(proxy, client)))
    assert list(said) == ["backend"]
    assert said["backend"].endswith(": it was asked whether the body may come, and has not said so")


def test_a_client_that_was_told_to_go_on_has_to(
    proxy: Engine, site: Backend, over: threading.Event
) -> None:
    site.script = talk(over, head("HTTP/1.1 100 Continue"))
    client = proxy.connect()
    client.send(head("PUT / HTTP/1.1", "Host: a", "Content-Length: 5", "Expect: 100-continue"))
    client.read_head()
    said = wait_until(lambda: accused(quiet_row(proxy, client)))
    assert list(said) == ["client"]
    assert said["client"].endswith(": its request body pauses after 0 of 5 body bytes")


def test_a_backend_cannot_answer_what_it_does_not_read(
    engine: StartEngine, backend: OpenBackend
) -> None:
    """The whole request fits into the buffers of the two kernels, and there is no EAGAIN."""
    may_read = threading.Event()

    def script(wire: Wire) -> None:
        assert may_read.wait(PATIENCE_S)
        wire.read_request()
        wire.send(response("200 OK", b"read"))
        wire.read_to_end()

    site = backend(script)
    site.limit_receiving(SMALL_BYTES)
    proxy = engine(LISTEN + pool(site))
    client = proxy.connect()
    client.send(request("PUT", body=bytes(5 * SMALL_BYTES)))
    row = quiet_row(proxy, client)
    assert row["backend"]["eagain_writes"] == 0
    assert row["backend"]["stall"]["cause"] == "peer_not_reading"
    assert accused(row)["backend"].startswith("web1 not reading: its window ")
    may_read.set()
    assert client.read_response().body == b"read"


def test_who_was_not_read_is_not_silent_when_it_is_read_again(
    proxy: Engine, site: Backend, over: threading.Event
) -> None:
    """A pause by hand is over: from now on there is something to wait for."""
    site.script = talk(over)
    client = proxy.connect()
    client.send(head("PUT / HTTP/1.1", "Host: a", "Content-Length: 5"))
    session = proxy.wait_for_state(client, "streaming")["id"]
    proxy.ask("pause", id=session)
    assert proxy.row(client)["client"]["stall"]["cause"] == "operator"
    quiet_row(proxy, client)
    proxy.ask("resume", id=session)
    row = proxy.row(client)
    stall = row["client"]["stall"]
    assert stall is None or stall["since_s"] < row["age_s"] - QUIET_MS / 1000
