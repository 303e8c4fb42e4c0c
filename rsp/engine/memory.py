"""Watches what buffers and captures hold against the budget, and does what each step says.

Nothing is counted where bytes pass. A connection whose kernel did not take everything, and a
conversation that keeps part of a head or the next request, put themselves among the `holders`;
ten times a second those are added up, and those that hold nothing any more are forgotten.
"""

from collections.abc import Callable
from typing import Protocol

from rsp.core.budget import WHAT_IS_DONE, Ladder, excess_bytes
from rsp.core.events import Noted
from rsp.core.limits import MEMORY_LOOK_S
from rsp.core.vocabulary import CloseReason, EventLevel, MemoryStep
from rsp.engine.context import Context
from rsp.engine.read_room import READ_ROOM
from rsp.engine.session import Registry, Session

_NO_ACCEPT_ON = frozenset({MemoryStep.NO_ACCEPT, MemoryStep.SHED})


class Holder(Protocol):
    """Whoever keeps bytes of the traffic."""

    @property
    def held_bytes(self) -> int:
        """How many bytes it keeps at this moment."""


class MemoryWatch:
    """Stands on a step of the ladder, and tells the parts of the engine what it means."""

    def __init__(
        self, context: Context, registry: Registry, on_step: Callable[[], None] = lambda: None
    ) -> None:
        self.deadline_s = 0.0
        self.bucket = 0
        self._ladder = Ladder()
        self._context = context
        self._registry = registry
        self._on_step = on_step
        """Called when the step is another one: listeners are not ours."""

    @property
    def step(self) -> MemoryStep:
        """The step of the ladder that the engine stands on."""
        return self._ladder.step

    @property
    def stops_accepting(self) -> bool:
        """Whether listeners let nobody in."""
        return self.step in _NO_ACCEPT_ON

    @property
    def budget_bytes(self) -> int:
        """What may be held in all."""
        return self._context.limits.memory_budget_bytes

    def start(self) -> None:
        """Look from now on."""
        self._context.deadlines.set(self, self._context.poller.now_s + MEMORY_LOOK_S)

    def stop(self) -> None:
        """Look no more, and leave nothing changed behind: the read buffer is the process's."""
        self._context.deadlines.cancel(self)
        READ_ROOM.restore()

    def on_deadline(self, now_s: float) -> None:
        """Look, and do what has to be done."""
        self._context.deadlines.set(self, now_s + MEMORY_LOOK_S)
        used_bytes = self.used_bytes()
        before = self.step
        step = self._ladder.look(used_bytes, self.budget_bytes, now_s)
        if step is not before:
            self._take(step, used_bytes)
        if step is MemoryStep.SHED:
            self._close_newest(excess_bytes(used_bytes, self.budget_bytes))

    def on_bug(self, error: Exception) -> None:
        """Our own code failed while looking: say so, and look again."""
        self._context.telemetry.record_bug("memory budget", error)

    def used_bytes(self) -> int:
        """Return what all buffers and captures hold now, and forget those that hold nothing."""
        context = self._context
        holders: set[Holder] = context.poller.holders
        used_bytes = 0
        for holder in list(holders):
            held_bytes = holder.held_bytes
            used_bytes += held_bytes
            if not held_bytes:
                holders.discard(holder)
        return used_bytes + sum(each.held_bytes for each in context.captures)

    def _take(self, step: MemoryStep, used_bytes: int) -> None:
        """Stand on another step: what it stops is stopped, what it allows goes on."""
        context = self._context
        is_calm = step is MemoryStep.CALM
        context.keeps_alive = is_calm and not context.is_draining
        context.is_shedding = step is MemoryStep.SHED
        context.poller.siphon.is_resting = self.stops_accepting
        if self.stops_accepting:
            READ_ROOM.shrink()
            for each in context.captures:
                each.forget()
        else:
            READ_ROOM.restore()
        share = used_bytes / self.budget_bytes
        self._note(
            f"memory: buffers and captures hold {used_bytes:,} bytes, {share:.0%} of their budget "
            f"(memory_budget_bytes): {WHAT_IS_DONE[step]}",
            EventLevel.INFO if is_calm else EventLevel.WARN,
            step=step.value,
            used_bytes=used_bytes,
        )
        self._on_step()

    def _close_newest(self, excess_bytes: int) -> None:
        """Close the newest sessions that hold anything, until `excess_bytes` are free."""
        closed = freed_bytes = 0
        for session in reversed(list(self._registry.live.values())):
            if freed_bytes >= excess_bytes:
                break
            if held_bytes := _held_by(session):
                session.close(CloseReason.MEMORY_LIMIT, reset=True)
                freed_bytes += held_bytes
                closed += 1
        if closed:
            self._note(
                f"memory: closed the newest sessions, {closed:,}, which held {freed_bytes:,} bytes",
                EventLevel.WARN,
            )

    def _note(self, what: str, weight: EventLevel, **values: object) -> None:
        context = self._context
        context.telemetry.record(
            Noted(at_s=context.poller.now_s, what=what, weight=weight, values=values)
        )


def _held_by(session: Session) -> int:
    """Return the bytes of the traffic that are kept for one session."""
    holders = (session.client, session.backend, session.speaker)
    return sum(holder.held_bytes for holder in holders if holder is not None)
