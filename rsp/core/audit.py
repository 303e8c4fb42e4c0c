"""Finds one name in several spellings that reach different backends: the split key.

Names that differ only in case, in a final dot, in the port, in percent-codes or in doubled slashes
mean the same. When nobody made the spellings one, the same site lives on two backends, and each
of them knows only a part of it. Counted by whoever looks, from decisions that were recorded.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from rsp.core.decision_rows import DecisionRow
from rsp.core.linting.lua_patterns import as_regex
from rsp.core.policies import POLICIES
from rsp.core.replies import Backends
from rsp.core.spellings import normal_form

_ROOM = 60
"""Characters of a key that a sentence shows."""

Matcher = Callable[[str], re.Match[str] | None]
Name = tuple[str, str]
"""What a group is about (a pool, a path, or that it is an identity), and the normal form."""

_IDENTITY = "same_identity"


class WayRow(msgspec.Struct):
    """Where one spelling of a name mostly goes."""

    backend: str
    """`pool/backend`; the pool alone where that is what differs."""
    count: int
    last_decision: int
    """Its number among the decisions."""


class SplitRow(msgspec.Struct):
    """A name whose spellings go different ways."""

    key: str
    """The spelling that all of them come down to."""
    spellings: dict[str, WayRow]
    sentence: str


class AuditReport(msgspec.Struct):
    """What `rsp ctl audit` prints."""

    splits: list[SplitRow]
    compared: int
    """Decisions of the newest generation, which are those that count."""
    generation: int


@dataclass(frozen=True, slots=True)
class Way:
    """Where one spelling mostly goes."""

    spelling: str
    target: str
    """`pool/backend`, or a pool."""
    count: int
    last_seq: int
    """Number of the newest of these decisions."""


@dataclass(frozen=True, slots=True)
class Split:
    """A name whose spellings go different ways."""

    pool: str | None
    """The pool in which they part; None: they reach different pools."""
    name: str
    """The spelling that all of them come down to."""
    ways: tuple[Way, ...]
    """One for each spelling, the rarest first."""

    @property
    def sides(self) -> tuple[Way, Way]:
        """The spelling that comes most, and the one that comes most among those that part."""
        common = self.ways[-1]
        return next(way for way in reversed(self.ways) if way.target != common.target), common

    @property
    def sentence(self) -> str:
        """What is wrong, with the evidence; the spellings are as strangers sent them."""
        rare, common = self.sides
        times = "\N{MULTIPLICATION SIGN}"
        kind = "backends" if self.pool is not None else "pools"
        return (
            f"'{rare.spelling[:_ROOM]}' → {self._shown(rare)} ({rare.count:,}{times}) but "
            f"'{common.spelling[:_ROOM]}' → {self._shown(common)} ({common.count:,}{times}): "
            f"same name, different {kind}"
        )

    def _shown(self, way: Way) -> str:
        return way.target if self.pool is None else way.target.partition("/")[2]


@dataclass(slots=True)
class _Tally:
    """How often a spelling went one way."""

    count: int = 0
    last_seq: int = 0


@dataclass(slots=True)
class _Group:
    """The spellings of one name, and the ways of each."""

    must_be_apart: bool
    """Whether it is a split only if no way is shared: requests may differ in more than the name."""
    spellings: dict[str, dict[str, _Tally]] = field(default_factory=dict)


class SplitKeys:
    """Counts where each spelling of each name went, over the decisions that are held.

    Only the newest generation counts: after an edit or a reload, what was decided before says
    nothing about what is in force. Nor does a decision count for which a backend was left out
    because it was full or had been tried before: then the key did not decide alone.
    """

    def __init__(self) -> None:
        self.generation = 0
        self._identities: tuple[Matcher, ...] = ()
        self._groups: dict[Name, _Group] = {}
        self._suspects: dict[Name, None] = {}
        """Names with several spellings, the only ones worth a look, in the order of their time."""

    def declare(self, identities: Iterable[str]) -> None:
        """Compare the captures of these patterns of paths with the hosts of other requests.

        What was counted before is forgotten, for it was counted without them.
        """
        self.clear()
        self._identities = tuple(as_regex(pattern).search for pattern in identities)

    def add(self, row: DecisionRow) -> None:
        """Count one decision in."""
        if row.generation > self.generation:
            self.clear()
            self.generation = row.generation
        for name, spelling, target, must_be_apart in self._signs(row):
            group = self._groups.setdefault(name, _Group(must_be_apart))
            tally = group.spellings.setdefault(spelling, {}).setdefault(target, _Tally())
            tally.count += 1
            tally.last_seq = max(tally.last_seq, row.seq)
            if len(group.spellings) > 1:
                self._suspects.setdefault(name)

    def drop(self, row: DecisionRow) -> None:
        """Count one decision out: it is no longer held."""
        for name, spelling, target, _ in self._signs(row):
            group = self._groups.get(name)
            ways = group.spellings.get(spelling) if group else None
            if group is None or ways is None or target not in ways:
                continue
            ways[target].count -= 1
            if not ways[target].count:
                del ways[target]
            if not ways:
                del group.spellings[spelling]
            if not group.spellings:
                del self._groups[name]
            if len(group.spellings) < 2:
                self._suspects.pop(name, None)

    def clear(self) -> None:
        """Forget everything that was counted."""
        self._groups.clear()
        self._suspects.clear()
        self.generation = 0

    def _signs(self, row: DecisionRow) -> Iterator[tuple[Name, str, str, bool]]:
        """Yield name, spelling, target, and whether ways must be apart, of what a row shows."""
        if row.generation != self.generation or row.pool is None or row.backend is None:
            return
        if any(_is_in_the_way(candidate.verdict) for candidate in row.candidates):
            return
        target = f"{row.pool}/{row.backend}"
        if row.key is not None:
            yield (row.pool, normal_form(row.key)), row.key, target, False
        if row.host:
            # With one path, so that only the host can be what sends it to another pool.
            yield (f"{row.method} {row.path}", normal_form(row.host)), row.host, row.pool, True
        if self._identities:
            captured = next(filter(None, (match(row.path) for match in self._identities)), None)
            named = captured[1] if captured else row.host
            spelling = f"{named} in the path" if captured else named
            yield (_IDENTITY, normal_form(named)), spelling, target, True

    def found(self, keyless: Collection[str] = ()) -> list[Split]:
        """Return every split name, the one that was seen first at the head.

        `keyless` pools have policies that do not look at the key: there nothing is split.
        """
        splits: dict[str, Split] = {}
        for name in self._suspects:
            split = _split(name, self._groups[name], keyless)
            if split is not None:
                splits.setdefault(split.name, split)
        return list(splits.values())


def _is_in_the_way(verdict: str) -> bool:
    return verdict == "tried before" or verdict.startswith("full")


def _split(name: Name, group: _Group, keyless: Collection[str]) -> Split | None:
    ways, each = [], []
    for spelling, targets in group.spellings.items():
        tallies: dict[str, _Tally] = {}
        for target, tally in targets.items():
            pool = target.partition("/")[0]
            tallies[pool if pool in keyless else target] = tally
        mostly, tally = max(tallies.items(), key=lambda item: (item[1].count, item[0]))
        ways.append(Way(spelling, mostly, tally.count, tally.last_seq))
        each.append(set(tallies))
    if len({way.target for way in ways}) < 2:
        return None
    if group.must_be_apart and set.intersection(*each):
        return None
    ways.sort(key=lambda way: (way.count, way.spelling))
    pools = {way.target.partition("/")[0] for way in ways}
    return Split(pools.pop() if len(pools) == 1 else None, name[1], tuple(ways))


def keyless_pools(backends: Backends) -> frozenset[str]:
    """Return the pools in which the key does not decide: by their policy, or as clients stick."""
    return frozenset(
        pool.name
        for pool in backends.pools
        if pool.sticky is not None
        or (pool.balance in POLICIES and not POLICIES[pool.balance]().uses_key)
    )


def audit(rows: Sequence[DecisionRow], backends: Backends) -> AuditReport:
    """Return every split name among recorded decisions, which come oldest first."""
    keys = SplitKeys()
    keys.declare(backends.same_identity)
    for row in rows:
        keys.add(row)
    compared = sum(row.generation == keys.generation for row in rows)
    splits = [_row(each) for each in keys.found(keyless_pools(backends))]
    return AuditReport(splits, compared, keys.generation)


def _row(split: Split) -> SplitRow:
    ways = {way.spelling: WayRow(way.target, way.count, way.last_seq) for way in split.ways}
    return SplitRow(split.name, ways, split.sentence)
