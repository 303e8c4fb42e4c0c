"""What a breakpoint waits for: an event by its name, or a filter over the row of a session.

client rst          the side, and what happens to it; `backend` and `any` are sides as well
first-byte          the backend has begun to answer; nothing of it is read yet
route!=last         the request goes to another backend than the one before
client.unsent_bytes>1M   anything that `filter.py` reads, when it becomes true
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from rsp.core.filter import FILTER_CHARACTERS, Filter, FilterError, parse_filter
from rsp.core.row_fields import UnknownField, getter
from rsp.core.vocabulary import Side


class BreakEvent(StrEnum):
    """What happens to an fd, or to a session."""

    RST = "rst"
    """A call of ours found that the connection is broken."""
    HALF_CLOSE = "half-close"
    """The kernel has the peer's FIN; what stands before it may not be read yet."""
    EOF = "eof"
    """A read brought the end."""
    EAGAIN = "eagain"
    """The kernel took none of what we had to send."""
    SHORT_WRITE = "short-write"
    """It took some of it."""
    FIRST_BYTE = "first-byte"
    OTHER_ROUTE = "route!=last"


OF_A_SIDE = tuple(BreakEvent)[:5]
"""Events that stand behind a side."""
_ANY = "any"
_NAME_BEFORE_MARK = re.compile(r"([A-Za-z_][A-Za-z0-9_.]*)(?:>=|<=|!=|>|<|=|:|~)")


class BadBreak(Exception):
    """An expression that cannot be read. The text says what would be right."""


@dataclass(frozen=True, slots=True)
class Expression:
    """What to wait for: an event, perhaps of one side only, or that a filter becomes true."""

    text: str
    event: BreakEvent | None = None
    side: Side | None = None
    """None: of any."""
    filter: Filter | None = None

    def is_for(self, event: BreakEvent, side: Side) -> bool:
        """Tell whether it waits for this event at this side."""
        return self.event is event and self.side in (None, side)

    def values_in(self, row: object) -> str:
        """Return what a row has in the fields that are compared, for the sentence of the stop."""
        found = []
        for name in dict.fromkeys(_NAME_BEFORE_MARK.findall(self.text)):
            try:
                value = getter(name)(row)
            except UnknownField:
                continue  # it stood in quotes
            found.append(f"{value:g}" if isinstance(value, float) else f"{value}")
        return ", ".join(found)


def parse_break(text: str) -> Expression:
    """Return what `text` waits for.

    Raises:
        BadBreak: it is neither an event nor a filter.
    """
    words = text.split()
    if not words:
        raise BadBreak(f"a breakpoint needs something to wait for: {_examples()}")
    plain = " ".join(words)
    if plain in (BreakEvent.FIRST_BYTE, BreakEvent.OTHER_ROUTE):
        return Expression(plain, BreakEvent(plain))
    if words[0] in (_ANY, *Side) and len(words) == 2:
        if words[1] not in OF_A_SIDE:
            raise BadBreak(f'no event "{words[1]}"; there are {", ".join(OF_A_SIDE)}')
        side = None if words[0] == _ANY else Side(words[0])
        return Expression(plain, BreakEvent(words[1]), side)
    if plain in OF_A_SIDE:
        raise BadBreak(f'"{plain}" of whom? client {plain}, backend {plain} or any {plain}')
    return Expression(plain, filter=_filter(plain))


def _filter(plain: str) -> Filter:
    if len(plain) > FILTER_CHARACTERS:
        # Looking for a field in a long word takes the square of its length.
        raise BadBreak(f"a breakpoint has at most {FILTER_CHARACTERS} characters")
    if not _NAME_BEFORE_MARK.search(plain):
        # A filter may be a word alone; here that is an event with a slip of the pen.
        raise BadBreak(f'"{plain}" is no event, and compares no field; events are {_examples()}')
    try:
        return parse_filter(plain)
    except FilterError as error:
        raise BadBreak(f"{error} (at {error.position}); events are {_examples()}") from error


def _examples() -> str:
    sided = ", ".join(f"any {event}" for event in OF_A_SIDE)
    return f"{sided}, {BreakEvent.FIRST_BYTE}, {BreakEvent.OTHER_ROUTE}"
