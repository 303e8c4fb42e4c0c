"""What a breakpoint waits for, read from text."""

import pytest

from rsp.core.breaks.expression import OF_A_SIDE, BadBreak, BreakEvent, parse_break
from rsp.core.vocabulary import Side
from tests.core.rows import BLOCKED, peer


@pytest.mark.parametrize("event", OF_A_SIDE)
@pytest.mark.parametrize("side", ["client", "backend", "any"])
def test_an_event_of_a_side(side: str, event: BreakEvent) -> None:
    found = parse_break(f"  {side}   {event} ")
    assert found.text == f"{side} {event}"
    assert found.filter is None
    sides = [each for each in Side if found.is_for(event, each)]
    assert sides == (list(Side) if side == "any" else [Side(side)])
    others = set(BreakEvent) - {event}
    assert not any(found.is_for(other, each) for other in others for each in Side)


@pytest.mark.parametrize("text", ["first-byte", "route!=last"])
def test_an_event_without_a_side(text: str) -> None:
    assert parse_break(text).event == text


def test_a_filter_over_the_row_and_the_values_it_met() -> None:
    found = parse_break("client.unsent_bytes>1M state:streaming")
    assert found.event is None
    assert found.filter is not None
    more = BLOCKED | {"client": peer(unsent_bytes=3 << 20)}
    assert found.filter.matches(more)
    assert found.values_in(more) == f"{3 << 20}, streaming"
    assert not found.filter.matches(BLOCKED)


def test_what_stands_in_quotes_is_no_field() -> None:
    assert parse_break('host:"a>b"').values_in(BLOCKED) == "www.Example.com"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "needs something to wait for"),
        ("client gone", 'no event "gone"'),
        ("eof", "of whom"),
        ("half-closed", "is no event"),
        ("client.nothing>1", "no field"),
        ("client.unsent_bytes>1x", "is not a number"),
        ("age>5q |", "is not a number"),
        ("x" * 1001, "a breakpoint has at most 1000 characters"),
    ],
)
def test_what_cannot_be_read_says_what_would_be_right(text: str, said: str) -> None:
    with pytest.raises(BadBreak, match=said):
        parse_break(text)
