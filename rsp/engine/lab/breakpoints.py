"""Breakpoints in force: every session has a brake as long as there is one, and none otherwise."""

from itertools import count
from typing import cast

from rsp.core.breaks.expression import BadBreak, Expression
from rsp.core.breaks.rows import BreakSummary, StopRow
from rsp.core.lab_limits import BREAK_WARN_SHARE, BREAKS_AT_ONCE, TIMER_STEP_S
from rsp.engine.connection import Connection
from rsp.engine.context import Context
from rsp.engine.conversation import Conversation
from rsp.engine.lab.brake import Brake
from rsp.engine.lab.stop import Breakpoint, Stop
from rsp.engine.lab.stoppable import StoppableConnection
from rsp.engine.relay import Relay
from rsp.engine.session import Registry, Session


class Breakpoints:
    """All breakpoints in force, and the sessions that are stopped."""

    def __init__(self, context: Context, registry: Registry) -> None:
        self.live: dict[int, Breakpoint] = {}
        self._context = context
        self._registry = registry
        self._next_id = count(1).__next__
        self._stopped: dict[int, Brake] = {}
        """By the number of the session, those that were stopped first at the front."""

    # -- adding and removing

    def add(self, expression: Expression, goes_on_after_s: float | None) -> Breakpoint:
        """Put a breakpoint in force, for the present sessions too.

        Raises:
            BadBreak: there are too many.
        """
        if len(self.live) >= BREAKS_AT_ONCE:
            raise BadBreak(f"there are {BREAKS_AT_ONCE} breakpoints; remove one first")
        added = Breakpoint(self._next_id(), expression, goes_on_after_s)
        self.live[added.id] = added
        if len(self.live) == 1:
            for session in self._registry.live.values():
                self.on_accepted(session)
                self._note_backend(session)
        return added

    def _note_backend(self, session: Session) -> None:
        """Remember where the last request of a session went that is under way already."""
        brake = brake_of(session)
        speaker = session.speaker
        pairing = speaker.pairing if isinstance(speaker, Conversation | Relay) else None
        decision = pairing.decision if pairing is not None else None
        if brake is not None and decision is not None and decision.backend is not None:
            brake.last_backend = decision.backend.key

    def remove(self, number: int) -> None:
        """Take a breakpoint away; who is stopped at it goes on."""
        removed = self.live.pop(number)
        for brake in self.stopped():
            if brake.stop is not None and brake.stop.breakpoint is removed:
                self.go_on(brake, "the breakpoint was removed")
        if not self.live:
            for session in list(self._registry.live.values()):
                _release(session)

    # -- what the sessions tell

    def on_accepted(self, session: Session) -> None:
        """A session begins; one that is there already may have a backend."""
        if self.live:
            brake = Brake(session, self.live, self._on_stop)
            brake.put_on(session.client)
            if session.backend is not None:
                brake.put_on(session.backend)

    def on_paired(self, session: Session) -> None:
        """A session has got a backend connection, and has sent nothing over it yet."""
        brake = brake_of(session)
        if brake is None or session.backend is None:
            return
        brake.put_on(session.backend)
        speaker = session.speaker
        if isinstance(speaker, Conversation | Relay) and speaker.pairing.backend is not None:
            brake.goes_to(speaker.pairing.backend.key)

    def on_parting(self, session: Session, connection: Connection) -> None:
        """A session gives its backend connection back: it must be as all others."""
        brake = brake_of(session)
        if brake is not None:
            brake.take_off(connection)

    def on_closed(self, session: Session) -> None:
        """A session is over."""
        self._stopped.pop(session.id, None)

    # -- who is stopped

    def _on_stop(self, brake: Brake) -> None:
        stop = brake.stop
        if stop is None:
            return
        self._stopped[brake.session.id] = brake
        poller, timer = self._context.poller, _Timer(self, brake, stop)
        warns_s = stop.at_s + stop.left_s - (1 - BREAK_WARN_SHARE) * stop.allowed.limit_s
        poller.at(warns_s, timer)
        if stop.goes_on_s is not None:
            poller.at(stop.goes_on_s, timer)

    def stopped(self) -> list[Brake]:
        """Return the brakes of all stopped sessions, those that were stopped first at the front."""
        over = [number for number, brake in self._stopped.items() if brake.session.state.is_over]
        for number in over:
            del self._stopped[number]
        return list(self._stopped.values())

    def stopped_one(self, number: int) -> Brake | None:
        """Return the brake of a session, if it is stopped."""
        return next((brake for brake in self.stopped() if brake.session.id == number), None)

    def go_on(self, brake: Brake, why: str) -> None:
        """Let a session go on."""
        self._stopped.pop(brake.session.id, None)
        brake.let_go(why)

    def wait_anew(self, brake: Brake) -> None:
        """Somebody is there: the time after which it goes on by itself begins anew."""
        stop, now_s = brake.stop, self._context.poller.now_s
        if stop is not None and stop.breakpoint.goes_on_after_s is not None:
            stop.goes_on_s = now_s + stop.breakpoint.goes_on_after_s
            self._context.poller.at(stop.goes_on_s, _Timer(self, brake, stop))

    def stop_row(self, session: int, now_s: float) -> StopRow | None:
        """Return why a session stands still; None: it does not."""
        brake = self._stopped.get(session)
        return None if brake is None else brake.row(now_s)

    def summary(self) -> BreakSummary:
        """Return how many there are, and how many sessions are stopped."""
        stopped = self.stopped()
        first = stopped[0].session.id if stopped else None
        return BreakSummary(len(self.live), len(stopped), first)


class _Timer:
    """Warns, or lets a session go on, when its turn comes and it is time."""

    def __init__(self, breakpoints: Breakpoints, brake: Brake, stop: Stop) -> None:
        self._breakpoints = breakpoints
        self._brake = brake
        self._stop = stop

    def on_ready(self, readiness: int) -> None:
        """Look what it is time for."""
        brake, stop = self._brake, self._stop
        if brake.stop is not stop or brake.session.state.is_over:
            return
        # The loop's timers may come a step early.
        now_s = brake.session.context.poller.now_s + TIMER_STEP_S
        if stop.goes_on_s is not None and now_s >= stop.goes_on_s:
            self._breakpoints.go_on(brake, "nobody said anything")
        elif not stop.has_warned and (warning := stop.warning(now_s, BREAK_WARN_SHARE)):
            stop.has_warned = True
            brake.tell(f"has stood still for {now_s - stop.at_s:.1f} s: {warning}")

    def on_bug(self, error: Exception) -> None:
        """Our own code failed meanwhile: the session pays."""
        self._brake.session.on_bug(error)


def brake_of(session: Session) -> Brake | None:
    """Return the brake of a session, if it has one."""
    client = session.client
    return cast(Brake, client.brake) if isinstance(client, StoppableConnection) else None


def _release(session: Session) -> None:
    brake = brake_of(session)
    if brake is not None:
        for side in brake.sides:
            brake.take_off(side)
