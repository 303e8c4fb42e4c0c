"""Keeps the health of backends: has them checked, counts failures, and puts the result in force.

`Changes` hands over each table of the file and the edits; what decisions see is that table with
health over it (`core/health.py`), made anew here whenever either of them changes.
"""

from collections.abc import Callable, Iterable

from rsp.core.backends import Backend, BackendTable, Pool
from rsp.core.events import BackendHealthBack, BackendHealthLost, Noted, PoolHealthLost
from rsp.core.health import HealthBook, HealthChange
from rsp.core.health_checks import Check
from rsp.core.health_rules import HealthCheck
from rsp.core.limits import FLOOD_EVENT_S, HEALTH_SPREAD_S
from rsp.core.throttle import Throttle
from rsp.core.vocabulary import BackendState, EventLevel, Health
from rsp.engine.checking import Checking, UnableToCheck, asked_of
from rsp.engine.deadlines import Deadlines
from rsp.engine.dispatch import Dispatcher
from rsp.engine.failures import Failures
from rsp.engine.idle import IdleConnections
from rsp.engine.nonblocking import ConnectFailed
from rsp.engine.poller import Poller
from rsp.engine.telemetry import Telemetry


class Watcher:
    """Checks one backend, one check after the other."""

    def __init__(
        self, keeper: "HealthKeeper", pool: Pool, backend: Backend, rules: HealthCheck
    ) -> None:
        self.deadline_s = 0.0
        self.bucket = 0
        self.backend = backend
        self.rules = rules
        self.asked = asked_of(pool, backend, rules)
        self._keeper = keeper
        self._checking: Checking | None = None
        self._next_s = 0.0

    def start(self, first_s: float) -> None:
        """Begin with the first check at monotonic time `first_s`."""
        self._keeper.deadlines.set(self, first_s)

    def stop(self) -> None:
        """Check no more; a check under way is broken off."""
        self._keeper.deadlines.cancel(self)
        if self._checking is not None:
            self._checking.stop()
            self._checking = None

    def on_deadline(self, now_s: float) -> None:
        """It is time for the next check, or the present one takes too long."""
        if self._checking is not None:
            self._end_late(self._checking, now_s)
            return
        self._next_s = now_s + self.rules.interval_s
        try:
            self._checking = Checking(
                self._keeper.poller, self.backend, self.rules, self.asked, self
            )
        except ConnectFailed as error:
            self.on_checked(Check(now_s, 0.0, str(error)))
        except UnableToCheck as error:
            self._keeper.on_unable(self.backend, str(error), now_s)
            self._rest()
        else:
            self._keeper.deadlines.set(self, now_s + self.rules.timeout_s)

    def _end_late(self, checking: Checking, now_s: float) -> None:
        """The present check has used up its time, unless that went by while our loop was late."""
        lag_s = self._keeper.deadlines.lag_now_s()
        if lag_s < self.rules.timeout_s / 2:
            checking.too_late()
            return
        checking.stop()
        self._rest()
        self._keeper.on_unable(self.backend, f"our loop was {lag_s:.1f} s late", now_s)

    def on_checked(self, check: Check) -> None:
        """A check is over."""
        self._rest()
        self._keeper.on_checked(self.backend, check)

    def on_bug(self, error: Exception) -> None:
        """Our own code failed: say so, and go on."""
        self._rest()
        self._keeper.telemetry.record_bug(f"checking backend {self.backend.key}", error)

    def _rest(self) -> None:
        self._checking = None
        self._keeper.deadlines.set(self, self._next_s)


class HealthKeeper:
    """The health of all backends of one engine."""

    def __init__(
        self,
        poller: Poller,
        deadlines: Deadlines,
        telemetry: Telemetry,
        dispatcher: Dispatcher,
        idle: IdleConnections,
    ) -> None:
        self.deadline_s = 0.0
        self.bucket = 0
        self.poller = poller
        self.deadlines = deadlines
        self.telemetry = telemetry
        self.book = HealthBook()
        self.on_change: Callable[[], object] = lambda: None
        """Told when another table is in force, unless it was handed in."""
        self._dispatcher = dispatcher
        self._idle = idle
        self._failures = Failures(deadlines, telemetry, dispatcher, self._on_errors)
        self._watchers: dict[str, Watcher] = {}
        """By the key of their backend."""
        self._plain = BackendTable({}, 0)
        """What the file and the edits say."""
        self._unable = Throttle(FLOOD_EVENT_S)

    def adopt(self, table: BackendTable) -> None:
        """Put what the file and the edits say in force, with what is known of health over it."""
        self.poller.look_at_clock()
        now_s = self.poller.now_s
        self._plain = table
        changes = self.book.adopt(table, now_s)
        self._failures.adopt(table, now_s)
        self._watch(table, now_s)
        self._put_in_force(changes)

    def stop(self) -> None:
        """Check nobody any more."""
        for watcher in self._watchers.values():
            watcher.stop()
        self._watchers.clear()
        self._failures.stop()
        self.deadlines.cancel(self)

    def _watch(self, table: BackendTable, now_s: float) -> None:
        """Check those that are to be checked now, and nobody else."""
        wanted = {}
        for pool in table.pools.values():
            for backend in pool.backends if pool.health is not None else ():
                if backend.state is not BackendState.MAINT and pool.health is not None:
                    wanted[backend.key] = Watcher(self, pool, backend, pool.health)
        for key, watcher in list(self._watchers.items()):
            if key not in wanted or not _is_same(watcher, wanted[key]):
                self._watchers.pop(key).stop()
        new = [key for key in wanted if key not in self._watchers]
        for place, key in enumerate(new):
            watcher = self._watchers[key] = wanted[key]
            spread_s = min(HEALTH_SPREAD_S, watcher.rules.interval_s)
            watcher.start(now_s + spread_s * place / len(new))

    # -- what is seen

    def on_checked(self, backend: Backend, check: Check) -> None:
        """A check of a backend is over."""
        if changes := self.book.note_check(backend.key, check):
            self._put_in_force(changes)
            self.on_change()

    def _on_errors(self, backend: Backend, errors: int, why: str) -> None:
        changes = self.book.note_errors(backend.key, errors, why, self.poller.now_s)
        if changes:
            self._put_in_force(changes)
            self.on_change()

    def on_deadline(self, now_s: float) -> None:
        """Somebody's time out is over, or a weight is to grow."""
        self._put_in_force(self.book.look(now_s))
        self.on_change()

    def on_unable(self, backend: Backend, why: str, now_s: float) -> None:
        """We could not check a backend: that is no word against it."""
        if self._unable.passes(now_s) is not None:
            what = f"{backend.in_full} cannot be checked: {why}"
            self.telemetry.record(Noted(at_s=now_s, what=what, weight=EventLevel.WARN))

    def on_bug(self, error: Exception) -> None:
        """Our own code failed: say so."""
        self.telemetry.record_bug("keeping the health of backends", error)

    # -- what comes of it

    def _put_in_force(self, changes: Iterable[HealthChange]) -> None:
        self._dispatcher.table = self.book.overlay(self._plain)
        for change in changes:
            self._tell(change)
            if change.health is Health.DOWN:
                self._idle.drop_all(change.backend.key)
            # What it failed before is settled, either way.
            self._dispatcher.loads[change.backend.key].failed_in_a_row = 0
        next_s = self.book.next_look_s()
        if next_s is None:
            self.deadlines.cancel(self)
        else:
            self.deadlines.set(self, next_s)

    def _tell(self, change: HealthChange) -> None:
        is_out = change.health in (Health.DOWN, Health.EJECTED)
        kind = BackendHealthLost if is_out else BackendHealthBack
        if is_out and not change.left:
            kind = PoolHealthLost
        self.telemetry.record(
            kind(
                at_s=self.poller.now_s,
                backend=change.backend.key,
                health=change.health,
                before=change.before,
                lasted_s=change.lasted_s,
                reason=change.why,
                left=change.left,
            )
        )


def _is_same(one: Watcher, other: Watcher) -> bool:
    """Tell whether two would check the same thing in the same way."""
    return (
        one.backend.address == other.backend.address
        and one.backend.resolved == other.backend.resolved
        and one.rules == other.rules
        and one.asked == other.asked
    )
