"""Storms: many sessions that end in the same way within a short time, said once."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from rsp.core.lab_limits import STORM_LEAST, STORM_SHARE


@dataclass(slots=True)
class Kind:
    """Sessions that ended in the same way, and not in the ordinary one."""

    code: str
    reason: str
    count: int = 0
    left_input: int = 0
    """Those of them that were closed with input that nobody had read, for which the kernel sends
    RST."""
    backends: Counter[str] = field(default_factory=Counter)
    """Where those that a backend ended were, by `pool/name`."""


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


def storms(kinds: Iterable[Kind], of: int, within_s: float) -> list[StormRow]:
    """Return the storms among `kinds`, the biggest first.

    `of` is how many sessions ended in these `within_s` seconds, the ordinary ones included.
    """
    least = max(STORM_LEAST, STORM_SHARE * of)
    found = [
        StormRow(kind.code, kind.reason, kind.count, of, within_s, _sentence(kind, of, within_s))
        for kind in kinds
        if kind.count >= least
    ]
    return sorted(found, key=lambda row: -row.count)


def _sentence(kind: Kind, of: int, within_s: float) -> str:
    said = (
        f"{kind.count:,} of the {of:,} sessions that ended in the last {within_s:.1f} s "
        f"ended {kind.code} ({kind.reason})"
    )
    for name, count in kind.backends.most_common(1):
        whole = count == kind.count
        said += f", {'all' if whole else f'{count:,} of them'} at {name}"
    if kind.left_input:
        said += f"; {kind.left_input:,} were reset by us with unread input"
    return said
