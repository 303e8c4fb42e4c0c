"""WHO IS UP, DOWN, EJECTED, OR COMING BACK SLOWLY: kept here, and put over the table of the edits.

A table says what the file and people want; nothing of health is in it. `HealthBook.overlay` adds
it, in one place, and only when something has changed: a decision finds a table that is ready.
Time is handed in; who checks, and when, is the engine's part.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from rsp.core.backends import Backend, BackendTable, Pool
from rsp.core.ejection import Term, may_eject
from rsp.core.health_checks import Check, CheckRecord
from rsp.core.health_rules import RAMPED, Condition
from rsp.core.limits import RAMP_STEPS
from rsp.core.vocabulary import BackendState, Health

_READY, _UNKNOWN, _DOWN = BackendState.READY, Health.UNKNOWN, Health.DOWN


@dataclass(frozen=True, slots=True)
class HealthChange:
    """A backend is something that it was not before."""

    backend: Backend
    health: Health
    before: Health
    why: str
    lasted_s: float
    """How long it was that before."""
    left: int
    """How many of its pool get work now."""


@dataclass(slots=True)
class Chart:
    """All that is known of the health of one backend."""

    backend: Backend
    record: CheckRecord | None
    """None: nobody checks it."""
    since_s: float
    """Since when it is what it is."""
    term: Term = field(default_factory=Term)
    why: str = ""
    """Why it is down by its checks."""
    ramp_since_s: float = 0.0
    """Since when it starts slowly; 0: it does not."""
    ramp: int = RAMP_STEPS

    @property
    def health(self) -> Health:
        """What it is: down goes before ejected, for no time brings that back."""
        checked = self.record.standing.health if self.record is not None else _UNKNOWN
        return Health.EJECTED if self.term.is_out and checked is not _DOWN else checked

    def condition(self) -> Condition:
        """Return that for a decision."""
        health = self.health
        why = self.why if health is _DOWN else self.term.why if health is Health.EJECTED else ""
        return Condition(health, why, self.ramp)


class HealthBook:
    """The charts of all backends of a table that are checked or may be ejected or start slowly."""

    def __init__(self) -> None:
        self.charts: dict[str, Chart] = {}
        """By the key of their backend."""
        self._table = BackendTable({}, 0)

    def adopt(self, table: BackendTable, now_s: float) -> list[HealthChange]:
        """Take over what the file and the edits say now; return who is let back in for that.

        One that has another address, or is checked otherwise, is unknown again; one that comes
        back to work, or is new in a pool that was there, starts slowly.
        """
        before, self._table = self._table, table
        charts = {}
        for pool in table.pools.values():
            was = before.pools.get(pool.name)
            for backend in pool.backends if concerns(pool) else ():
                chart = self._chart(pool, was, backend, now_s)
                old = was.by_name.get(backend.name) if was is not None else None
                if was is not None and _works(backend) and not (old and _works(old)):
                    self._start_slowly(pool, chart, now_s)
                charts[backend.key] = chart
        self.charts = charts
        return [each for pool in table.pools.values() for each in self._keep_half(pool, now_s)]

    def _chart(self, pool: Pool, was: Pool | None, backend: Backend, now_s: float) -> Chart:
        chart = self.charts.get(backend.key)
        is_same = (
            chart is not None
            and was is not None
            and (was.health, was.eject) == (pool.health, pool.eject)
            and chart.backend.address == backend.address
            and chart.backend.resolved == backend.resolved
        )
        if chart is None or not is_same:
            record = CheckRecord(pool.health) if pool.health is not None else None
            return Chart(backend, record, now_s)
        chart.backend = backend
        if not _starts_slowly(pool):
            chart.ramp_since_s, chart.ramp = 0.0, RAMP_STEPS
        return chart

    # -- what is seen

    def note_check(self, key: str, check: Check) -> list[HealthChange]:
        """Take over a check of a backend; return who is something else by that."""
        chart = self.charts[key]
        if chart.record is None:
            raise AssertionError(f"{key} is not checked")
        before, now_s = chart.health, check.at_s + check.took_s
        has_changed = chart.record.note(check)
        if not check.is_good:
            chart.why = check.why
        if not has_changed or chart.health is before:
            return []
        pool = self._table.pools[chart.backend.pool]
        if chart.health is _DOWN:
            chart.term.end(now_s)
        elif before is _DOWN:
            self._start_slowly(pool, chart, now_s)
        return [self._changed(chart, before, now_s), *self._keep_half(pool, now_s)]

    def note_errors(self, key: str, errors: int, why: str, now_s: float) -> list[HealthChange]:
        """Eject a backend that failed `errors` times in a row, if its pool wants and may."""
        chart = self.charts.get(key)
        pool = self._table.pools.get(key.partition("/")[0])
        rules = pool.eject if pool is not None else None
        if chart is None or pool is None or rules is None or errors < rules.errors:
            return []
        members, away = self._count(pool)
        if not _works(chart.backend) or chart.condition().is_out or not may_eject(members, away):
            return []
        before = chart.health
        chart.term.begin(rules, errors, why, now_s)
        return [self._changed(chart, before, now_s)]

    def look(self, now_s: float) -> list[HealthChange]:
        """Let those back in whose time has come, and let weights grow; return who is back.

        The weights are not told of: `overlay` has them.
        """
        found = []
        for chart in self.charts.values():
            if 0 < chart.term.until_s <= now_s:
                found.append(self._let_back(chart, now_s))
            if chart.ramp_since_s:
                self._grow(chart, now_s)
        return found

    def next_look_s(self) -> float | None:
        """Return when there is something to do for `look`; None: never."""
        times = [chart.term.until_s for chart in self.charts.values() if chart.term.is_out]
        for chart in self.charts.values():
            if chart.ramp_since_s:
                whole_s = self._table.pools[chart.backend.pool].slow_start_s
                times.append(chart.ramp_since_s + whole_s * (chart.ramp + 1) / RAMP_STEPS)
        return min(times, default=None)

    def _let_back(self, chart: Chart, now_s: float) -> HealthChange:
        before = chart.health
        chart.term.end(now_s)
        self._start_slowly(self._table.pools[chart.backend.pool], chart, now_s)
        return self._changed(chart, before, now_s)

    def _changed(self, chart: Chart, before: Health, now_s: float) -> HealthChange:
        lasted_s = now_s - chart.since_s
        chart.since_s = now_s
        pool = self._table.pools[chart.backend.pool]
        members, away = self._count(pool)
        why = chart.condition().why
        return HealthChange(chart.backend, chart.health, before, why, lasted_s, left=members - away)

    # -- the rules of a pool

    def _count(self, pool: Pool) -> tuple[int, int]:
        """Return how many of a pool are meant to work, and how many of them get nothing."""
        working = [backend for backend in pool.backends if _works(backend)]
        away = [each for each in working if self.charts[each.key].condition().is_out]
        return len(working), len(away)

    def _keep_half(self, pool: Pool, now_s: float) -> Iterator[HealthChange]:
        """Let ejected ones back in, the next in turn first, while more than half are away.

        Others went down, or a person took some out: those who are left may not be enough.
        """
        out = [each for each in self._charts_of(pool) if each.health is Health.EJECTED]
        for chart in sorted(out, key=lambda each: each.term.until_s):
            members, away = self._count(pool)
            if away > members // 2 or not _works(chart.backend):
                yield self._let_back(chart, now_s)

    def _start_slowly(self, pool: Pool, chart: Chart, now_s: float) -> None:
        if _starts_slowly(pool):
            chart.ramp_since_s, chart.ramp = now_s, 1

    def _grow(self, chart: Chart, now_s: float) -> None:
        whole_s = self._table.pools[chart.backend.pool].slow_start_s
        steps = int((now_s - chart.ramp_since_s) / whole_s * RAMP_STEPS)
        chart.ramp = min(max(steps, 1), RAMP_STEPS)
        if chart.ramp == RAMP_STEPS:
            chart.ramp_since_s = 0.0

    def _charts_of(self, pool: Pool) -> Iterator[Chart]:
        return (self.charts[key] for key in pool.keys if key in self.charts)

    # -- what comes of it

    def overlay(self, table: BackendTable) -> BackendTable:
        """Return `table` with what is known of health, also of one that is not in force.

        Of another address nothing is known.
        """
        known = {
            backend.key: chart.condition()
            for pool in table.pools.values()
            for backend in pool.backends
            if (chart := self.charts.get(backend.key)) is not None
            and chart.backend.address == backend.address
        }
        return put_over(table, known)


def put_over(table: BackendTable, conditions: Mapping[str, Condition]) -> BackendTable:
    """Return `table` with `conditions`, by the keys of their backends, in its pools.

    A pool of which nothing is known stays itself, and so does a table.
    """
    if not conditions:
        return table
    pools = {}
    for name, pool in table.pools.items():
        known = {
            backend.name: condition
            for backend in pool.backends
            if (condition := conditions.get(backend.key)) is not None
        }
        pools[name] = replace(pool, conditions=known) if known else pool
    return replace(table, pools=pools)


def concerns(pool: Pool) -> bool:
    """Tell whether anything is kept of the health of `pool`."""
    return pool.health is not None or pool.eject is not None or pool.slow_start_s > 0


def _starts_slowly(pool: Pool) -> bool:
    return pool.slow_start_s > 0 and pool.balance in RAMPED


def _works(backend: Backend) -> bool:
    """Tell whether a person wants `backend` to get new work."""
    return backend.state is _READY and backend.weight > 0
