"""A pipe: what of the source's bytes belongs to a message, and who is paused meanwhile."""

from typing import cast

import pytest

from rsp.core.http1.errors import BadMessage
from rsp.core.http1.framing import BODY_UNTIL_CLOSE, CHUNKED_BODY, NO_BODY, Body, BodyKind
from rsp.core.limits import Limits
from rsp.core.vocabulary import Direction, PauseReason, Side
from rsp.engine.nonblocking import MORE_FOLLOWS
from rsp.engine.pipe import UNBOUNDED, Pipe
from rsp.engine.poller import BROKEN, READABLE
from tests.engine.fakes import SMALL, FakePoller, FakeSocket, Listening, fake_connection

HEAD = b"HTTP/1.1 200 OK\r\n\r\n"


def length(count: int) -> Body:
    return Body(BodyKind.LENGTH, count)


def pipe_of(direction: Direction = Direction.RESPONSE) -> tuple[Pipe, FakeSocket]:
    """Return a pipe between two fake connections, and the socket of its sink."""
    pipe = Pipe(direction)
    poller = FakePoller()
    pipe.source, *_ = fake_connection(Side.BACKEND, poller=poller, fd=1)
    pipe.sink, sock, *_ = fake_connection(Side.CLIENT, poller=poller, fd=2)
    return pipe, sock


def begin(pipe: Pipe, body: Body, rest: bytes = b"", *, decode: bool = False) -> int:
    return pipe.begin(HEAD, body, rest, SMALL, decode=decode)


def test_a_message_without_a_body_ends_with_its_head() -> None:
    pipe, sock = pipe_of()
    assert begin(pipe, NO_BODY, b"the next") == 0
    assert (sock.sent, pipe.is_open, pipe.moved_bytes) == (HEAD, False, 0)


def test_a_body_of_length_0_too() -> None:
    pipe, sock = pipe_of()
    assert begin(pipe, length(0), b"the next") == 0
    assert (sock.sent, pipe.is_open) == (HEAD, False)


def test_a_small_response_is_one_send() -> None:
    pipe, sock = pipe_of()
    sock.room.append(10_000)
    assert begin(pipe, length(5), b"hello") == 5
    assert (sock.sent, list(sock.room)) == (HEAD + b"hello", [])
    assert (pipe.is_open, pipe.moved_bytes) == (False, 5)


def test_what_follows_the_body_is_left() -> None:
    pipe, sock = pipe_of()
    assert begin(pipe, length(5), b"hello, next") == 5
    assert sock.sent == HEAD + b"hello"
    begin(pipe, length(5), b"he")
    assert pipe.is_open
    assert pipe.feed(memoryview(b"llo, next")) == 3
    assert (pipe.is_open, sock.sent) == (False, (HEAD + b"hello") * 2)


def test_each_message_is_counted_from_nothing() -> None:
    pipe, _ = pipe_of()
    begin(pipe, length(5), b"hello")
    begin(pipe, length(3), b"ab")
    assert (pipe.moved_bytes, pipe.is_open) == (2, True)


def test_a_body_without_an_end_takes_everything() -> None:
    pipe, sock = pipe_of()
    begin(pipe, BODY_UNTIL_CLOSE, b"a")
    for _ in range(100):
        assert pipe.feed(memoryview(b"b" * 1000)) == 1000
    assert (pipe.is_open, pipe.moved_bytes, len(sock.sent)) == (True, 100_001, len(HEAD) + 100_001)


@pytest.mark.parametrize("decode", [False, True])
def test_a_chunked_body_ends_where_its_last_chunk_does(*, decode: bool) -> None:
    pipe, sock = pipe_of()
    body = b"5\r\nhello\r\n3\r\n wo\r\n0\r\n\r\n"
    assert begin(pipe, CHUNKED_BODY, body[:7], decode=decode) == 7
    assert pipe.is_open
    assert pipe.feed(memoryview(body[7:] + b"HTTP/1.1")) == len(body) - 7
    assert (pipe.is_open, pipe.moved_bytes) == (False, 8)
    assert sock.sent == HEAD + (b"hello wo" if decode else body)


def test_a_chunked_body_that_is_no_such_thing_is_refused() -> None:
    pipe, _ = pipe_of()
    with pytest.raises(BadMessage):
        begin(pipe, CHUNKED_BODY, b"hello\r\n")
    begin(pipe, CHUNKED_BODY, b"5\r\nhe")
    with pytest.raises(BadMessage):
        pipe.feed(memoryview(b"llo!!"))


def test_only_a_request_has_a_longest_body() -> None:
    limits = Limits(request_body_bytes=4)
    for direction in Direction:
        pipe, _ = pipe_of(direction)
        pipe.begin(HEAD, CHUNKED_BODY, b"4\r\nhell\r\n", limits, decode=False)
        if direction is Direction.REQUEST:
            with pytest.raises(BadMessage) as refused:
                pipe.feed(memoryview(b"1\r\no\r\n"))
            assert refused.value.status == 413
        else:
            assert pipe.feed(memoryview(b"1\r\no\r\n")) == 6


def test_a_tunnel_passes_whatever_comes_until_it_is_shut() -> None:
    pipe, sock = pipe_of()
    pipe.open()
    assert pipe.feed(memoryview(b"5\r\nnot a chunk")) == 14
    pipe.is_open = False
    assert (sock.sent, pipe.is_open) == (b"5\r\nnot a chunk", False)


@pytest.mark.parametrize(
    ("remaining", "is_at_end", "flag"),
    [
        pytest.param(UNBOUNDED, True, MORE_FOLLOWS, id="the FIN is passed on at once"),
        pytest.param(UNBOUNDED, False, 0, id="nothing is known to follow"),
        pytest.param(10_000, True, 0, id="the FIN of a backend that stays with us"),
    ],
)
def test_bytes_wait_for_a_fin_behind_them_alone(remaining: int, is_at_end: bool, flag: int) -> None:
    pipe, sock = pipe_of()
    pipe.open()
    pipe.remaining = remaining
    pipe.source.is_at_end = is_at_end
    pipe.feed(memoryview(b"the last"))
    assert sock.flags == [flag]


def test_bytes_do_not_wait_for_a_fin_that_may_be_a_reset() -> None:
    pipe, sock = pipe_of()
    pipe.open()
    bytes_of = cast(FakeSocket, pipe.source.sock).incoming
    owner = cast(Listening, pipe.source.owner)
    owner.on_bytes = lambda connection, view: pipe.feed(view)  # type: ignore[method-assign, assignment]
    for readiness in (READABLE & ~BROKEN, READABLE):
        bytes_of.extend([b"the last", BlockingIOError()])
        pipe.source.on_ready(readiness)
    assert sock.flags == [MORE_FOLLOWS, 0]


# -- backpressure


@pytest.mark.parametrize(
    ("count", "is_paused"),
    [(SMALL.high_water_bytes - 1, False), (SMALL.high_water_bytes, True), (5000, True)],
)
def test_the_source_is_paused_at_the_high_mark(count: int, is_paused: bool) -> None:
    pipe, sock = pipe_of()
    pipe.open()
    sock.room.append(BlockingIOError())
    pipe.feed(memoryview(bytes(count)))
    assert bool(pipe.source.paused_by) is is_paused
    assert pipe.sink.is_full is is_paused
    assert pipe.sink.paused_by == 0, "the other direction goes on"


def test_a_sink_that_takes_everything_pauses_nobody() -> None:
    pipe, _ = pipe_of()
    pipe.open()
    pipe.feed(memoryview(bytes(100 * SMALL.high_water_bytes)))
    assert (pipe.source.paused_by, pipe.sink.is_full) == (0, False)


@pytest.mark.parametrize("kind", ["a length", "chunked", "its end only"])
def test_a_head_with_much_behind_it_can_fill_the_sink_too(kind: str) -> None:
    pipe, sock = pipe_of()
    sock.room.append(BlockingIOError())
    rest = bytes(2000)
    body = {"a length": length(3000), "chunked": CHUNKED_BODY, "its end only": BODY_UNTIL_CLOSE}
    begin(pipe, body[kind], b"%x\r\n" % 3000 + rest if kind == "chunked" else rest)
    assert pipe.source.paused_by == PauseReason.SINK_FULL.value


def test_one_full_sink_is_one_reason_however_often_it_is_fed() -> None:
    pipe, sock = pipe_of()
    pipe.open()
    sock.room.append(BlockingIOError())
    for _ in range(3):
        pipe.feed(memoryview(bytes(1000)))
    pipe.source.resume(PauseReason.SINK_FULL)
    assert pipe.source.paused_by == 0


# -- where it broke off


def test_it_says_where_a_message_broke_off() -> None:
    pipe, _ = pipe_of()
    begin(pipe, length(10_000), bytes(1234))
    assert pipe.cut_sentence() == "after 1,234 of 10,000 body bytes"
    begin(pipe, BODY_UNTIL_CLOSE, bytes(1234))
    assert pipe.cut_sentence() == "after 1,234 bytes of a body without a length"
    begin(pipe, CHUNKED_BODY, b"2710\r\n" + bytes(1234))
    assert pipe.cut_sentence() == "inside chunk 1: size line said 10,000, 1,234 arrived"
