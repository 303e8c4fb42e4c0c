"""Field lines of heads: judged once each, by a grammar that takes nothing it does not know."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsp.core.http1.errors import BadMessage
from rsp.core.http1.lines import (
    TOKEN,
    VALUE,
    Field,
    Lines,
    Special,
    fields_of,
    passing_of,
    special_of,
)
from rsp.core.limits import KNOWN_LINES, Limits

LIMITS = Limits()


class Sorter:
    """A judge, and all that can be asked of what it judged."""

    def __init__(self, judge: Lines | None = None) -> None:
        self.judge = judge or Lines({b"host", b"via"}, dropped=b"_")

    def sort(self, given: list[bytes], limits: Limits) -> tuple[list[Field], bytes, Special]:
        judged = self.judge.judge(given, limits)
        return fields_of(judged), passing_of(judged), special_of(judged)


def lines() -> Sorter:
    return Sorter()


def test_blanks_around_a_value_go_and_those_inside_stay() -> None:
    fields, passing, _ = lines().sort([b"A:b", b"C: \t d e \t", b"F:", b"G: ", b"H: :i: j"], LIMITS)
    assert fields == [(b"A", b"b"), (b"C", b"d e"), (b"F", b""), (b"G", b""), (b"H", b":i: j")]
    assert passing.startswith(b"A: b\r\nC: d e\r\n")


def test_exotic_white_space_is_not_a_blank() -> None:
    """`bytes.strip` without an argument would eat it."""
    assert lines().sort([b"A: \xa0b\x85"], LIMITS)[0] == [(b"A", b"\xa0b\x85")]


def test_special_fields_are_parted_from_those_that_pass() -> None:
    fields, passing, special = lines().sort([b"HOST: a", b"X: 1", b"Via: 1", b"via: 2"], LIMITS)
    assert len(fields) == 4
    assert passing == b"X: 1\r\n"
    assert special == {b"host": [b"a"], b"via": [b"1", b"2"]}


def test_a_name_with_an_underscore_is_seen_but_not_passed_on() -> None:
    fields, passing, _ = lines().sort([b"X_A: 1"], LIMITS)
    assert (fields, passing) == ([(b"X_A", b"1")], b"")


def test_a_line_that_comes_again_is_judged_alike() -> None:
    judge = lines()
    assert judge.sort([b"X: 1", b"Via: 1"], LIMITS) == judge.sort([b"X: 1", b"Via: 1"], LIMITS)


def test_what_was_sorted_does_not_share_its_lists_with_the_next() -> None:
    judge = lines()
    judge.sort([b"Via: 1"], LIMITS)[2][b"via"].append(b"forged")
    assert judge.sort([b"Via: 1"], LIMITS)[2] == {b"via": [b"1"]}


def test_more_lines_than_are_remembered_are_all_judged() -> None:
    judge = lines()
    for number in range(KNOWN_LINES + 10):
        line = b"X: %d" % number
        assert judge.sort([line], LIMITS)[1] == line + b"\r\n"


def test_a_lower_limit_counts_for_lines_that_are_known_already() -> None:
    judge = lines()
    judge.sort([b"X: " + b"y" * 100], LIMITS)
    with pytest.raises(BadMessage) as caught:
        judge.sort([b"X: " + b"y" * 100], Limits(header_field_bytes=50))
    assert caught.value.status == 431


def test_too_many_lines_are_refused() -> None:
    with pytest.raises(BadMessage) as caught:
        lines().sort([b"X: 1"] * 101, LIMITS)
    assert caught.value.status == 431


def test_blanks_before_the_colon_are_mended_in_a_response_alone() -> None:
    response = Sorter(Lines(set(), for_response=True))
    assert response.sort([b"A \t: b"], LIMITS)[1] == b"A: b\r\n"
    with pytest.raises(BadMessage) as caught:
        lines().sort([b"A : b"], LIMITS)
    assert caught.value.status == 400
    assert "between its name and the colon" in caught.value.sentence


def test_named_fields_are_removed_whatever_their_case() -> None:
    judged = lines().judge.judge([b"X-A: 1", b"B: 2"], LIMITS)
    assert passing_of(judged, [b"x-a"]) == b"B: 2\r\n"


@given(st.binary(max_size=20))
def test_a_line_is_taken_exactly_when_it_fits_the_grammar(line: bytes) -> None:
    fits = re.fullmatch(TOKEN + rb"+:" + VALUE + rb"*", line) is not None
    if fits:
        assert len(lines().sort([line], LIMITS)[0]) == 1
        return
    with pytest.raises(BadMessage) as caught:
        lines().sort([line], LIMITS)
    assert (caught.value.status, caught.value.sentence[-1]) == (400, ".")
