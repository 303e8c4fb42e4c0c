"""A connection at its seam: a scripted kernel below, a listening owner above, readiness by hand."""

import errno
import select

import pytest

from rsp.core.buffer import AfterUnsent
from rsp.core.limits import NO_MEMORY_S, READ_BYTES, READ_TURN_BYTES
from rsp.core.vocabulary import PauseReason, Side
from tests.engine.fakes import FakePoller, fake_connection

IN, OUT = select.EPOLLIN, select.EPOLLOUT
FIN = select.EPOLLIN | select.EPOLLRDHUP
BOTH_FINS = FIN | select.EPOLLHUP
RESET = BOTH_FINS | select.EPOLLERR


def resets() -> OSError:
    return ConnectionResetError(errno.ECONNRESET, "reset")


def would_block() -> OSError:
    return BlockingIOError()


# -- sending


def test_what_the_kernel_takes_at_once_is_not_kept() -> None:
    connection, sock, _, owner = fake_connection()
    connection.send(b"hello")
    assert sock.sent == b"hello"
    assert (connection.bytes_out, len(connection.unsent), connection.eagain_writes) == (5, 0, 0)
    assert owner.told == []


def test_a_short_write_is_offered_again_at_once_so_that_eagain_is_the_kernels_word() -> None:
    connection, sock, poller, _ = fake_connection()
    sock.room.extend([3, would_block()])
    connection.send(b"hello")
    assert (sock.sent, bytes(connection.unsent.data)) == (b"hel", b"lo")
    assert (connection.bytes_out, connection.short_writes, connection.eagain_writes) == (3, 1, 1)
    assert connection.blocked_since_s == poller.now_s


def test_nothing_overtakes_what_is_unsent() -> None:
    connection, sock, _, owner = fake_connection()
    sock.room.append(would_block())
    connection.send(b"one ")
    connection.send(b"two ")
    connection.send(memoryview(b"three"))
    assert (sock.sent, connection.eagain_writes) == (b"", 1)
    connection.on_ready(OUT)
    assert (sock.sent, connection.bytes_out, len(connection.unsent)) == (b"one two three", 13, 0)
    assert owner.told == ["sent"]


def test_the_time_for_which_a_peer_blocked_us_is_added_up() -> None:
    connection, sock, poller, _ = fake_connection()
    sock.room.append(would_block())
    connection.send(b"hello")
    poller.now_s += 2.5
    sock.room.extend([2, would_block()])
    connection.on_ready(OUT)
    assert connection.blocked_since_s == poller.now_s, "it is full again"
    poller.now_s += 1.0
    connection.on_ready(OUT)
    assert (connection.blocked_since_s, connection.blocked_total_s) == (0.0, 3.5)


def test_what_came_in_one_buffer_is_kept_as_a_copy() -> None:
    connection, sock, _, _ = fake_connection()
    shared = bytearray(b"hello")
    sock.room.extend([2, would_block()])
    connection.send(memoryview(shared))
    shared[:] = b"XXXXX"
    connection.on_ready(OUT)
    assert sock.sent == b"hello"


def test_room_is_told_at_the_low_mark_and_only_to_who_was_full() -> None:
    connection, sock, _, owner = fake_connection()
    sock.room.append(would_block())
    connection.send(bytes(1000))
    connection.is_full = True
    sock.room.extend([599, would_block()])
    connection.on_ready(OUT)
    assert owner.told == []
    sock.room.extend([1, would_block()])
    connection.on_ready(OUT)
    assert owner.told == ["room"]
    connection.on_ready(OUT)
    assert owner.told == ["room", "sent"]


def test_a_send_without_kernel_memory_is_tried_again() -> None:
    """ENOBUFS says nothing of this socket: it never was full, so no edge will come for it."""
    connection, sock, poller, _ = fake_connection()
    sock.room.append(OSError(errno.ENOBUFS, "no memory"))
    connection.send(b"hello")
    assert poller.give_turns() == 0, "asking at once, again and again, would take a whole core"
    ((when_s, handler),) = poller.later
    assert when_s == poller.now_s + NO_MEMORY_S
    handler.on_ready(0)
    assert sock.sent == b"hello"


# -- a peer that is gone


@pytest.mark.parametrize("number", [errno.EPIPE, errno.ECONNRESET, errno.ETIMEDOUT])
def test_gone_is_told_after_the_send_and_not_from_inside_it(number: int) -> None:
    connection, sock, poller, owner = fake_connection()
    sock.room.append(OSError(number, "gone"))
    connection.send(b"hello")
    connection.send(b"more")
    assert (owner.told, len(connection.unsent)) == ([], 0)
    poller.give_turns()
    assert owner.told == [f"gone: {errno.errorcode[number]}"]


def test_gone_in_the_middle_of_a_flush_keeps_nothing() -> None:
    connection, sock, poller, owner = fake_connection()
    sock.room.append(would_block())
    connection.send(b"hello")
    sock.room.extend([2, resets()])
    connection.on_ready(OUT)
    assert (len(connection.unsent), connection.blocked_since_s) == (0, 0.0)
    poller.give_turns()
    assert owner.told.count("gone: ECONNRESET") == 1


def test_gone_is_told_once() -> None:
    """Also to an owner that does not close at once, and whichever of the calls fails first."""
    connection, sock, poller, owner = fake_connection(Side.BACKEND)
    sock.room.append(resets())
    sock.incoming.extend([resets(), b""])
    connection.send(b"hello")
    connection.on_ready(RESET)
    poller.give_turns()
    connection.on_ready(RESET)
    assert owner.told == ["gone: ECONNRESET"]


def test_a_backend_that_refuses_our_bytes_is_read_first() -> None:
    connection, sock, poller, owner = fake_connection(Side.BACKEND)
    sock.room.append(OSError(errno.EPIPE, "gone"))
    sock.incoming.append(b"HTTP/1.1 413 Too Large\r\n\r\n")
    connection.send(b"body")
    connection.on_ready(IN)
    poller.give_turns()
    assert owner.received == b"HTTP/1.1 413 Too Large\r\n\r\n"
    assert owner.told == ["gone: EPIPE"]


def test_all_of_its_answer_is_read_also_where_its_reader_is_slow() -> None:
    connection, sock, poller, owner = fake_connection(Side.BACKEND)
    connection.pause(PauseReason.SINK_FULL)
    sock.room.append(OSError(errno.EPIPE, "gone"))
    answer = bytes(range(256)) * (3 * READ_TURN_BYTES // 256) + b"the end"
    sock.incoming.append(answer)
    connection.send(b"body")
    connection.on_ready(RESET)
    poller.give_turns()
    assert (owner.received, owner.told) == (b"", [])
    owner.on_each_read = lambda: connection.pause(PauseReason.SINK_FULL)
    while not owner.told:
        assert len(owner.received) <= len(answer)
        connection.resume(PauseReason.SINK_FULL)
        assert poller.give_turns() == 1
    assert owner.has(answer)
    assert owner.told == ["gone: EPIPE"]


def test_the_end_of_its_answer_is_no_eof() -> None:
    connection, sock, poller, owner = fake_connection(Side.BACKEND)
    sock.room.append(OSError(errno.EPIPE, "gone"))
    sock.incoming.extend([b"answer", b"and more", b""])
    connection.send(b"body")
    poller.give_turns()
    assert (owner.received, owner.told) == (b"answerand more", ["gone: EPIPE"])


def test_its_answer_is_read_even_when_the_failed_write_comes_before_its_readiness() -> None:
    connection, sock, poller, owner = fake_connection(Side.BACKEND)
    sock.room.append(OSError(errno.EPIPE, "gone"))
    sock.incoming.append(b"HTTP/1.1 507 Full\r\n\r\n")
    connection.send(b"body")
    poller.give_turns()
    assert owner.received == b"HTTP/1.1 507 Full\r\n\r\n"
    assert owner.told == ["gone: EPIPE"]


def test_a_reset_while_reading_is_told() -> None:
    connection, sock, _, owner = fake_connection()
    sock.incoming.extend([b"last words", resets()])
    connection.on_ready(RESET)
    assert (owner.received, owner.told) == (b"last words", ["gone: ECONNRESET"])
    assert connection.last_error == "ECONNRESET"


# -- reading


def test_a_short_read_is_believed_and_the_socket_not_asked_again() -> None:
    connection, sock, _, owner = fake_connection()
    sock.incoming.append(b"hello")
    connection.on_ready(IN)
    assert (owner.received, connection.bytes_in, connection.eagain_reads) == (b"hello", 5, 0)
    assert (connection.wakeups, owner.told) == (1, [])


def test_a_full_read_is_followed_by_another_and_its_eagain_is_counted() -> None:
    connection, sock, _, owner = fake_connection()
    sock.incoming.append(bytes(READ_BYTES))
    connection.on_ready(IN)
    assert (len(owner.received), connection.eagain_reads) == (READ_BYTES, 1)


@pytest.mark.parametrize("readiness", [FIN, BOTH_FINS])
def test_after_a_fin_it_reads_to_the_end_for_no_further_edge_comes(readiness: int) -> None:
    connection, sock, _, owner = fake_connection()
    sock.incoming.extend([b"a", b"b", b""])
    connection.on_ready(readiness)
    assert (owner.received, owner.told, connection.is_eof) == (b"ab", ["eof"], True)


@pytest.mark.parametrize("later", [OUT | FIN, FIN, BOTH_FINS | OUT])
def test_the_end_is_told_once_whatever_edges_come_after(later: int) -> None:
    """Each edge reports all that is so, so every OUT of a half-closed peer says RDHUP again."""
    connection, sock, _, owner = fake_connection()
    sock.incoming.append(b"")
    sock.room.append(would_block())
    connection.on_ready(FIN)
    connection.send(b"hello")
    connection.on_ready(later)
    connection.on_ready(OUT | later)
    assert [word for word in owner.told if word != "sent"] == ["eof"]
    assert sock.sent == b"hello"


def test_a_reset_after_the_end_is_still_heard() -> None:
    connection, sock, _, owner = fake_connection()
    sock.incoming.append(b"")
    connection.on_ready(FIN)
    sock.incoming.clear()
    sock.incoming.append(resets())
    sock.error = errno.ECONNRESET
    connection.on_ready(RESET)
    assert owner.told == ["eof", "gone: ECONNRESET"]


def test_one_turn_reads_so_much_and_then_the_others_come() -> None:
    connection, sock, poller, owner = fake_connection()
    sock.incoming.append(bytes(READ_TURN_BYTES + 5))
    connection.on_ready(IN)
    assert len(owner.received) == READ_TURN_BYTES
    assert poller.give_turns() == 1
    assert len(owner.received) == READ_TURN_BYTES + 5
    assert poller.waiting == {}


def test_a_fast_peer_does_not_starve_another() -> None:
    poller = FakePoller()
    fast, plenty, _, first = fake_connection(poller=poller, fd=1)
    slow, little, _, second = fake_connection(poller=poller, fd=2)
    plenty.incoming.append(bytes(10 * READ_TURN_BYTES))
    little.incoming.append(b"one byte")
    for connection in (fast, slow):
        connection.on_ready(IN)
    assert len(first.received) == READ_TURN_BYTES
    assert second.received == b"one byte"
    while poller.give_turns():
        pass
    assert len(first.received) == 10 * READ_TURN_BYTES


def test_reading_stops_when_the_owner_closes_in_its_midst() -> None:
    connection, sock, _, owner = fake_connection()
    sock.incoming.append(bytes(3 * READ_BYTES))
    owner.on_each_read = connection.close
    connection.on_ready(FIN)
    assert (len(owner.received), owner.told) == (READ_BYTES, [])


# -- ending


@pytest.mark.parametrize(
    ("after", "shut", "closed"),
    [
        (AfterUnsent.SHUT_WRITE, True, False),
        (AfterUnsent.CLOSE, False, True),
        (AfterUnsent.RESET, False, True),
    ],
)
def test_the_close_marker_is_obeyed_behind_the_data(
    after: AfterUnsent, shut: bool, closed: bool
) -> None:
    connection, sock, poller, owner = fake_connection()
    sock.room.append(would_block())
    connection.send(b"hello")
    connection.finish(after)
    assert (sock.shut, connection.is_closed, connection.is_drained) == (False, False, False)
    sock.room.extend([4, would_block()])
    connection.on_ready(OUT)
    assert (sock.shut, connection.is_closed) == (False, False), "one byte is still unsent"
    connection.on_ready(OUT)
    assert (sock.shut, connection.is_closed) == (shut, closed)
    assert (sock.sent, owner.told, connection.is_drained) == (b"hello", ["sent"], True)
    assert bool(sock.options) is (after is AfterUnsent.RESET), "SO_LINGER makes it RST"
    assert poller.closing == ([sock] if closed else [])


def test_with_nothing_unsent_the_marker_is_obeyed_at_once_and_once() -> None:
    connection, sock, _, owner = fake_connection()
    connection.finish(AfterUnsent.SHUT_WRITE)
    assert (sock.shut, owner.told) == (True, ["sent"])
    sock.shut = False
    connection.on_ready(OUT)
    connection.finish(AfterUnsent.NOTHING)
    assert not sock.shut


def test_a_stronger_marker_replaces_a_weaker_one_that_waits() -> None:
    connection, sock, _, _ = fake_connection()
    sock.room.append(would_block())
    connection.send(b"hello")
    connection.finish(AfterUnsent.RESET)
    connection.finish(AfterUnsent.SHUT_WRITE)
    connection.on_ready(OUT)
    assert (sock.shut, connection.is_closed, bool(sock.options)) == (False, True, True)


def test_reading_goes_on_after_our_fin() -> None:
    connection, sock, _, owner = fake_connection()
    connection.finish(AfterUnsent.SHUT_WRITE)
    sock.incoming.append(b"the answer")
    connection.on_ready(IN)
    assert owner.received == b"the answer"


def test_a_closed_connection_is_left_alone() -> None:
    connection, sock, poller, owner = fake_connection()
    sock.incoming.append(b"late")
    connection.close()
    connection.close()
    connection.on_ready(RESET | OUT)
    connection.send(b"late")
    connection.finish(AfterUnsent.SHUT_WRITE)
    assert (owner.told, owner.received, sock.sent, sock.shut) == ([], b"", b"", False)
    assert (poller.watched, poller.closing, connection.is_drained) == ({}, [sock], True)
    assert not sock.closed, "the poller closes it when the batch is over"
