"""Idle backend connections: kept, taken, closed when they have anything to say."""

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial

import pytest

from rsp.core.backends import Backend, BackendTable, Pool
from rsp.core.limits import Limits
from rsp.core.vocabulary import BackendState, PauseReason, Side
from rsp.engine.connection import Connection
from rsp.engine.deadlines import Deadlines
from rsp.engine.idle import IdleConnections
from rsp.engine.poller import Poller
from rsp.engine.telemetry import Telemetry
from tests.conftest import Pairs, wait_until
from tests.engine.fakes import Listening, next_turns, real_connection

A = Backend("web", "a", "127.0.0.1:9001")
B = Backend("web", "b", "127.0.0.1:9002")
TABLE = BackendTable.of([Pool("web", (A, B))], 1)


class Shelf:
    """The idle connections of one test, and the far ends of what it put there."""

    def __init__(self, poller: Poller, pairs: Pairs) -> None:
        self.telemetry = Telemetry()
        self.deadlines = Deadlines(asyncio.get_running_loop())
        self.idle = IdleConnections(poller, self.deadlines, self.telemetry)
        self._poller = poller
        self._pairs = pairs

    def used(self, backend: Backend = A) -> tuple[Connection, socket.socket]:
        """Return a connection that has served a request, and its far end."""
        near, far = self._pairs.tcp()
        connection, _ = real_connection(self._poller, near, Side.BACKEND)
        connection.address = backend.address
        connection.bytes_in = 7
        return connection, far

    def put(
        self, backend: Backend = A, limits: Limits | None = None
    ) -> tuple[Connection, socket.socket]:
        connection, far = self.used(backend)
        if limits is not None:
            self.idle.limits = limits
        self.idle.put(backend, connection)
        return connection, far


@pytest.fixture
async def shelf(poller: Poller, pairs: Pairs) -> AsyncIterator[Shelf]:
    """Yield an empty shelf whose wheel stops with the test."""
    made = Shelf(poller, pairs)
    yield made
    made.deadlines.stop()


async def test_the_newest_is_taken_first_and_counts_from_nothing(shelf: Shelf) -> None:
    old, _ = shelf.put()
    new, _ = shelf.put()
    assert shelf.idle.count(A) == 2
    assert shelf.idle.take(A) is new
    assert new.bytes_in == 0
    assert shelf.idle.take(A) is old
    assert shelf.idle.take(A) is None
    assert shelf.idle.count(A) == 0


async def test_one_that_died_unnoticed_is_found_by_a_look(shelf: Shelf) -> None:
    """The poller has had no turn since: only the kernel knows."""
    old, _ = shelf.put()
    dead, far = shelf.put()
    far.close()
    assert shelf.idle.take(A, look=True) is old
    assert dead.is_closed


async def test_each_backend_has_its_own(shelf: Shelf) -> None:
    shelf.put(A)
    assert shelf.idle.take(B) is None
    assert shelf.idle.count(B) == 0


@pytest.mark.parametrize("what", ["a FIN", "an RST", "bytes that nobody asked for"])
async def test_whatever_comes_on_an_idle_connection_ends_it(shelf: Shelf, what: str) -> None:
    connection, far = shelf.put()
    other, _ = shelf.put()
    match what:
        case "a FIN":
            far.shutdown(socket.SHUT_WR)
        case "an RST":
            far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            far.close()
        case _:
            far.send(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
    await wait_until(lambda: connection.is_closed)
    assert shelf.idle.count(A) == 1
    assert not other.is_closed


async def test_a_kept_connection_is_paused_by_nobody(shelf: Shelf) -> None:
    """What paused it (a slow client, a person) concerned the session that gave it back."""
    for reason in PauseReason:
        connection, far = shelf.used()
        connection.pause(reason)
        shelf.idle.put(A, connection)
        assert shelf.idle.take(A) is connection
        assert connection.paused_by == 0
        owner = Listening()
        connection.owner = owner
        far.send(b"answer")
        await wait_until(partial(owner.has, b"answer"), 2.0)


async def test_the_end_of_a_connection_that_was_kept_while_paused_is_noticed(shelf: Shelf) -> None:
    connection, far = shelf.used()
    connection.pause(PauseReason.SINK_FULL)
    far.shutdown(socket.SHUT_WR)
    await next_turns()
    shelf.idle.put(A, connection)
    await wait_until(lambda: connection.is_closed, 2.0)
    assert shelf.idle.count(A) == 0


async def test_beyond_the_limit_the_oldest_goes(shelf: Shelf) -> None:
    limits = Limits(backend_idle_connections=2)
    kept = [shelf.put(limits=limits)[0] for _ in range(4)]
    assert [connection.is_closed for connection in kept] == [True, True, False, False]
    assert shelf.idle.count(A) == 2


async def test_what_was_idle_for_too_long_goes_and_the_rest_stays(
    shelf: Shelf, poller: Poller
) -> None:
    limits = Limits(backend_idle_s=50.0)
    old, _ = shelf.put(limits=limits)
    now_s = poller.now_s
    poller.now_s += 40.0
    new, _ = shelf.put(limits=limits)
    shelf.idle.on_deadline(now_s + 49.0)
    assert not old.is_closed
    shelf.idle.on_deadline(now_s + 51.0)
    assert (old.is_closed, new.is_closed) == (True, False)
    assert shelf.idle.count(A) == 1


@pytest.mark.parametrize(
    "backends",
    [
        (B,),
        (Backend("web", "a", "127.0.0.1:9999"), B),
        (replace(A, resolved=("127.0.0.2", 9001)), B),
        (Backend("web", "a", A.address, state=BackendState.DRAIN), B),
        (Backend("web", "a", A.address, state=BackendState.MAINT), B),
    ],
    ids=["removed", "moved", "moved by name", "draining", "in maintenance"],
)
async def test_what_may_not_be_used_any_more_goes(
    shelf: Shelf, backends: tuple[Backend, ...]
) -> None:
    gone, _ = shelf.put(A)
    stays, _ = shelf.put(B)
    shelf.idle.retain(BackendTable.of([Pool("web", backends)], 2))
    assert (gone.is_closed, stays.is_closed) == (True, False)
    assert (shelf.idle.count(A), shelf.idle.count(B)) == (0, 1)


async def test_a_change_of_something_else_keeps_what_is_there(shelf: Shelf) -> None:
    connection, _ = shelf.put(A)
    heavier = Backend("web", "a", A.address, weight=9)
    shelf.idle.retain(BackendTable.of([Pool("web", (heavier, B))], 2))
    assert not connection.is_closed
    assert shelf.idle.take(heavier) is connection


async def test_without_a_pool_nothing_is_kept(shelf: Shelf) -> None:
    connection, _ = shelf.put(A)
    shelf.idle.retain(BackendTable.of([], 2))
    assert connection.is_closed
    shelf.idle.retain(TABLE)
    assert shelf.idle.count(A) == 0


async def test_a_bug_is_noted_and_the_others_stay(shelf: Shelf) -> None:
    connection, _ = shelf.put()
    shelf.idle.on_bug(ZeroDivisionError("sorry"))
    (note,) = [event for _, event in shelf.telemetry.events.since(0)[0]]
    assert "ZeroDivisionError('sorry')" in note.message
    assert not connection.is_closed


async def test_a_new_allowance_holds_for_what_is_kept_from_now_on(
    shelf: Shelf, poller: Poller
) -> None:
    shelf.put(limits=Limits(backend_idle_s=50.0))
    last, _ = shelf.put(limits=Limits(backend_idle_s=5.0))
    shelf.idle.on_deadline(poller.now_s + 6.0)
    assert last.is_closed
