"""Bulk that the kernel moves by itself: the same bytes, counters and marks as by reading it."""

import socket
from collections.abc import Callable

import pytest

from rsp.core.limits import KIB, READ_BYTES, SPLICE_BYTES, Limits
from rsp.core.vocabulary import Direction, Side
from rsp.engine.calls import CallRing
from rsp.engine.connection import Connection
from rsp.engine.nonblocking import EOF, NO_MEMORY, WOULD_BLOCK, PeerGone
from rsp.engine.pipe import Pipe
from rsp.engine.poller import READABLE, WRITABLE
from rsp.engine.siphon import Siphon
from tests.conftest import Pairs
from tests.engine.fakes import FakePoller, Listening, fake_connection

PAYLOAD = bytes(range(256)) * 4096


class Bench:
    """A tunnel from a backend to a client, over scripted sockets."""

    def __init__(self) -> None:
        self.poller = FakePoller()
        self.source, self.incoming, *_ = fake_connection(Side.BACKEND, poller=self.poller, fd=1)
        self.sink, self.outgoing, _, self.sink_owner = fake_connection(
            Side.CLIENT, poller=self.poller, fd=2
        )
        self.source.owner = self.owner = Tunnel(self.source, self.sink)

    def arrive(self, count: int = len(PAYLOAD)) -> None:
        """Let so many bytes come, and the source be told so."""
        self.incoming.incoming.append(PAYLOAD[:count])
        self.source.on_ready(READABLE)
        while self.poller.give_turns():
            pass


class Tunnel(Listening):
    """The owner of the source: passes everything on through a pipe."""

    def __init__(self, source: Connection, sink: Connection) -> None:
        super().__init__()
        self.pipe = Pipe(Direction.RESPONSE)
        self.pipe.source, self.pipe.sink = source, sink
        self.pipe.open()
        self.spliced: list[int] = []

    def on_bytes(self, connection: Connection, view: memoryview) -> None:
        self.pipe.feed(view)

    def on_bulk(self, connection: Connection) -> int:
        self.spliced.append(self.pipe.splice(Limits()))
        return self.spliced[-1]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_the_first_read_is_ours_and_full_ones_are_followed_by_the_kernel(bench: Bench) -> None:
    bench.arrive()
    assert bench.outgoing.sent == PAYLOAD
    assert bench.owner.spliced[:3] == [SPLICE_BYTES] * 3
    assert bench.source.bytes_in == bench.sink.bytes_out == len(PAYLOAD)
    assert bench.owner.pipe.moved_bytes == len(PAYLOAD)


def test_a_piece_is_so_small_that_the_bound_of_what_is_unsent_holds(bench: Bench) -> None:
    limits = Limits(notsent_lowat_bytes=16 * KIB, high_water_bytes=1000)
    bench.incoming.incoming.append(PAYLOAD)
    bench.source.is_readable = True
    assert bench.owner.pipe.splice(limits) == 16 * KIB + 1000 + READ_BYTES


def test_a_small_message_is_never_spliced(bench: Bench) -> None:
    bench.arrive(READ_BYTES - 1)
    assert bench.outgoing.sent == PAYLOAD[: READ_BYTES - 1]
    assert bench.owner.spliced == []


def test_what_the_sink_does_not_take_is_unsent_and_in_order(bench: Bench) -> None:
    bench.outgoing.room.extend([READ_BYTES, 1000, BlockingIOError()])
    bench.arrive()
    assert bench.outgoing.sent == PAYLOAD[: READ_BYTES + 1000]
    assert len(bench.sink.unsent) == SPLICE_BYTES - 1000
    assert (bench.sink.short_writes, bench.sink.eagain_writes) == (1, 1)
    assert bench.source.paused_by
    bench.sink_owner.on_room = lambda connection: bench.source.unpause()  # type: ignore[method-assign]
    bench.sink.on_ready(WRITABLE)
    while bench.poller.give_turns():
        pass
    assert bench.outgoing.sent == PAYLOAD


def test_a_sink_that_is_full_at_once_keeps_the_whole_piece(bench: Bench) -> None:
    bench.outgoing.room.extend([READ_BYTES, BlockingIOError()])
    bench.arrive()
    assert len(bench.sink.unsent) == SPLICE_BYTES
    assert (bench.sink.short_writes, bench.sink.eagain_writes) == (0, 1)
    assert bench.sink.blocked_since_s > 0


@pytest.mark.parametrize(
    "unfit",
    [
        pytest.param(lambda b: setattr(b.poller.siphon, "is_suited", False), id="slow sink"),
        pytest.param(lambda b: setattr(b.source, "calls", CallRing(0.0)), id="watched"),
        pytest.param(lambda b: setattr(b.owner.pipe, "remaining", READ_BYTES + 5), id="near end"),
    ],
)
def test_what_must_be_seen_is_read(bench: Bench, unfit: Callable[[Bench], None]) -> None:
    unfit(bench)
    bench.arrive(READ_BYTES + 5)
    assert not any(bench.owner.spliced)
    assert bench.outgoing.sent == PAYLOAD[: READ_BYTES + 5]


def test_the_last_byte_of_a_message_is_read(bench: Bench) -> None:
    bench.owner.pipe.remaining = READ_BYTES + SPLICE_BYTES
    bench.arrive(READ_BYTES + SPLICE_BYTES)
    assert bench.owner.spliced[0] == SPLICE_BYTES - 1
    assert not bench.owner.pipe.is_open
    assert bench.outgoing.sent == PAYLOAD[: READ_BYTES + SPLICE_BYTES]


def test_eof_and_eagain_are_the_sources_word(bench: Bench) -> None:
    bench.incoming.incoming.extend([PAYLOAD[:READ_BYTES], BlockingIOError()])
    bench.source.on_ready(READABLE)
    assert bench.source.eagain_reads == 1
    bench.incoming.incoming.append(b"")
    bench.source.on_ready(READABLE)
    assert (bench.owner.told, bench.source.is_eof) == (["eof"], True)


def test_what_only_a_read_can_pass_is_read(bench: Bench) -> None:
    """At an urgent byte splice(2) says that there is nothing, or the end, and is wrong."""
    for wrong in (WOULD_BLOCK, EOF):
        bench.poller.siphon.fill = lambda source, most_bytes, wrong=wrong: wrong  # type: ignore[method-assign, misc]
        bench.incoming.incoming.extend([PAYLOAD[:READ_BYTES], PAYLOAD[:10], BlockingIOError()])
        bench.source.on_ready(READABLE)
    assert (bench.owner.told, bench.source.is_eof) == ([], False)
    assert bench.outgoing.sent == (PAYLOAD[:READ_BYTES] + PAYLOAD[:10]) * 2


def test_no_memory_is_no_end(bench: Bench) -> None:
    bench.poller.siphon.fill = lambda source, most_bytes: NO_MEMORY  # type: ignore[method-assign]
    bench.incoming.incoming.extend([PAYLOAD[:READ_BYTES], PAYLOAD[:10], BlockingIOError()])
    bench.source.on_ready(READABLE)
    assert (bench.owner.told, bench.source.is_eof) == ([], False)
    assert bench.outgoing.sent == PAYLOAD[:READ_BYTES] + PAYLOAD[:10]


def test_a_source_that_is_reset_is_told_once(bench: Bench) -> None:
    bench.incoming.incoming.extend([PAYLOAD[:READ_BYTES], ConnectionResetError(104, "reset")])
    bench.source.on_ready(READABLE)
    assert bench.owner.told == ["gone: ECONNRESET"]


def test_a_sink_that_is_gone_leaves_the_pipe_empty(bench: Bench) -> None:
    bench.outgoing.room.extend([READ_BYTES, BrokenPipeError(32, "broken")])
    bench.arrive(READ_BYTES + SPLICE_BYTES)
    assert bench.poller.siphon.held == b""
    assert bench.sink_owner.told == ["gone: EPIPE"]


def test_over_real_sockets_the_pipe_is_empty_between_two_uses() -> None:
    siphon = Siphon()
    (near, source), (sink, far) = socket.socketpair(), socket.socketpair()
    for sock in (near, source, sink, far):
        sock.setblocking(False)
    try:
        assert siphon.fill(source, KIB) == WOULD_BLOCK
        near.send(PAYLOAD[:5000])
        assert siphon.fill(source, 4000) == 4000
        assert siphon.pour(sink) == 4000
        assert far.recv(KIB * 8) == PAYLOAD[:4000]
        assert siphon.fill(source, 4000) == 1000
        assert siphon.take_back() == PAYLOAD[4000:5000]
        assert not siphon.suits(sink), "what a unix socket still holds, nobody can tell"
        near.close()
        assert siphon.fill(source, KIB) == EOF
        far.close()
        near2, source2 = socket.socketpair()
        with near2, source2:
            near2.send(b"late")
            assert siphon.fill(source2, KIB) == 4
            with pytest.raises(PeerGone, match="EPIPE"):
                siphon.pour(sink)
            assert siphon.take_back() == b"late"
    finally:
        for sock in (near, source, sink, far):
            sock.close()
        siphon.close()


def test_what_a_bug_left_in_the_pipe_reaches_nobody_else() -> None:
    siphon = Siphon()
    (near, source), (sink, far) = socket.socketpair(), socket.socketpair()
    try:
        near.send(b"the secret of one")
        assert siphon.fill(source, KIB) == 17
        near.send(b"of another")
        assert siphon.fill(source, KIB) == 10
        assert siphon.pour(sink) == 10
        assert far.recv(KIB) == b"of another"
        assert siphon.take_back() == b""
    finally:
        for sock in (near, source, sink, far):
            sock.close()
        siphon.close()


def test_a_sink_with_little_room_in_its_kernel_is_read_for(pairs: Pairs) -> None:
    siphon = Siphon()
    try:
        wide, _ = pairs.tcp()
        assert siphon.suits(wide)
        narrow, _ = pairs.tcp()
        narrow.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KIB)
        assert not siphon.suits(narrow)
    finally:
        siphon.close()
