"""Grammar and lists that requests and responses share (RFC 9110, sections 5 and 7.6.1)."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsp.core.http1.errors import BadMessage
from rsp.core.http1.rules import (
    TOKEN,
    bad_field_line,
    connection_options,
    field_lines,
    fields_of,
    framing_of,
    list_members,
    without_named,
)
from rsp.core.limits import Limits

LIMITS = Limits()


def test_blanks_around_a_value_go_and_those_inside_stay() -> None:
    block = b"A:b\r\nC: \t d e \t\r\nF:\r\nG: \r\nH: :i: j\r\n"
    assert fields_of(block, LIMITS, 431) == [
        (b"A", b"b"),
        (b"C", b"d e"),
        (b"F", b""),
        (b"G", b""),
        (b"H", b":i: j"),
    ]


def test_exotic_white_space_is_not_a_blank() -> None:
    """`bytes.strip` without an argument would eat it."""
    assert fields_of(b"A: \xa0b\x85\r\n", LIMITS, 431) == [(b"A", b"\xa0b\x85")]
    assert list_members([b"a\xa0, b"]) == [b"a\xa0", b"b"]


def test_a_list_may_have_empty_members_and_several_lines() -> None:
    assert list_members([b"a, ,b\t,", b"", b"c"]) == [b"a", b"b", b"c"]


def test_connection_options_are_names_in_lower_case() -> None:
    assert connection_options(b"Close, X-A,,close", 400) == {b"close", b"x-a"}
    with pytest.raises(BadMessage) as caught:
        connection_options(b"a;b", 502)
    assert caught.value.status == 502


def test_named_fields_are_removed_whatever_their_case() -> None:
    assert without_named([(b"X-A", b"1"), (b"B", b"2")], frozenset([b"x-a"])) == [(b"B", b"2")]


def test_no_framing_field_is_no_framing() -> None:
    assert framing_of({}, 1, 400) is None
    with pytest.raises(BadMessage) as caught:
        framing_of({b"transfer-encoding": [b"gzip, chunked"]}, 1, 502)
    assert caught.value.status == 502


LINES = st.from_regex(rb"[\x00-\x7f]{0,20}", fullmatch=True)


@given(st.lists(LINES, max_size=4))
def test_what_does_not_fit_the_grammar_gets_a_sentence(lines: list[bytes]) -> None:
    block = b"".join(line + b"\r\n" for line in lines) + b"\r\n"
    if not re.fullmatch(field_lines(TOKEN), block):
        assert bad_field_line(b"GET / HTTP/1.1\r\n" + block).endswith(".")
