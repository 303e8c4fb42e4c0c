"""A body in tiny chunks: read little by little, with a turn for the others after each read."""

import select

import pytest

from rsp.core.http1.framing import CHUNKED_BODY
from rsp.core.limits import DENSE_CHUNKS, SHRUNK_READ_BYTES, Limits
from rsp.core.vocabulary import Direction, Side
from rsp.engine.connection import Connection
from rsp.engine.dense import DenseConnection
from rsp.engine.pipe import Pipe
from rsp.engine.read_room import READ_ROOM
from tests.engine.fakes import FakePoller, FakeSocket, Listening, fake_connection

TINY = b"1\r\nx\r\n"
LAST = b"0\r\n\r\n"


def chunked_pipe(
    direction: Direction,
) -> tuple[Pipe, FakeSocket, FakePoller, Listening]:
    """Return a pipe in the midst of a chunked body, the socket of its source, and its owner."""
    poller = FakePoller()
    pipe = Pipe(direction)
    pipe.source, sock, _, owner = fake_connection(Side.CLIENT, poller=poller, fd=1)
    pipe.sink, *_ = fake_connection(Side.BACKEND, poller=poller, fd=2)
    pipe.begin(b"head", CHUNKED_BODY, b"", Limits(), decode=False)
    return pipe, sock, poller, owner


def feed(pipe: Pipe, content: bytes) -> None:
    assert pipe.feed(memoryview(content)) == len(content)


def test_who_sends_tiny_chunks_is_read_in_small_turns() -> None:
    pipe, sock, poller, owner = chunked_pipe(Direction.REQUEST)
    feed(pipe, TINY * (DENSE_CHUNKS + 1))
    assert isinstance(pipe.source, DenseConnection)
    reads: list[int] = []
    owner.on_each_read = lambda: reads.append(len(owner.received))
    content = TINY * 5_000
    sock.incoming.append(content)
    pipe.source.on_ready(select.EPOLLIN)
    assert reads == [SHRUNK_READ_BYTES], "one small read is a turn"
    while len(owner.received) < len(content):
        poller.give_turns()
    assert owner.has(content)
    assert len(reads) == -(-len(content) // SHRUNK_READ_BYTES)
    assert READ_ROOM.most_bytes > SHRUNK_READ_BYTES, "others read as before"


def test_a_small_room_stays_small_while_memory_is_short() -> None:
    READ_ROOM.shrink()
    try:
        with READ_ROOM.small():
            assert READ_ROOM.most_bytes == SHRUNK_READ_BYTES
        assert READ_ROOM.most_bytes == SHRUNK_READ_BYTES
    finally:
        READ_ROOM.restore()


def test_a_few_chunks_in_each_read_change_nothing() -> None:
    pipe, *_ = chunked_pipe(Direction.REQUEST)
    for _ in range(100):
        feed(pipe, TINY * DENSE_CHUNKS)
    assert type(pipe.source) is Connection


@pytest.mark.parametrize(
    ("direction", "kind"),
    [(Direction.REQUEST, DenseConnection), (Direction.RESPONSE, Connection)],
)
def test_behind_the_body_a_client_stays_what_it_was_and_a_backend_does_not(
    direction: Direction, kind: type[Connection]
) -> None:
    pipe, *_ = chunked_pipe(direction)
    feed(pipe, TINY * (DENSE_CHUNKS + 1))
    feed(pipe, LAST)
    assert (pipe.is_open, type(pipe.source)) == (False, kind)
