"""Dates of monotonic times: of now, of before a step of the clock, and of long ago."""

import datetime
import time

import pytest

from rsp.core.vocabulary import EventLevel
from rsp.engine.housekeeping import tell_of_the_clock
from rsp.engine.wall_clock import WallClock


class Wall:
    """A wall clock that a test sets."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def __call__(self) -> float:
        return datetime.datetime.now(datetime.UTC).timestamp() + self.ahead_s


def off_s(clock: WallClock, at_s: float, wall_s: float) -> float:
    return abs(clock.date(at_s).timestamp() - wall_s)


def test_a_clock_that_nobody_sets_is_as_it_was() -> None:
    wall = Wall()
    clock = WallClock(wall)
    assert clock.look() is None
    assert off_s(clock, time.monotonic(), wall()) < 1
    assert clock.date(0.0).tzinfo is datetime.UTC


def test_what_was_before_a_step_keeps_its_date() -> None:
    wall = Wall()
    clock = WallClock(wall)
    before_s, then_s = time.monotonic(), wall()
    for step_s in (3600.0, -7200.0):
        wall.ahead_s += step_s
        assert clock.look() == pytest.approx(step_s, abs=1)
        assert clock.look() is None
        assert off_s(clock, time.monotonic(), wall()) < 1
    assert off_s(clock, before_s, then_s) < 1


def test_what_is_slewed_is_no_step() -> None:
    wall = Wall()
    clock = WallClock(wall)
    wall.ahead_s += 0.05
    assert clock.look() is None


def test_many_steps_cost_no_memory() -> None:
    wall = Wall()
    clock = WallClock(wall)
    for _ in range(1_000):
        wall.ahead_s += 60.0
        clock.look()
    assert len(clock._steps) == 64
    oldest_s = clock._steps[0][1]
    assert off_s(clock, 0.0, oldest_s) < 0.001
    assert off_s(clock, time.monotonic(), wall()) < 1


def test_a_clock_that_was_set_is_told_of_once() -> None:
    said: list[tuple[str, EventLevel]] = []
    wall = Wall()
    clock = WallClock(wall)

    def note(what: str, weight: EventLevel) -> None:
        said.append((what, weight))

    tell_of_the_clock(clock, note)
    assert said == []
    for step_s in (-3600.0, 60.0):
        wall.ahead_s += step_s
        tell_of_the_clock(clock, note)
        tell_of_the_clock(clock, note)
    assert [what.partition(":")[0] for what, _ in said] == [
        "the clock of this machine went back by 3,600.0 s",
        "the clock of this machine went forward by 60.0 s",
    ]
