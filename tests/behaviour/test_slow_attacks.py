"""Clients that trickle on purpose: each ends by a timer of its own, and others never notice."""

import contextlib
import threading
import time
from collections.abc import Callable

import pytest

from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import OpenBackend, StartEngine
from tests.behaviour.running import Engine
from tests.behaviour.scripted import Backend
from tests.behaviour.waiting import PATIENCE_S
from tests.behaviour.wire import Wire, head, numbered, request, response

ALLOWED_S = 1.5
LATEST = 1.2
"""A sixth of an allowance passes between two looks at progress."""
LATE_S = 10.0
"""The wheel turns ten times a second, and a loaded machine may be very late."""
PIECE_EVERY_S = 0.05

LIMITS = f"""limits {{
  client_head_s = {ALLOWED_S}, client_body_idle_s = {ALLOWED_S}, client_write_idle_s = {ALLOWED_S},
  client_body_bytes_per_s = 1000, client_read_bytes_per_s = 200000,
}}
"""


def shared_config(site: Backend) -> str:
    return LISTEN + pool(site) + LIMITS


class Trickle:
    """Does something little again and again, on a thread of its own, until it fails."""

    def __init__(self, act: Callable[[], object]) -> None:
        self._act = act
        self._thread = threading.Thread(target=self._run)
        self._is_over = threading.Event()
        self._thread.start()

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            while not self._is_over.wait(PIECE_EVERY_S):
                self._act()

    def stop(self) -> None:
        self._is_over.set()
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()


def assert_answered_408(proxy: Engine, client: Wire, piece: bytes, *words: str) -> None:
    """Trickle until the proxy has had enough; it says so, and it is not too late."""
    begun_s = time.monotonic()
    trickle = Trickle(lambda: client.send(piece))
    answer = client.read_response()
    took_s = time.monotonic() - begun_s
    trickle.stop()
    assert answer.status == 408
    for word in words:
        assert word in answer.body.decode()
    assert took_s <= ALLOWED_S * LATEST + LATE_S
    assert proxy.get().status == 200


def test_a_head_that_trickles_in_ends_by_the_timer_of_heads(proxy: Engine, site: Backend) -> None:
    client = proxy.connect()
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n")
    assert_answered_408(proxy, client, b"X: y\r\n", "no whole request head for 1.5 s")


@pytest.mark.parametrize("coding", ["Content-Length: 1000000", "Transfer-Encoding: chunked"])
def test_a_body_that_trickles_in_ends_by_the_timer_of_bodies(
    proxy: Engine, site: Backend, coding: str
) -> None:
    client = proxy.connect()
    client.send(head("POST / HTTP/1.1", "Host: a", coding))
    piece = b"1\r\nx\r\n" if "chunked" in coding else b"x"
    assert_answered_408(proxy, client, piece, "fewer than 1,000 body bytes a second for 1.5 s")
    assert [asked.method for asked in site.requests] == ["GET"], "half a body was taken for one"


def test_a_client_that_reads_a_trickle_ends_by_the_timer_of_reading(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(LISTEN + pool(backend(answer=lambda _: response("200 OK", BIG))) + LIMITS)
    client = proxy.connect(receive_bytes=4096)
    client.send(request())
    begun_s = time.monotonic()
    trickle = Trickle(lambda: client.sock.recv(10))
    said = proxy.wait_for_event("client_timeout")
    took_s = time.monotonic() - begun_s
    trickle.stop()
    assert "the client took fewer than 200,000 bytes a second for 1.5 s" in said
    assert took_s <= ALLOWED_S * LATEST + LATE_S + PIECE_EVERY_S


BIG = numbered(8 << 20)


def test_who_is_slow_but_moves_is_served_to_the_end(proxy: Engine, site: Backend) -> None:
    """Three allowances long: what counts is the rate, not how long it takes."""
    client = proxy.connect()
    content = numbered(24_000)
    client.send(head("PUT / HTTP/1.1", "Host: a", f"Content-Length: {len(content)}"))
    for at in range(0, len(content), 600):
        client.send(content[at : at + 600])
        time.sleep(3 * ALLOWED_S / 40)
    assert client.read_response().status == 200
    assert site.requests[-1].body == content
