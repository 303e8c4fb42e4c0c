"""Finds one name in several spellings that reach different backends: the split key.

Names that differ only in case, in a final dot or in the port mean the same host (RFC 9110, section
4.2.3; RFC 1034, section 3.1). When the key decides and nobody made the spellings one, the same
site lives on two backends, and each of them knows only a part of it.
"""

import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from rsp.core.replies import DecisionRow

_PORT = re.compile(r"(?P<host>[^:]*|\[.*\]):[0-9]+")
_ROOM = 60
"""Characters of a key that a sentence shows."""


@dataclass(frozen=True, slots=True)
class Way:
    """Where one spelling mostly goes."""

    spelling: str
    backend: str
    count: int


@dataclass(frozen=True, slots=True)
class Split:
    """A name whose spellings go different ways."""

    pool: str
    name: str
    """The spelling that all of them come down to."""
    ways: tuple[Way, ...]
    """One for each spelling, the rarest first."""

    @property
    def sentence(self) -> str:
        """What is wrong, with the evidence; the spellings are as strangers sent them."""
        common = self.ways[-1]
        rare = next(way for way in reversed(self.ways) if way.backend != common.backend)
        times = "\N{MULTIPLICATION SIGN}"
        return (
            f"'{rare.spelling[:_ROOM]}' → {rare.backend} ({rare.count:,}{times}) but "
            f"'{common.spelling[:_ROOM]}' → {common.backend} ({common.count:,}{times}): "
            "same name, different backends"
        )


def normal_form(key: str) -> str:
    """Return the spelling that every spelling of the same name comes down to."""
    text = key.lower()
    if (found := _PORT.fullmatch(text)) is not None:
        text = found["host"]
    return text.removesuffix(".")


class SplitKeys:
    """Counts where each spelling of each key went, over the decisions that are held.

    Only the newest generation counts: after an edit or a reload, what was decided before says
    nothing about what is in force.
    """

    def __init__(self) -> None:
        self.generation = 0
        self._ways: dict[tuple[str, str], dict[str, Counter[str]]] = {}
        self._suspects: dict[tuple[str, str], None] = {}
        """Names with several spellings, the only ones worth a look, in the order of their time."""

    def add(self, row: DecisionRow) -> None:
        """Count one decision in."""
        if row.generation > self.generation:
            self.clear()
            self.generation = row.generation
        elif row.generation < self.generation:
            return
        if row.key is None or row.pool is None or row.backend is None:
            return
        name = (row.pool, normal_form(row.key))
        spellings = self._ways.setdefault(name, {})
        spellings.setdefault(row.key, Counter())[row.backend] += 1
        if len(spellings) > 1:
            self._suspects.setdefault(name)

    def drop(self, row: DecisionRow) -> None:
        """Count one decision out: it is no longer held."""
        if row.generation != self.generation or row.key is None or row.pool is None:
            return
        name = (row.pool, normal_form(row.key))
        spellings = self._ways.get(name, {})
        counts = spellings.get(row.key)
        if counts is None or row.backend is None:
            return
        counts[row.backend] -= 1
        if not +counts:
            del spellings[row.key]
        if not spellings:
            del self._ways[name]
        if len(spellings) < 2:
            self._suspects.pop(name, None)

    def clear(self) -> None:
        """Forget everything."""
        self._ways.clear()
        self._suspects.clear()
        self.generation = 0

    def found(self, keyless_pools: Collection[str] = ()) -> list[Split]:
        """Return every split name, the one that was seen first at the head.

        `keyless_pools` have policies that do not look at the key: there nothing is split.
        """
        splits = []
        for pool, name in self._suspects:
            if pool in keyless_pools:
                continue
            ways = [
                Way(spelling, *max(counts.items(), key=lambda item: (item[1], item[0])))
                for spelling, counts in self._ways[pool, name].items()
            ]
            if len({way.backend for way in ways}) > 1:
                ways.sort(key=lambda way: (way.count, way.spelling))
                splits.append(Split(pool, name, tuple(ways)))
        return splits
