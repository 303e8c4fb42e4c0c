"""Deadlines, on a clock and a loop that the test moves by hand."""

import asyncio
import gc
import random
import time
import weakref
from collections.abc import Callable
from types import SimpleNamespace
from typing import cast

import pytest

from rsp.core.limits import TIMER_TICK_S
from rsp.engine import deadlines as module
from rsp.engine.deadlines import Deadlines

HOUR_S = 3600.0


class HandLoop:
    """As much of a loop as a timer needs. Time passes when the test says so."""

    def __init__(self, now_s: float) -> None:
        self.now_s = now_s
        self._due: list[tuple[float, Callable[[], None], list[bool]]] = []

    def time(self) -> float:
        return self.now_s

    def call_later(
        self, delay_s: float, call: Callable[..., None], *args: object
    ) -> SimpleNamespace:
        return self.call_at(self.now_s + delay_s, call, *args)

    def call_at(self, when_s: float, call: Callable[..., None], *args: object) -> SimpleNamespace:
        cancelled = [False]
        self._due.append((when_s, lambda: call(*args), cancelled))
        return SimpleNamespace(cancel=lambda: cancelled.__setitem__(0, True))

    def run_until(self, end_s: float) -> None:
        """Let time pass up to `end_s`, with every call at its moment."""
        while self._due:
            self._due.sort(key=lambda item: item[0])
            when_s, call, cancelled = self._due[0]
            if when_s > end_s:
                break
            del self._due[0]
            self.now_s = max(self.now_s, when_s)
            if not cancelled[0]:
                call()
        self.now_s = end_s

    def stall(self, seconds: float) -> None:
        """Let time pass without a single call: the loop was busy."""
        self.now_s += seconds


class Timed:
    """Writes down when its time came."""

    def __init__(self, act: Callable[[float], None] = lambda _now_s: None) -> None:
        self.deadline_s = 0.0
        self.bucket = 0
        self.fired_s: list[float] = []
        self.bugs: list[Exception] = []
        self._act = act

    def on_deadline(self, now_s: float) -> None:
        self.fired_s.append(now_s)
        self._act(now_s)

    def on_bug(self, error: Exception) -> None:
        self.bugs.append(error)


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> HandLoop:
    """Return a loop whose clock is the only one that the wheel sees."""
    made = HandLoop(1000.037)
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=made.time))
    return made


@pytest.fixture
def deadlines(loop: HandLoop) -> Deadlines:
    """Return a wheel that turns with the loop."""
    return Deadlines(cast(asyncio.AbstractEventLoop, loop))


def test_it_fires_at_most_one_tick_late_and_never_early(
    loop: HandLoop, deadlines: Deadlines
) -> None:
    draw = random.Random(7)
    waiting = [Timed() for _ in range(500)]
    due_s = [loop.now_s + draw.uniform(0.0, 5.0) for _ in waiting]
    for timed, when_s in zip(waiting, due_s, strict=True):
        deadlines.set(timed, when_s)
    loop.run_until(loop.now_s + 6.0)
    for timed, when_s in zip(waiting, due_s, strict=True):
        assert len(timed.fired_s) == 1
        late_s = timed.fired_s[0] - when_s
        assert -1e-9 <= late_s <= TIMER_TICK_S + 1e-6, f"due {when_s:.4f}, late by {late_s:.4f} s"


def test_one_in_the_past_fires_at_the_next_tick(loop: HandLoop, deadlines: Deadlines) -> None:
    timed = Timed()
    deadlines.set(timed, loop.now_s - 5.0)
    assert timed.fired_s == [], "never from inside set"
    loop.run_until(loop.now_s + 2 * TIMER_TICK_S)
    assert len(timed.fired_s) == 1


def test_a_deadline_that_moves_on_is_met_where_it_ends(
    loop: HandLoop, deadlines: Deadlines
) -> None:
    timed = Timed()
    start_s = loop.now_s
    deadlines.set(timed, start_s + 1.0)
    for step in range(1, 50):
        loop.run_until(start_s + step * 0.1)
        deadlines.set(timed, loop.now_s + 1.0)
    assert timed.fired_s == []
    loop.run_until(start_s + 10.0)
    assert len(timed.fired_s) == 1
    assert timed.fired_s[0] >= start_s + 4.9 + 1.0


def test_a_deadline_that_comes_nearer_is_met_there(loop: HandLoop, deadlines: Deadlines) -> None:
    timed = Timed()
    start_s = loop.now_s
    deadlines.set(timed, start_s + HOUR_S)
    deadlines.set(timed, start_s + 1.0)
    loop.run_until(start_s + 1.3)
    assert len(timed.fired_s) == 1
    loop.run_until(start_s + HOUR_S + 1.0)
    assert len(timed.fired_s) == 1


def test_a_cancelled_deadline_is_forgotten_altogether(loop: HandLoop, deadlines: Deadlines) -> None:
    timed = Timed()
    deadlines.set(timed, loop.now_s + HOUR_S)
    deadlines.cancel(timed)
    deadlines.cancel(timed)
    assert timed.deadline_s == 0.0
    gone = weakref.ref(timed)
    del timed
    gc.collect()
    assert gone() is None
    loop.run_until(loop.now_s + 1.0)


def test_what_was_met_is_forgotten_too(loop: HandLoop, deadlines: Deadlines) -> None:
    timed = Timed()
    deadlines.set(timed, loop.now_s + 0.5)
    loop.run_until(loop.now_s + 1.0)
    assert timed.deadline_s == 0.0
    gone = weakref.ref(timed)
    del timed
    gc.collect()
    assert gone() is None


def test_a_deadline_may_be_set_again_from_within(loop: HandLoop, deadlines: Deadlines) -> None:
    timed = Timed(lambda now_s: deadlines.set(timed, now_s + 1.0))
    deadlines.set(timed, loop.now_s + 1.0)
    loop.run_until(loop.now_s + 10.0)
    assert 8 <= len(timed.fired_s) <= 10
    gaps_s = [b - a for a, b in zip(timed.fired_s, timed.fired_s[1:], strict=False)]
    assert min(gaps_s) >= 1.0 - 1e-9


def test_one_may_cancel_another_that_is_due_in_the_same_tick(
    loop: HandLoop, deadlines: Deadlines
) -> None:
    both: list[Timed] = []

    def cancel_the_others(_now_s: float) -> None:
        for other in both:
            deadlines.cancel(other)

    both += [Timed(cancel_the_others), Timed(cancel_the_others)]
    for timed in both:
        deadlines.set(timed, loop.now_s + 0.5)
    loop.run_until(loop.now_s + 1.0)
    assert sorted(len(timed.fired_s) for timed in both) == [0, 1]


def test_a_bug_costs_its_owner_and_the_wheel_turns_on(loop: HandLoop, deadlines: Deadlines) -> None:
    def fail(_now_s: float) -> None:
        raise ZeroDivisionError

    failing, other, later = Timed(fail), Timed(), Timed()
    deadlines.set(failing, loop.now_s + 0.5)
    deadlines.set(other, loop.now_s + 0.5)
    deadlines.set(later, loop.now_s + 1.5)
    loop.run_until(loop.now_s + 2.0)
    assert [type(bug) for bug in failing.bugs] == [ZeroDivisionError]
    assert (len(other.fired_s), len(later.fired_s)) == (1, 1)


def test_after_a_stall_all_that_is_overdue_fires_and_the_lag_is_told(
    loop: HandLoop, deadlines: Deadlines
) -> None:
    waiting = [Timed() for _ in range(20)]
    for number, timed in enumerate(waiting):
        deadlines.set(timed, loop.now_s + number * 0.1)
    loop.stall(3.0)
    loop.run_until(loop.now_s)
    assert all(len(timed.fired_s) == 1 for timed in waiting)
    told_s = []
    for _ in range(11):
        loop.run_until(loop.now_s + 0.1)
        told_s.append(deadlines.lag_s)
    assert max(told_s) == pytest.approx(2.9, abs=0.2)
    loop.run_until(loop.now_s + 2.5)
    assert deadlines.lag_s == pytest.approx(0.0, abs=1e-6), "the lag of the last second only"


def test_a_lag_is_known_before_it_is_told(loop: HandLoop, deadlines: Deadlines) -> None:
    """Whoever looks right after the loop stood still must not take the last second's word."""
    loop.run_until(loop.now_s + 2.0)
    assert deadlines.lag_now_s() <= TIMER_TICK_S
    loop.stall(3.0)
    assert deadlines.lag_s == pytest.approx(0.0, abs=1e-6)
    assert deadlines.lag_now_s() == pytest.approx(2.9, abs=0.2), "a tick is overdue"
    loop.run_until(loop.now_s + 0.1)
    assert deadlines.lag_now_s() == pytest.approx(2.9, abs=0.2), "it came, and was late"
    loop.run_until(loop.now_s + 2.5)
    assert deadlines.lag_now_s() == pytest.approx(0.0, abs=1e-6)


def test_when_the_loop_was_late_is_remembered(loop: HandLoop, deadlines: Deadlines) -> None:
    loop.run_until(loop.now_s + 0.5)
    assert list(deadlines.lags) == []
    began_s = loop.now_s
    loop.stall(3.0)
    loop.run_until(loop.now_s + 0.5)
    ((from_s, to_s),) = deadlines.lags
    assert from_s == pytest.approx(began_s, abs=0.15)
    assert to_s == pytest.approx(began_s + 3.0, abs=0.15)
    assert max(deadlines.lateness_s) == pytest.approx(to_s - from_s)
    assert sum(late_s > 0.1 for late_s in deadlines.lateness_s) == 1


def test_when_stopped_nobody_is_called_any_more(loop: HandLoop, deadlines: Deadlines) -> None:
    timed = Timed()
    deadlines.set(timed, loop.now_s + 0.5)
    deadlines.stop()
    loop.run_until(loop.now_s + 5.0)
    assert timed.fired_s == []


async def test_it_turns_on_a_real_loop() -> None:
    wheel = Deadlines(asyncio.get_running_loop())
    came = asyncio.Event()
    timed = Timed(lambda _now_s: came.set())
    wheel.set(timed, time.monotonic() + 0.05)
    await asyncio.wait_for(came.wait(), 30.0)
    wheel.stop()


def test_who_cannot_even_give_up_costs_nobody_the_next_tick(
    loop: HandLoop, deadlines: Deadlines
) -> None:
    def fail(_now_s: float) -> None:
        raise KeyboardInterrupt

    failing, later = Timed(fail), Timed()
    deadlines.set(failing, loop.now_s + 0.5)
    deadlines.set(later, loop.now_s + 1.5)
    with pytest.raises(KeyboardInterrupt):
        loop.run_until(loop.now_s + 2.0)
    loop.run_until(loop.now_s + 2.0)
    assert len(later.fired_s) == 1
