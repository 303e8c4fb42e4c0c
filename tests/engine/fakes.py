"""Stand-ins at the one I/O seam: a socket and a poller driven by hand, and a listening owner."""

import asyncio
import socket
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import cast

from rsp.core.limits import Limits
from rsp.core.vocabulary import Side
from rsp.engine.connection import Connection
from rsp.engine.nonblocking import try_recv_into, try_send
from rsp.engine.poller import Handler, Poller
from rsp.engine.wait import Wait
from rsp.engine.worker_jobs import carry_out

SMALL = Limits(high_water_bytes=1000, low_water_bytes=400)


class FakeSocket:
    """A socket whose kernel is a script: what `recv_into` gives, and how much `send` takes."""

    family = socket.AF_INET

    def __init__(self, fd: int = 100) -> None:
        self.fd = fd
        self.incoming: deque[bytes | OSError] = deque()
        """Each read gets the next one, or the part that fits; b"" is EOF; an empty deque EAGAIN."""
        self.room: deque[int | OSError] = deque()
        """How much each send takes; when it is empty, everything."""
        self._sent = bytearray()
        self.shut = False
        self.closed = False
        self.flags: list[int] = []
        """What each send was told beside its bytes."""
        self.error = 0
        """What SO_ERROR says."""
        self.options: dict[tuple[int, int], object] = {}

    @property
    def sent(self) -> bytes:
        return bytes(self._sent)

    def fileno(self) -> int:
        return self.fd

    def recv_into(self, buffer: bytearray | memoryview) -> int:
        if not self.incoming:
            raise BlockingIOError
        piece = self.incoming.popleft()
        if isinstance(piece, OSError):
            raise piece
        count = min(len(piece), len(buffer))
        buffer[:count] = piece[:count]
        if piece[count:]:
            self.incoming.appendleft(piece[count:])
        elif not piece:
            self.incoming.appendleft(b"")
        return count

    def send(self, piece: bytes | bytearray | memoryview, flags: int = 0) -> int:
        self.flags.append(flags)
        count = self.room.popleft() if self.room else len(piece)
        if isinstance(count, OSError):
            raise count
        self._sent += piece[:count]
        return min(count, len(piece))

    def shutdown(self, how: int) -> None:
        assert how == socket.SHUT_WR
        self.shut = True

    def setsockopt(self, level: int, name: int, value: object) -> None:
        self.options[level, name] = value

    def getsockopt(self, level: int, name: int, size: int = 0) -> int | bytes:
        if size:
            return b""
        return self.error if name == socket.SO_ERROR else 0

    def close(self) -> None:
        self.closed = True


class FakeSiphon:
    """The kernel's pipe between two scripted sockets; each step is the socket's own word."""

    def __init__(self) -> None:
        self.held = b""
        self.is_suited = True

    def suits(self, sink: FakeSocket) -> bool:
        return self.is_suited

    def fill(self, source: FakeSocket, most_bytes: int) -> int:
        assert not self.held, "bytes of somebody else"
        buffer = bytearray(most_bytes)
        count = try_recv_into(cast(socket.socket, source), buffer)
        self.held = bytes(buffer[: max(count, 0)])
        return count

    def pour(self, sink: FakeSocket) -> int:
        taken = try_send(cast(socket.socket, sink), self.held)
        self.held = self.held[max(taken, 0) :]
        return taken

    def take_back(self) -> bytes:
        held, self.held = self.held, b""
        return held


class FakePoller:
    """Remembers what was asked of it; the test says when a turn comes."""

    def __init__(self) -> None:
        self.now_s = 1.0
        self.siphon = FakeSiphon()
        self.holders: set[object] = set()
        self.blocked: dict[object, Wait] = {}
        self.watched: dict[int, Handler] = {}
        self.waiting: dict[Handler, None] = {}
        self.closing: list[FakeSocket] = []
        self.later: list[tuple[float, Handler]] = []

    def watch(self, fd: int, handler: Handler) -> None:
        self.watched[fd] = handler

    def forget(self, fd: int) -> None:
        self.watched.pop(fd, None)

    def again(self, handler: Handler) -> None:
        self.waiting[handler] = None

    def at(self, when_s: float, handler: Handler) -> None:
        self.later.append((when_s, handler))

    def close_later(self, sock: FakeSocket, fd: int) -> None:
        self.watched.pop(fd, None)
        self.closing.append(sock)

    def give_turns(self) -> int:
        """Give each connection that asked for a turn one; return how many there were."""
        waiting, self.waiting = self.waiting, {}
        for handler in waiting:
            handler.on_ready(0)
        return len(waiting)


class Listening:
    """An owner that writes down what it is told, and does what a test adds."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self._received = bytearray()
        self.on_each_read: Callable[[], None] = lambda: None

    @property
    def received(self) -> bytes:
        return bytes(self._received)

    def has(self, received: bytes) -> bool:
        return self._received == received

    def on_bytes(self, connection: Connection, view: memoryview) -> None:
        self._received += view
        self.on_each_read()

    def on_bulk(self, connection: Connection) -> int:
        return 0

    def on_eof(self, connection: Connection) -> None:
        self.told.append("eof")

    def on_gone(self, connection: Connection, reason: str) -> None:
        self.told.append(f"gone: {reason}")

    def on_room(self, connection: Connection) -> None:
        self.told.append("room")

    def on_sent(self, connection: Connection) -> None:
        self.told.append("sent")

    def on_connected(self, connection: Connection) -> None:
        self.told.append("connected")

    def on_connect_failed(self, connection: Connection, reason: str) -> None:
        self.told.append(f"connect failed: {reason}")

    def on_bug(self, error: Exception) -> None:
        raise error


def fake_connection(
    side: Side = Side.CLIENT,
    limits: Limits = SMALL,
    poller: FakePoller | None = None,
    fd: int = 100,
) -> tuple[Connection, FakeSocket, FakePoller, Listening]:
    """Return a connected connection on a fake socket, started, and all that is around it."""
    sock, owner = FakeSocket(fd), Listening()
    poller = poller or FakePoller()
    connection = Connection(
        cast(Poller, poller), cast(socket.socket, sock), f"peer {fd}", side, limits
    )
    connection.start(owner, is_connected=True)
    return connection, sock, poller, owner


def real_connection(
    poller: Poller, sock: socket.socket, side: Side = Side.CLIENT, limits: Limits = SMALL
) -> tuple[Connection, Listening]:
    """Return a connected connection on a real socket, started, and its owner."""
    owner = Listening()
    connection = Connection(poller, sock, "peer", side, limits)
    connection.start(owner, is_connected=True)
    return connection, owner


async def next_turns(count: int = 3) -> None:
    """Let the loop run through so many whole turns."""
    for _ in range(count):
        await asyncio.sleep(0)


class Here:
    """Stands in for the worker: does its jobs in this very process."""

    async def ask(self, pieces: AsyncIterator[bytes]) -> bytes:
        return carry_out([piece async for piece in pieces])
