"""EAGAIN on demand, from a real kernel: clogged sockets, resets, half-closes, one real poller."""

import asyncio
import select
import socket
import struct

import pytest

from rsp.core.buffer import AfterUnsent
from rsp.core.limits import READ_BYTES
from rsp.core.vocabulary import Direction, PauseReason
from rsp.engine.connection import Connection
from rsp.engine.pipe import Pipe
from rsp.engine.poller import Poller
from tests.conftest import Pairs, fill, wait_until
from tests.engine.fakes import SMALL, Listening, next_turns, real_connection

Clogged = tuple[socket.socket, socket.socket, bytes]
Pair = tuple[socket.socket, socket.socket]

PAYLOAD = bytes(range(256)) * 200
RST_ON_CLOSE = struct.pack("ii", 1, 0)


def take(sock: socket.socket, into: bytearray, most: int = 4096) -> bool:
    """Read what is there, `most` bytes at most; tell whether the end was met."""
    try:
        piece = sock.recv(most)
    except BlockingIOError:
        return False
    into += piece
    return not piece


async def take_until(sock: socket.socket, into: bytearray, length: int) -> None:
    def enough() -> bool:
        take(sock, into)
        return len(into) >= length

    await wait_until(enough)


def give(sock: socket.socket, content: bytes) -> asyncio.Future[None]:
    """Send beside the rest: how much the kernel keeps before anybody reads is its own affair."""
    return asyncio.ensure_future(asyncio.get_running_loop().sock_sendall(sock, content))


async def take_to_end(sock: socket.socket) -> bytes:
    got = bytearray()
    await wait_until(lambda: take(sock, got))
    return bytes(got)


async def test_a_clogged_kernel_loses_nothing_and_is_counted(
    poller: Poller, clogged_pair: Clogged
) -> None:
    near, far, filler = clogged_pair
    connection, owner = real_connection(poller, near)
    connection.send(PAYLOAD)
    assert (connection.eagain_writes, connection.bytes_out) == (1, 0)
    assert len(connection.unsent) == len(PAYLOAD)
    assert connection.blocked_since_s > 0
    got = bytearray()
    await take_until(far, got, len(filler) + len(PAYLOAD))
    await wait_until(lambda: owner.told)
    assert got == filler + PAYLOAD
    assert owner.told == ["sent"]
    assert (connection.bytes_out, len(connection.unsent)) == (len(PAYLOAD), 0)
    assert connection.blocked_since_s == 0.0
    assert connection.blocked_total_s > 0
    assert connection.short_writes > 0
    assert connection.eagain_writes > 1


async def test_the_clock_of_a_blocked_peer_runs_until_it_reads(
    poller: Poller, clogged_pair: Clogged
) -> None:
    near, far, filler = clogged_pair
    connection, _ = real_connection(poller, near)
    connection.send(b"x")
    since_s = connection.blocked_since_s
    await next_turns()
    assert connection.blocked_since_s == since_s
    await take_until(far, bytearray(), len(filler) + 1)
    assert connection.blocked_since_s == 0.0


@pytest.mark.parametrize("after", [AfterUnsent.SHUT_WRITE, AfterUnsent.CLOSE])
async def test_the_end_comes_behind_the_last_byte(
    poller: Poller, clogged_pair: Clogged, after: AfterUnsent
) -> None:
    near, far, filler = clogged_pair
    connection, _ = real_connection(poller, near)
    connection.send(PAYLOAD)
    connection.finish(after)
    assert not connection.is_drained
    assert await take_to_end(far) == filler + PAYLOAD
    await wait_until(lambda: connection.is_drained)
    assert connection.is_closed is (after is AfterUnsent.CLOSE)


async def test_a_cut_is_seen_as_a_reset_behind_the_bytes(
    poller: Poller, tcp_socketpair: Pair
) -> None:
    near, far = tcp_socketpair
    connection, _ = real_connection(poller, near)
    connection.send(b"part of it")
    connection.finish(AfterUnsent.RESET)
    await wait_until(lambda: near.fileno() < 0)
    assert far.recv(100) == b"part of it"
    with pytest.raises(ConnectionResetError):
        far.recv(100)


async def test_a_gentle_close_is_no_reset(poller: Poller, tcp_socketpair: Pair) -> None:
    near, far = tcp_socketpair
    connection, _ = real_connection(poller, near)
    connection.send(b"all of it")
    connection.finish(AfterUnsent.CLOSE)
    assert await take_to_end(far) == b"all of it"


async def test_a_peer_that_resets_under_our_writes_is_told_once(
    poller: Poller, tcp_socketpair: Pair
) -> None:
    near, far = tcp_socketpair
    connection, owner = real_connection(poller, near)
    connection.send(PAYLOAD * 100)
    far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST_ON_CLOSE)
    far.close()
    connection.send(b"more")
    connection.send(b"and more")
    assert owner.told == [], "never from inside a send"
    await wait_until(lambda: owner.told)
    await next_turns()
    assert owner.told == ["gone: ECONNRESET"]


async def test_half_closed_and_slow_gets_everything(poller: Poller, pairs: Pairs) -> None:
    """The client says FIN, then reads slowly: every edge of room says RDHUP again."""
    near, far = pairs.tiny()
    connection, owner = real_connection(poller, near)
    far.shutdown(socket.SHUT_WR)
    await wait_until(lambda: owner.told == ["eof"])
    connection.send(PAYLOAD)
    connection.finish(AfterUnsent.CLOSE)
    assert await take_to_end(far) == PAYLOAD
    assert owner.told.count("eof") == 1
    assert connection.eagain_writes > 1


async def test_paused_with_bytes_waiting_then_resumed_is_read(poller: Poller, pairs: Pairs) -> None:
    near, far = pairs.tiny()
    connection, owner = real_connection(poller, near)
    connection.pause(PauseReason.OPERATOR)
    far.send(b"hello")
    await wait_until(lambda: connection.wakeups)
    await next_turns()
    assert owner.received == b""
    connection.resume(PauseReason.OPERATOR)
    await wait_until(lambda: owner.received == b"hello")


# -- two connections and the pipe between them


class Passing(Listening):
    """Passes what one connection reads to another, as a session does."""

    def __init__(self) -> None:
        super().__init__()
        self.pipe = Pipe(Direction.RESPONSE)
        self.most_unsent = 0
        self.was_paused = 0

    def on_bytes(self, connection: Connection, view: memoryview) -> None:
        self.pipe.feed(view)
        self.most_unsent = max(self.most_unsent, len(self.pipe.sink.unsent))
        self.was_paused += bool(connection.paused_by)

    def on_room(self, connection: Connection) -> None:
        super().on_room(connection)
        self.pipe.source.resume(PauseReason.SINK_FULL)


def passing(poller: Poller, pairs: Pairs) -> tuple[Passing, socket.socket, socket.socket]:
    """Return an owner with a pipe, the far end of its source, and the far end of its sink."""
    from_near, from_far = pairs.tcp()
    to_near, to_far = pairs.tiny()
    owner = Passing()
    owner.pipe.source, _ = real_connection(poller, from_near)
    owner.pipe.sink, _ = real_connection(poller, to_near)
    owner.pipe.source.owner = owner.pipe.sink.owner = owner
    owner.pipe.open()
    return owner, from_far, to_far


async def test_a_full_sink_stops_its_source_and_room_lets_it_go_on(
    poller: Poller, pairs: Pairs
) -> None:
    owner, giver, taker = passing(poller, pairs)
    source, sink = owner.pipe.source, owner.pipe.sink
    everything = PAYLOAD * 10
    giving = give(giver, everything)
    await wait_until(lambda: source.paused_by)
    assert len(sink.unsent) >= SMALL.high_water_bytes
    got = bytearray()
    await take_until(taker, got, len(everything))
    await giving
    assert got == everything
    assert owner.most_unsent <= SMALL.high_water_bytes + READ_BYTES
    assert owner.was_paused > 1
    assert "room" in owner.told
    assert (source.paused_by, len(sink.unsent), sink.is_full) == (0, 0, False)


@pytest.mark.parametrize("person_first", [True, False])
async def test_what_a_person_paused_stays_paused_when_there_is_room_again(
    poller: Poller, pairs: Pairs, *, person_first: bool
) -> None:
    owner, giver, taker = passing(poller, pairs)
    source = owner.pipe.source
    if person_first:
        source.pause(PauseReason.OPERATOR)
    giving = give(giver, PAYLOAD)
    await wait_until(lambda: source.wakeups if person_first else source.paused_by)
    source.pause(PauseReason.OPERATOR)
    got = bytearray()
    expected = 0 if person_first else source.bytes_in
    await take_until(taker, got, expected)
    await next_turns()
    assert source.paused_by == PauseReason.OPERATOR.value
    assert source.bytes_in == expected
    source.resume(PauseReason.OPERATOR)
    await take_until(taker, got, len(PAYLOAD))
    await giving
    assert got == PAYLOAD


async def test_a_half_closed_backend_stays_within_the_bound_when_it_ends(
    poller: Poller, pairs: Pairs
) -> None:
    """We said FIN, it says FIN: both ends are shut, and its last bytes must wait all the same."""
    owner, giver, taker = passing(poller, pairs)
    source, sink = owner.pipe.source, owner.pipe.sink
    source.finish(AfterUnsent.SHUT_WRITE)
    giving = give(giver, bytes(2 * READ_BYTES))
    await wait_until(lambda: source.paused_by)
    read_bytes = source.bytes_in
    await giving
    giver.close()
    ended = select.poll()
    ended.register(source.fd, select.POLLIN)
    await wait_until(lambda: dict(ended.poll(0)).get(source.fd, 0) & select.POLLHUP)
    await next_turns()
    assert source.bytes_in == read_bytes
    assert len(sink.unsent) <= SMALL.high_water_bytes + READ_BYTES
    got = bytearray()
    await take_until(taker, got, 2 * READ_BYTES)
    await wait_until(lambda: "eof" in owner.told)


def test_the_clogged_pair_is_clogged(clogged_pair: Clogged) -> None:
    near, _, filler = clogged_pair
    assert len(filler) > 0
    assert fill(near) == b""


@pytest.mark.parametrize("is_paused", [False, True])
async def test_what_stands_behind_an_urgent_byte_is_read_without_a_further_edge(
    poller: Poller, pairs: Pairs, is_paused: bool
) -> None:
    near, far = pairs.tcp()
    connection, owner = real_connection(poller, near)
    if is_paused:
        connection.pause(PauseReason.SINK_FULL)
    far.send(b"before")
    far.send(b"!", socket.MSG_OOB)
    far.send(b"behind")
    await next_turns()
    connection.resume(PauseReason.SINK_FULL)
    await wait_until(lambda: owner.has(b"beforebehind"))


async def test_what_stands_behind_a_descriptor_is_read_without_a_further_edge(
    poller: Poller, pairs: Pairs
) -> None:
    near, far = pairs.tiny()
    connection, owner = real_connection(poller, near)
    socket.send_fds(far, [b"before"], [far.fileno()])
    far.send(b"behind")
    assert connection.is_connected
    await wait_until(lambda: owner.has(b"beforebehind"))
