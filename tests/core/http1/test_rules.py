"""Grammar and lists that requests and responses share (RFC 9110, sections 5 and 7.6.1)."""

import pytest

from rsp.core.http1.errors import BadMessage
from rsp.core.http1.rules import (
    connection_options,
    framing_of,
    list_members,
)


def test_exotic_white_space_is_not_a_blank() -> None:
    """`bytes.strip` without an argument would eat it."""
    assert list_members([b"a\xa0, b"]) == [b"a\xa0", b"b"]


def test_a_list_may_have_empty_members_and_several_lines() -> None:
    assert list_members([b"a, ,b\t,", b"", b"c"]) == [b"a", b"b", b"c"]


def test_connection_options_are_names_in_lower_case() -> None:
    assert connection_options(b"Close, X-A,,close", 400) == {b"close", b"x-a"}
    with pytest.raises(BadMessage) as caught:
        connection_options(b"a;b", 502)
    assert caught.value.status == 502


def test_no_framing_field_is_no_framing() -> None:
    assert framing_of({}, 1, 400) is None
    with pytest.raises(BadMessage) as caught:
        framing_of({b"transfer-encoding": [b"gzip, chunked"]}, 1, 502)
    assert caught.value.status == 502
