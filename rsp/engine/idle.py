"""Backend connections that nobody uses at this moment, kept for the next request.

They stay in the poller: the first byte, FIN or RST on one closes it, for a backend has nothing to
say unasked. The newest is taken first, so that the oldest may time out.
"""

from rsp.core.backends import Backend, BackendTable
from rsp.core.limits import IDLE_LOOK_S, Limits
from rsp.core.vocabulary import BackendState
from rsp.engine.connection import Connection
from rsp.engine.deadlines import Deadlines
from rsp.engine.nonblocking import is_quiet
from rsp.engine.poller import Poller
from rsp.engine.telemetry import Telemetry


class IdleConnections:
    """Idle backend connections, by the key of their backend. It owns each until it is taken."""

    def __init__(self, poller: Poller, deadlines: Deadlines, telemetry: Telemetry) -> None:
        self.deadline_s = 0.0
        self.bucket = 0
        self._poller = poller
        self._telemetry = telemetry
        self._deadlines = deadlines
        self._kept: dict[str, list[Connection]] = {}
        """The oldest first."""
        self.limits = Limits()
        """Those in force, whatever the session began with that gives one back."""

    def count(self, backend: Backend) -> int:
        """Return how many connections to `backend` are idle."""
        return len(self._kept.get(backend.key, ()))

    def put(self, backend: Backend, connection: Connection) -> None:
        """Keep `connection` for the next request to `backend`."""
        connection.owner = self
        connection.idle_key = backend.key
        connection.idle_since_s = self._poller.now_s
        if connection.paused_by:
            # Whatever held it was about the session it served, also what a person wanted.
            connection.unpause(also_held=True)
        kept = self._kept.get(backend.key)
        if kept is None:
            kept = self._kept[backend.key] = []
        kept.append(connection)
        if not self.deadline_s:
            self._deadlines.set(self, self._poller.now_s + IDLE_LOOK_S)
        if len(kept) > self.limits.backend_idle_connections:
            self._drop(kept[0])

    def take(self, backend: Backend, *, look: bool = False) -> Connection | None:
        """Return an idle connection to `backend`, its counters at 0; None when there is none.

        Its FIN may be here and the poller's word of it not. With `look` the kernel is asked: for
        a request that could not be sent again, which is worth a call.
        """
        kept = self._kept.get(backend.key)
        while kept:
            connection = kept.pop()
            if not look or is_quiet(connection.sock):
                connection.reset_counters()
                return connection
            connection.close()
        return None

    def drop_all(self, key: str) -> None:
        """Close those to one backend."""
        for connection in list(self._kept.get(key, ())):
            self._drop(connection)

    def retain(self, table: BackendTable) -> None:
        """Close those to backends that are drained, removed, or have another address by now, or a
        name that means another one, and those without a PROXY header where there has to be one.
        """
        usable = {
            backend.key: (backend.address, backend.resolved)
            for pool in table.pools.values()
            if pool.send_proxy is None
            for backend in pool.backends
            if backend.state is BackendState.READY
        }
        for key, kept in list(self._kept.items()):
            for connection in list(kept):
                if usable.get(key) != (connection.address, connection.resolved):
                    self._drop(connection)
            if key not in usable:
                del self._kept[key]

    def _drop(self, connection: Connection) -> None:
        self._kept[connection.idle_key].remove(connection)
        connection.close()

    def on_deadline(self, now_s: float) -> None:
        """Close those that were idle long enough."""
        for kept in self._kept.values():
            while kept and now_s - kept[0].idle_since_s >= self.limits.backend_idle_s:
                self._drop(kept[0])
        if any(self._kept.values()):
            self._deadlines.set(self, now_s + IDLE_LOOK_S)

    def on_bytes(self, connection: Connection, view: memoryview) -> None:
        """Bytes that nobody asked for: the connection cannot be trusted any more."""
        self._drop(connection)

    def on_bulk(self, connection: Connection) -> int:
        """It was idle: there is no bulk."""
        return 0

    def on_eof(self, connection: Connection) -> None:
        """The backend closed it, as it may."""
        self._drop(connection)

    def on_gone(self, connection: Connection, reason: str) -> None:
        """The backend reset it."""
        self._drop(connection)

    def on_room(self, connection: Connection) -> None:
        """Nothing is being sent."""

    def on_sent(self, connection: Connection) -> None:
        """Nothing is being sent."""

    def on_connected(self, connection: Connection) -> None:
        """It was connected long ago."""

    def on_connect_failed(self, connection: Connection, reason: str) -> None:
        """It was connected long ago."""

    def on_bug(self, error: Exception) -> None:
        """Our own code failed after a session had given one back: say so."""
        self._telemetry.record_bug("a connection that was just given back", error)
