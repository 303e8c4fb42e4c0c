"""Deadlines for thousands of sessions at no cost on the byte path: a wheel of lazy buckets.

Moving a deadline later is one attribute store; the bucket that it stands in finds out when it is
turned over. asyncio timers cost about a microsecond each, and there would be two per request.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from rsp.core.limits import LATE_TICK_S, TICKS_KEPT, TIMER_TICK_S
from rsp.engine.poller import run_guarded


class Timed(Protocol):
    """Whatever can run out of time."""

    deadline_s: float
    """Monotonic time at which `on_deadline` is due; 0: never."""
    bucket: int
    """The bucket of the wheel it stands in; 0: in none. For `Deadlines` alone."""

    def on_deadline(self, now_s: float) -> None:
        """Its time has come."""

    def on_bug(self, error: Exception) -> None:
        """Our own code failed meanwhile."""


class Deadlines:
    """Calls `on_deadline` of each timed thing, at most one tick too late."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        look_at_clock: Callable[[], None] = lambda: None,
    ) -> None:
        self.lag_s = 0.0
        """How late the tick itself came, at worst, in the last second: the loop's lag."""
        self.lateness_s: deque[float] = deque(maxlen=TICKS_KEPT)
        """How late each of the last ticks came."""
        self.lags: deque[tuple[float, float]] = deque(maxlen=TICKS_KEPT)
        """From when to when the loop was late, in monotonic seconds, the last times it was."""
        self._loop = loop
        self._look_at_clock = look_at_clock
        self._buckets: dict[int, dict[Timed, None]] = {}
        self._tick = int(time.monotonic() / TIMER_TICK_S)
        self._worst_s = 0.0
        self._told_s = 0.0
        self._due_s = loop.time() + TIMER_TICK_S
        self._timer = loop.call_at(self._due_s, self._on_tick)

    def lag_now_s(self) -> float:
        """Return the loop's lag of the last second or two, with that of a tick that is overdue."""
        return max(self.lag_s, self._worst_s, self._loop.time() - self._due_s)

    def set(self, timed: Timed, deadline_s: float) -> None:
        """Let `timed` know when monotonic time reaches `deadline_s`."""
        timed.deadline_s = deadline_s
        bucket = int(deadline_s / TIMER_TICK_S)
        if bucket <= self._tick:
            bucket = self._tick + 1
        if not timed.bucket or bucket < timed.bucket:
            self._move(timed, bucket)

    def cancel(self, timed: Timed) -> None:
        """Forget `timed` altogether, so that nothing keeps it in memory."""
        timed.deadline_s = 0.0
        self._move(timed, 0)

    def stop(self) -> None:
        """Call nobody any more."""
        self._timer.cancel()

    def _move(self, timed: Timed, bucket: int) -> None:
        buckets = self._buckets
        if timed.bucket:
            buckets[timed.bucket].pop(timed, None)
        timed.bucket = bucket
        if bucket in buckets:
            buckets[bucket][timed] = None
        elif bucket:
            buckets[bucket] = {timed: None}

    def _on_tick(self) -> None:
        self._look_at_clock()
        now_s = time.monotonic()
        loop_s = self._loop.time()
        self._measure_lag(loop_s, loop_s - self._due_s, now_s)
        # Whatever happens in this tick, there is a next one.
        self._due_s = max(self._due_s, loop_s - TIMER_TICK_S) + TIMER_TICK_S
        self._timer = self._loop.call_at(self._due_s, self._on_tick)
        newest = int(now_s / TIMER_TICK_S)
        while self._tick < newest:
            self._tick += 1
            for timed in list(self._buckets.get(self._tick, ())):
                self._turn_over(timed, now_s)
            self._buckets.pop(self._tick, None)

    def _turn_over(self, timed: Timed, now_s: float) -> None:
        if timed.bucket != self._tick:
            return
        self._move(timed, 0)
        if timed.deadline_s > now_s:
            self.set(timed, timed.deadline_s)
        elif timed.deadline_s:
            timed.deadline_s = 0.0
            run_guarded(timed, timed.on_deadline, now_s)

    def _measure_lag(self, loop_s: float, late_s: float, now_s: float) -> None:
        self.lateness_s.append(max(0.0, late_s))
        if late_s >= LATE_TICK_S:
            self.lags.append((now_s - late_s, now_s))
        self._worst_s = max(self._worst_s, late_s)
        if loop_s >= self._told_s + 1.0:
            self._told_s = loop_s
            self.lag_s, self._worst_s = self._worst_s, 0.0
