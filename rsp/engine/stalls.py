"""Stalls: who takes none of our bytes, since when, and what its kernel says about it.

A connection that meets EAGAIN leaves a look at its kernel with the poller, unread: 1.2 µs. A
tenth of a second later it is looked at again, and then as long as it lasts: only then is it a
stall, with a cause. Where the kernel has room by then, the peer is accused of nothing: our own
loop is late, and has not heard of the room yet.
"""

from rsp.core.limits import STALL_S, TIMER_TICK_S
from rsp.engine.connection import Connection
from rsp.engine.context import Context
from rsp.engine.kernel import has_room, raw_look, read_look
from rsp.engine.names import name_of
from rsp.engine.session import Session
from rsp.engine.wait import Stall, Wait


class StallWatch:
    """Looks at everybody who waits for room, ten times a second."""

    def __init__(self, context: Context) -> None:
        self.deadline_s = 0.0
        self.bucket = 0
        self._context = context

    def start(self) -> None:
        """Look from now on."""
        self._context.deadlines.set(self, self._context.poller.now_s + TIMER_TICK_S)

    def stop(self) -> None:
        """Look no more."""
        self._context.deadlines.cancel(self)

    def on_deadline(self, now_s: float) -> None:
        """Look at those who have waited for long enough to be called stalled."""
        self._context.deadlines.set(self, now_s + TIMER_TICK_S)
        for connection, wait in self._context.poller.blocked.items():
            session = connection.owner
            if now_s - wait.began_s < STALL_S or not isinstance(session, Session):
                continue
            self._look_at(connection, wait, session)

    def _look_at(self, connection: Connection, wait: Wait, session: Session) -> None:
        is_ours = not wait.held_by and has_room(connection.sock)
        if wait.stall is None:
            if is_ours and self._context.deadlines.lag_now_s() < STALL_S:
                return
            wait.stall = Stall(session.id, connection.side, name_of(session, connection), wait)
            self._context.telemetry.stalls.append(wait.stall)
        look = read_look(raw_look(connection.sock), has_room=is_ours)
        unsent_bytes, widest_bytes = len(connection.unsent), connection.widest_wnd_bytes
        connection.widest_wnd_bytes = wait.stall.see(look, unsent_bytes, widest_bytes)

    def on_bug(self, error: Exception) -> None:
        """Our own code failed while looking: say so, and look again."""
        self._context.telemetry.record_bug("stalls", error)
