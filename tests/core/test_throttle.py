"""A thing that happens all the time is said once in a while, with how often it was."""

from rsp.core.throttle import Throttle


def test_the_first_one_passes_and_the_next_ones_are_counted() -> None:
    throttle = Throttle(10.0)
    assert throttle.passes(5.0) == 0
    assert [throttle.passes(5.0 + n) for n in range(10)] == [None] * 10
    assert throttle.passes(15.0) == 10
    assert throttle.passes(15.1) is None


def test_after_a_long_silence_nothing_was_held_back() -> None:
    throttle = Throttle(10.0)
    throttle.passes(1.0)
    assert throttle.passes(100.0) == 0
