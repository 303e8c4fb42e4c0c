"""Every kind of fault, with its values, their units and meaning: one home for the command line, the
dashboard and the toxiproxy API.

The toxics have toxiproxy's names, units and meanings. The re-enactments are bugs that real proxies
had, played on purpose.
"""

import math
from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from rsp.core.lab_limits import FAULT_VALUE_MOST, QUOTED_CHARACTERS


class FaultFamily(StrEnum):
    """What a fault is about; decides who carries it out."""

    TOXIC = "toxic"
    """The bytes that are sent: later, slower, cut; `gates.py`."""
    READING = "reading"
    """How the source is read."""
    REENACTMENT = "reenactment"
    """A bug of a real proxy."""
    SERVICE = "service"
    """Who is let in, or where a request goes."""


class Value(NamedTuple):
    """One value of a fault."""

    default: float
    unit: str
    meaning: str
    words: tuple[str, ...] = ()
    """Those that may be given, when it is a word: the default is the number of one of them."""


class Kind(NamedTuple):
    """One kind of fault."""

    family: FaultFamily
    meaning: str
    values: Mapping[str, Value] = {}


class BadFault(Exception):
    """A fault that cannot be. The text says which part, and what would do."""


STOPS = ("headers", "chunk_line", "inside_chunk", "before_last_chunk")
ENDS = ("hang", "close", "reset")

_TOXIC, _BUG = FaultFamily.TOXIC, FaultFamily.REENACTMENT

KINDS: Mapping[str, Kind] = {
    "latency": Kind(_TOXIC, "every byte goes later", {
        "latency": Value(100, "ms", "later by this"),
        "jitter": Value(0, "ms", "give or take this"),
    }),
    "bandwidth": Kind(_TOXIC, "no more than so many bytes a second", {
        "rate": Value(100, "KB/s", "the most that passes; 0: no bound"),
    }),
    "slow_close": Kind(_TOXIC, "the end of the connection comes later", {
        "delay": Value(1000, "ms", "later by this"),
    }),
    "timeout": Kind(_TOXIC, "nothing passes, and then the connection is closed", {
        "timeout": Value(0, "ms", "closed after this; 0: never, until the fault is removed"),
    }),
    "reset_peer": Kind(_TOXIC, "the connection is reset", {
        "timeout": Value(0, "ms", "this long after the first byte that would pass"),
    }),
    "slicer": Kind(_TOXIC, "bytes go in small pieces", {
        "average_size": Value(64, "bytes", "of one piece"),
        "size_variation": Value(0, "bytes", "give or take this"),
        "delay": Value(0, "µs", "between two pieces; timers here have steps of 1 ms"),
    }),
    "limit_data": Kind(_TOXIC, "the connection is closed after so many bytes", {
        "bytes": Value(0, "bytes", "that pass; with 0 the first one closes it"),
    }),
    "half_close": Kind(_TOXIC, "one way ends early, and the other goes on", {
        "bytes": Value(0, "bytes", "that pass before the FIN; what follows is swallowed"),
    }),
    "stop_at": Kind(_TOXIC, "an HTTP message breaks off at a chosen point", {
        "point": Value(0, "", "where", STOPS),
        "chunk": Value(1, "", "in which chunk; for chunk_line and inside_chunk"),
        "end": Value(0, "", "and then", ENDS),
    }),
    "stall_reads": Kind(FaultFamily.READING, "the source is not read: its window closes", {
        "seconds": Value(0, "s", "for this long; 0: until the fault is removed"),
    }),
    "down": Kind(FaultFamily.SERVICE, "nobody is let in, and who is inside is closed"),
    "lose_on_eagain": Kind(_BUG, "a write that meets EAGAIN loses its bytes"),
    "lose_on_short_write": Kind(_BUG, "what a short write did not take is lost"),
    "rdhup_is_close": Kind(_BUG, "a half-close is taken for the end of both ways"),
    "close_without_drain": Kind(_BUG, "a connection is closed before all is sent and read"),
    "unbounded": Kind(_BUG, "a sink that is full does not stop its source"),
    "read_once": Kind(_BUG, "one read for each edge: what is left waits for the next one"),
    "case_sensitive_route": Kind(
        FaultFamily.SERVICE, "`route` sees the host in the client's spelling"
    ),
}  # fmt: skip


def kind_named(name: str) -> Kind:
    """Return a kind of fault by its name.

    Raises:
        BadFault: there is no such kind.
    """
    kind = KINDS.get(name)
    if kind is None:
        raise BadFault(f'no fault "{name}"; there are {", ".join(KINDS)}')
    return kind


def read_values(name: str, given: Mapping[str, object]) -> dict[str, float | str]:
    """Return every value of a fault, the defaults where nothing is given.

    Raises:
        BadFault: there is no such kind or value, or it is no number that it takes.
    """
    kind = kind_named(name)
    unknown = sorted(set(given) - set(kind.values))
    if unknown:
        takes = ", ".join(kind.values) or "no values"
        raise BadFault(f'{name} has no value "{unknown[0]}"; it takes {takes}')
    return {
        key: _read(f"{name} {key}", value, given[key]) if key in given else _default(value)
        for key, value in kind.values.items()
    }


def _default(value: Value) -> float | str:
    return value.words[int(value.default)] if value.words else value.default


def _read(what: str, value: Value, given: object) -> float | str:
    if value.words:
        if given not in value.words:
            raise BadFault(f'{what} cannot be "{given}"; it takes {", ".join(value.words)}')
        return str(given)
    try:
        number = float(given) if isinstance(given, str | int | float) else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    if isinstance(given, bool) or not 0 <= number <= FAULT_VALUE_MOST:
        unit = f" of {value.unit}" if value.unit else ""
        bounds = f"{FAULT_VALUE_MOST:,} or less" if number > FAULT_VALUE_MOST else "0 or more"
        shown = f"{given}"[:QUOTED_CHARACTERS]
        raise BadFault(f'{what} cannot be "{shown}"; it takes a number{unit}, {bounds}')
    return number
