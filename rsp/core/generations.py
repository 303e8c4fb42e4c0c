"""Who made which generation, when and how: the history of what was in force.

Nothing here has a counter or a clock: numbers and times are handed in.
"""

from collections import deque
from dataclasses import dataclass

from rsp.core.limits import CHANGES_KEPT, CHANGES_TOLD
from rsp.core.units import counted
from rsp.core.vocabulary import ChangeKind


@dataclass(frozen=True, slots=True)
class Change:
    """What made one generation."""

    generation: int
    at: str
    """When, in ISO 8601."""
    who: str
    what: str
    """One sentence."""
    kind: ChangeKind


class History:
    """The last changes, each with the generation that it made."""

    def __init__(self) -> None:
        self._changes: deque[Change] = deque(maxlen=CHANGES_KEPT)

    def record(self, change: Change) -> None:
        """Remember a change, and forget the oldest one when there are many."""
        self._changes.append(change)

    def changes(self) -> list[Change]:
        """Return what is remembered, oldest first."""
        return list(self._changes)

    @property
    def last(self) -> Change | None:
        """The change that made what is in force."""
        return self._changes[-1] if self._changes else None

    def mismatch(self, expected: int, present: int) -> str:
        """Return why who saw generation `expected` is refused now that it is `present`: a sentence
        that names every change in between, as far as it is remembered."""
        said = f"the generation is {present}, not {expected}"
        if expected > present:
            return f"{said}: this engine has never had it; look at it, then try again"
        since = [change for change in self._changes if change.generation > expected]
        told = since[-CHANGES_TOLD:]
        untold = present - expected - len(told)
        before = f"{counted(untold, 'change')}, and then " if untold else ""
        parts = []
        for change in told:
            number = f"generation {change.generation}, " if present - expected > 1 else ""
            parts.append(f"{number}{change.what}, by {change.who} at {change.at}")
        return f"{said}: {before}{'; '.join(parts)}; look at it, then try again"
