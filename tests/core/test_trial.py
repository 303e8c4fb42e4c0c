"""A change on trial: when it is taken back, and when it is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsp.core.limits import TRIAL_LEAST_EXCHANGES
from rsp.core.trial import Terms, Trial

LEAST = TRIAL_LEAST_EXCHANGES


def trial(max_errors_percent: float = 30.0, confirm_s: float = 60.0) -> Trial[str]:
    terms = Terms(confirm_s, max_errors_percent)
    return Trial(8, "weight 1 → 5", "eve", terms, 1000.0 + confirm_s, "what was before")


def test_it_is_taken_back_when_nobody_confirms_it_in_time() -> None:
    one = trial()
    assert one.failure(1000.0) is None
    assert one.failure(1059.9) is None
    assert one.failure(1060.0) == "nobody confirmed it within 60 s"
    assert (one.left_s(1017.0), one.left_s(2000.0)) == (43.0, 0.0)


def test_it_is_taken_back_at_once_when_too_much_fails() -> None:
    one = trial()
    for number in range(LEAST):
        one.count(8, 502 if number < 12 else 200)
    assert one.failure(1000.1) == f"12 of {LEAST} exchanges failed, more than 30 %"


@pytest.mark.parametrize("status", [502, 503, 504, 500, 599])
def test_what_ends_with_an_error_of_a_server_has_failed(status: int) -> None:
    one = trial()
    one.count(8, status)
    assert (one.exchanges, one.failed) == (1, 1)


@pytest.mark.parametrize("status", [101, 200, 304, 404, 499])
def test_anything_else_that_was_answered_has_not(status: int) -> None:
    one = trial()
    one.count(8, status)
    assert (one.exchanges, one.failed) == (1, 0)


def test_what_another_generation_decided_or_nobody_answered_does_not_count() -> None:
    one = trial()
    one.count(7, 502)
    one.count(9, 502)
    one.count(8, None)
    assert (one.exchanges, one.failed) == (0, 0)


def test_tcp_sessions_count_like_exchanges_and_those_under_way_are_well() -> None:
    one = trial()
    for number in range(LEAST):
        one.count_session(8, has_failed=number < 12)
    one.count_session(7, has_failed=True)
    assert one.failure(1000.1) == f"12 of {LEAST} tcp sessions failed, more than 30 %"
    one.under_way = 30
    assert one.failure(1000.1) is None
    for _ in range(10):
        one.count(8, 502)
    assert one.failure(1000.1) == "22 of 60 exchanges and tcp sessions failed, more than 30 %"


def test_it_says_what_is_in_the_way_of_another_change_and_for_how_long() -> None:
    said = trial().refusal(1017.0)
    assert said.startswith("generation 8 is on trial for 43 s more (weight 1 → 5, by eve)")
    assert "rsp ctl confirm" in said


@given(
    st.lists(st.sampled_from([200, 404, 500, 502, 503, 504]), max_size=60),
    st.floats(0, 100, allow_nan=False),
)
def test_it_fails_exactly_when_the_share_is_above_the_bound_of_enough(
    statuses: list[int], most: float
) -> None:
    one = trial(most)
    for status in statuses:
        one.count(8, status)
    failed = sum(status >= 500 for status in statuses)
    is_too_much = len(statuses) >= LEAST and failed * 100 > most * len(statuses)
    assert (one.failure(1000.0) is not None) == is_too_much
