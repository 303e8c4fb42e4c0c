"""Storms: many sessions that end in the same way within a short time, said once."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from rsp.core.limits import STORM_LEAST, STORM_SHARE


class End(NamedTuple):
    """One session that did not end in the ordinary way."""

    code: str
    reason: str
    left_input: bool
    """Whether it was closed with input that nobody had read, for which the kernel sends RST."""


class StormRow(msgspec.Struct):
    """Many sessions that ended in the same way."""

    code: str
    reason: str
    count: int
    of: int
    """Sessions that ended in that time, in whatever way."""
    within_s: float
    """How far back that is: `STORM_S` at most, less where no older endings are kept."""
    sentence: str


def storms(ends: Sequence[End], of: int, within_s: float) -> list[StormRow]:
    """Return the storms among `ends`, the biggest first.

    `of` is how many sessions ended in these `within_s` seconds, the ordinary ones included.
    """
    kinds = Counter((end.code, end.reason) for end in ends)
    least = max(STORM_LEAST, STORM_SHARE * of)
    found = []
    for (code, reason), count in kinds.most_common():
        if count < least:
            break
        unread = sum(end.left_input for end in ends if (end.code, end.reason) == (code, reason))
        said = (
            f"{count:,} of the {of:,} sessions that ended in the last {within_s:.1f} s "
            f"ended {code} ({reason})"
        )
        if unread:
            said += f"; {unread:,} were reset by us with unread input"
        found.append(StormRow(code, reason, count, of, within_s, said))
    return found
