"""The brake of one session: finds out which breakpoint it has met, holds it, and lets it go."""

from collections.abc import Callable
from typing import cast

from rsp.core.breaks.expression import BreakEvent
from rsp.core.breaks.rows import StopRow
from rsp.core.events import Noted
from rsp.core.lab_limits import BREAK_WARN_SHARE
from rsp.core.lifecycle import State
from rsp.core.vocabulary import EventLevel, PauseReason, Side
from rsp.engine.connection import Connection
from rsp.engine.lab.stop import Breakpoint, Stop
from rsp.engine.lab.stoppable import StoppableConnection
from rsp.engine.layers import put_on, take_off
from rsp.engine.names import name_of
from rsp.engine.poller import run_guarded
from rsp.engine.rows import connection_row
from rsp.engine.session import Session

_AT_REST = frozenset({State.READING_PROXY_HEADER, State.READING_HEAD, State.IDLE})


class Brake:
    """Holds the connections of one session when one of `live` is met."""

    __slots__ = ("_counts", "_on_stop", "_passed", "last_backend", "live", "session", "stop")

    def __init__(
        self,
        session: Session,
        live: dict[int, Breakpoint],
        on_stop: "Callable[[Brake], None]",
    ) -> None:
        self.session = session
        self.live = live
        self.stop: Stop | None = None
        self.last_backend = ""
        """Where the last request went, by its key."""
        self._on_stop = on_stop
        self._passed: dict[Connection | None, set[object]] = {}
        """Which events of each connection, and which filters (under None), it has stopped at and
        that still hold: they do not stop it twice."""
        self._counts: dict[Connection, tuple[int, int]] = {}
        """EAGAINs and short writes of each connection that were looked at."""

    # -- on and off

    def put_on(self, connection: Connection) -> None:
        """Hold this connection as well."""
        put_on(connection, StoppableConnection)
        stoppable = cast(StoppableConnection, connection)
        stoppable.brake = self
        self._counts[connection] = (connection.eagain_writes, connection.short_writes)
        if self.stop is not None:
            stoppable.stand()

    def take_off(self, connection: Connection) -> None:
        """Hold this connection no more; what was kept of it is acted on."""
        self._passed.pop(connection, None)
        self._counts.pop(connection, None)
        if self.stop is not None:
            self.stop.kept.pop(connection, None)
            self.stop.gone.pop(connection, None)
        take_off(connection, StoppableConnection)
        connection.resume(PauseReason.BREAKPOINT)

    @property
    def sides(self) -> list[StoppableConnection]:
        """The connections of the session that can be held, the client's first."""
        found = (self.session.client, self.session.backend)
        return [each for each in found if isinstance(each, StoppableConnection)]

    # -- what is met

    @property
    def is_at_work(self) -> bool:
        """Whether something is under way in the session: a FIN now is more than its end."""
        state = self.session.state
        return state not in _AT_REST and not state.is_ending

    def meets(self, event: BreakEvent, connection: Connection) -> bool:
        """Stop if a breakpoint waits for this event, which is not acted on yet."""
        if self.stop is not None or self.session.state.is_over:
            return False
        passed = self._passed.setdefault(connection, set())
        if event in passed:
            return False
        for each in self.live.values():
            if each.expression.is_for(event, connection.side):
                passed.add(event)
                self._stop(each, f"fd {connection.fd}, {name_of(self.session, connection)}")
                return True
        return False

    def goes_to(self, backend: str) -> None:
        """The request of the session goes to `backend`, of which nothing has been sent yet."""
        last, self.last_backend = self.last_backend, backend
        if not last or last == backend or self.stop is not None:
            return
        for each in self.live.values():
            if each.expression.event is BreakEvent.OTHER_ROUTE:
                self._stop(each, f"{last}, then {backend}")
                return

    def look(self) -> None:
        """Stop if a breakpoint waits for what has come of a call."""
        if self.stop is not None or self.session.state.is_over:
            return
        happened = self._happened()
        row = None
        for each in self.live.values():
            expression = each.expression
            if expression.filter is None:
                met = [side for event, side in happened if expression.is_for(event, side.side)]
                if met:
                    self._stop(each, f"fd {met[0].fd}, {name_of(self.session, met[0])}")
                    return
                continue
            if row is None:
                row = connection_row(self.session, self.session.context.poller.now_s)
            if self._becomes_true(each, expression.filter.matches(row)):
                self._stop(each, expression.values_in(row))
                return

    def _happened(self) -> list[tuple[BreakEvent, Connection]]:
        """Return what the counters say has happened since they were looked at."""
        found: list[tuple[BreakEvent, Connection]] = []
        for side in self.sides:
            eagain, short = self._counts[side]
            now = self._counts[side] = (side.eagain_writes, side.short_writes)
            if now[0] > eagain:
                found.append((BreakEvent.EAGAIN, side))
            if now[1] > short:
                found.append((BreakEvent.SHORT_WRITE, side))
        return found

    def _becomes_true(self, each: Breakpoint, is_true: bool) -> bool:
        passed = self._passed.setdefault(None, set())
        was_true = each.id in passed
        if is_true:
            passed.add(each.id)
        else:
            passed.discard(each.id)
        return is_true and not was_true

    # -- standing and going on

    def _stop(self, at: Breakpoint, why: str) -> None:
        session = self.session
        now_s = session.context.poller.now_s
        at.hits += 1
        allowed = session.patience()
        left_s = session.last_progress_s + allowed.limit_s - now_s
        stop = self.stop = Stop(at, now_s, f"{at.expression.text} ({why})", allowed, left_s)
        if at.goes_on_after_s is not None:
            stop.goes_on_s = now_s + at.goes_on_after_s
        for side in self.sides:
            side.stand()
        self.tell(f"stopped at breakpoint {at.id}: {stop.why}")
        self._on_stop(self)

    def tell(self, what: str) -> None:
        """Record something that is about this session."""
        context = self.session.context
        context.telemetry.record(
            Noted(
                at_s=context.poller.now_s,
                session=self.session.id,
                what=f"session {self.session.id} {what}",
                said_by="session",
                weight=EventLevel.WARN,
            )
        )

    def let_go(self, why: str) -> None:
        """Go on; what happened meanwhile is acted on."""
        stop, self.stop = self.stop, None
        if stop is None:
            return
        stood_s = self.session.context.poller.now_s - stop.at_s
        self.tell(f"goes on after {stood_s:.1f} s at breakpoint {stop.breakpoint.id}: {why}")
        for side in self.sides:
            run_guarded(side, side.go_on, stop.kept.get(side, 0), stop.gone.get(side))
        run_guarded(self.session, self.look)

    def row(self, now_s: float) -> StopRow | None:
        """Return the stop as whoever looks sees it."""
        stop = self.stop
        if stop is None or self.session.state.is_over:
            return None
        return StopRow(
            breakpoint=stop.breakpoint.id,
            at=self.session.context.telemetry.stamp(stop.at_s),
            why=stop.why,
            goes_on_in_s=None if stop.goes_on_s is None else max(0.0, stop.goes_on_s - now_s),
            for_s=now_s - stop.at_s,
            warning=stop.warning(now_s, BREAK_WARN_SHARE),
        )

    # -- steps: each makes one call, and the session still stands

    def read_once(self, side: Side | None) -> str:
        """Read once; empty: there is nothing that may be read."""
        for each in self.sides:
            if side in (None, each.side) and each.may_read:
                before = each.bytes_in
                run_guarded(each, each.read_once)
                return f"read {each.bytes_in - before:,} bytes from the {each.side.value}"
        return ""

    def write_once(self, side: Side | None) -> str:
        """Write once; empty: nothing is to be sent, or there is no room for it."""
        for each in self.sides:
            if side in (None, each.side) and each.may_write:
                before, was_data = each.bytes_out, bool(each.unsent.data)
                run_guarded(each, each.write_once)
                if not was_data:
                    return f"ended what the {each.side.value} is sent"
                return f"sent {each.bytes_out - before:,} bytes to the {each.side.value}"
        return ""

    def next_event(self) -> str:
        """Do what comes next, be it a write, a read or the end of a connect; empty: it waits."""
        stop = self.stop
        if stop is None:
            return ""
        for each in self.sides:
            gone, kept = stop.gone.pop(each, None), stop.kept.pop(each, 0)
            if gone is not None or kept:
                run_guarded(each, each.end_once, kept, gone)
                return f"acted on what happened to the {each.side.value}"
        done = self.write_once(None) or self.read_once(None)
        stop.awaits_event = not done
        return done

    def on_kept(self) -> None:
        """Something happened while it stood still: it may be what is waited for."""
        if self.stop is not None and self.stop.awaits_event and (done := self.next_event()):
            self.tell(f"made a step: {done}")
