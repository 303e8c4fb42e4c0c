"""Counts what backends fail in a row, for the pools that eject; nothing of it is on the data path.

Failed connects are told by the dispatcher, which has to remember them anyway. Answers are read
from the ring of exchanges, a few times a second, in the order in which they ended. With no pool
that ejects nobody is told, and nothing is read.
"""

from collections.abc import Callable, Mapping

from rsp.core.backends import Backend, BackendTable
from rsp.core.health_rules import Ejection
from rsp.core.limits import HEALTH_LOOK_S
from rsp.engine.deadlines import Deadlines
from rsp.engine.dispatch import Dispatcher
from rsp.engine.exchange import COMPLETE, Exchange
from rsp.engine.telemetry import Telemetry

OnErrors = Callable[[Backend, int, str], object]
"""Told of a backend that has failed, how often in a row, and how it did last."""


class Failures:
    """Reads how exchanges went, and tells of those that went badly."""

    def __init__(
        self, deadlines: Deadlines, telemetry: Telemetry, dispatcher: Dispatcher, told: OnErrors
    ) -> None:
        self.deadline_s = 0.0
        self.bucket = 0
        self._deadlines = deadlines
        self._telemetry = telemetry
        self._dispatcher = dispatcher
        self._told = told
        self._rules: Mapping[str, Ejection] = {}
        """Of the pools that eject, by their names."""
        self._seen = 0
        """The number of the last exchange that was read."""

    def adopt(self, table: BackendTable, now_s: float) -> None:
        """Take over which pools eject."""
        had = self._rules
        self._rules = {
            pool.name: pool.eject for pool in table.pools.values() if pool.eject is not None
        }
        if bool(had) is bool(self._rules):
            return
        self._seen = self._telemetry.exchanges.recorded
        self._dispatcher.on_failure = self._on_failure if self._rules else None
        if self._rules:
            self._deadlines.set(self, now_s + HEALTH_LOOK_S)
        else:
            self.stop()

    def stop(self) -> None:
        """Read nothing any more."""
        self._deadlines.cancel(self)

    def on_deadline(self, now_s: float) -> None:
        """Read what has ended since the last look."""
        self._deadlines.set(self, now_s + HEALTH_LOOK_S)
        self._read()

    def on_bug(self, error: Exception) -> None:
        """Our own code failed: say so."""
        self._telemetry.record_bug("counting what backends fail", error)

    def _on_failure(self, backend: Backend, why: str) -> None:
        # What ended before comes first: it may be what this failure does not follow.
        self._read()
        if backend.pool in self._rules:
            self._count(backend, why)

    def _read(self) -> None:
        ring = self._telemetry.exchanges
        records, _ = ring.since(self._seen)
        self._seen = ring.recorded
        for _, exchange in records:
            self._judge(exchange)

    def _judge(self, exchange: Exchange) -> None:
        backend = exchange.backend
        # Where the answer is one of ours, the dispatcher has told of it, or it was the client.
        if backend is None or exchange.status is None or exchange.result != COMPLETE:
            return
        rules = self._rules.get(backend.pool)
        if rules is None:
            return
        if exchange.status in rules.statuses:
            self._count(backend, f"status {exchange.status}")
        else:
            self._dispatcher.loads[backend.key].failed_in_a_row = 0

    def _count(self, backend: Backend, why: str) -> None:
        load = self._dispatcher.loads[backend.key]
        load.failed_in_a_row += 1
        self._told(backend, load.failed_in_a_row, why)
