"""The routing decisions of the engine, as they came, within a stated size; gaps are counted."""

from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from rsp.core.audit import Split, SplitKeys, keyless_pools
from rsp.core.decision_rows import DecisionRow, Decisions
from rsp.core.replies import Backends
from rsp.tui.limits import DECISIONS_SHOWN

_NOWHERE = "(none)"


class DecisionLog:
    """A ring of decisions, and the split keys among them."""

    def __init__(self) -> None:
        self.rows: deque[DecisionRow] = deque()
        self.since = 0
        """Number of the newest decision that was asked for: the next ones come after it."""
        self.missed = 0
        """Decisions made since we look that are not here: too many at once, or too late."""
        self.version = 0
        """Grows with every change, so that a screen knows whether to look."""
        self.splits: list[Split] = []
        self._split_keys = SplitKeys()
        self._keyless_pools: frozenset[str] = frozenset()
        self._identities: list[str] = []
        self._pid = 0

    def apply(self, answer: Decisions, pid: int) -> None:
        """Take over one answer of the engine `pid`. Another engine begins a new log."""
        if pid != self._pid:
            self._forget(pid)
        if self.since:
            self.missed += answer.next_since - self.since - len(answer.decisions)
        self.since = answer.next_since
        if not answer.decisions:
            return
        for row in answer.decisions:
            self.rows.append(row)
            self._split_keys.add(row)
        while len(self.rows) > DECISIONS_SHOWN:
            self._split_keys.drop(self.rows.popleft())
        self.splits = self._split_keys.found(self._keyless_pools)
        self.version += 1

    def apply_backends(self, answer: Backends) -> None:
        """Note which pools have a policy that looks at the key, and what names the same."""
        self._keyless_pools = keyless_pools(answer)
        if answer.same_identity != self._identities:
            self._identities = answer.same_identity
            self._split_keys.declare(answer.same_identity)
            for row in self.rows:
                self._split_keys.add(row)

    def _forget(self, pid: int) -> None:
        self._pid = pid
        self.rows.clear()
        self.since = self.missed = 0
        self.splits = []
        self._split_keys.clear()

    def split_of(self, row: DecisionRow) -> Split | None:
        """Return the split name that this decision is a part of."""
        for split in self.splits:
            names = (row.key,) if split.pool is not None else (row.key, row.host)
            if split.pool in (row.pool, None) and any(way.spelling in names for way in split.ways):
                return split
        return None


def filter_for_split(split: Split) -> str:
    """Return the filter that lets the newest decision of each side of a split pass."""
    return " | ".join(f"seq:{way.last_seq}" for way in split.sides)


@dataclass(slots=True)
class Group:
    """Decisions that have something in common."""

    name: str
    whole: int
    """How many decisions all groups have together."""
    count: int = 0
    errors: int = 0
    last: str = ""
    """When the newest one was made."""
    targets: Counter[str] = field(default_factory=Counter)
    """Where they went: `pool/backend`, and how often."""

    @property
    def share(self) -> float:
        """Which part of all decisions this is, 0 to 1."""
        return self.count / self.whole if self.whole else 0.0


GROUPINGS: dict[str, Callable[[DecisionRow], str]] = {
    "backend": lambda row: f"{row.pool}/{row.backend}" if row.backend else _NOWHERE,
    "host": lambda row: row.host or _NOWHERE,
    "reason": lambda row: row.reason,
}
"""What decisions can be grouped by, in the order in which `g` walks through it."""


def grouped(rows: Iterable[DecisionRow], by: str) -> list[Group]:
    """Return the groups of `rows`, the largest first."""
    name_of = GROUPINGS[by]
    found: dict[str, Group] = {}
    whole = 0
    for row in rows:
        whole += 1
        name = name_of(row)
        group = found.get(name)
        if group is None:
            group = found[name] = Group(name, 0)
        group.count += 1
        group.errors += row.error is not None
        group.last = row.at
        if row.backend is not None:
            group.targets[f"{row.pool}/{row.backend}"] += 1
    for group in found.values():
        group.whole = whole
    return sorted(found.values(), key=lambda group: (-group.count, group.name))


def filter_for(by: str, name: str) -> str:
    """Return the filter that lets one group pass."""
    if name == _NOWHERE:
        return "backend:none" if by == "backend" else f'{by}:""'
    if by == "backend":
        pool, _, backend = name.partition("/")
        return f"pool:{quoted(pool)} backend:{quoted(backend)}"
    return f"{by}:{quoted(name)}"


def quoted(value: str) -> str:
    """Return a value as the filter language has it when it holds marks or blanks."""
    if value.replace("-", "").replace(".", "").replace("_", "").isalnum():
        return value
    return '"' + value.replace('"', '\\"') + '"'
