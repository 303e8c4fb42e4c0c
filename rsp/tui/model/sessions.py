"""The sessions of an engine as a list: stored, rated, filtered, sorted, with a cursor by id."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec

from rsp.core.replies import ConnectionRow, Connections, PeerRow
from rsp.core.vocabulary import SessionState
from rsp.tui.limits import CLOSED_SHOWN_S, HOLD_S, RATE_WINDOW_S, RESORT_S
from rsp.tui.model.sorting import TROUBLE, SortField

_NO_COUNTERS = (0, 0, 0, 0, 0, 0, 0.0)
_NO_RATES = (0.0,) * len(_NO_COUNTERS)

_MOSTLY = 0.5
"""Share of a second."""

_TURNS = 5
"""Over how many frames the first rates of many sessions are spread: the snapshots of a second."""


@dataclass(slots=True)
class Session:
    """A row of the engine with what only a viewer knows: rates, and that it is gone."""

    row: ConnectionRow
    counters: tuple[float, ...] = _NO_COUNTERS
    counted_at_s: float = 0.0
    count_again_s: float = 0.0
    rates: tuple[float, ...] = _NO_RATES
    closed_at_s: float | None = None

    @property
    def id(self) -> int:
        """Its id for life."""
        return self.row.id

    @property
    def eagain_per_s(self) -> float:
        """EAGAIN of writes on both sides, per second."""
        return self.rates[0]

    @property
    def client_in_per_s(self) -> float:
        """Bytes per second from the client."""
        return self.rates[2]

    @property
    def client_out_per_s(self) -> float:
        """Bytes per second to the client."""
        return self.rates[3]

    @property
    def backend_in_per_s(self) -> float:
        """Bytes per second from the backend."""
        return self.rates[4]

    @property
    def backend_out_per_s(self) -> float:
        """Bytes per second to the backend."""
        return self.rates[5]

    @property
    def blocked_s(self) -> float:
        """For how long bytes have been waiting for one of its fds; 0 when none are."""
        backend = self.row.backend
        return max(self.row.client.blocked_s, backend.blocked_s if backend else 0.0)

    @property
    def blocked_total_s(self) -> float:
        """For how long bytes have waited in its life, on the side where they waited longer."""
        backend = self.row.backend
        return max(self.row.client.blocked_total_s, backend.blocked_total_s if backend else 0.0)

    @property
    def is_held(self) -> bool:
        """Whether bytes wait now, or did for most of the last second.

        A slow reader that takes a gulp is not blocked for a moment; it is no less slow for that.
        """
        return self.blocked_s > 0 or self.rates[6] >= _MOSTLY

    @property
    def fill(self) -> float:
        """The fuller one of its two buffers, as a fraction of its high water mark."""
        backend = self.row.backend
        return max(fill_of(self.row.client), fill_of(backend) if backend else 0.0)

    @property
    def is_quiet(self) -> bool:
        """Whether it is there, nothing waits in it, and nothing passed lately: most of them."""
        client, backend = self.row.client, self.row.backend
        is_empty = not client.unsent_bytes and (backend is None or not backend.unsent_bytes)
        return is_empty and self.rates is _NO_RATES and self.closed_at_s is None

    def count(self, now_s: float) -> None:
        """Take the rates between the last count and now, once the window is long enough.

        The first window is a shorter one for most: the rates of many sessions that came with one
        snapshot are not all due in the same frame.
        """
        if now_s < self.count_again_s:
            return
        counters = _counters(self.row)
        if not self.counted_at_s:
            self.count_again_s = now_s + RATE_WINDOW_S * (1 - self.row.id % _TURNS / _TURNS)
        else:
            self.count_again_s = now_s + RATE_WINDOW_S
            self.rates = _rates(self.counters, counters, now_s - self.counted_at_s)
        self.counters = counters
        self.counted_at_s = now_s


def fill_of(peer: PeerRow) -> float:
    """Return the unsent bytes of one side as a fraction of its high water mark."""
    return peer.unsent_bytes / peer.high_water_bytes if peer.high_water_bytes else 0.0


def _rates(old: tuple[float, ...], new: tuple[float, ...], elapsed_s: float) -> tuple[float, ...]:
    if old == new:
        return _NO_RATES
    # Never below nothing: a backend's counters start again with every new backend.
    return tuple(max(now - then, 0) / elapsed_s for then, now in zip(old, new, strict=True))


def _counters(row: ConnectionRow) -> tuple[float, ...]:
    client, backend = row.client, row.backend
    if backend is None:
        eagain, short = client.eagain_writes, client.short_writes
        return (eagain, short, client.bytes_in, client.bytes_out, 0, 0, client.blocked_total_s)
    return (
        client.eagain_writes + backend.eagain_writes,
        client.short_writes + backend.short_writes,
        client.bytes_in,
        client.bytes_out,
        backend.bytes_in,
        backend.bytes_out,
        client.blocked_total_s + backend.blocked_total_s,
    )


@dataclass
class SessionList:
    """What the Connections screen lists. Time is the engine's clock, as the snapshots carry it."""

    matches: Callable[[ConnectionRow], bool] | None = None
    """The filter; None shows everything."""
    sort: SortField = TROUBLE
    reverse: bool = False
    only_marked: bool = False
    marks: set[int] = field(default_factory=set)
    sessions: dict[int, Session] = field(default_factory=dict)
    now_s: float = 0.0
    generation: int = 0
    total: int = 0
    _order: list[int] = field(default_factory=list)
    _sorted_at_s: float = 0.0
    _held_until_s: float = 0.0

    def apply(self, snapshot: Connections) -> None:
        """Take over one snapshot."""
        self.now_s = now_s = snapshot.now_s
        self.generation, self.total = snapshot.generation, snapshot.total
        sessions = self.sessions
        present = set()
        for row in snapshot.connections:
            present.add(row.id)
            session = sessions.get(row.id)
            if session is None:
                session = sessions[row.id] = Session(row)
                if self._is_shown(session):
                    self._order.append(row.id)
            elif session.closed_at_s is not None:
                # It was not closed: a snapshot of another engine came between.
                session = sessions[row.id] = Session(row)
            session.row = row
            session.count(now_s)
        self._retire(present)
        if now_s - self._sorted_at_s >= RESORT_S and now_s >= self._held_until_s:
            self.arrange()

    def forget(self) -> None:
        """Drop every session: another engine answers, and its ids begin again."""
        self.sessions.clear()
        self.marks.clear()
        self._order.clear()
        self._sorted_at_s = self._held_until_s = 0.0

    def _retire(self, present: set[int]) -> None:
        leaving = []
        for session_id, session in self.sessions.items():
            if session_id in present:
                continue
            if session.closed_at_s is None:
                session.closed_at_s = self.now_s
                session.rates = _NO_RATES
                session.row = msgspec.structs.replace(session.row, state=SessionState.CLOSED.value)
            if self.now_s - session.closed_at_s >= CLOSED_SHOWN_S:
                leaving.append(session_id)
        for session_id in leaving:
            del self.sessions[session_id]
            self.marks.discard(session_id)

    def arrange(self) -> None:
        """Filter and sort anew, at once."""
        self._sorted_at_s = self.now_s
        # By id first: sorting is stable, so equal rows keep the order in which they came.
        chosen = [self.sessions[session_id] for session_id in sorted(self.sessions)]
        chosen.sort(key=self.sort.key, reverse=self.reverse != self.sort.greatest_first)
        self._order = [session.id for session in chosen if self._is_shown(session)]

    def _is_shown(self, session: Session) -> bool:
        if self.only_marked and session.id not in self.marks:
            return False
        return self.matches is None or self.matches(session.row)

    def hold(self) -> None:
        """Keep the order still for a moment: a key was pressed."""
        self._held_until_s = self.now_s + HOLD_S

    def rows(self) -> Sequence[Session]:
        """Return what is shown, in order."""
        sessions = self.sessions
        return [sessions[session_id] for session_id in self._order if session_id in sessions]

    def toggle_mark(self, session_id: int) -> None:
        """Mark a session, or unmark it."""
        self.marks.symmetric_difference_update({session_id})
