"""The last response on a connection: nothing of it may be lost by the way in which we close.

A close with unread bytes, and bytes that come after a close, make the kernel reset the connection,
and throw away what it has not sent yet (RFC 9112, section 9.6).
"""

import pytest

from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import OpenBackend, StartEngine
from tests.behaviour.running import Engine
from tests.behaviour.scripted import Backend, Script
from tests.behaviour.waiting import wait_until
from tests.behaviour.wire import Wire, digest, head, numbered, request, response

TINY_BYTES = 4096
PAGE = numbered(100_000)
"""More than a first flight, and less than what the kernels of both ends take at once."""


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
