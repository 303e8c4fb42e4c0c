"""Storms: when many endings of a kind are said once."""

import pytest

from rsp.core.lab_limits import STORM_LEAST, STORM_SHARE
from rsp.core.storm import Kind, storms


def gone(count: int, code: str = "CD") -> Kind:
    return Kind(code, "client_gone", count)


def test_many_of_a_kind_are_said_once() -> None:
    (row,) = storms([gone(412)], 430, 9.96)
    assert (row.code, row.reason, row.count, row.of) == ("CD", "client_gone", 412, 430)
    assert row.sentence == (
        "412 of the 430 sessions that ended in the last 10.0 s ended CD (client_gone)"
    )


def test_input_that_nobody_read_is_counted() -> None:
    (row,) = storms([Kind("CR", "client_timeout", 40, left_input=30)], 40, 2.0)
    assert row.sentence.endswith("; 30 were reset by us with unread input")


@pytest.mark.parametrize(
    ("count", "of", "is_storm"),
    [
        (STORM_LEAST, STORM_LEAST, True),
        (STORM_LEAST - 1, STORM_LEAST, False),
        (100, int(100 / STORM_SHARE), True),
        (100, int(100 / STORM_SHARE) + 10, False),
        (0, 1000, False),
    ],
)
def test_a_few_and_a_small_part_are_no_storm(count: int, of: int, *, is_storm: bool) -> None:
    assert bool(storms([gone(count)], of, 10.0)) is is_storm


def test_each_kind_is_counted_by_itself_and_the_biggest_comes_first() -> None:
    found = storms([gone(25), gone(30, "CL"), gone(5, "CH")], 60, 10.0)
    assert [(row.code, row.count) for row in found] == [("CL", 30), ("CD", 25)]
