"""A whole session over kernels that a test moves by hand: one client, and backends as dialled.

A `Kernel` is one socket with the rules of a real one: short reads only when it is empty or before
an urgent byte, EAGAIN when it is full, edges that come once and report all that is so. Between the
steps of a test nothing happens by itself, so whatever hypothesis finds happens again.
"""

import errno
import select
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast
from unittest import mock

from rsp.core.backends import Backend, BackendTable, Pool
from rsp.core.config import ListenerConfig
from rsp.core.limits import KIB, READ_BYTES, SPLICE_BYTES, Limits
from rsp.core.route import FixedRouter
from rsp.core.vocabulary import CloseReason, Mode, PauseReason, Side
from rsp.engine import dispatch
from rsp.engine.connection import Connection
from rsp.engine.context import Context
from rsp.engine.conversation import Conversation
from rsp.engine.deadlines import Deadlines
from rsp.engine.dispatch import Dispatcher
from rsp.engine.entrance import Entrance
from rsp.engine.ledger import ledger_of
from rsp.engine.poller import Handler, Parcel, Poller
from rsp.engine.relay import Relay
from rsp.engine.session import Registry, Session
from rsp.engine.telemetry import Telemetry
from rsp.engine.wait import Wait
from tests.engine.fakes import FakeSiphon

_BROKEN = select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLHUP
LIMITS = Limits(high_water_bytes=1000, low_water_bytes=400)
HEADS_BYTES = 4 * KIB
"""What our own header fields may add to one read."""
BOUND_BYTES = LIMITS.high_water_bytes + SPLICE_BYTES + HEADS_BYTES


class Kernel:
    """One socket of ours, and the peer at its other end."""

    family = socket.AF_INET

    def __init__(self, fd: int, *, is_connected: bool = True) -> None:
        self.fd = fd
        self.is_connected = is_connected
        self.stream = b""
        """All that the peer ever sends."""
        self.arrived = 0
        """How much of it has arrived here."""
        self.read = 0
        """How much of it was read."""
        self.mark = -1
        """Behind how many bytes of it an urgent byte stands, which is in nobody's stream."""
        self.ends = False
        """Whether the peer says FIN behind its stream."""
        self.fin_arrived = False
        self.room = 0
        """How much this kernel takes before it says EAGAIN."""
        self.lacks_memory = False
        """Whether the next send gets ENOBUFS."""
        self.error = 0
        """An errno that waits to be told: by SO_ERROR, or by the next call that would meet it."""
        self.is_broken = False
        """Whether nothing passes any more, after a reset or a refusal."""
        self.taken = bytearray()
        """What it took: it reaches the peer."""
        self.shut = False
        self.closed = False
        self.resets = False
        """Whether closing it says RST."""
        self.has_edge = is_connected
        self.on_taken: Callable[[], None] = lambda: None

    # -- what the peer and the network do

    def arrive(self, count: int) -> None:
        """Let `count` more bytes of the stream arrive, and its FIN behind the last one."""
        before = self.arrived
        self.arrived = min(len(self.stream), self.arrived + count)
        if self.ends and self.arrived == len(self.stream) and not self.fin_arrived:
            self.fin_arrived = self.has_edge = True
        self.has_edge = self.has_edge or self.arrived > before

    def make_room(self, count: int) -> None:
        """Let the peer read: there is room for `count` more bytes."""
        if not self.room and count:
            self.has_edge = True
        self.room += count

    def accept(self) -> None:
        """Let the connect succeed."""
        if not self.is_connected and not self.is_broken:
            self.is_connected = self.has_edge = True

    def end_here(self) -> None:
        """Let the peer say FIN now: what has not arrived was never sent."""
        self.stream = self.stream[: self.arrived]
        self.ends = True
        self.arrive(0)

    def reset(self) -> None:
        """Let the peer reset the connection, or refuse it when there is none yet."""
        if not self.is_broken:
            self.error = errno.ECONNRESET if self.is_connected else errno.ECONNREFUSED
            self.is_broken = self.has_edge = True

    def _told(self) -> int:
        told, self.error = self.error, 0
        return told

    def readiness(self) -> int:
        """Return all that is so, as epoll reports it with every edge."""
        if self.is_broken:
            return _BROKEN | (select.EPOLLERR if self.error else 0)
        if not self.is_connected:
            return 0
        mask = 0
        if self.arrived > self.read or self.fin_arrived:
            mask |= select.EPOLLIN
        if self.read <= self.mark <= self.arrived:
            mask |= select.EPOLLPRI
        if self.fin_arrived:
            mask |= select.EPOLLRDHUP
        if self.fin_arrived and self.shut:
            mask |= select.EPOLLHUP
        if self.room or self.shut:
            mask |= select.EPOLLOUT
        return mask

    # -- what our side calls

    def fileno(self) -> int:
        return self.fd

    def recv_into(self, buffer: bytearray | memoryview) -> int:
        assert self.is_connected
        assert not self.closed
        count = min(self.arrived - self.read, len(buffer))
        if self.read < self.mark < self.read + count:
            count = self.mark - self.read
        if not count and self.error:
            raise OSError(self._told(), "reset")
        if not count and not self.fin_arrived and not self.is_broken:
            raise BlockingIOError
        buffer[:count] = self.stream[self.read : self.read + count]
        self.read += count
        return count

    def recv(self, count: int, flags: int) -> bytes:
        """Look at what waits, and leave it there."""
        assert flags == socket.MSG_PEEK
        if self.error:
            raise OSError(self._told(), "reset")
        if self.arrived == self.read and not self.fin_arrived and not self.is_broken:
            raise BlockingIOError
        return self.stream[self.read : min(self.read + count, self.arrived)]

    def send(self, piece: bytes | bytearray | memoryview, flags: int = 0) -> int:
        assert self.is_connected
        assert not self.closed
        assert not self.shut, "bytes behind our FIN"
        if self.is_broken:
            raise OSError(self._told() or errno.EPIPE, "gone")
        if self.lacks_memory:
            self.lacks_memory = False
            raise OSError(errno.ENOBUFS, "no memory")
        if not self.room:
            raise BlockingIOError
        count = min(self.room, len(piece))
        self.taken += piece[:count]
        self.room -= count
        self.on_taken()
        return count

    def shutdown(self, how: int) -> None:
        assert how == socket.SHUT_WR
        if self.is_broken:
            raise OSError(errno.ENOTCONN, "not connected")
        self.shut = self.has_edge = True

    def setsockopt(self, level: int, name: int, value: object) -> None:
        """Take whatever is set; lingering for no time means a reset (socket(7))."""
        self.resets = self.resets or name == socket.SO_LINGER

    def getsockopt(self, level: int, name: int, size: int = 0) -> int | bytes:
        if size:
            return b""
        return self._told() if name == socket.SO_ERROR else 0

    def getsockname(self) -> tuple[str, int]:
        return ("127.0.0.1", 1)

    def getpeername(self) -> tuple[str, int]:
        return ("127.0.0.1", 2)

    def close(self) -> None:
        self.closed = True


class HandPoller:
    """Delivers edges and turns when the test says so; what a batch sends leaves as in life."""

    def __init__(self) -> None:
        self.now_s = 1.0
        self.parcels: list[Parcel] | None = None
        self.siphon = FakeSiphon()
        self.blocked: dict[object, Wait] = {}
        self.holders: set[object] = set()
        self.kernels: dict[int, Kernel] = {}
        self._handlers: dict[int, Handler] = {}
        self._again: dict[Handler, None] = {}

    def watch(self, fd: int, handler: Handler) -> None:
        self._handlers[fd] = handler

    def forget(self, fd: int) -> None:
        self._handlers.pop(fd, None)

    def again(self, handler: Handler) -> None:
        self._again[handler] = None

    def at(self, when_s: float, handler: Handler) -> None:
        self.again(handler)

    def close_later(self, sock: Kernel, fd: int) -> None:
        self.forget(fd)
        sock.close()

    def deliver(self) -> bool:
        """Deliver every edge that has not been; tell whether there was one."""
        batch = [kernel for kernel in self.kernels.values() if kernel.has_edge]
        reports = [(kernel, kernel.readiness()) for kernel in batch]
        self.parcels = [] if len(reports) > 1 else None
        for kernel, readiness in reports:
            kernel.has_edge = False
            handler = self._handlers.get(kernel.fd)
            if handler is not None and readiness:
                handler.on_ready(readiness)
        Poller._send_together(cast(Poller, self))
        return bool(batch)

    def give_turns(self) -> bool:
        """Give a turn to all who asked for one; tell whether anybody did."""
        waiting, self._again = self._again, {}
        self.parcels = [] if len(waiting) > 1 else None
        for handler in waiting:
            handler.on_ready(0)
        Poller._send_together(cast(Poller, self))
        return bool(waiting)


class NoDeadlines:
    """Time stands still."""

    def set(self, timed: object, deadline_s: float) -> None:
        """Never."""

    def cancel(self, timed: object) -> None:
        """There is nothing to cancel."""


class World:
    """One session, its client, and the backends that it dialled."""

    def __init__(self, mode: Mode, limits: Limits = LIMITS) -> None:
        self.poller = HandPoller()
        self.backends: list[Kernel] = []
        self.on_dialled: Callable[[Kernel], None] = lambda kernel: None
        backend = Backend("web", "a", "127.0.0.1:2", resolved=("127.0.0.1", 2))
        self.context = Context(
            cast(Poller, self.poller),
            cast(Deadlines, NoDeadlines()),
            Telemetry(),
            Dispatcher(BackendTable.of([Pool("web", (backend,))], 1), FixedRouter("web")),
            limits,
        )
        self.client = self._kernel(is_connected=True)
        connection = Connection(
            cast(Poller, self.poller),
            cast(socket.socket, self.client),
            "192.0.2.1:5",
            Side.CLIENT,
            limits,
        )
        entrance = Entrance("127.0.0.1:80", ListenerConfig("127.0.0.1:80", mode, "web"), ("web",))
        self.session = Session(self.context, Registry(), connection, entrance)

    def _kernel(self, *, is_connected: bool) -> Kernel:
        fd = len(self.poller.kernels) + 10
        kernel = self.poller.kernels[fd] = Kernel(fd, is_connected=is_connected)
        return kernel

    def _dial(self, _address: tuple[str, int]) -> Kernel:
        kernel = self._kernel(is_connected=False)
        self.backends.append(kernel)
        self.on_dialled(kernel)
        return kernel

    @contextmanager
    def running(self) -> Iterator[None]:
        """Begin the session; while it runs, a backend is dialled at one of our kernels."""
        with mock.patch.object(dispatch, "start_connect", self._dial):
            is_tcp = self.session.entrance.mode is Mode.TCP
            self.session.start(Relay(self.session) if is_tcp else Conversation(self.session))
            yield

    def kernels(self) -> list[Kernel]:
        return [kernel for kernel in self.poller.kernels.values() if not kernel.closed]

    def pick(self, number: int) -> Kernel:
        """Return the client's kernel (0) or the newest backend's (1)."""
        return self.backends[-1] if number and self.backends else self.client

    def hold(self, number: int, reason: PauseReason) -> None:
        """Let a person, or a breakpoint, hold one side."""
        connection = self.session.backend if number else self.session.client
        if connection is not None:
            connection.pause(reason)

    def let_go(self, number: int, reason: PauseReason) -> None:
        """Take that back."""
        connection = self.session.backend if number else self.session.client
        if connection is not None:
            connection.resume(reason)

    def check(self) -> None:
        """Fail when more is kept than pausing allows, or our own code failed."""
        reason, detail = self.session.close_reason, self.session.close_detail
        assert reason is not CloseReason.INTERNAL_ERROR, detail
        assert not self.session.state.is_passing
        books = ledger_of(self.session)
        assert books.request.balanced, books.request
        assert books.response.balanced, books.response
        for connection in (self.session.client, self.session.backend):
            if connection is not None:
                assert len(connection.unsent) <= BOUND_BYTES
                assert bool(connection.blocked_since_s) <= bool(connection.unsent.data)

    def let_everything_happen(self) -> None:
        """Let go of every hold, let all bytes arrive and leave, until nothing moves any more."""
        while True:
            for reason in (PauseReason.OPERATOR, PauseReason.BREAKPOINT):
                self.let_go(0, reason)
                self.let_go(1, reason)
            for kernel in self.kernels():
                kernel.accept()
                kernel.arrive(1 << 30)
                if kernel.room < READ_BYTES:
                    kernel.make_room(READ_BYTES)
            moved = self.poller.deliver()
            moved = self.poller.give_turns() or moved
            self.check()
            if not moved:
                return
