"""The filter language, on rows as structs and on the same rows as JSON has them."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsp.core import replies
from rsp.core.exchange_rows import ExchangeRow
from rsp.core.filter import FILTER_CHARACTERS, FilterError, parse_filter, sort_value
from rsp.core.row_fields import UnknownField, getter, known_names
from tests.core.rows import BLOCKED, EXCHANGE, IDLE

ASKED: Any = BLOCKED["backend"]


def passes(text: str, row: dict[str, Any], struct: type[msgspec.Struct]) -> bool:
    """Whether `row` passes as a struct, which must be what it does as a dict."""
    found = parse_filter(text)
    as_dict = found.matches(row)
    as_struct = found.matches(msgspec.json.decode(json.dumps(row), type=struct))
    assert as_dict is as_struct
    return as_dict


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "example",
        "EXAMPLE",
        "41",
        "blocked",
        "BIG.iso",
        "sink_full",
        '"host match"',
        "id:41",
        "id=41",
        "id!=42",
        "state:streaming",
        "state:STREAMING",
        "state:blocked",
        "!state:idle",
        "host~example",
        "host~^www\\.",
        "host:www.example.com",
        "host!=example.com",
        'reason:"host match"',
        'path~"iso|png"',
        'path:"/big.iso?a=1"',
        "request.path~iso",
        "method:get",
        "status:200",
        "status>=200 status<300",
        "backend:web1",
        "route.backend:web1",
        "pool:web",
        "backend.address~9001",
        "client~51234",
        "eagain>38",
        "eagain:39",
        "client.eagain_writes>36",
        "backend.eagain_writes=2",
        "fill>50%",
        "fill:75%",
        "fill<0.8",
        "client.unsent_bytes:48k",
        "unsent>=48K",
        "client.bytes_out>=1M",
        "client.bytes_out<1G",
        "age>10s",
        "age>12",
        "age<1m",
        "age<0.5h",
        "ttfb<=4ms",
        "ttfb>3ms",
        "ttfb<5000us",
        "route.elapsed_us<4us",
        "route.elapsed_us<1ms",
        "blocked>100ms",
        "backend.paused_by:operator",
        "backend.paused_by~full",
        "key:none",
        "half_closed:null",
        "client.paused_by:none",
        "example big",
        "nothing | example",
        "nothing|example",
        "nothing example | state:streaming fill>0",
        "!nothing",
        "!!example",
        '!"no such words"',
        'key!="x"',
        "!key:x",
    ],
)
def test_the_blocked_session_passes(text: str) -> None:
    assert passes(text, BLOCKED, replies.ConnectionRow)


def test_a_word_may_be_negated_as_often_as_a_filter_is_long() -> None:
    assert passes("!" * 990 + "example", BLOCKED, replies.ConnectionRow)
    assert passes("!" * 991 + "nothing", BLOCKED, replies.ConnectionRow)


@pytest.mark.parametrize(
    "text",
    [
        "nothing",
        "44",
        "id:4",
        "id:x",
        "state:stream",
        "state:idle",
        "!state:blocked",
        "!blocked",
        "host:example.com",
        "host~^example",
        "reason:host",
        "status>200",
        "eagain>39",
        "fill>75%",
        "age>1m",
        "ttfb>1s",
        "key~a",
        "key:x",
        "half_closed:client",
        "response.status:none",
        "client.kernel_send_queue_bytes>0",
        "client.kernel_send_queue_bytes<1",
        "backend.paused_by:sink",
        "example nothing",
        "nothing | nowhere",
        "!example",
        "reason>3",
    ],
)
def test_the_blocked_session_does_not_pass(text: str) -> None:
    assert not passes(text, BLOCKED, replies.ConnectionRow)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("host:none", True),
        ("host~.", False),
        ("host!=x", True),
        ("backend:none", True),
        ("backend:web1", False),
        ("backend.fd>0", False),
        ("eagain:0", True),
        ("fill:0%", True),
        ("state:blocked", False),
        ("blocked:0", True),
        ("half_closed:client", True),
        ("state:idle | state:blocked", True),
    ],
)
def test_what_an_idle_session_lacks(text: str, expected: bool) -> None:
    assert passes(text, IDLE, replies.ConnectionRow) is expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"response": None}, True),
        ({}, False),
        ({"response": None, "request": None}, False),
        ({"response": None, "backend": {**ASKED, "unsent_bytes": 1}}, False),
        ({"response": None, "state": "connecting"}, False),
    ],
)
def test_a_session_waits_from_the_request_until_its_answer_begins(
    change: dict[str, Any], expected: bool
) -> None:
    row = {**BLOCKED, **change}
    for text in ("state:waiting", "state=WAITING", "waiting"):
        assert passes(text, row, replies.ConnectionRow) is expected
    assert passes("!state:waiting state!=waiting", row, replies.ConnectionRow) is not expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("host:blog.test", True),
        ("status>=500", True),
        ("backend:web2", True),
        ("client~192", True),
        ("duration>200ms", True),
        ("duration_s<200ms", False),
        ("ttfb:none", True),
        ("session:41", True),
        ("result:backend_gone", True),
        ("result:none", False),
        ("state:blocked", False),
        ("fill>0", False),
        ("eagain:none", True),
        ("feed", True),
        ("5 post", True),
    ],
)
def test_the_same_names_work_on_exchanges(text: str, expected: bool) -> None:
    assert passes(text, EXCHANGE, ExchangeRow) is expected


def test_events_are_found_by_their_fields() -> None:
    row = {
        "seq": 9,
        "at": "now",
        "level": "warn",
        "source": "session",
        "session": None,
        "message": "head refused",
        "fields": {"status": 431, "peer": "192.0.2.1"},
    }
    assert passes("level:warn fields.status>=400", row, replies.EventRow)
    assert passes("192.0.2.1", row, replies.EventRow)
    assert not passes("fields.other:1", row, replies.EventRow)


def test_a_backend_row_is_found_by_what_it_is() -> None:
    row = {
        "name": "web1",
        "address": "a.test:80",
        "state": "drain",
        "weight": 2,
        "max_connections": 0,
        "sessions": 1,
        "last_error": None,
        "edited": True,
    }
    assert passes("edited:true weight>1 last_error:none", row, replies.BackendRow)
    assert passes("edited:yes", row, replies.BackendRow)
    assert not passes("edited:false", row, replies.BackendRow)


@pytest.mark.parametrize(
    ("text", "position", "part"),
    [
        ('host:"abc', 5, "the closing quote is missing"),
        ('"', 0, "the closing quote is missing"),
        ("hots:x", 0, 'no field "hots"; did you mean host?'),
        ("a zzz>1", 2, 'no field "zzz"; such as host, state'),
        ("localhost:80", 0, "put it in quotes"),
        ("calls:1", 0, 'no field "calls"'),
        ("route:x", 0, 'no field "route"'),
        ("eagain>x", 7, '"x" is not a number'),
        ("eagain>", 7, '"eagain>" needs a value behind it'),
        ("host~", 5, '"host~" needs a value behind it'),
        ("x state:", 8, '"state:" needs a value behind it'),
        ("!", 0, '"!" needs something behind it'),
        ("a !", 2, '"!" needs something behind it'),
        ("a !!", 3, '"!" needs something behind it'),
        ("| a", 0, 'nothing stands before this "|"'),
        ("a | | b", 4, 'nothing stands before this "|"'),
        ("a |", 2, 'nothing stands behind this "|"'),
        ("host~[a", 5, "not a regular expression"),
        ("host~a(b", 6, "not a regular expression"),
        ("host~(a+)+", 9, "a repetition inside a repetition could be slow"),
        ("age>10%", 4, 'age is not a share; only fill takes "%"'),
        ("eagain>10ms", 7, 'eagain is not a time, so it takes no "ms"'),
        ("unsent>10m", 7, "for millions write M"),
        ("eagain>٣", 7, "is not a number"),
        ("eagain>1_0", 7, "is not a number"),
        ("eagain>1e9", 7, "is not a number"),
        ("eagain>nan", 7, "is not a number"),
        (f"eagain>{'9' * 19}", 7, "is not a number"),
        ("a" * (FILTER_CHARACTERS + 1), FILTER_CHARACTERS, "at most 1000 characters"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(text: str, position: int, part: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse_filter(text)
    assert part in str(caught.value)
    assert caught.value.position == position


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('"host:none"', True),
        ('say\\ "hello', False),
        ('"quoted \\" mark"', True),
        ("/path?a=1", True),
        ("192.0.2.1:80", True),
        ("[::1]:80", True),
        ('"a|b"', True),
        ('"!no"', True),
        ('""', True),
    ],
)
def test_quotes_and_odd_marks_make_words(text: str, found: bool) -> None:
    row = {"message": 'host:none quoted " mark /path?a=1 192.0.2.1:80 [::1]:80 a|b !no'}
    if found:
        assert parse_filter(text).matches(row)
    else:
        with pytest.raises(FilterError):
            parse_filter(text)


@given(st.text(max_size=60))
def test_no_text_breaks_the_reading(text: str) -> None:
    try:
        found = parse_filter(text)
    except FilterError as error:
        position = error.position
    else:
        found.matches(BLOCKED)
        position = 0
    assert 0 <= position <= len(text)


PARTS = st.text(
    st.sampled_from('abest :~!|"<>=%.()[]*+?{},\\0123456789kMs^$'), min_size=1, max_size=30
)


@given(st.sampled_from(["host", "eagain", "fill", "path"]), PARTS)
def test_no_value_breaks_the_reading(name: str, rest: str) -> None:
    try:
        parse_filter(name + rest).matches(BLOCKED)
    except FilterError as error:
        position = error.position
    else:
        position = 0
    assert 0 <= position <= len(name) + len(rest)


@given(st.sampled_from(["example", "state:idle", "fill>50%", "host:none", "id:41"]))
def test_not_is_the_opposite(term: str) -> None:
    for row in (BLOCKED, IDLE, EXCHANGE):
        assert parse_filter(f"!{term}").matches(row) is not parse_filter(term).matches(row)


# Sorting.


def sorted_ids(field: str) -> list[object]:
    rows: list[dict[str, Any]] = [BLOCKED, IDLE, {**BLOCKED, "id": 43, "age_s": 1.0}]
    return [row["id"] for row in sorted(rows, key=lambda row: sort_value(row, field))]


@pytest.mark.parametrize(
    ("field", "ids"),
    [
        ("age", [43, 41, 42]),
        ("id", [41, 42, 43]),
        ("state", [42, 41, 43]),
        ("host", [42, 41, 43]),
        ("eagain", [42, 41, 43]),
        ("backend.paused_by", [42, 41, 43]),
    ],
)
def test_rows_are_sorted_with_missing_values_first(field: str, ids: list[int]) -> None:
    assert sorted_ids(field) == ids


def test_numbers_and_texts_and_nothing_can_be_sorted_together() -> None:
    rows = [{"host": "B"}, {"host": "a"}, {}, {"status": 3}]
    assert sorted(rows, key=lambda row: sort_value(row, "host")) == [rows[2], rows[3], *rows[1::-1]]
    assert sort_value({"edited": True}, "edited") == (1, 1.0, "")


def test_sorting_by_what_is_not_there_is_refused() -> None:
    with pytest.raises(UnknownField, match=r"did you mean state\?$"):
        sort_value(BLOCKED, "stat")


def test_every_known_name_can_be_read_from_every_row() -> None:
    names = known_names()
    assert len(names) == len(set(names))
    assert {"eagain", "fill", "client.eagain_writes", "route.elapsed_us", "result"} <= set(names)
    for name in names:
        for row in (BLOCKED, IDLE, EXCHANGE):
            value = getter(name)(row)
            assert value is None or isinstance(value, float | int | str | list)
