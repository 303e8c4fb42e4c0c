"""Bodies of every framing and size, in both directions, compared by their hashes."""

import pytest

from tests.behaviour.running import Engine
from tests.behaviour.scripted import Backend
from tests.behaviour.wire import Message, Wire, chunked, digest, head, numbered, request, response

KIB = 1024
SIZES = (0, 1, 64 * KIB - 1, 64 * KIB, 64 * KIB + 1, 5 * KIB * KIB)


def in_chunks(content: bytes, size: int = 40_001) -> bytes:
    return chunked(*(content[at : at + size] for at in range(0, len(content), size)))


def test_a_body_with_its_length_reaches_the_backend_whole(proxy: Engine, site: Backend) -> None:
    client = proxy.connect()
    for number, size in enumerate(SIZES):
        content = numbered(size, number)
        assert client.ask(request("POST", "/", body=content)).status == 200
        assert site.requests[-1].get("Content-Length") == str(size)
        assert digest(site.requests[-1].body) == digest(content)


def test_a_chunked_body_reaches_the_backend_whole(proxy: Engine, site: Backend) -> None:
    client = proxy.connect()
    for number, size in enumerate(SIZES):
        content = numbered(size, number)
        asked = request("POST", "/", "Transfer-Encoding: chunked")
        assert client.ask(asked, in_chunks(content)).status == 200
        assert site.requests[-1].get("Transfer-Encoding") == "chunked"
        assert digest(site.requests[-1].body) == digest(content)


def test_a_response_with_its_length_reaches_the_client_whole(proxy: Engine, site: Backend) -> None:
    def answer(asked: Message) -> bytes:
        number = int(asked.path[1:])
        return response("200 OK", numbered(SIZES[number], number))

    site.answer = answer
    client = proxy.connect()
    for number, size in enumerate(SIZES):
        got = client.get(f"/{number}")
        assert got.get("Content-Length") == str(size)
        assert digest(got.body) == digest(numbered(size, number))


def test_a_chunked_response_reaches_the_client_whole(proxy: Engine, site: Backend) -> None:
    def answer(asked: Message) -> bytes:
        number = int(asked.path[1:])
        content = in_chunks(numbered(SIZES[number], number))
        return head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked") + content

    site.answer = answer
    client = proxy.connect()
    for number, size in enumerate(SIZES):
        got = client.get(f"/{number}")
        assert got.get("Transfer-Encoding") == "chunked"
        assert digest(got.body) == digest(numbered(size, number))


def test_chunks_of_one_byte_arrive_whole(proxy: Engine, site: Backend) -> None:
    content = numbered(20_000)
    site.answer = lambda asked: (
        head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked") + in_chunks(asked.body, 1)
    )
    asked = request("POST", "/", "Transfer-Encoding: chunked") + in_chunks(content, 1)
    assert digest(proxy.connect().ask(asked).body) == digest(content)


def test_extensions_and_trailers_end_at_the_proxy(proxy: Engine, site: Backend) -> None:
    body = b"5;name=value\r\nhello\r\n0;last\r\nX-Trailer: there\r\n\r\n"
    plain = b"5\r\nhello\r\n0\r\n\r\n"
    site.answer = lambda _: head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked") + body
    client = proxy.connect()
    client.send(request("POST", "/", "Transfer-Encoding: chunked") + body)
    assert client.read_response().body == b"hello"
    assert client.received.endswith(b"\r\n\r\n" + plain)
    assert site.wires[0].received.endswith(b"\r\n\r\n" + plain)


def test_both_ways_at_once_nothing_is_lost(proxy: Engine, site: Backend) -> None:
    content = numbered(5_000_000)

    def echo_as_it_comes(wire: Wire) -> None:
        wire.read_head()
        wire.send(head("HTTP/1.1 200 OK", f"Content-Length: {len(content)}"))
        for at in range(0, len(content), 10_000):
            wire.send(wire.read(len(content[at : at + 10_000])))

    site.script = echo_as_it_comes
    client = proxy.connect()
    client.send(head("PUT / HTTP/1.1", "Host: a", f"Content-Length: {len(content)}"))
    got = b""
    for at in range(0, len(content), 10_000):
        client.send(content[at : at + 10_000])
        if not at:
            client.read_head()
        got += client.read(len(content[at : at + 10_000]))
    assert digest(got) == digest(content)


def test_a_chunk_waits_for_no_other(proxy: Engine, site: Backend) -> None:
    """There are receivers that take none without the CRLF behind it, and answer each."""
    chunk = chunked(b"12345").removesuffix(b"0\r\n\r\n")

    def answer_each(wire: Wire) -> None:
        wire.read_head()
        wire.send(head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked"))
        for _ in range(5):
            wire.send(wire.read(len(chunk)))
        wire.send(wire.read(5))

    site.script = answer_each
    client = proxy.connect()
    client.send(head("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked"))
    client.send(chunk)
    assert client.read_head().status == 200
    for _ in range(4):
        assert client.read(len(chunk)) == chunk
        client.send(chunk)
    assert client.read(len(chunk)) == chunk
    client.send(b"0\r\n\r\n")
    assert client.read(5) == b"0\r\n\r\n"


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        ("HEAD", head("HTTP/1.1 200 OK", "Content-Length: 5000")),
        ("HEAD", head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked")),
        ("GET", head("HTTP/1.1 204 No Content")),
        ("GET", head("HTTP/1.1 304 Not Modified", "Content-Length: 5000", 'ETag: "x"')),
    ],
    ids=["head", "head-chunked", "204", "304"],
)
def test_a_response_without_a_body_has_none_whatever_its_fields_say(
    proxy: Engine, site: Backend, method: str, answer: bytes
) -> None:
    site.answer = lambda asked: response("200 OK") if asked.path == "/next" else answer
    client = proxy.connect()
    got = client.ask(request(method), method=method)
    length = Message(answer).get("Content-Length")
    assert (got.start_line, got.get("Content-Length")) == (Message(answer).start_line, length)
    assert client.get("/next").status == 200
    assert site.connections == 1


def test_a_response_that_only_its_end_delimits_ends_the_client_connection(
    proxy: Engine, site: Backend
) -> None:
    content = numbered(300_000)

    def answer_and_end(wire: Wire) -> None:
        wire.read_request()
        wire.send(b"HTTP/1.1 200 OK\r\n\r\n", content)

    site.script = answer_and_end
    client = proxy.connect()
    got = client.get()
    assert got.get("Connection") == "close"
    assert digest(got.body) == digest(content)
