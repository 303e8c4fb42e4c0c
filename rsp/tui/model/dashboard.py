"""Everything that the dashboard knows, in one place; the screens read it and keep nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from rsp.core.decision_rows import Decisions
from rsp.core.replies import Backends, Events, Status
from rsp.tui.model.alerts import Alerts
from rsp.tui.model.backends import BackendList
from rsp.tui.model.copy_as import reachable
from rsp.tui.model.decisions import DecisionLog
from rsp.tui.model.event_log import EventLog
from rsp.tui.model.history import HistoryBook
from rsp.tui.model.session_columns import SESSION_COLUMNS
from rsp.tui.model.sessions import SessionList
from rsp.tui.model.vitals import Vitals


@dataclass
class Model:
    """The state behind the screens. Nothing in it knows a widget."""

    vitals: Vitals = field(default_factory=Vitals)
    alerts: Alerts = field(default_factory=Alerts)
    sessions: SessionList = field(default_factory=SessionList)
    histories: HistoryBook = field(default_factory=HistoryBook)
    events: EventLog = field(default_factory=EventLog)
    backends: BackendList = field(default_factory=BackendList)
    decisions: DecisionLog = field(default_factory=DecisionLog)
    is_frozen: bool = False
    frozen_at_s: float = 0.0
    lost_since: str = ""
    """Wall clock time at which the engine stopped answering; empty while it answers."""
    lost_reason: str = ""
    read_only: bool = False
    columns: Sequence[str] = tuple(column.id for column in SESSION_COLUMNS)
    """Ids of the columns of the Connections list that a person wants to see."""
    _changed: tuple[int, int] = (0, 0)
    """The engine's pid and the generation of our last change."""

    @property
    def status(self) -> Status | None:
        """The last status; None before the first one."""
        return self.vitals.status

    @property
    def pid(self) -> int:
        """The engine's process; 0 before it is known."""
        return self.status.pid if self.status else 0

    @property
    def now_s(self) -> float:
        """The engine's clock, as far as it is known."""
        return self.status.now_s if self.status else 0.0

    @property
    def has_no_file(self) -> bool:
        """Whether the engine is known to have been started without a configuration file."""
        return self.status is not None and self.status.config is None

    @property
    def generation(self) -> int | None:
        """The generation that the person sees: what an edit is checked against."""
        if self.status is None:
            return None
        pid, changed = self._changed
        # A status on its way while we changed something still has the number before.
        return max(self.status.generation, changed if pid == self.pid else 0)

    def note_generation(self, generation: int) -> None:
        """Remember the generation that a change of ours made."""
        self._changed = (self.pid, generation)

    def _is_our_change(self, generation: int) -> bool:
        is_shown = generation == self.backends.generation
        return not is_shown and (self.pid, generation) == self._changed

    @property
    def listener(self) -> str:
        """The first listener, as one can reach it; empty when there is none."""
        if self.status is None or not self.status.listeners:
            return ""
        return reachable(self.status.listeners[0].address)

    def take(self, answer: msgspec.Struct) -> None:
        """Fold one answer in. A frozen backend table stays as it is, until we change it."""
        match answer:
            case Status():
                if answer.pid != self.pid:
                    self.sessions.forget()
                    self.histories = HistoryBook()
                self.vitals.apply(answer)
                self.alerts.apply(answer)
            case Backends():
                self.vitals.apply_backends(answer)
                self.alerts.apply_backends(answer)
                self.decisions.apply_backends(answer)
                if not self.is_frozen or self._is_our_change(answer.generation):
                    self.backends.apply(answer, self.now_s, self.pid)
            case Decisions():
                self.decisions.apply(answer, self.pid)
                self.alerts.splits = self.decisions.splits
            case Events():
                self.events.apply(answer)
                self.alerts.note_events_lost(self.events.dropped)

    def freeze(self) -> None:
        """Stop the lists, or let them go on. The header goes on in any case."""
        self.is_frozen = not self.is_frozen
        self.frozen_at_s = self.now_s

    @property
    def frozen_for_s(self) -> float:
        """For how long the lists have been standing still."""
        return max(self.now_s - self.frozen_at_s, 0.0)
