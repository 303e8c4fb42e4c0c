"""Toxics on HTTP exchanges, both ways, and the points at which a message breaks off."""

import socket
import threading
import time

import pytest

from tests.behaviour.faulty import add, both_ways, wait_for_end
from tests.behaviour.running import Engine, Row
from tests.behaviour.scripted import Backend
from tests.behaviour.waiting import PATIENCE_S, wait_until
from tests.behaviour.wire import (
    Message,
    Truncated,
    Wire,
    chunked,
    head,
    numbered,
    request,
    response,
)

MIB = 1 << 20
PAGE = numbered(MIB)


def echo(message: Message) -> bytes:
    return response("200 OK", message.body)


def post(proxy: Engine, client: Wire, body: bytes = PAGE) -> Message:
    return client.ask(request("POST", "/", body=body))


@both_ways
@pytest.mark.parametrize(
    ("kind", "values", "least_s"),
    [
        ("latency", {"latency": 200, "jitter": 50}, 0.15),
        ("bandwidth", {"rate": 4000}, (MIB - 400_000) / 4e6),
        ("slicer", {"average_size": 30_000, "size_variation": 9000, "delay": 1000}, 0.02),
    ],
)
def test_an_exchange_that_takes_longer(
    proxy: Engine, site: Backend, way: str, kind: str, values: Row, least_s: float
) -> None:
    site.answer = echo
    client = proxy.connect()
    assert post(proxy, client, b"before").body == b"before"
    number = add(proxy, kind, way, **values)
    began_s = time.monotonic()
    assert post(proxy, client).body == PAGE
    assert time.monotonic() - began_s >= least_s
    proxy.ask("fault.remove", id=number)
    # Both connections are as they were.
    assert post(proxy, client, b"after").body == b"after"
    assert proxy.row(client)["exchanges"] == 3
    assert site.connections == 1
    books = proxy.ask("connection", id=proxy.row(client)["id"])["ledger"]
    for flow in books.values():
        assert (flow["in"], flow["balanced"]) == (MIB + 11, True)


def test_a_fault_that_goes_in_the_middle_lets_go(proxy: Engine, site: Backend) -> None:
    site.answer = lambda _: response("200 OK", PAGE)
    client = proxy.connect()
    number = add(proxy, "latency", latency=3_600_000)
    second = add(proxy, "bandwidth", rate=1)
    client.send(request())
    wait_until(lambda: proxy.row(client)["client"]["unsent_bytes"] > MIB)
    proxy.ask("fault.remove", id=number)
    # One is left, which lets a little through.
    assert client.read_head().status == 200
    proxy.ask("fault.remove", id=second)
    assert client.read(MIB) == PAGE
    site.answer = echo
    assert post(proxy, client, b"after").body == b"after"
    assert proxy.ask("connection", id=proxy.row(client)["id"])["ledger"]["response"]["balanced"]


def test_responses_that_wait_behind_each_other_are_balanced(proxy: Engine, site: Backend) -> None:
    site.answer = lambda message: (
        head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked")
        + chunked(message.path.encode() * 1000)
    )
    client = proxy.connect()
    add(proxy, "latency", latency=100)
    client.send(*(request("GET", f"/{number}") for number in range(3)))
    for number in range(3):
        assert client.read_response().body == b"/%d" % number * 1000
    flow = proxy.ask("connection", id=proxy.row(client)["id"])["ledger"]["response"]
    assert (flow["in"], flow["balanced"]) == (6000, True)


def test_two_faults_at_once_lose_what_the_books_say(proxy: Engine, site: Backend) -> None:
    page = numbered(8 * MIB)
    site.answer = lambda _: response("200 OK", page, "Connection: close")
    add(proxy, "latency", latency=50)
    add(proxy, "lose_on_eagain")
    client = proxy.connect(receive_bytes=16384)
    client.send(request("GET", "/", "Connection: close"))
    session = proxy.row(client)["id"]
    wait_until(lambda: proxy.ask("connection", id=session)["ledger"]["response"]["dropped"])
    client.read_head()
    got = client.read_to_end()
    client.close()
    flow = wait_for_end(proxy, session)["ledger"]["response"]
    assert flow["dropped"] == len(page) - len(got)
    assert not page.startswith(got)
    assert flow["first_divergence"] == next(
        at for at, pair in enumerate(zip(got, page, strict=False)) if pair[0] != pair[1]
    )


CHUNKS = head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked") + chunked(b"first", b"second")
STOPS = [
    ("headers", 1, None),
    ("chunk_line", 2, b"\r\nsecond"),
    ("inside_chunk", 2, b"ond"),
    ("before_last_chunk", 1, b"0\r\n\r\n"),
]
"""Points, and what comes right behind them; None: the last line of the head."""


@pytest.mark.parametrize("end", ["hang", "close", "reset"])
@pytest.mark.parametrize(("point", "chunk", "behind"), STOPS)
def test_stop_at(
    proxy: Engine, site: Backend, point: str, chunk: int, behind: bytes | None, end: str
) -> None:
    site.answer = lambda _: CHUNKS
    client = proxy.connect()
    assert client.get().body == b"firstsecond"
    whole = bytes(client.received)
    line = whole[: whole.index(b"\r\n\r\n")].rpartition(b"\r\n")[2]
    may_come = whole.index(behind or line)
    number = add(proxy, "stop_at", point=point, chunk=chunk, end=end)
    client.send(request())
    if end == "hang":
        wait_until(lambda: proxy.row(client)["client"]["unsent_bytes"])
        client.read(may_come)
        client.sock.settimeout(0.05)
        with pytest.raises(TimeoutError):
            client.read(1)
        client.sock.settimeout(PATIENCE_S)
        proxy.ask("fault.remove", id=number)
        client.read(len(whole) - may_come)
        assert client.get().body == b"firstsecond"
        return
    if end == "close":
        client.read_to_end()
    else:
        assert client.is_reset()
    came = len(client.received) - len(whole)
    client.close()
    result = f"injected: the fault {number} (stop_at) closed it"
    wait_until(lambda: proxy.last_exchange()["result"] == result)
    # A reset may overtake what came before it.
    assert came == may_come if end == "close" else came <= may_come


def test_a_stop_in_the_midst_of_a_body_waits_for_the_next_message(
    proxy: Engine, site: Backend
) -> None:
    go_on = threading.Event()

    def script(wire: Wire) -> None:
        wire.read_request()
        wire.send(head("HTTP/1.1 200 OK", "Content-Length: 10"), b"first")
        assert go_on.wait(PATIENCE_S)
        wire.send(b"later")
        site.serve(wire)

    site.script = script
    client = proxy.connect()
    client.send(request())
    client.read_to(b"first")
    add(proxy, "stop_at", point="headers", end="close")
    go_on.set()
    assert client.read(5) == b"later"
    client.send(request())
    with pytest.raises(Truncated):
        client.read_head()


def test_a_client_that_is_gone_is_not_held_for_ever(proxy: Engine, site: Backend) -> None:
    site.answer = lambda _: response("200 OK", b"held")
    add(proxy, "timeout")
    client = proxy.connect()
    client.send(request())
    session = wait_until(lambda: proxy.row(client))["id"]
    wait_until(lambda: proxy.row(client)["client"]["unsent_bytes"])
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
    assert wait_for_end(proxy, session)["close_reason"] == "client_gone"
    # The response was passed on whole, and never left.
    assert proxy.last_exchange()["result"].startswith("client_gone: ")


def test_a_fault_that_ends_with_its_first_exchange_leaves_the_next_one_whole(
    proxy: Engine, site: Backend
) -> None:
    """The next one is begun from within the flush of the first, and takes the fault off."""
    pages = {"/1": numbered(250_000), "/2": numbered(350_000)}
    site.answer = lambda asked: response("200 OK", pages[asked.path])
    client = proxy.connect(receive_bytes=4096)
    proxy.ask("fault.add", kind="slow_close", values={"delay": 1000}, direction="response", first=1)
    client.send(request(path="/1"), request(path="/2"))
    wait_until(lambda: proxy.row(client)["state"] == "idle")
    assert [client.read_response().body for _ in pages] == list(pages.values())
    assert not [line for line in proxy.events() if "a bug of ours" in line]
