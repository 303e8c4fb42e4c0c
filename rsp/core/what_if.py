"""What a change would do to the requests of the past: who would go elsewhere, and how many.

Pure: requests come in, run through what is in force and through what would be, and are counted.
What depends on load or chance is not guessed: pools are compared always, backends only where the
policy has no choice.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

from rsp.core.backends import BackendTable, Pool
from rsp.core.lua_limits import WHAT_IF_EXAMPLES, WHAT_IF_MOVES
from rsp.core.moving import moved_by_modulo, moved_by_rendezvous, together_by_luck
from rsp.core.policies import POLICIES
from rsp.core.policies.foresight import Foresight
from rsp.core.routing import RouteDecision
from rsp.core.what_if_rows import Example, KeyShare, Move, Share, WhatIf

FAILED = "route failed"
NOBODY = "no backend"
"""Where a request goes that goes nowhere: the script raised, or nobody is there or available."""


class Tally:
    """Where requests go under one table."""

    def __init__(self, table: BackendTable) -> None:
        self._pools = table.pools
        self._exact: Counter[str] = Counter()
        self._of_pool: Counter[str] = Counter()
        self.errors = 0
        self.unrouted = 0
        self.first_error = ""

    def place(self, decision: RouteDecision) -> str:
        """Count a decision, and return where it goes, as far as that can be known."""
        backend, pool = decision.backend, decision.pool
        if pool is None or backend is None:
            return self.nowhere(decision)
        # By whose address somebody sticks is known to a running engine alone.
        is_known = decision.is_named or (decision.is_sticky and bool(pool.cookie))
        if is_known or foresight_of(pool) is Foresight.EXACT:
            self._exact[backend.key] += 1
            return backend.key
        self._of_pool[pool.name] += 1
        return pool.name

    def nowhere(self, decision: RouteDecision | None) -> str:
        """Count a request that finds no backend; None: there is no listener for it any more."""
        if decision is not None and decision.told is not None:
            self.errors += 1
            self.first_error = self.first_error or decision.error or ""
            return FAILED
        self.unrouted += 1
        return NOBODY

    def share(self, key: str, whole: int) -> float | None:
        """Return the share of `whole` requests that the backend `key` gets."""
        pool = self._pools.get(key.partition("/")[0])
        exact = self._exact[key]
        by_policy = self._of_pool[pool.name] if pool is not None else 0
        if pool is None or not by_policy:
            return exact / whole
        if foresight_of(pool) is Foresight.NONE:
            return None
        weight = sum(backend.weight for backend in pool.ready)
        own = next((each.weight for each in pool.ready if each.key == key), 0)
        return (exact + by_policy * own / weight) / whole if weight else exact / whole


def foresight_of(pool: Pool) -> Foresight:
    """Return what can be said beforehand of the picks in `pool`.

    Where clients stick, who comes back to what is known of each, and nothing of the rest.
    """
    return Foresight.NONE if pool.sticky is not None else POLICIES[pool.balance]().foresight


class Comparison:
    """Counts which requests move from one table to another."""

    def __init__(self, before: BackendTable, after: BackendTable) -> None:
        self.before, self.after = Tally(before), Tally(after)
        self._tables = before, after
        self._moves: dict[tuple[str, str], Move] = {}
        self._count = self._moved_capitals = 0

    def add(self, was: str, will: str, key: str | None = None) -> None:
        """Count the next request, which goes from one place to another; now it has this `key`."""
        number = self._count
        self._count += 1
        # A pool alone says nothing of its backend, so one within it is no move that is known.
        if was == will or was.partition("/")[0] == will or will.partition("/")[0] == was:
            return
        move = self._moves.get((was, will))
        if move is None:
            move = self._moves[was, will] = Move(was, will, 0)
        move.count += 1
        if key is not None and key != key.lower():
            self._moved_capitals += 1
        if len(move.numbers) < WHAT_IF_EXAMPLES:
            move.numbers.append(number)

    def result(self) -> WhatIf:
        """Return what was counted, without examples."""
        moves = sorted(self._moves.values(), key=lambda move: -move.count)
        before, after = self._tables
        return WhatIf(
            recorded=self._count,
            moved=sum(move.count for move in moves),
            unrouted=self.after.unrouted,
            errors=self.after.errors,
            moves=moves[:WHAT_IF_MOVES],
            moves_left_out=len(moves[WHAT_IF_MOVES:]),
            shares=self._shares(),
            cannot_be_known={
                pool.name: pool.balance if pool.sticky is None else f"sticky by {pool.sticky}"
                for pool in (*before.pools.values(), *after.pools.values())
                if foresight_of(pool) is not Foresight.EXACT
            },
            keys=key_shares(before.pools, after.pools),
            first_error=self.after.first_error,
            moved_capitals=self._moved_capitals,
        )

    def _shares(self) -> dict[str, Share]:
        if not self._count:
            return {}
        keys: dict[str, None] = {}
        for table in self._tables:
            keys |= dict.fromkeys(key for pool in table.pools.values() for key in pool.keys)
        return {
            key: Share(self.before.share(key, self._count), self.after.share(key, self._count))
            for key in keys
        }


def key_shares(before: Mapping[str, Pool], after: Mapping[str, Pool]) -> list[KeyShare]:
    """Return what becomes of the keys of each pool that goes by keys and changes its number."""
    found = []
    for name, pool in after.items():
        old = before.get(name)
        if old is None or pool.sticky is not None or old.balance != pool.balance:
            continue
        if not POLICIES[pool.balance]().uses_key:
            continue
        was, will = len(old.ready), len(pool.ready)
        if was == will:
            continue
        by_hash = moved_by_rendezvous(was, will)
        moved = moved_by_modulo(was, will) if pool.balance == "hash_mod" else by_hash
        found.append(KeyShare(name, was, will, moved, by_hash, together_by_luck(will)))
    return found


def with_examples(found: WhatIf, requests: Iterable[Example]) -> WhatIf:
    """Put the requests in whose numbers the moves name; `requests` are all, in their order."""
    wanted = {number for move in found.moves for number in move.numbers}
    kept = {number: each for number, each in enumerate(requests) if number in wanted}
    for move in found.moves:
        move.examples = [kept[number] for number in move.numbers]
        move.numbers = []
    return found
