"""Stalls: who takes none of our bytes, since when, and what its kernel says about it.

A connection that meets EAGAIN leaves a look at its kernel with the poller, unread: 1.2 µs. A
tenth of a second later it is looked at again, and then as long as it lasts: only then is it a
stall, with a cause. Nobody who reads at a human pace ever gets that far.
"""

from rsp.core.limits import STALL_S, STALLS_KEPT, TIMER_TICK_S
from rsp.core.replies import StallRow
from rsp.core.stall import SocketLook, cause_of, evidence_of, sentence_of
from rsp.core.vocabulary import Side, StallCause
from rsp.engine.context import Context
from rsp.engine.kernel import raw_look, read_look
from rsp.engine.names import name_of
from rsp.engine.session import Session
from rsp.engine.telemetry import Ring
from rsp.engine.wait import Wait

_NOTHING_SAID = SocketLook()


class Stall:
    """One time for which a connection took none of the bytes that waited for it."""

    __slots__ = ("before", "cause", "now", "session", "side", "unsent_bytes", "wait", "who")

    def __init__(self, session: int, side: Side, who: str, wait: Wait) -> None:
        self.session = session
        self.side = side
        self.who = who
        """In words: `client`, or the backend's name."""
        self.wait = wait
        self.cause = StallCause.UNKNOWN
        self.before = self.now = read_look(wait.raw) or _NOTHING_SAID
        self.unsent_bytes = 0
        """The most that waited here meanwhile."""

    def see(self, look: SocketLook, unsent_bytes: int) -> None:
        """Take a further look. A cause that was found stays until another one is."""
        cause = cause_of(self.before, look)
        if cause is not StallCause.UNKNOWN or self.cause is cause:
            self.cause, self.now = cause, look
        self.unsent_bytes = max(self.unsent_bytes, unsent_bytes)

    def row(self, now_s: float) -> StallRow:
        """Return it as whoever looks sees it."""
        since_s = (self.wait.ended_s or now_s) - self.wait.began_s
        return StallRow(
            since_s=since_s,
            cause=self.cause.value,
            sentence=sentence_of(self.cause, self.who, since_s, self.before, self.now),
            evidence=evidence_of(self.before, self.now),
            unsent_bytes=self.unsent_bytes,
            is_over=self.wait.ended_s > 0,
        )


class StallWatch:
    """Looks at everybody who waits for room, ten times a second."""

    def __init__(self, context: Context) -> None:
        self.deadline_s = 0.0
        self.bucket = 0
        self.kept: Ring[Stall] = Ring(STALLS_KEPT)
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
            if wait.stall is None:
                wait.stall = Stall(session.id, connection.side, name_of(session, connection), wait)
                self.kept.append(wait.stall)
            look = read_look(raw_look(connection.sock)) or _NOTHING_SAID
            wait.stall.see(look, len(connection.unsent))

    def on_bug(self, error: Exception) -> None:
        """Our own code failed while looking: say so, and look again."""
        self._context.telemetry.record_bug("stalls", error)
