"""Who waits for a place at a pool whose backends are all full: first come, first served.

Nobody is overtaken by who could have gone in their stead. Who needs one certain backend (`route`
named it, or the others have failed) waits for that one, and lets those behind go elsewhere.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Generic, TypeVar

from rsp.core.backends import Backend, Pool
from rsp.core.loads import BackendLoad
from rsp.core.vocabulary import BackendState


class Place:
    """The place of one request in a queue."""

    __slots__ = ("excluded", "name", "since_s", "timeout_s")

    def __init__(
        self, name: str, excluded: Collection[str], since_s: float, timeout_s: float
    ) -> None:
        self.name = name
        """The backend that has to be it, as `route` named it or the client sticks to it; empty:
        any of the pool will do."""
        self.excluded = excluded
        """Keys of the backends that failed for this request before."""
        self.since_s = since_s
        """Since when it waits, in monotonic seconds."""
        self.timeout_s = timeout_s
        """For how long it may wait from now on."""


P = TypeVar("P", bound=Place)


class Line(Generic[P]):
    """Those who wait at one pool."""

    __slots__ = ("_choosy", "_places", "_positions", "pool", "refused", "timed_out", "waited")

    def __init__(self, pool: str) -> None:
        self.pool = pool
        self.waited = self.timed_out = self.refused = 0
        """How many ever waited; how many of them until their time was over; and how many found
        the queue full."""
        self._places: dict[P, None] = {}
        """In order of arrival."""
        self._positions: dict[P, int] | None = None
        """Made when somebody looks, for all of them; None: not since somebody came or left."""
        self._choosy = 0
        """How many of them cannot take just any backend."""

    def __len__(self) -> int:
        return len(self._places)

    def join(self, place: P) -> None:
        """Put `place` at the end."""
        self._places[place] = None
        self._positions = None
        self._choosy += _is_choosy(place)
        self.waited += 1

    def leave(self, place: P) -> None:
        """Take `place` out, wherever it stands."""
        del self._places[place]
        self._positions = None
        self._choosy -= _is_choosy(place)

    def position(self, place: P) -> int:
        """Return which one `place` is, counted from 1."""
        if self._positions is None:
            self._positions = {each: number for number, each in enumerate(self._places, 1)}
        return self._positions[place]

    def all(self) -> list[P]:
        """Return all places, the first one first."""
        return list(self._places)

    def turns(self, pool: Pool | None, loads: Mapping[str, BackendLoad]) -> Iterator[P]:
        """Yield those who need not wait any longer, in their order; each has to leave at once.

        That is also who would wait for nothing: `pool` is gone, has no queue any more, or nobody
        in it will ever be free. `loads` changes as they go, and counts as it is then.
        """
        stuck = False
        for place in self.all():
            if place not in self._places or (stuck and not _is_choosy(place)):
                continue
            if pool is None or not awaited(pool, place.name, place.excluded, loads):
                yield place
            elif not _is_choosy(place):
                # Where any backend would do and all are full, nobody behind is better off but
                # who waits for one that gets nothing by itself.
                stuck = True
                if not self._choosy:
                    return


def _is_choosy(place: Place) -> bool:
    return bool(place.name or place.excluded)


def awaited(
    pool: Pool, name: str, excluded: Collection[str], loads: Mapping[str, BackendLoad]
) -> tuple[Backend, ...]:
    """Return the backends that a request waits for: they could take it if they were not full.

    None: it has not to wait for any, as one is free, or it may not, as there is none that could,
    or `pool` has no queue. `name` is the backend that has to be it, if one has.
    """
    if pool.queue is None:
        return ()
    able = pool.ready
    if name:
        named = pool.by_name.get(name)
        able = (named,) if named is not None and _gets_work(pool, named) else ()
    able = tuple([backend for backend in able if backend.key not in excluded])
    return able if all(is_full(backend, loads) for backend in able) else ()


def _gets_work(pool: Pool, backend: Backend) -> bool:
    return backend.state is BackendState.READY and not pool.condition(backend.name).is_out


def is_full(backend: Backend, loads: Mapping[str, BackendLoad]) -> bool:
    """Tell whether a backend has as many sessions as it may have."""
    return 0 < backend.max_connections <= _sessions_at(backend, loads)


def who_is_full(
    able: Collection[Backend], name: str, loads: Mapping[str, BackendLoad], *, now: bool
) -> str:
    """Return in words who is full, or was: `all 2 backends were full (web1 3 of 3, web2 9 of 9)`.

    `name` is the backend that has to be it, if one has.
    """
    verb = "is" if now else "was"
    counts = {b.name: f"{_sessions_at(b, loads)} of {b.max_connections}" for b in able}
    if name:
        return f"backend {name}, the only one for it, {verb} full ({counts.get(name, 'gone')})"
    each = ", ".join(f"{name} {count}" for name, count in counts.items())
    if len(counts) == 1:
        return f"its one backend {verb} full ({each})"
    return f"all {len(counts)} backends {'are' if now else 'were'} full ({each})"


def _sessions_at(backend: Backend, loads: Mapping[str, BackendLoad]) -> int:
    load = loads.get(backend.key)
    return 0 if load is None else load.sessions
