"""Floods: more requests, more framing and more clients than there is room for, and it goes on."""

import selectors
import socket

import pytest

from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import OpenBackend, StartEngine
from tests.behaviour.running import Engine
from tests.behaviour.scripted import Backend
from tests.behaviour.waiting import wait_until
from tests.behaviour.wire import request, response

KIB = 1024
PIPELINED = 100_000
FDS = 256
CLIENTS = 1_000


def shared_config(site: Backend) -> str:
    return LISTEN + pool(site)


def test_100_000_requests_of_a_client_that_never_reads_wait_outside(
    engine: StartEngine, backend: OpenBackend
) -> None:
    """What is kept: responses up to the mark and a read more, and requests up to one read."""
    site = backend(answer=lambda _: response("200 OK", b"x" * 2_000))
    proxy = engine(LISTEN + pool(site))
    client = proxy.connect(receive_bytes=8 * KIB)
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 * KIB)
    rest = memoryview(request() * PIPELINED)
    client.sock.setblocking(False)
    with selectors.DefaultSelector() as writable:
        writable.register(client.sock, selectors.EVENT_WRITE)
        # The client is blocked once its kernel has taken nothing for a second.
        while writable.select(1.0):
            rest = rest[client.sock.send(rest[: 64 * KIB]) :]
    assert len(rest) > len(request()) * PIPELINED / 2, "the client could send most of it"
    assert len(site.requests) < PIPELINED / 100
    wait_until(lambda: proxy.row(client)["client"]["paused_by"] == ["pipelined"])
    row = proxy.row(client)
    assert row["client"]["unsent_peak_bytes"] <= 128 * KIB
    assert 64 * KIB <= proxy.ask("status")["memory"]["used_bytes"] <= (128 + 64 + 32) * KIB
    assert proxy.get().status == 200


CHUNKED = request("POST", "/", "Transfer-Encoding: chunked")
TOO_MUCH_FRAMING = {
    "one-extension": (b"5;" + b"x" * 300 + b"\r\nhello\r\n0\r\n\r\n", "chunk"),
    "many-extensions": ((b"1;" + b"x" * 250 + b"\r\nh\r\n") * 70, "extension"),
    "trailers": (b"0\r\n" + b"X: 123456\r\n" * 900 + b"\r\n", "trailer"),
    "endless-trailer": (b"0\r\nX: " + b"x" * 9_000, "trailer"),
    "endless-size": (b"0" * 100, "chunk"),
}


@pytest.mark.parametrize(("body", "word"), TOO_MUCH_FRAMING.values(), ids=TOO_MUCH_FRAMING)
def test_framing_without_end_is_refused(
    proxy: Engine, site: Backend, body: bytes, word: str
) -> None:
    client = proxy.connect()
    client.send(CHUNKED, body)
    answer = client.read_response()
    assert answer.status == 400
    assert word in answer.body.decode()
    assert site.requests == []


def test_a_head_of_many_small_fields_is_refused(proxy: Engine, site: Backend) -> None:
    client = proxy.connect()
    client.send(request("GET", "/", *["A: b"] * 101))
    assert client.read_response().status == 431
    assert site.connections == 0


def test_1000_clients_and_256_fds_leave_the_engine_calm_and_the_present_served(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(LISTEN + pool(backend()), fds=FDS)
    present = [proxy.connect() for _ in range(10)]
    assert [client.get().status for client in present] == [200] * 10
    crowd = [proxy.connect() for _ in range(CLIENTS)]
    proxy.wait_for_event("no fd left")
    assert proxy.ask("status")["listeners"][0]["paused_by"] == ["no_fds"]
    # A listener that cannot accept must not keep the loop busy.
    proxy.wait_for_calm()
    assert [client.get().status for client in present] == [200] * 10
    assert proxy.fds() <= FDS
    for client in crowd:
        client.close()
    assert proxy.get().status == 200
    wait_until(lambda: not proxy.ask("status")["listeners"][0]["paused_by"])
    assert [client.get().status for client in present] == [200] * 10
    assert sum("no fd left" in line for line in proxy.events()) == 1
