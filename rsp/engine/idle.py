"""Backend connections that nobody uses at this moment, kept for the next request.

They stay in the poller: the first byte, FIN or RST on one closes it, for a backend has nothing to
say unasked. The newest is taken first, so that the oldest may time out.
"""

from rsp.core.backends import Backend
from rsp.core.limits import Limits
from rsp.engine.connection import Connection
from rsp.engine.deadlines import Deadlines
from rsp.engine.poller import Poller

IdleKey = tuple[str, str]
"""Backend key and address: an edited address must not be served by an old connection."""


class IdleConnection:
    """Owns one idle connection until it is taken, or ends."""

    __slots__ = ("bucket", "connection", "deadline_s", "idle", "key")

    def __init__(self, idle: "IdleConnections", key: IdleKey, connection: Connection) -> None:
        self.idle = idle
        self.key = key
        self.connection = connection
        self.deadline_s = 0.0
        self.bucket = 0

    def on_bytes(self, connection: Connection, view: memoryview) -> None:
        """Bytes that nobody asked for: the connection cannot be trusted any more."""
        self.idle.drop(self)

    def on_eof(self, connection: Connection) -> None:
        """The backend closed it, as it may."""
        self.idle.drop(self)

    def on_gone(self, connection: Connection, reason: str) -> None:
        """The backend reset it."""
        self.idle.drop(self)

    def on_deadline(self, now_s: float) -> None:
        """It was idle long enough."""
        self.idle.drop(self)

    def on_bug(self, error: Exception) -> None:
        """Our own code failed while acting on it."""
        self.idle.drop(self)

    def on_room(self, connection: Connection) -> None:
        """Nothing is being sent."""

    def on_sent(self, connection: Connection) -> None:
        """Nothing is being sent."""

    def on_connected(self, connection: Connection) -> None:
        """It was connected long ago."""

    def on_connect_failed(self, connection: Connection, reason: str) -> None:
        """It was connected long ago."""


class IdleConnections:
    """Idle backend connections, by backend and address."""

    def __init__(self, poller: Poller, deadlines: Deadlines) -> None:
        self._poller = poller
        self._deadlines = deadlines
        self._kept: dict[IdleKey, dict[IdleConnection, None]] = {}

    def count(self, backend: Backend) -> int:
        """Return how many connections to `backend` are idle."""
        return len(self._kept.get((backend.key, backend.address), ()))

    def put(self, backend: Backend, connection: Connection, limits: Limits) -> None:
        """Keep `connection` for the next request to `backend`."""
        key = (backend.key, backend.address)
        kept = self._kept.setdefault(key, {})
        idle = IdleConnection(self, key, connection)
        connection.owner = idle
        kept[idle] = None
        self._deadlines.set(idle, self._poller.now_s + limits.backend_idle_s)
        if len(kept) > limits.backend_idle_connections:
            self.drop(next(iter(kept)))

    def take(self, backend: Backend) -> Connection | None:
        """Return an idle connection to `backend`, its counters at 0; None when there is none."""
        kept = self._kept.get((backend.key, backend.address))
        if not kept:
            return None
        idle, _ = kept.popitem()
        self._deadlines.cancel(idle)
        idle.connection.reset_counters()
        return idle.connection

    def drop(self, idle: IdleConnection) -> None:
        """Close one."""
        self._deadlines.cancel(idle)
        kept = self._kept[idle.key]
        kept.pop(idle, None)
        if not kept:
            del self._kept[idle.key]
        idle.connection.close()

    def retain(self, usable: set[IdleKey]) -> None:
        """Close those to backends that are not in `usable`: drained, removed, or moved."""
        for key in [key for key in self._kept if key not in usable]:
            for idle in list(self._kept[key]):
                self.drop(idle)
