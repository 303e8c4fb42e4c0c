"""The backend table as the dashboard knows it: shares, rates, the last minute, our own edits."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from rsp.core.replies import BackendRow, Backends, PoolRow
from rsp.core.vocabulary import BackendState
from rsp.tui.limits import RATE_SAMPLES, RATE_WINDOW_S
from rsp.tui.model.health_text import is_out, is_watched, trouble_of
from rsp.tui.model.shares import shares


def _ring() -> deque[float]:
    return deque(maxlen=RATE_SAMPLES)


@dataclass(slots=True)
class BackendPast:
    """What was counted at one backend: rates, and one sample a second of the last minute."""

    sessions: deque[float] = field(default_factory=_ring)
    new: deque[float] = field(default_factory=_ring)
    out: deque[float] = field(default_factory=_ring)
    new_per_s: float = 0.0
    """Exchanges (http) or sessions (tcp) that it gets, per second."""
    out_per_s: float = 0.0
    """Bytes per second that it sends."""
    _counted: tuple[int, int] | None = None

    def count(self, row: BackendRow, elapsed_s: float) -> None:
        """Take the rates since the last count, `elapsed_s` seconds ago."""
        counted = (row.total, row.bytes_in)
        if self._counted is not None and elapsed_s > 0:
            self.new_per_s = max(counted[0] - self._counted[0], 0) / elapsed_s
            self.out_per_s = max(counted[1] - self._counted[1], 0) / elapsed_s
        self._counted = counted
        self.sessions.append(row.sessions)
        self.new.append(self.new_per_s)
        self.out.append(self.out_per_s)


@dataclass(frozen=True, slots=True)
class PoolLine:
    """The line that stands above the backends of a pool."""

    pool: PoolRow

    @property
    def key(self) -> str:
        """What a cursor remembers it by: no backend's key looks so."""
        return f"{self.pool.name}/"

    @property
    def ready(self) -> int:
        """How many of its backends get new work."""
        rows = self.pool.backends
        return sum(row.state == BackendState.READY and not is_out(row) for row in rows)


@dataclass(frozen=True, slots=True)
class BackendLine:
    """A backend with what only a viewer knows."""

    pool: PoolRow
    row: BackendRow
    share: float
    """Which part of the pool's new work it gets, 0 to 1."""
    past: BackendPast

    @property
    def key(self) -> str:
        """`pool/name`, as commands want it."""
        return f"{self.pool.name}/{self.row.name}"


TableLine = PoolLine | BackendLine


class BackendList:
    """Folds each `backends` into lines; an edit of ours shows before the next answer comes."""

    def __init__(self) -> None:
        self.pools: list[PoolRow] = []
        self.generation: int | None = None
        """Of what is shown: what an edit made from this screen is checked against."""
        self._past: dict[str, BackendPast] = {}
        self._counted_at_s = 0.0
        self._pid = 0

    def apply(self, answer: Backends, now_s: float, pid: int) -> None:
        """Take over one answer; `now_s` is the clock of the engine `pid`.

        An answer older than an edit that we know of is left alone.
        """
        if pid != self._pid:
            self._past.clear()
            self._pid = pid
        elif self.generation is not None and answer.generation < self.generation:
            return
        self.pools = answer.pools
        self.generation = answer.generation
        elapsed_s = now_s - self._counted_at_s
        if elapsed_s < RATE_WINDOW_S and self._past:
            return
        present = {key: row for _, key, row in self._rows()}
        self._past = {key: self._past.get(key) or BackendPast() for key in present}
        for key, row in present.items():
            self._past[key].count(row, elapsed_s)
        self._counted_at_s = now_s

    def note_edit(self, key: str, generation: int, **values: Any) -> None:
        """Show an edit that the engine has just made."""
        self.generation = generation
        changed = []
        for pool in self.pools:
            rows = [
                msgspec.structs.replace(row, edited=True, **values)
                if f"{pool.name}/{row.name}" == key
                else row
                for row in pool.backends
            ]
            changed.append(msgspec.structs.replace(pool, backends=rows))
        self.pools = changed

    def _rows(self) -> Iterator[tuple[PoolRow, str, BackendRow]]:
        for pool in self.pools:
            for row in pool.backends:
                yield pool, f"{pool.name}/{row.name}", row

    def lines(self) -> list[TableLine]:
        """Return each pool and, below it, its backends: those in trouble above the others."""
        found: list[TableLine] = []
        for pool in sorted(self.pools, key=lambda pool: not trouble_of(pool)):
            found.append(PoolLine(pool))
            rows = zip(pool.backends, shares(pool.balance, pool.backends), strict=True)
            for row, share in sorted(rows, key=lambda each: not is_out(each[0])):
                past = self._past.get(f"{pool.name}/{row.name}") or BackendPast()
                found.append(BackendLine(pool, row, share, past))
        return found

    @property
    def is_watched(self) -> bool:
        """Whether anything is known of the health of any backend."""
        return any(is_watched(pool) for pool in self.pools)

    def row(self, key: str) -> BackendRow | None:
        """Return the backend called `pool/name`; None when it is not there any more."""
        return next((row for _, row_key, row in self._rows() if row_key == key), None)

    def line(self, key: str) -> BackendLine | None:
        """Return the line of the backend called `pool/name`; None when it is not there any more."""
        lines = (line for line in self.lines() if isinstance(line, BackendLine))
        return next((line for line in lines if line.key == key), None)

    def keys_named(self, name: str) -> list[str]:
        """Return the keys of every backend called `name`: pools may share a name."""
        return [key for _, key, row in self._rows() if row.name == name]

    @property
    def rows(self) -> list[BackendRow]:
        """Every backend, pool by pool."""
        return [row for _, _, row in self._rows()]
