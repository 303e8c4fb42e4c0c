"""Pausing at the seam: a set of reasons, no edge forgotten, nothing handed on meanwhile."""

import errno
import select
from itertools import permutations

import pytest

from rsp.core.limits import READ_BYTES
from rsp.core.vocabulary import PauseReason
from tests.engine.fakes import fake_connection

IN = select.EPOLLIN
FIN = select.EPOLLIN | select.EPOLLRDHUP
BOTH_FINS = FIN | select.EPOLLHUP
RESET = BOTH_FINS | select.EPOLLERR


def resets() -> OSError:
    return ConnectionResetError(errno.ECONNRESET, "reset")


@pytest.mark.parametrize("reason", list(PauseReason))
def test_a_paused_connection_is_not_read_and_forgets_no_edge(reason: PauseReason) -> None:
    connection, sock, poller, owner = fake_connection()
    connection.pause(reason)
    sock.incoming.append(b"hello")
    connection.on_ready(IN)
    assert owner.received == b""
    connection.resume(reason)
    assert owner.received == b"", "not from inside the resume"
    assert poller.give_turns() == 1
    assert owner.received == b"hello"


@pytest.mark.parametrize("order", permutations(list(PauseReason)[:4]))
def test_it_is_read_when_the_last_reason_has_gone_in_whatever_order(
    order: tuple[PauseReason, ...],
) -> None:
    connection, sock, poller, owner = fake_connection()
    for reason in PauseReason:
        connection.pause(reason)
        connection.pause(reason)
    sock.incoming.append(b"hello")
    connection.on_ready(IN)
    for reason in (*order, *(r for r in PauseReason if r not in order)):
        assert (owner.received, poller.waiting) == (b"", {})
        connection.resume(reason)
        connection.resume(reason)
    poller.give_turns()
    assert owner.received == b"hello"


def test_a_pause_while_reading_ends_the_reading() -> None:
    connection, sock, poller, owner = fake_connection()
    sock.incoming.append(bytes(3 * READ_BYTES))
    owner.on_each_read = lambda: connection.pause(PauseReason.SINK_FULL)
    connection.on_ready(IN)
    assert len(owner.received) == READ_BYTES
    connection.resume(PauseReason.SINK_FULL)
    poller.give_turns()
    assert len(owner.received) == 2 * READ_BYTES


@pytest.mark.parametrize(
    ("reason", "is_held"), [(r, r.name in ("OPERATOR", "BREAKPOINT")) for r in PauseReason]
)
def test_what_a_person_paused_stays_when_everything_else_is_let_go(
    reason: PauseReason, is_held: bool
) -> None:
    connection, sock, poller, owner = fake_connection()
    connection.pause(PauseReason.SINK_FULL)
    connection.pause(reason)
    sock.incoming.append(b"hello")
    connection.on_ready(IN)
    connection.unpause()
    poller.give_turns()
    assert connection.is_held is is_held
    assert bool(owner.received) is not is_held


@pytest.mark.parametrize("readiness", [BOTH_FINS, RESET])
@pytest.mark.parametrize("reason", list(PauseReason))
def test_a_paused_connection_hands_nothing_on_when_the_peer_dies(
    readiness: int, reason: PauseReason
) -> None:
    connection, sock, _, owner = fake_connection()
    connection.pause(reason)
    sock.incoming.append(bytes(3 * READ_BYTES))
    sock.error = errno.ECONNRESET if readiness & select.EPOLLERR else 0
    connection.on_ready(readiness)
    assert owner.received == b""


def test_a_reset_is_heard_while_reading_is_paused() -> None:
    connection, sock, _, owner = fake_connection()
    connection.pause(PauseReason.SINK_FULL)
    sock.incoming.extend([bytes(10), resets()])
    sock.error = errno.ECONNRESET
    connection.on_ready(RESET)
    assert owner.told == ["gone: ECONNRESET"]


def test_the_end_of_a_paused_peer_comes_behind_its_bytes_after_the_resume() -> None:
    connection, sock, poller, owner = fake_connection()
    connection.pause(PauseReason.SINK_FULL)
    sock.incoming.extend([b"last words", b""])
    connection.on_ready(FIN)
    assert owner.told == []
    connection.resume(PauseReason.SINK_FULL)
    poller.give_turns()
    assert (owner.received, owner.told) == (b"last words", ["eof"])
