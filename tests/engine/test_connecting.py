"""A connection to a backend that is being made; what is written down of a watched one."""

import errno
import select
import socket
from typing import cast

import pytest

from rsp.core.buffer import AfterUnsent
from rsp.core.limits import READ_BYTES, Limits
from rsp.core.vocabulary import PauseReason, Side
from rsp.engine.calls import CallRing
from rsp.engine.connection import Connection
from rsp.engine.nonblocking import start_connect
from rsp.engine.poller import Poller
from tests.conftest import wait_until
from tests.engine.fakes import SMALL, FakePoller, FakeSocket, Listening, fake_connection, next_turns

OUT = select.EPOLLOUT


def connecting(error: int = 0) -> tuple[Connection, FakeSocket, Listening]:
    sock, owner = FakeSocket(), Listening()
    sock.error = error
    connection = Connection(
        cast(Poller, FakePoller()), cast(socket.socket, sock), "peer", Side.BACKEND, Limits()
    )
    connection.start(owner, is_connected=False)
    return connection, sock, owner


def dialled(poller: Poller, listener: socket.socket) -> tuple[Connection, Listening]:
    """Return a connection that is on its way to `listener`."""
    owner = Listening()
    sock = start_connect(listener.getsockname())
    connection = Connection(poller, sock, "peer", Side.BACKEND, SMALL)
    connection.start(owner, is_connected=False)
    return connection, owner


def test_what_is_sent_before_the_backend_accepts_waits_for_it() -> None:
    connection, sock, _owner = connecting()
    connection.send(b"hello ")
    connection.send(b"there")
    connection.finish(AfterUnsent.SHUT_WRITE)
    assert (sock.sent, sock.shut, connection.eagain_writes) == (b"", False, 0)


def test_a_refusal_is_told_with_its_reason_and_closes() -> None:
    connection, _, owner = connecting(errno.ECONNREFUSED)
    connection.on_ready(OUT | select.EPOLLERR | select.EPOLLHUP)
    assert owner.told == ["connect failed: refused (ECONNREFUSED)"]
    assert connection.is_closed


def test_readiness_that_says_nothing_of_connecting_is_waited_out() -> None:
    connection, _, owner = connecting()
    connection.on_ready(0)
    assert (owner.told, connection.is_connected) == ([], False)


async def test_a_backend_that_accepts_is_told_and_gets_what_waited(poller: Poller) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        connection, owner = dialled(poller, listener)
        connection.send(b"hello")
        await wait_until(lambda: connection.is_connected)
        near, _ = listener.accept()
        with near:
            assert near.recv(10) == b"hello"
        assert owner.told == ["connected", "sent"]
        connection.close()
        await next_turns()


async def test_a_backend_that_speaks_first_is_heard(poller: Poller) -> None:
    """It may have spoken before we look: then one report says both, and it comes once."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        connection, owner = dialled(poller, listener)
        near, _ = listener.accept()
        with near:
            near.sendall(b"220 ready\r\n")
            await wait_until(lambda: owner.received == b"220 ready\r\n", 2.0)
        connection.close()
        await next_turns()


async def test_a_backend_that_accepts_and_leaves_at_once_is_noticed(poller: Poller) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        connection, owner = dialled(poller, listener)
        listener.accept()[0].close()
        await wait_until(lambda: "eof" in owner.told, 2.0)
        assert owner.told[0] == "connected"
        connection.close()
        await next_turns()


async def test_a_port_where_nobody_listens_refuses(poller: Poller) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
    owner = Listening()
    connection = Connection(poller, start_connect(address), "peer", Side.BACKEND, SMALL)
    connection.start(owner, is_connected=False)
    await wait_until(lambda: owner.told)
    assert owner.told == ["connect failed: refused (ECONNREFUSED)"]
    await next_turns()


# -- watching


def test_the_calls_of_a_watched_connection_are_written_down() -> None:
    connection, sock, poller, _ = fake_connection()
    connection.calls = calls = CallRing(0.0)
    sock.incoming.append(b"hello")
    connection.on_ready(select.EPOLLIN)
    sock.room.extend([3, BlockingIOError()])
    connection.send(b"hello")
    connection.pause(PauseReason.OPERATOR)
    connection.pause(PauseReason.OPERATOR)
    connection.resume(PauseReason.OPERATOR)
    connection.on_ready(OUT)
    connection.finish(AfterUnsent.SHUT_WRITE)
    connection.close()
    poller.give_turns()
    assert [(row.call, row.wanted_bytes, row.got_bytes, row.error) for row in calls.rows()] == [
        ("recv", READ_BYTES, 5, None),
        ("send", 5, 3, None),
        ("send", 2, None, "EAGAIN"),
        ("pause", 0, None, None),
        ("resume", 0, None, None),
        ("send", 2, 2, None),
        ("shutdown", 0, 0, None),
        ("close", 0, None, None),
    ]
    assert {row.fd for row in calls.rows()} == {100}


@pytest.mark.parametrize(
    ("side", "read", "sent"),
    [(Side.CLIENT, "request", "response"), (Side.BACKEND, "response", "request")],
)
def test_a_call_names_the_way_its_bytes_go(side: Side, read: str, sent: str) -> None:
    connection, sock, _, _ = fake_connection(side)
    connection.calls = calls = CallRing(0.0)
    sock.incoming.append(b"a")
    connection.on_ready(select.EPOLLIN)
    connection.send(b"b")
    assert [(row.call, row.direction) for row in calls.rows()] == [("recv", read), ("send", sent)]


def test_counting_begins_again_for_the_next_session() -> None:
    connection, sock, _, _ = fake_connection()
    sock.room.extend([1, BlockingIOError()])
    connection.send(b"hello")
    connection.on_ready(OUT)
    connection.reset_counters()
    counters = ("bytes_in", "bytes_out", "wakeups", "eagain_reads", "eagain_writes", "short_writes")
    assert [getattr(connection, name) for name in counters] == [0] * 6
    assert (connection.unsent.peak_bytes, connection.blocked_total_s) == (0, 0.0)
