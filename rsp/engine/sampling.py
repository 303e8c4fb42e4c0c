"""Samples of both levels of each side: what waits here, and what its kernel holds.

Nothing is noted where bytes pass: every tenth of a second the counters of some are read from
outside. Sessions that somebody looks at, and connections that are stalled, have their turn each
time; all others once a second, a tenth of them each time, and only while somebody looks at the
list at all. What it costs is bounded by the samples of a tick, and no turn of the loop has more
than a few dozen of them.
"""

import math
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice

from rsp.core.evidence import SampleRow
from rsp.core.lab_limits import (
    CALM_SIDES,
    SAMPLE_BYTES,
    SAMPLED_AFTER_LOOK_S,
    SAMPLED_SIDES,
    SAMPLES_PER_TICK,
    SAMPLES_PER_TURN,
    SAMPLES_S,
    SAMPLING_REST_S,
    SAMPLING_ROUND_S,
)
from rsp.core.limits import STALL_S, TIMER_TICK_S
from rsp.core.samples import SampleRing
from rsp.engine.connection import Connection
from rsp.engine.context import Context
from rsp.engine.kernel import levels
from rsp.engine.session import Registry, Session

_SLICES = round(SAMPLING_ROUND_S / TIMER_TICK_S)


def sample_of(connection: Connection, now_s: float) -> SampleRow:
    """Return how both levels of a connection are now."""
    has_unsent = bool(connection.unsent.data)
    unread, queued, in_flight = levels(connection.sock, may_have_ended=not has_unsent)
    acknowledged: int | None = None
    if queued is not None and in_flight is not None:
        acknowledged = max(0, connection.bytes_out - queued - in_flight)
    return SampleRow(
        now_s,
        unread,
        len(connection.unsent.data),
        queued,
        in_flight,
        acknowledged,
        connection.eagain_writes,
        connection.short_writes,
        connection.paused_by > 0,
        connection.paused_since_s or None,
    )


def sides_of(session: Session) -> Iterator[Connection]:
    """Yield the connections of a session that are open."""
    for connection in (session.client, session.backend):
        if connection is not None and not connection.is_closed:
            yield connection


class Sampler:
    """Takes the samples, and keeps them for whoever looks."""

    def __init__(self, context: Context, registry: Registry) -> None:
        self.deadline_s = 0.0
        self.bucket = 0
        self.held_bytes = 0
        """What the samples take, as of the last second: the memory budget counts it."""
        self._context = context
        self._registry = registry
        self._rings: dict[Connection, SampleRing] = {}
        self._wanted: dict[int, float] = {}
        """Sessions that somebody looks at, and until when they are sampled for it."""
        self._rest_s = self._tidy_s = self._round_s = 0.0
        self._round: deque[Session] = deque()
        self._slice = 0
        self._stalled_turn = 0
        self._due: deque[Connection] = deque()

    def start(self) -> None:
        """Sample from now on."""
        self._context.captures.add(self)
        self._context.deadlines.set(self, self._context.poller.now_s + TIMER_TICK_S)

    def stop(self) -> None:
        """Sample no more."""
        self._context.deadlines.cancel(self)

    def look(self, sessions: Iterable[int], now_s: float) -> None:
        """Somebody looks at the list, and at some of its sessions closely."""
        self._rest_s = now_s + SAMPLING_REST_S
        until_s = now_s + SAMPLED_AFTER_LOOK_S
        self._wanted |= dict.fromkeys(islice(sessions, SAMPLES_PER_TICK), until_s)

    def rows(self, connection: Connection, session: Session, now_s: float) -> list[SampleRow]:
        """Return the last minute of one side, and how it is now, which is the newest."""
        ring = self._ring_of(connection, session.id)
        return [*(ring.rows(now_s) if ring else ()), sample_of(connection, now_s)]

    def forget(self) -> None:
        """Keep none of them: memory is short."""
        self._rings.clear()
        self.held_bytes = 0

    @property
    def is_taking(self) -> bool:
        """Whether some of those whose turn it is are still to be sampled."""
        return bool(self._due)

    # -- whose turn it is

    def on_deadline(self, now_s: float) -> None:
        """Find whose turn it is, and begin; what a busy loop has left of the last one is late."""
        self._context.deadlines.set(self, now_s + TIMER_TICK_S)
        due = dict.fromkeys(self._looked_at(now_s))
        due |= dict.fromkeys(self._stalled(now_s, SAMPLES_PER_TICK - len(due)))
        due |= dict.fromkeys(self._next_calm(now_s, SAMPLES_PER_TICK - len(due)))
        self._due = deque(due)
        if now_s >= self._tidy_s:
            # With thousands of samples that is enough for one turn.
            self._tidy(now_s)
            self._context.poller.again(self)
        else:
            self.on_ready(0)

    def on_ready(self, readiness: int) -> None:
        """Take some of the samples that are due, and let the traffic have its turn."""
        due = self._due
        now_s = self._context.poller.now_s
        for _ in range(min(len(due), SAMPLES_PER_TURN)):
            self._take(due.popleft(), now_s)
        if due:
            self._context.poller.again(self)

    def on_bug(self, error: Exception) -> None:
        """Our own code failed while looking: say so, and look again."""
        self._context.telemetry.record_bug("samples", error)

    def _looked_at(self, now_s: float) -> list[Connection]:
        live = self._registry.live
        for session_id, until_s in list(self._wanted.items()):
            if now_s >= until_s or session_id not in live:
                del self._wanted[session_id]
        found = [side for session_id in self._wanted for side in sides_of(live[session_id])]
        return found[:SAMPLES_PER_TICK]

    def _stalled(self, now_s: float, most: int) -> list[Connection]:
        """Return stalled connections: all, or as many as may be, in turns."""
        waiting = self._context.poller.blocked.items()
        stalled = [each for each, wait in waiting if now_s - wait.began_s >= STALL_S]
        if len(stalled) <= most:
            return stalled
        start = self._stalled_turn % len(stalled)
        self._stalled_turn = start + most
        return [*stalled[start:], *stalled[:start]][:most]

    def _next_calm(self, now_s: float, most: int) -> list[Connection]:
        """Return the sides of the next sessions of the round; none while nobody looks."""
        waiting = self._round
        if now_s >= self._rest_s:
            waiting.clear()
            return []
        if not waiting and now_s >= self._round_s:
            self._round_s = now_s + SAMPLING_ROUND_S - TIMER_TICK_S / 2
            waiting.extend(self._registry.live.values())
            self._slice = math.ceil(len(waiting) / _SLICES)
        count = min(len(waiting), self._slice, max(most, 0) // 2)
        return [side for _ in range(count) for side in sides_of(waiting.popleft())]

    # -- what is kept

    def _take(self, connection: Connection, now_s: float) -> None:
        session = connection.owner
        if not isinstance(session, Session) or connection.is_closed:
            return
        ring = self._ring_of(connection, session.id)
        if ring is None:
            is_wanted = session.id in self._wanted or connection in self._context.poller.blocked
            if len(self._rings) >= (SAMPLED_SIDES if is_wanted else CALM_SIDES):
                return
            ring = self._rings[connection] = SampleRing(session.id)
        ring.append(sample_of(connection, now_s))

    def _ring_of(self, connection: Connection, session_id: int) -> SampleRing | None:
        ring = self._rings.get(connection)
        return ring if ring is not None and ring.session == session_id else None

    def _tidy(self, now_s: float) -> None:
        """Forget the samples of who is gone, and of who was not sampled for a minute."""
        self._tidy_s = now_s + SAMPLING_ROUND_S
        held = 0
        for connection, ring in list(self._rings.items()):
            session = connection.owner
            is_same = isinstance(session, Session) and session.id == ring.session
            if not is_same or connection.is_closed or now_s - ring.newest_s >= SAMPLES_S:
                del self._rings[connection]
            else:
                held += len(ring)
        self.held_bytes = held * SAMPLE_BYTES
