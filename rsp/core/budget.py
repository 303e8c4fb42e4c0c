"""How the engine makes do with its memory budget: a ladder of steps, up at once, down slowly.

The marks are Envoy's overload manager's, as far as they go. What counts as used is what grows
with the traffic: unsent bytes, heads and requests that wait, recorded calls.
"""

from rsp.core.limits import MEMORY_MARKS, MEMORY_RELIEF, MEMORY_STEP_S
from rsp.core.vocabulary import MemoryStep

_STEPS = tuple(MemoryStep)

WHAT_IS_DONE: dict[str, str] = {
    MemoryStep.CALM: "everything is as usual again",
    MemoryStep.NO_KEEP_ALIVE: "client connections close after their response",
    MemoryStep.NO_ACCEPT: "no new client is let in, and reads are small",
    MemoryStep.SHED: "new requests get a 503, and the newest sessions are closed",
}
"""What each step means for the traffic, in words."""


class Ladder:
    """The step that the engine stands on. Time is handed in."""

    def __init__(self) -> None:
        self.step = MemoryStep.CALM
        self._since_s = 0.0

    def look(self, used_bytes: int, budget_bytes: int, now_s: float) -> MemoryStep:
        """Return the step to be on now.

        Up as soon as a mark is reached. Down only when `MEMORY_RELIEF` of the budget below the
        mark, and after `MEMORY_STEP_S` on the step: so it does not flap, and people see it.
        """
        at = _STEPS.index(self.step)
        up = _steps_reached(used_bytes, budget_bytes, 0.0)
        down = _steps_reached(used_bytes, budget_bytes, MEMORY_RELIEF)
        if up > at:
            at = up
        elif down < at and now_s - self._since_s >= MEMORY_STEP_S:
            at = down
        if self.step is not _STEPS[at]:
            self.step, self._since_s = _STEPS[at], now_s
        return self.step


def _steps_reached(used_bytes: int, budget_bytes: int, relief: float) -> int:
    return sum(used_bytes >= budget_bytes * (mark - relief) for mark in MEMORY_MARKS)


def excess_bytes(used_bytes: int, budget_bytes: int) -> int:
    """Return how many bytes must go: 0 below the last mark, else down to where its step ends."""
    if used_bytes < budget_bytes * MEMORY_MARKS[-1]:
        return 0
    return used_bytes - int(budget_bytes * (MEMORY_MARKS[-1] - MEMORY_RELIEF)) + 1
