"""Deadlines for thousands of sessions at no cost on the byte path: a wheel of lazy buckets.

Moving a deadline later is one attribute store; the bucket it once stood in finds out when it is
turned over. asyncio timers cost about a microsecond each, twice per request.
"""

import asyncio
import time
from typing import Protocol

from rsp.core.limits import TIMER_TICK_S


class Timed(Protocol):
    """Whatever can run out of time."""

    deadline_s: float
    """Monotonic time at which `on_deadline` is due; 0: never."""
    scheduled_s: float
    """Bookkeeping of `Deadlines`: the earliest bucket it stands in; 0: in none."""

    def on_deadline(self, now_s: float) -> None:
        """Its time has come."""

    def on_bug(self, error: Exception) -> None:
        """Our own code failed meanwhile."""


class Deadlines:
    """Calls `on_deadline` of each timed thing at most one tick too late."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.lag_s = 0.0
        """How late the tick itself came, at worst, in the last second: the loop's lag."""
        self._loop = loop
        self._buckets: dict[int, list[Timed]] = {}
        self._tick = int(time.monotonic() / TIMER_TICK_S)
        self._worst_s = 0.0
        self._timer = loop.call_later(TIMER_TICK_S, self._on_tick, loop.time() + TIMER_TICK_S)

    def set(self, timed: Timed, deadline_s: float) -> None:
        """Let `timed` know when monotonic time reaches `deadline_s`."""
        timed.deadline_s = deadline_s
        if not timed.scheduled_s or deadline_s < timed.scheduled_s:
            self._schedule(timed, deadline_s)

    def stop(self) -> None:
        """Call nobody any more."""
        self._timer.cancel()

    def _schedule(self, timed: Timed, deadline_s: float) -> None:
        timed.scheduled_s = deadline_s
        tick = max(int(deadline_s / TIMER_TICK_S) + 1, self._tick + 1)
        self._buckets.setdefault(tick, []).append(timed)

    def _on_tick(self, due_s: float) -> None:
        now_s = time.monotonic()
        loop_s = self._loop.time()
        self._measure_lag(loop_s - due_s)
        newest = int(now_s / TIMER_TICK_S)
        for tick in range(self._tick + 1, newest + 1):
            self._tick = tick
            for timed in self._buckets.pop(tick, ()):
                self._turn_over(timed, now_s)
        due_s = max(due_s, loop_s - TIMER_TICK_S) + TIMER_TICK_S
        self._timer = self._loop.call_at(due_s, self._on_tick, due_s)

    def _turn_over(self, timed: Timed, now_s: float) -> None:
        timed.scheduled_s = 0.0
        if not timed.deadline_s:
            return
        if timed.deadline_s > now_s:
            self._schedule(timed, timed.deadline_s)
            return
        timed.deadline_s = 0.0
        timed.on_deadline(now_s)

    def _measure_lag(self, late_s: float) -> None:
        self._worst_s = max(self._worst_s, late_s)
        if self._tick % round(1 / TIMER_TICK_S) == 0:
            self.lag_s, self._worst_s = self._worst_s, 0.0
