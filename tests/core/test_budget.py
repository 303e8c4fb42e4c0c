"""The ladder of the memory budget: up at once, down slowly, and never past what is needed."""

import pytest

from rsp.core.budget import WHAT_IS_DONE, Ladder, excess_bytes
from rsp.core.limits import MEMORY_STEP_S
from rsp.core.vocabulary import MemoryStep

BUDGET = 10_000


@pytest.mark.parametrize(
    ("used", "step"),
    [
        (0, MemoryStep.CALM),
        (7_999, MemoryStep.CALM),
        (8_000, MemoryStep.NO_KEEP_ALIVE),
        (9_499, MemoryStep.NO_KEEP_ALIVE),
        (9_500, MemoryStep.NO_ACCEPT),
        (9_799, MemoryStep.NO_ACCEPT),
        (9_800, MemoryStep.SHED),
        (30_000, MemoryStep.SHED),
    ],
)
def test_each_mark_has_its_step_and_is_reached_at_once(used: int, step: MemoryStep) -> None:
    assert Ladder().look(used, BUDGET, 0.0) is step


def test_a_step_is_left_well_below_its_mark_only() -> None:
    ladder = Ladder()
    ladder.look(9_500, BUDGET, 0.0)
    assert ladder.look(9_001, BUDGET, 100.0) is MemoryStep.NO_ACCEPT
    assert ladder.look(8_999, BUDGET, 100.0) is MemoryStep.NO_KEEP_ALIVE
    assert ladder.look(7_500, BUDGET, 200.0) is MemoryStep.NO_KEEP_ALIVE
    assert ladder.look(7_499, BUDGET, 200.0) is MemoryStep.CALM


def test_a_step_is_not_left_before_its_time_however_little_is_used() -> None:
    ladder = Ladder()
    ladder.look(9_900, BUDGET, 10.0)
    assert ladder.look(0, BUDGET, 10.0 + MEMORY_STEP_S - 0.01) is MemoryStep.SHED
    assert ladder.look(0, BUDGET, 10.0 + MEMORY_STEP_S) is MemoryStep.CALM


def test_a_step_up_begins_its_time_anew() -> None:
    ladder = Ladder()
    ladder.look(8_000, BUDGET, 10.0)
    ladder.look(9_500, BUDGET, 10.9)
    assert ladder.look(0, BUDGET, 11.0) is MemoryStep.NO_ACCEPT
    assert ladder.look(0, BUDGET, 11.9) is MemoryStep.CALM


def test_nothing_has_to_go_below_the_last_mark_and_beyond_it_as_much_as_ends_its_step() -> None:
    assert excess_bytes(9_799, BUDGET) == 0
    assert excess_bytes(9_800, BUDGET) == 501
    ladder = Ladder()
    ladder.look(9_800, BUDGET, 0.0)
    left = 9_800 - excess_bytes(9_800, BUDGET)
    assert ladder.look(left, BUDGET, MEMORY_STEP_S) is not MemoryStep.SHED


def test_every_step_says_what_it_means() -> None:
    assert set(WHAT_IS_DONE) == set(MemoryStep)
