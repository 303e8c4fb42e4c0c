"""The last minute of the sessions that somebody looks at: fill, EAGAIN and short writes."""

from collections import OrderedDict, deque
from dataclasses import dataclass, field

from rsp.core.replies import ConnectionRow, PeerRow
from rsp.tui.limits import HISTORIES_KEPT, HISTORY_S, HISTORY_STEP_S
from rsp.tui.model.sessions import fill_of

SAMPLES = round(HISTORY_S / HISTORY_STEP_S)


def _ring() -> deque[float | None]:
    return deque(maxlen=SAMPLES)


@dataclass(slots=True)
class SideHistory:
    """One side of a session. The rings are one sample a step, the newest last."""

    fill: deque[float | None] = field(default_factory=_ring)
    """The greatest fraction of the high water mark in each step."""
    eagain: deque[float | None] = field(default_factory=_ring)
    short_writes: deque[float | None] = field(default_factory=_ring)
    _seen: tuple[int, int] | None = None
    _peak: float = 0.0

    def look(self, peer: PeerRow | None) -> None:
        """Note the fill between two steps: a short peak is seen as well."""
        if peer is not None:
            self._peak = max(self._peak, fill_of(peer))

    def step(self, peer: PeerRow | None) -> None:
        """End one step."""
        if peer is None:
            self._append(None, None, None)
            self._seen = None
            return
        seen = (peer.eagain_writes, peer.short_writes)
        before = self._seen or seen
        self._append(self._peak, max(seen[0] - before[0], 0), max(seen[1] - before[1], 0))
        self._seen = seen
        # What is in the buffer now is in it at the beginning of the next step as well.
        self._peak = fill_of(peer)

    def _append(self, fill: float | None, eagain: float | None, short: float | None) -> None:
        self.fill.append(fill)
        self.eagain.append(eagain)
        self.short_writes.append(short)


@dataclass(slots=True)
class History:
    """Both sides of a session."""

    client: SideHistory = field(default_factory=SideHistory)
    backend: SideHistory = field(default_factory=SideHistory)
    stepped_at_s: float = 0.0

    def observe(self, row: ConnectionRow, now_s: float) -> None:
        """Take over a row, as of the engine's clock."""
        self.client.look(row.client)
        self.backend.look(row.backend)
        if not self.stepped_at_s:
            self.stepped_at_s = now_s - HISTORY_STEP_S
        steps = min(int((now_s - self.stepped_at_s) / HISTORY_STEP_S), SAMPLES)
        for _ in range(steps):
            self.client.step(row.client)
            self.backend.step(row.backend)
        if steps:
            self.stepped_at_s += steps * HISTORY_STEP_S


class HistoryBook:
    """The histories of the sessions looked at last; the oldest ones are forgotten."""

    def __init__(self) -> None:
        self._histories: OrderedDict[int, History] = OrderedDict()

    def observe(self, row: ConnectionRow, now_s: float) -> None:
        """Take over a row of a session that is on the screen."""
        history = self.of(row.id)
        history.observe(row, now_s)

    def of(self, session_id: int) -> History:
        """Return the history of a session, empty when it was never on the screen."""
        history = self._histories.get(session_id)
        if history is None:
            history = self._histories[session_id] = History()
            if len(self._histories) > HISTORIES_KEPT:
                self._histories.popitem(last=False)
        self._histories.move_to_end(session_id)
        return history
