"""The queues of all pools: who waits, and whose turn it is. `core/queue.py` decides that.

A place that is given up stays taken until its turn in the loop, when the first who can use it has
it: so no newcomer takes it, and nobody's request goes out from the midst of another's end. As
long as nobody waits, there is nothing here to do.
"""

from typing import Protocol

from rsp.core.backends import Pool
from rsp.core.evidence import QueuedRow
from rsp.core.loads import BackendLoad
from rsp.core.queue import Line, Place, awaited, who_is_full
from rsp.core.replies import PoolRow
from rsp.core.routing import RouteDecision
from rsp.core.vocabulary import CloseReason
from rsp.engine.dispatch import Dispatcher
from rsp.engine.layers import Layer
from rsp.engine.poller import HANG_UP, Guarded, Poller, run_guarded


class Seeking(Protocol):
    """A `Pairing`, as far as it waits."""

    @property
    def payer(self) -> Guarded:
        """Who pays for a bug."""

    def on_turn(self) -> None:
        """It need not wait any longer: it leaves its place, and asks again."""

    def turn_away(self, reason: CloseReason, why: str) -> None:
        """It shall not wait any longer: it leaves its place, and its client is told `why`; empty:
        its time is over."""


class Waiter(Place):
    """The place of a session in a queue."""

    __slots__ = ("line", "seeker")

    def __init__(
        self,
        seeker: Seeking,
        line: "Line[Waiter]",
        decision: RouteDecision,
        now_s: float,
        timeout_s: float,
    ) -> None:
        super().__init__(named_by(decision), decision.excluded, now_s, timeout_s)
        self.seeker = seeker
        self.line = line

    def row(self, now_s: float) -> QueuedRow:
        """Return its row: the work of looking."""
        line = self.line
        since_s = max(0.0, now_s - self.since_s)
        return QueuedRow(line.pool, self.name or None, line.position(self), len(line), since_s)


def named_by(decision: RouteDecision) -> str:
    """Return the backend that has to be it, as `route` named it or the client sticks to it.

    Empty: any will do.
    """
    is_one = decision.is_named or decision.is_sticky
    return decision.full[0].name if is_one and decision.full else ""


class WaitingConnection(Layer):
    """A client that waits in a queue: it is not read, but its leaving is noticed."""

    RANK = 0
    __slots__ = ()

    def on_ready(self, readiness: int) -> None:
        """Tell the owner of a FIN, though it has not been read."""
        super().on_ready(readiness)
        if readiness & HANG_UP and not self.is_closed and not self.is_eof:
            self.owner.on_eof(self)


class WaitingLists:
    """One line for each pool at which somebody waits, or ever did."""

    def __init__(self, dispatcher: Dispatcher, poller: Poller) -> None:
        self.lines: dict[str, Line[Waiter]] = {}
        self._dispatcher = dispatcher
        self._poller = poller
        self._kept: list[BackendLoad] = []
        """Loads of which a place was given up that its next owner has not got yet."""

    def line(self, pool: str) -> Line[Waiter]:
        """Return the line of a pool; of a new pool it is empty."""
        found = self.lines.get(pool)
        if found is None:
            found = self.lines[pool] = Line(pool)
        return found

    def why_not(self, decision: RouteDecision) -> str:
        """Return why nobody may wait for what `decision` did not find; empty: it may."""
        pool = decision.pool
        if pool is None or pool.queue is None or not decision.full:
            return "there is nothing to wait for"
        line = self.line(pool.name)
        if len(line) < pool.queue.length:
            return ""
        line.refused += 1
        name = named_by(decision)
        return (
            f"the queue of pool {pool.name} is full ({len(line)} of {pool.queue.length} wait), "
            f"and {who_is_full(decision.full, name, self._dispatcher.loads, now=True)}"
        )

    def waited_sentence(self, decision: RouteDecision, place: Waiter, why: str) -> str:
        """Return why somebody has waited for nothing; `why` is empty when its time is over."""
        head = f"waited {round(decision.waited_s, 1):g} s in the queue of pool {place.line.pool}"
        if why:
            return f"{head}: {why}"
        dispatcher = self._dispatcher
        pool, loads = dispatcher.table.pools.get(place.line.pool), dispatcher.loads
        able = pool and awaited(pool, place.name, place.excluded, loads)
        return f"{head}: {who_is_full(able or decision.full, place.name, loads, now=False)}"

    def waiter(self, seeker: Seeking, decision: RouteDecision) -> Waiter:
        """Return a place for who needs it, for `join`."""
        pool = decision.pool
        if pool is None or pool.queue is None:
            raise AssertionError("only a pool with a queue can be waited for")
        left_s = max(0.0, pool.queue.timeout_s - decision.waited_s)
        return Waiter(seeker, self.line(pool.name), decision, self._poller.now_s, left_s)

    def join(self, waiter: Waiter) -> None:
        """Let somebody wait."""
        waiter.line.join(waiter)
        if len(waiter.line) == 1:
            self._listen()

    def leave(self, waiter: Waiter) -> None:
        """Somebody does not wait any longer."""
        waiter.line.leave(waiter)
        if not len(waiter.line):
            self._listen()

    def look(self) -> None:
        """Somebody may be able to go: other backends, another limit, another state."""
        dispatcher = self._dispatcher
        for line in list(self.lines.values()):
            if len(line):
                pool = dispatcher.table.pools.get(line.pool)
                for waiter in line.turns(pool, dispatcher.loads):
                    run_guarded(waiter.seeker.payer, waiter.seeker.on_turn)
        self._listen()

    def turn_all_away(self, reason: CloseReason, why: str) -> None:
        """Let nobody wait any longer."""
        for line in self.lines.values():
            for waiter in line.all():
                run_guarded(waiter.seeker.payer, waiter.seeker.turn_away, reason, why)

    def _listen(self) -> None:
        """Hear of places that are given up where somebody waits, and nowhere else."""
        table, loads = self._dispatcher.table, self._dispatcher.loads
        for load in loads.values():
            load.on_release = None
        for line in self.lines.values():
            pool = table.pools.get(line.pool)
            if pool is not None and len(line):
                for key in pool.keys:
                    loads[key].on_release = self._keep

    def _keep(self, load: BackendLoad) -> None:
        load.sessions += 1
        self._kept.append(load)
        self._poller.again(self)

    def add_to(self, row: PoolRow, pool: Pool) -> PoolRow:
        """Put into the row of a pool who waits there, and who did."""
        if pool.queue is not None:
            row.queue_length, row.queue_timeout_s = pool.queue.length, pool.queue.timeout_s
        line = self.lines.get(pool.name)
        if line is not None:
            row.queued, row.waited = len(line), line.waited
            row.queue_timeouts, row.queue_refused = line.timed_out, line.refused
        return row

    def on_ready(self, _readiness: int) -> None:
        """Give the places away that were given up since the last turn."""
        kept, self._kept = self._kept, []
        for load in kept:
            load.sessions -= 1
        self.look()

    def on_bug(self, error: Exception) -> None:
        """Who waits pays for its own bugs: what else fails here is the loop's to tell."""
        raise error
