"""The header: what runs, how it is, and its rates with a minute of their past."""

from collections import deque
from collections.abc import Callable

from rsp.core.replies import Backends, Status
from rsp.core.units import counted
from rsp.core.vocabulary import MemoryStep
from rsp.tui.limits import NARROW_COLUMNS, RATE_SAMPLES, RATE_WINDOW_S
from rsp.tui.model import text
from rsp.tui.model.session_columns import shown
from rsp.tui.model.spans import Line, Span, beside, fit, keep_fitting, width_of

_COUNTERS: dict[str, Callable[[Status], int]] = {
    "new": lambda status: status.totals.accepted,
    "exchanges": lambda status: status.totals.exchanges,
    "in": lambda status: status.totals.client_bytes_in,
    "out": lambda status: status.totals.client_bytes_out,
    "eagain": lambda status: status.totals.eagain_writes,
}


_STATE_CELLS = 16
"""Room for the state of the dashboard at the right edge, so that few states move the left one."""

_HEADROOM = 1.4
"""A steady rate fills its sparkline to this part only, so that a rise can be seen."""


def _gap(right: Line) -> int:
    return max(width_of(right) + 2, _STATE_CELLS)


class Vitals:
    """Folds each `status` into rates. Time is the engine's clock."""

    def __init__(self) -> None:
        self.status: Status | None = None
        self.backend_count = 0
        self.rates = dict.fromkeys(_COUNTERS, 0.0)
        self.past = {name: deque[float](maxlen=RATE_SAMPLES) for name in _COUNTERS}
        self._counted: dict[str, int] = {}
        self._counted_at_s = 0.0
        self._pid = 0

    def apply(self, status: Status) -> None:
        """Take over one status."""
        if status.pid != self._pid:
            # Another engine: its counters begin again, and so do its rates.
            self._counted = {}
            self._pid = status.pid
        self.status = status
        elapsed_s = status.now_s - self._counted_at_s
        if self._counted and elapsed_s < RATE_WINDOW_S:
            return
        counted = {name: count(status) for name, count in _COUNTERS.items()}
        if self._counted:
            for name, value in counted.items():
                self.rates[name] = max(value - self._counted[name], 0) / elapsed_s
                self.past[name].append(self.rates[name])
        self._counted = counted
        self._counted_at_s = status.now_s

    def apply_backends(self, backends: Backends) -> None:
        """Take over how many backends there are."""
        self.backend_count = sum(len(pool.backends) for pool in backends.pools)

    def lines(self, width: int, right: Line) -> list[Line]:
        """Return the two lines of the header; `right` is the state of the dashboard itself."""
        status = self.status
        if status is None:
            return [beside((Span(" rsp", "title"),), right, width), ()]
        return [
            beside(self._who(status, width - _gap(right)), right, width),
            self._how(status, width),
        ]

    def _who(self, status: Status, width: int) -> Line:
        config = shown(status.config.rpartition("/")[2]) if status.config else ""
        listeners = [shown(row.address) for row in status.listeners]
        where = listeners[0] if listeners else "not listening"
        if len(listeners) > 1:
            where += f" +{len(listeners) - 1}"
        parts: list[Line] = [(Span("rsp", "title"),)]
        if config:
            parts.append((Span(config, "accent"),))
        backends = counted(self.backend_count, "backend")
        parts.append((Span(where), Span(" → ", "dim"), Span(backends)))
        parts.append((Span(f"up {text.age(status.uptime_s)}", "dim"),))
        parts.append((Span(f"pid {status.pid}", "dim"),))
        parts.append((Span(f"generation {status.generation}", "dim"),))
        return (Span(" "), *keep_fitting(parts, width, "   "))

    def _how(self, status: Status, width: int) -> Line:
        spark = 0 if width < 72 else 6 if width < NARROW_COLUMNS else 10 if width < 160 else 20
        unsent = (Span(f"{text.size(status.unsent_bytes):>4}"),)
        if status.memory.step != MemoryStep.CALM:
            of = f" of {text.size(status.memory.budget_bytes)}"
            unsent = (Span(f"{text.size(status.memory.used_bytes)}{of}", "bad"),)
        parts: list[Line] = [
            (Span("sessions ", "dim"), Span(f"{status.sessions:,}".ljust(3), "strong")),
            self._rate("out", "out", text.byte_rate, 6, spark, "response"),
            self._rate("EAGAIN", "eagain", lambda r: f"{text.per_second(r)}/s", 6, spark, "warn"),
            (Span("bufs ", "dim"), *unsent),
            self._rate("new", "new", lambda r: f"{text.per_second(r)}/s", 6, spark, "accent"),
            self._rate("in", "in", text.byte_rate, 6, spark, "request"),
            self._rate("exch", "exchanges", lambda r: f"{text.per_second(r)}/s", 6, 0, ""),
            (Span("rss ", "dim"), Span(f"{text.size(status.memory_bytes):>4}")),
            (Span("fds ", "dim"), Span(f"{status.fds:,}")),
            (Span("lag ", "dim"), Span(text.duration(status.loop_lag_s))),
        ]
        return (Span(" "), *keep_fitting(parts, width - 2, "  "))

    def _rate(
        self,
        title: str,
        name: str,
        shape: Callable[[float], str],
        figure: int,
        spark: int,
        role: str,
    ) -> Line:
        rate, past = self.rates[name], self.past[name]
        value = text.NOTHING if rate < 0.05 else shape(rate)
        spans = [Span(f"{title} ", "dim"), Span(fit(value, figure, ">"), "" if rate else "dim")]
        if spark:
            spans += [
                Span(" "),
                Span(text.sparkline(past, spark, max(past, default=0.0) * _HEADROOM), role),
            ]
        return tuple(spans)
