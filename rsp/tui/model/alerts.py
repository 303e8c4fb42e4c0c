"""What deserves attention now: the only part of the screen that may raise its voice."""

from dataclasses import dataclass

from rsp.core.audit import Split
from rsp.core.budget import WHAT_IS_DONE
from rsp.core.replies import Backends, Status
from rsp.core.units import counted
from rsp.core.vocabulary import BackendState, Health, MemoryStep, Trouble
from rsp.tui.limits import ALERT_LAG_S, BLOCKED_ALERT_S, DROPS_SHOWN_S
from rsp.tui.model import text
from rsp.tui.model.crowds import Crowds
from rsp.tui.model.health_text import is_out
from rsp.tui.model.session_columns import shown
from rsp.tui.model.shares import shares
from rsp.tui.model.spans import Line, Span, keep_fitting, width_of

_WAITS = (Trouble.UNACCEPTED, Trouble.UNANSWERED)
"""Troubles in which somebody waits; in the others something fails."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing to look at."""

    text: str
    short: str
    role: str
    action: str = ""
    """What a click on it does."""

    def line(self, *, is_short: bool) -> Line:
        """Return it as it is shown."""
        return (Span(self.short if is_short else self.text, self.role, self.action),)


class Alerts:
    """Folds what the engine says of itself into alerts, the worst first."""

    def __init__(self) -> None:
        self._status: Status | None = None
        self._backends: Backends | None = None
        self._blocked_since_s: float | None = None
        self._crowds = Crowds()
        self._events_lost = 0
        self._lost_at_s = 0.0
        self.splits: list[Split] = []

    def apply(self, status: Status) -> None:
        """Take over one status."""
        self._status = status
        self._crowds.apply(status)
        if not status.blocked:
            self._blocked_since_s = None
        elif self._blocked_since_s is None:
            self._blocked_since_s = status.now_s

    def apply_backends(self, backends: Backends) -> None:
        """Take over the backend table."""
        self._backends = backends

    def note_events_lost(self, count: int) -> None:
        """Take over how many events never came here, ever."""
        if count != self._events_lost and self._status is not None:
            self._lost_at_s = self._status.now_s
        self._events_lost = count

    def now(self) -> list[Alert]:
        """Return what is to be shown at this moment."""
        status = self._status
        if status is None:
            return []
        alerts = _of_faults(status) + _of_trials(status) + _of_floods(status)
        alerts += self._of_health() + self._of_crowds() + _of_troubles(status)
        alerts += self._of_traffic(status) + _of_storms(status)
        alerts += self._of_routes() + self._of_backends()
        alerts += self._of_configuration(status)
        lost = self._events_lost
        if lost and status.now_s - self._lost_at_s < DROPS_SHOWN_S:
            said = f"▲ {counted(lost, 'event')} missed: they came too fast"
            alerts.append(Alert(said, f"▲{lost} missed", "warn", "app.go('events')"))
        return alerts

    def _of_crowds(self) -> list[Alert]:
        return [
            Alert(f"▲ {shown(said)}", f"▲ {short}", "bad")
            for said, short in self._crowds.sentences()
        ]

    def _of_traffic(self, status: Status) -> list[Alert]:
        alerts = []
        if status.draining:
            alerts.append(Alert("▿ the engine is stopping", "▿ stopping", "bad"))
        if stopped := status.breaks.stopped:
            who = f"session {status.breaks.first}" if stopped == 1 else f"{stopped:,} sessions"
            said = f"‖ {who} stopped at a breakpoint"
            alerts.append(Alert(said, f"‖{stopped} stopped", "warn", "app.show_stopped"))
        since_s = self._blocked_since_s
        if since_s is not None and status.now_s - since_s >= BLOCKED_ALERT_S:
            count = counted(status.blocked, "session")
            alerts.append(
                Alert(
                    f"● {count} blocked: bytes wait for a slow reader",
                    f"●{status.blocked} blocked",
                    "warn",
                    "app.show_blocked",
                )
            )
        if status.loop_lag_s >= ALERT_LAG_S:
            lag = text.duration(status.loop_lag_s)
            alerts.append(Alert(f"◷ the engine's loop was {lag} late", f"◷ lag {lag}", "bad"))
        return alerts

    def _of_routes(self) -> list[Alert]:
        return [
            Alert(
                f"⚠ spellings of '{shown(split.name)}' reach different backends",
                "⚠ split key",
                "warn",
                "app.show_split",
            )
            for split in self.splits[:1]
        ]

    def _of_backends(self) -> list[Alert]:
        if self._backends is None:
            return []
        return [
            Alert(
                f"◐ {shown(pool.name)}/{shown(backend.name)} draining ({backend.sessions:,} left)",
                f"◐{shown(backend.name)}",
                "accent",
                "app.go('backends')",
            )
            for pool in self._backends.pools
            for backend in pool.backends
            if backend.state == BackendState.DRAIN
        ]

    def _of_health(self) -> list[Alert]:
        """Say which pools can do nothing, or else who of them is down or left out."""
        pools = self._backends.pools if self._backends is not None else []
        found: list[Alert] = []
        for pool in pools:
            out = [row for row in pool.backends if is_out(row)]
            if out and not any(shares(pool.balance, pool.backends)):
                said = f"✗ nobody of pool {shown(pool.name)} can work ({len(out)} out)"
                short = f"✗ {shown(pool.name)}"
                found.insert(0, Alert(said, short, "bad", "app.go('backends')"))
                continue
            for row in out:
                key = f"{shown(pool.name)}/{shown(row.name)}"
                said = f"✗ {key} is {shown(row.health)}"
                if row.health == Health.DOWN:
                    said += f": {shown(row.health_reason)}"
                found.append(Alert(said, f"✗{shown(row.name)}", "bad", "app.go('backends')"))
        return found

    def _of_configuration(self, status: Status) -> list[Alert]:
        alerts = []
        name = shown(status.config.rpartition("/")[2]) if status.config else "the configuration"
        if status.config_changed:
            alerts.append(
                Alert(f"✎ {name} changed on disk (ctrl+r)", "✎ changed", "accent", "app.reload")
            )
        if status.edits:
            count = counted(status.edits, "live edit")
            alerts.append(Alert(f"✎ {count} over {name}", f"✎{status.edits}", "accent"))
        return alerts


def _of_faults(status: Status) -> list[Alert]:
    """Say first what is broken on purpose: whatever else is odd may be the work of that."""
    if not status.faults:
        return []
    count = f"↯ {counted(status.faults, 'fault')}"
    kinds = ", ".join(dict.fromkeys(map(shown, status.fault_kinds)))
    said = f"{count}: {kinds}" if kinds else count
    return [Alert(said, count, "shout", "app.show_faults")]


def _of_trials(status: Status) -> list[Alert]:
    """Say what is on trial and for how long, or that the last change was taken back."""
    alerts = []
    if (trial := status.trial) is not None:
        tried = trial.exchanges + trial.sessions
        failed = f", {trial.failed:,} of {tried:,} failed" if trial.failed else ""
        said = f"◷ on trial: {trial.left_s:.0f} s left, C confirms, z undoes{failed}"
        # Short enough that a backend that is down has room beside it.
        short = f"◷ trial {trial.left_s:.0f}s"
        alerts.append(Alert(said, short, "shout", "app.go('config')"))
    if status.rolled_back:
        said = f"↶ {shown(status.rolled_back)}"
        alerts.append(Alert(said, "↶ rolled back", "bad", "app.go('config')"))
    return alerts


def _of_floods(status: Status) -> list[Alert]:
    alerts = []
    memory = status.memory
    if memory.step != MemoryStep.CALM:
        done = WHAT_IS_DONE.get(memory.step, shown(memory.step))
        share = f"{memory.used_bytes / max(memory.budget_bytes, 1):.0%}"
        alerts.append(Alert(f"▲ buffers {share} of budget: {done}", f"▲ memory {share}", "bad"))
    for row in status.listeners:
        if "full" in row.paused_by:
            said = f"▲ {shown(row.address)} is full ({row.connections:,}): new clients wait"
            alerts.append(Alert(said, "▲ full", "bad"))
    return alerts


def _of_troubles(status: Status) -> list[Alert]:
    """Say which backends fail or answer errors, and which ones somebody waits for."""
    alerts = []
    for row in status.troubles:
        sign, role = ("◔", "warn") if row.kind in _WAITS else ("✗", "bad")
        short = f"{sign}{row.count:,} {shown(row.backend.partition('/')[2])}"
        alerts.append(Alert(f"{sign} {shown(row.sentence)}", short, role, "app.go('backends')"))
    return alerts


def _of_storms(status: Status) -> list[Alert]:
    return [
        Alert(
            f"▲ {shown(storm.sentence)}",
            f"▲{storm.count:,} {shown(storm.code)}",
            "warn",
            "app.go('events')",
        )
        for storm in status.storms
    ]


def alert_line(alerts: list[Alert], width: int, *, is_short: bool) -> Line:
    """Return as many alerts as fit, the first ones first; in short where there is no room."""
    gap = "  " if is_short else "    "
    lines: list[Line] = []
    left = width + len(gap)
    for alert in alerts:
        line = alert.line(is_short=is_short)
        if width_of(line) + len(gap) > left:
            # In a few signs it still says that it is there.
            line = alert.line(is_short=True)
        lines.append(line)
        left -= width_of(line) + len(gap)
    return keep_fitting(lines, width, gap)
