"""The vectors of other projects against `rsp serve` and real backends, each with a canary after it.

`tests/corpora` holds the same vectors against a session without sockets, in every way in which they
can be cut; here it is the whole program, its own records, and what other clients get.
"""

from collections.abc import Iterator
from contextlib import suppress
from itertools import count

import pytest

from rsp.core.limits import EXCHANGES_KEPT
from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.running import Engine
from tests.behaviour.scripted import Backend
from tests.behaviour.wire import Message, Wire, response
from tests.corpora.judges import by_h11
from tests.corpora.passing import QUESTION, read_answer, statuses_of
from tests.corpora.vectors import Vector, needs_corpora, vectors

pytestmark = needs_corpora

BATCHES = 4
"""The engine keeps the last thousand exchanges: a quarter of the vectors fits, with canaries."""
BAD_GATEWAY = 502


def shared_config(site: Backend) -> str:
    """Keep the Host, so that what is read behind us can be compared."""
    return LISTEN + pool(site, settings='host = "keep",')


@pytest.fixture(scope="module")
def tokens() -> Iterator[int]:
    """Numbers that no two requests of this file share."""
    return count()


def canary(proxy: Engine, number: int) -> Message:
    """Ask for something that nobody else asks for, as a client of its own."""
    return proxy.get(f"/canary/{number}", host="canary.example")


def says_what_was_asked(asked: Message) -> bytes:
    return response("200 OK", f"{asked.method} {asked.path}".encode())


def exchanged(client: Wire, wire: bytes) -> bytes:
    """Send a vector and FIN behind it; return all that comes back."""
    client.send_what_is_taken(wire)
    with suppress(ConnectionError, OSError):
        client.finish()
    with suppress(ConnectionResetError):
        client.read_to_end()
    client.close()
    return bytes(client.received)


def batch(number: int) -> list[Vector]:
    return vectors("request")[number::BATCHES]


@pytest.mark.parametrize("number", range(BATCHES))
def test_each_request_vector_becomes_what_the_manifest_says_and_harms_nobody(
    proxy: Engine, site: Backend, tokens: Iterator[int], number: int
) -> None:
    site.answer = says_what_was_asked
    before = proxy.ask("status")["totals"]["exchanges"]
    forwarded = []
    for vector in batch(number):
        seen_before = len(site.requests)
        client = proxy.connect()
        got = exchanged(client, vector.wire)
        asked = len(site.requests) - seen_before
        assert asked == vector.forwards, vector.name
        own = [vector.then] if vector.then else []
        assert statuses_of(got) == [200] * vector.forwards + own, vector.name
        forwarded += [vector.name] * vector.forwards
        token = next(tokens)
        assert canary(proxy, token).body == b"GET /canary/%d" % token, vector.name
    exchanges = proxy.ask("exchanges", limit=EXCHANGES_KEPT)["exchanges"]
    recent = exchanges[: proxy.ask("status")["totals"]["exchanges"] - before]
    complete = [row for row in recent if row["result"] == "complete"]
    read = [seen for wire in site.wires for seen in by_h11(bytes(wire.received))]
    assert len(complete) == len(site.requests) == len(read)
    assert len(complete) == len(forwarded) + len(batch(number))


def test_what_must_be_refused_sends_no_byte_to_a_real_backend(proxy: Engine, site: Backend) -> None:
    for vector in vectors("request"):
        if vector.must == "MUST_REJECT":
            got = exchanged(proxy.connect(), vector.wire)
            assert statuses_of(got) == ([vector.then] if vector.then else []), vector.name
    assert [bytes(wire.received) for wire in site.wires if wire.received] == []


def test_each_response_vector_becomes_what_the_manifest_says_and_harms_nobody(
    proxy: Engine, site: Backend, tokens: Iterator[int]
) -> None:
    waiting = iter(vectors("response"))

    def script(wire: Wire) -> None:
        while (asked := wire.read_request()).path != "/asked":
            wire.send(says_what_was_asked(asked))
        wire.send(next(waiting).wire)

    site.script = script
    for vector in vectors("response"):
        client = proxy.connect()
        client.send(QUESTION)
        client.finish()
        was_reset = client.is_reset()
        client.close()
        got = read_answer(bytes(client.received), is_reset=was_reset)
        assert got is not None, vector.name
        assert (got.status, got.is_whole) == (vector.status, vector.is_whole), vector.name
        if vector.must == "MUST_REJECT":
            assert got.status == BAD_GATEWAY or not got.is_whole, vector.name
        token = next(tokens)
        assert canary(proxy, token).body == b"GET /canary/%d" % token, vector.name
