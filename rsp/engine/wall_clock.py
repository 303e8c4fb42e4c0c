"""Dates for monotonic times, also after somebody set the clock, or the machine was suspended."""

import datetime
import math
import time
from collections.abc import Callable

_STEP_S = 0.1
"""A clock that is only slewed (adjtimex(2)) takes the monotonic one along; what differs by more
than this was set, or is the sleep of a machine, which the monotonic clock leaves out."""
_UNSURE_S = 0.01
"""A look that took longer than this was interrupted between the clocks: it says nothing."""
_STEPS_KEPT = 64
"""A machine that is suspended twice a day is right about the last month."""


def _wall_s() -> float:
    return datetime.datetime.now(datetime.UTC).timestamp()


class WallClock:
    """Turns monotonic seconds into dates. Between two looks a new step is not known yet."""

    def __init__(self, wall: Callable[[], float] = _wall_s) -> None:
        """`wall` tells the seconds since 1970."""
        self._wall = wall
        self._steps = [(-math.inf, wall() - time.monotonic())]
        """Since which monotonic time the wall clock is ahead by how many seconds."""

    def look(self) -> float | None:
        """Return by how many seconds the clock was set since the last look; None: it was not."""
        before_s, wall_s, now_s = time.monotonic(), self._wall(), time.monotonic()
        if now_s - before_s > _UNSURE_S:
            return None
        ahead_s = wall_s - now_s
        step_s = ahead_s - self._steps[-1][1]
        if abs(step_s) < _STEP_S:
            return None
        self._steps = [*self._steps[1 - _STEPS_KEPT :], (now_s, ahead_s)]
        return step_s

    def date(self, at_s: float) -> datetime.datetime:
        """Return the date of a monotonic time, in UTC, as the clock had it then."""
        # What is older than every step that is kept is dated by the oldest one.
        by = (ahead_s for since_s, ahead_s in reversed(self._steps) if at_s >= since_s)
        ahead_s = next(by, self._steps[0][1])
        return datetime.datetime.fromtimestamp(at_s + ahead_s, datetime.UTC)
