"""From checks to up and down: the rule, the record, and what other counts would have made of it."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsp.core.health_checks import Check, CheckRecord, Standing, flaps_of, step
from rsp.core.limits import FLAPS_WITHIN_S, HEALTH_CHECKS_KEPT
from rsp.core.vocabulary import Health
from tests.core.making import checked

results = st.lists(st.booleans(), max_size=80)
counts = st.integers(1, 5)


def standings(checks: Sequence[bool], rise: int, fall: int) -> list[Health]:
    standing, found = Standing(), []
    for is_good in checks:
        standing = step(standing, rise, fall, is_good=is_good)
        found.append(standing.health)
    return found


def record_of(
    checks: Sequence[bool], rise: int = 2, fall: int = 3, every_s: float = 2.0
) -> CheckRecord:
    record = CheckRecord(checked(rise=rise, fall=fall))
    for number, is_good in enumerate(checks):
        record.note(Check(number * every_s, 0.0, "" if is_good else "refused"))
    return record


def test_it_is_unknown_until_enough_checks_agree() -> None:
    assert standings([True, False, True, True], 2, 3) == [
        *[Health.UNKNOWN] * 3,
        Health.UP,
    ]
    assert standings([False, False, False], 2, 3)[-1] is Health.DOWN


def test_it_falls_after_so_many_failures_and_rises_after_so_many_good_ones() -> None:
    checks = [True, True, False, False, True, False, False, False, True, False, True, True]
    up, down = Health.UP, Health.DOWN
    assert standings(checks, 2, 3)[1:] == [up] * 6 + [down] * 4 + [up]


@given(results, counts, counts)
def test_it_is_up_or_down_by_the_last_long_run_alone(
    checks: list[bool], rise: int, fall: int
) -> None:
    expected = Health.UNKNOWN
    run, last = 0, None
    for is_good in checks:
        run = run + 1 if is_good is last else 1
        last = is_good
        if run >= (rise if is_good else fall):
            expected = Health.UP if is_good else Health.DOWN
    assert (standings(checks, rise, fall) or [Health.UNKNOWN])[-1] is expected


@given(results, counts, counts)
def test_higher_counts_never_flap_more(checks: list[bool], rise: int, fall: int) -> None:
    assert flaps_of(checks, rise + 1, fall + 1) <= flaps_of(checks, rise, fall)


@given(results, counts, counts)
def test_the_record_flaps_as_the_rule_says(checks: list[bool], rise: int, fall: int) -> None:
    record = record_of(checks, rise, fall)
    assert record.flaps(now_s=200.0) == flaps_of(checks, rise, fall)
    assert [check.is_good for check in record.checks] == checks


def test_a_flap_counts_for_an_hour() -> None:
    record = record_of([True] * 2 + [False] * 3)
    assert record.flaps(now_s=8.0 + FLAPS_WITHIN_S) == 1
    assert record.flaps(now_s=9.0 + FLAPS_WITHIN_S) == 0


def test_only_the_last_checks_are_kept() -> None:
    record = record_of([True] * (HEALTH_CHECKS_KEPT + 1))
    assert len(record.checks) == HEALTH_CHECKS_KEPT
    assert record.count == HEALTH_CHECKS_KEPT + 1


def test_advice_names_the_counts_that_keep_a_flapping_backend_calm() -> None:
    flapping = [True, False] * 9
    record = record_of([*flapping, False, False], rise=1, fall=1)
    assert record.flaps(now_s=100.0) == 17
    assert record.advice() == "fall = 2, rise = 1 over the same checks: 1 transition instead of 17"


def test_there_is_no_advice_for_one_that_is_calm_or_really_goes_down_often() -> None:
    assert record_of([True] * 50 + [False] * 3).advice() == ""
    assert record_of(([True] * 20 + [False] * 20) * 5).advice() == ""


@given(results, counts, counts)
def test_advice_is_what_the_rule_would_have_done(checks: list[bool], rise: int, fall: int) -> None:
    advice = record_of(checks, rise, fall).advice()
    if not advice:
        return
    words = advice.replace(",", "").split()
    other_fall, other_rise = int(words[2]), int(words[5])
    assert (other_rise, other_fall) != (rise, fall)
    assert int(words[10]) == flaps_of(checks, other_rise, other_fall)
    assert int(words[-1]) == flaps_of(checks, rise, fall)
    assert int(words[10]) < int(words[-1])


@pytest.mark.parametrize("is_good", [True, False])
def test_a_check_that_changes_nothing_says_so(is_good: bool) -> None:
    record = record_of([is_good] * 5)
    assert not record.note(Check(20.0, 0.0, "" if is_good else "refused"))
