"""`round_robin`: each in turn, as often as its weight says, and as evenly as that allows.

Weights 3, 1, 1 give a b a c a and not a a a b c. Each backend saves up its weight in every round;
the one that has saved most is picked and pays the sum of all weights.
"""

from collections.abc import Callable, Mapping, Sequence
from math import inf

from rsp.core.backends import Backend
from rsp.core.explaining import PolicyRow
from rsp.core.loads import BackendLoad
from rsp.core.policies.foresight import Foresight


class RoundRobin:
    """Picks in turn. With equal weights, and nobody missing, that is one index."""

    __slots__ = ("_in_turn", "_next", "_saved", "_seen")
    uses_key = False
    foresight = Foresight.SHARES

    def __init__(self) -> None:
        self._seen: Sequence[Backend] = ()
        self._in_turn = False
        self._next = 0
        self._saved: dict[str, int] = {}

    def pick(
        self,
        key: str,
        available: Sequence[Backend],
        loads: Mapping[str, BackendLoad],
        random: Callable[[], float],
    ) -> Backend:
        """Return the backend whose turn it is."""
        if available is not self._seen:
            self._look_at(available)
        if self._in_turn:
            index = self._next
            if index >= len(available):
                index = 0
            self._next = index + 1
            return available[index]
        return self._pick_saved(available)

    def account(
        self, key: str, available: Sequence[Backend], loads: Mapping[str, BackendLoad]
    ) -> PolicyRow:
        """Say whose turn it is, as far as this instance has seen turns."""
        if tuple(available) != tuple(self._seen):
            return PolicyRow("each in turn, as often as its weight says")
        if not self._in_turn:
            saved = self._saved
            return PolicyRow(
                "each in turn: who has saved up most of its weight has the next one",
                scores={each.name: saved.get(each.key, 0) + each.weight for each in available},
            )
        position = self._next if self._next < len(available) else 0
        sentence = f"each in turn: {available[position].name} has the next one"
        return PolicyRow(sentence, position=position)

    def _look_at(self, available: Sequence[Backend]) -> None:
        self._seen = available
        # A tuple is a whole pool. A list has lost some for this one request: to follow the index
        # in both would give the backend behind a missing one two turns, and another one none.
        self._in_turn = isinstance(available, tuple) and len({b.weight for b in available}) == 1

    def _pick_saved(self, available: Sequence[Backend]) -> Backend:
        saved = self._saved
        total = 0
        best = available[0]
        # Nobody has so little, even after an edit has taken the richest one away.
        most = -inf
        for backend in available:
            total += backend.weight
            saved[backend.key] = savings = saved.get(backend.key, 0) + backend.weight
            if savings > most:
                best = backend
                most = savings
        saved[best.key] -= total
        return best
