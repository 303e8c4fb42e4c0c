"""Small reads while memory is short: the same bytes, in more calls, and no edge forgotten."""

import select
from collections.abc import Iterator

import pytest

from rsp.core.limits import SHRUNK_READ_BYTES
from rsp.core.vocabulary import PauseReason
from rsp.engine.read_room import READ_ROOM
from tests.engine.fakes import fake_connection

IN = select.EPOLLIN
FIN = select.EPOLLIN | select.EPOLLRDHUP
CONTENT = bytes(range(256)) * 80
"""Two and a half small reads."""


@pytest.fixture(autouse=True)
def shrunk() -> Iterator[None]:
    READ_ROOM.shrink()
    yield
    READ_ROOM.restore()


@pytest.mark.parametrize("readiness", [IN, FIN])
def test_a_full_small_read_has_not_emptied_the_socket(readiness: int) -> None:
    connection, sock, _, owner = fake_connection()
    sock.incoming.extend([CONTENT, b""])
    connection.on_ready(readiness)
    assert owner.has(CONTENT)


def test_a_full_sink_is_given_one_small_read_too_much_at_most() -> None:
    connection, sock, poller, owner = fake_connection()
    sock.incoming.append(CONTENT)
    owner.on_each_read = lambda: connection.pause(PauseReason.SINK_FULL)
    connection.on_ready(IN)
    assert len(owner.received) == SHRUNK_READ_BYTES
    connection.resume(PauseReason.SINK_FULL)
    poller.give_turns()
    assert len(owner.received) == 2 * SHRUNK_READ_BYTES


def test_reads_are_whole_again_afterwards() -> None:
    READ_ROOM.restore()
    connection, sock, _, owner = fake_connection()
    pieces: list[int] = []
    owner.on_each_read = lambda: pieces.append(len(owner.received))
    sock.incoming.append(CONTENT)
    connection.on_ready(IN)
    assert pieces == [len(CONTENT)]
