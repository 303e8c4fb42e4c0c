"""When the kernel of a socket takes bytes again: our rule, and the kernel's own word."""

import select
import socket

import pytest

from rsp.core.limits import Limits
from rsp.core.samples import must_leave_bytes
from rsp.engine.kernel import levels, notsent_lowat_bytes, queues, raw_look, read_look
from rsp.engine.nonblocking import NOTSENT_UNLIMITED, set_notsent_lowat
from rsp.engine.poller import Poller
from rsp.engine.room import room_of
from rsp.engine.sampling import sample_of
from tests.conftest import Pairs, wait_until
from tests.engine.fakes import real_connection

KIB = 1024
ROOMY = Limits(high_water_bytes=1 << 20, low_water_bytes=1 << 19)


def must_leave(sock: socket.socket) -> int:
    look = read_look(raw_look(sock))
    _, queued, in_flight = levels(sock)
    assert None not in (look.notsent_bytes, look.queued_bytes, look.room_bytes, queued, in_flight)
    memory = (look.queued_bytes or 0, look.room_bytes or 0, (queued or 0) + (in_flight or 0))
    return must_leave_bytes(look.notsent_bytes or 0, notsent_lowat_bytes(sock), memory)


def is_writable(sock: socket.socket) -> bool:
    poll = select.poll()
    poll.register(sock, select.POLLOUT)
    return bool(poll.poll(0))


def clog(sock: socket.socket, piece_bytes: int = 64 * KIB) -> int:
    taken = 0
    try:
        while True:
            taken += sock.send(bytes(piece_bytes))
    except BlockingIOError:
        return taken


@pytest.mark.parametrize(
    ("lowat_bytes", "send_buffer_bytes", "piece_bytes"),
    [
        (128 * KIB, None, 64 * KIB),
        (16 * KIB, None, 64 * KIB),
        (4 * KIB, None, 64 * KIB),
        (NOTSENT_UNLIMITED, 128 * KIB, 64 * KIB),
        (NOTSENT_UNLIMITED, 128 * KIB, 100),
        (128 * KIB, 64 * KIB, 64 * KIB),
    ],
)
async def test_the_rule_is_that_of_the_kernel(
    pairs: Pairs, lowat_bytes: int, send_buffer_bytes: int | None, piece_bytes: int
) -> None:
    near, far = pairs.tcp()
    far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * KIB)
    if send_buffer_bytes is not None:
        near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer_bytes)
    assert set_notsent_lowat(near, lowat_bytes)
    left = clog(near, piece_bytes)
    assert must_leave(near) > 0
    seen = set()
    while left:
        try:
            left -= len(far.recv(2 * KIB))
        except BlockingIOError:
            await wait_until(lambda: (levels(far)[0] or 0) > 0)
        # What was acknowledged may be on its way between two looks, but they come to agree.
        await wait_until(lambda: (must_leave(near) == 0) is is_writable(near))
        seen.add(is_writable(near))
    assert seen == {False, True}


async def test_a_higher_mark_makes_a_waiting_writer_write_at_once(
    pairs: Pairs, poller: Poller
) -> None:
    """epoll is edge-triggered here: without an edge of the kernel it would wait for an ACK."""
    near, _ = pairs.tcp()
    set_notsent_lowat(near, 4 * KIB)
    connection, _ = real_connection(poller, near, limits=ROOMY)
    connection.send(bytes(512 * KIB))
    assert not connection.is_writable
    before = sample_of(connection, 1.0)
    assert before.unsent_bytes > 300 * KIB
    set_notsent_lowat(near, NOTSENT_UNLIMITED)
    await wait_until(lambda: not connection.unsent.data)
    after = sample_of(connection, 2.0)
    assert (after.unsent_bytes, after.eagain_writes) == (0, before.eagain_writes)
    assert (after.kernel_unsent_bytes or 0) > (before.kernel_unsent_bytes or 0)


async def test_the_row_says_what_must_leave(pairs: Pairs, poller: Poller) -> None:
    near, _ = pairs.tcp()
    set_notsent_lowat(near, 16 * KIB)
    connection, _ = real_connection(poller, near, limits=ROOMY)
    first = sample_of(connection, 1.0)
    calm = room_of(connection, [first])
    assert calm is not None
    assert (calm.notsent_lowat_bytes, calm.must_leave_bytes) == (16 * KIB, 0)
    assert calm.writable_in_s == 0
    connection.send(bytes(512 * KIB))
    second = sample_of(connection, 2.0)
    stuck = room_of(connection, [first, second])
    assert stuck is not None
    assert stuck.must_leave_bytes == (second.kernel_unsent_bytes or 0) - (16 * KIB - 1) // 2
    third = sample_of(connection, 12.5)
    later = room_of(connection, [second, third])
    assert later is not None
    assert (later.acknowledged_per_s, later.writable_in_s) == (0, None), "nobody reads"
    set_notsent_lowat(near, NOTSENT_UNLIMITED)
    unlimited = room_of(connection, [first])
    assert unlimited is not None
    assert unlimited.notsent_lowat_bytes is None


async def test_all_levels_add_up_to_what_was_sent(pairs: Pairs, poller: Poller) -> None:
    near, far = pairs.tcp()
    connection, _ = real_connection(poller, near, limits=ROOMY)
    connection.send(bytes(5_000))
    await wait_until(lambda: sample_of(connection, 1.0).acknowledged_bytes == 5_000)
    connection.send(bytes(900 * KIB) * 10)
    row = sample_of(connection, 1.0)
    levels_of_row = (row.kernel_unsent_bytes, row.in_flight_bytes, row.acknowledged_bytes)
    assert None not in levels_of_row
    assert sum(value or 0 for value in levels_of_row) + row.unsent_bytes == 5_000 + 9_000 * KIB
    far.send(b"hello")
    connection.paused_by = 1
    await wait_until(lambda: sample_of(connection, 1.0).receive_queue_bytes == 5)
    assert sample_of(connection, 1.0).paused


async def test_a_fin_is_no_byte(pairs: Pairs) -> None:
    near, _ = pairs.tcp()
    clog(near)
    near.shutdown(socket.SHUT_WR)

    def counted(*, may_have_ended: bool) -> int:
        _, queued, in_flight = levels(near, may_have_ended=may_have_ended)
        return (queued or 0) + (in_flight or 0)

    await wait_until(lambda: (queues(near)[0] or 0) - counted(may_have_ended=True) == 1)
    await wait_until(lambda: (queues(near)[0] or 0) - counted(may_have_ended=False) == 0)


def test_a_unix_socket_says_only_what_is_to_be_read(pairs: Pairs) -> None:
    near, far = pairs.tiny()
    far.send(b"hello")
    assert levels(near) == (5, None, None)
    assert notsent_lowat_bytes(near) is None
    assert not set_notsent_lowat(near, 4096)
