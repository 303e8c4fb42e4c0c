"""The last response on a connection: nothing of it may be lost by the way in which we close.

A close with unread bytes, and bytes that come after a close, make the kernel reset the connection,
and throw away what it has not sent yet (RFC 9112, section 9.6).
"""

import threading
from functools import partial

import pytest

from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import OpenBackend, StartEngine
from tests.behaviour.running import Engine
from tests.behaviour.scripted import Backend, Script
from tests.behaviour.waiting import PATIENCE_S, wait_until
from tests.behaviour.wire import Wire, chunked, digest, head, numbered, request, response

TINY_BYTES = 4096
PAGE = numbered(100_000)
"""More than a first flight, and less than what the kernels of both ends take at once."""
PIECE = numbered(8000)


def shared_config(site: Backend) -> str:
    return LISTEN + pool(site) + "limits { linger_idle_s = 30, linger_s = 60 }\n"


SIZED = response("200 OK", PAGE)
ENDED = head("HTTP/1.1 200 OK") + PAGE
ASKED_AND_ANSWERED = {
    "close": (request("GET", "/", "Connection: close"), SIZED),
    "HTTP/1.0": (request("GET", "/", version="1.0"), SIZED),
    "no length": (request(), ENDED),
}


def answering(answer: bytes) -> Script:
    """Return a script that answers once, and ends."""

    def script(wire: Wire) -> None:
        wire.read_request()
        wire.send(answer)

    return script


def is_let_go(proxy: Engine, client: Wire, *states: str) -> bool:
    """Tell whether the response has left the engine, and the session is in one of `states`."""
    row = proxy.row_of(client)
    return (row["state"] if row else "closed") in states


@pytest.mark.parametrize(("asked", "answer"), ASKED_AND_ANSWERED.values(), ids=ASKED_AND_ANSWERED)
@pytest.mark.parametrize("extra", [b"\r\n", b"GET / HTTP/1.1\r\n\r\n"], ids=["CRLF", "request"])
def test_a_client_that_reads_late_and_says_more_gets_all_of_it(
    proxy: Engine, site: Backend, asked: bytes, answer: bytes, extra: bytes
) -> None:
    site.script = answering(answer)
    client = proxy.connect(receive_bytes=TINY_BYTES)
    client.send(asked)
    site.wait_for_requests(1)
    wait_until(lambda: is_let_go(proxy, client, "closing", "closed"))
    client.send(extra)
    assert digest(client.read_response().body) == digest(PAGE)


@pytest.mark.parametrize(("asked", "answer"), ASKED_AND_ANSWERED.values(), ids=ASKED_AND_ANSWERED)
def test_a_client_that_reads_only_after_we_have_let_go_gets_all_of_it(
    engine: StartEngine, backend: OpenBackend, asked: bytes, answer: bytes
) -> None:
    site = backend(answering(answer))
    proxy = engine(LISTEN + pool(site) + "limits { linger_idle_s = 0.3, linger_s = 1 }\n")
    client = proxy.connect(receive_bytes=TINY_BYTES)
    client.send(asked)
    site.wait_for_requests(1)
    wait_until(lambda: is_let_go(proxy, client, "closed"))
    assert digest(client.read_response().body) == digest(PAGE)
    assert client.read_to_end() == b""


def test_a_client_that_has_said_fin_still_gets_its_answer(proxy: Engine, site: Backend) -> None:
    site.script = answering(SIZED)
    client = proxy.connect()
    client.send(request())
    client.finish()
    assert digest(client.read_response().body) == digest(PAGE)
    assert client.read_to_end() == b""


@pytest.mark.parametrize("half", [b"", b"GET /2 HTT"], ids=["nothing", "half a head"])
def test_a_client_that_ends_its_side_behind_a_response_gets_all_of_it(
    engine: StartEngine, backend: OpenBackend, half: bytes
) -> None:
    site = backend()
    proxy = engine(LISTEN + pool(site))
    client, page = begin_large(proxy, site)
    client.send(half)
    client.finish()
    assert digest(client.read_response().body) == digest(page)
    assert client.read_to_end() == b""


def test_a_client_that_takes_its_response_longer_than_it_may_be_idle_gets_all_of_it(
    engine: StartEngine, backend: OpenBackend
) -> None:
    site = backend()
    proxy = engine(
        LISTEN + pool(site) + "limits { keep_alive_idle_s = 0.5, client_write_idle_s = 1 }\n"
    )
    client, page = begin_large(proxy, site)
    began_s = proxy.row(client)["age_s"]
    wait_until(lambda: proxy.row(client)["age_s"] > began_s + 1)
    assert digest(client.read_response().body) == digest(page)
    # Now nothing is asked.
    assert client.read_to_end() == b""


def begin_large(proxy: Engine, site: Backend) -> tuple[Wire, bytes]:
    """Ask for a page of which the end waits with us when the backend has said all of it."""
    goes_on, is_enough = threading.Semaphore(0), threading.Event()

    def script(wire: Wire) -> None:
        wire.read_request()
        wire.send(head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked"))
        while goes_on.acquire(timeout=PATIENCE_S) and not is_enough.is_set():
            wire.send(chunked(PIECE).removesuffix(chunked()))
        wire.send(chunked())

    site.script = script
    client = proxy.connect(receive_bytes=TINY_BYTES)
    client.send(request())
    site.wait_for_requests(1)
    sent_bytes = 0
    while not proxy.row(client)["client"]["unsent_bytes"]:
        goes_on.release()
        sent_bytes += len(PIECE)
        wait_until(partial(has_passed, proxy, client, sent_bytes))
    is_enough.set()
    goes_on.release()
    wait_until(lambda: proxy.row(client)["state"] == "idle")
    return client, PIECE * (sent_bytes // len(PIECE))


def has_passed(proxy: Engine, client: Wire, count: int) -> bool:
    """Tell whether `count` bytes of the body have been read."""
    response = proxy.row(client)["response"]
    return response is not None and response["body_bytes"] == count
