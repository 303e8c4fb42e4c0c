"""`least_connections`: fewest sessions for its weight; ties go round."""

from collections.abc import Callable, Mapping, Sequence

from rsp.core.backends import Backend
from rsp.core.explaining import PolicyRow
from rsp.core.loads import BackendLoad
from rsp.core.policies.foresight import Foresight


class LeastConnections:
    """Picks the least busy backend; of equally busy ones, that which has waited longest."""

    __slots__ = ("_picked_at", "_picks")
    uses_key = False
    foresight = Foresight.NONE

    def __init__(self) -> None:
        self._picks = 0
        # When each backend was picked last, as a count of picks. A position in the list would
        # not do: the list is shorter while a backend is full or has just refused a connection.
        self._picked_at: dict[str, int] = {}

    def pick(
        self,
        key: str,
        available: Sequence[Backend],
        loads: Mapping[str, BackendLoad],
        random: Callable[[], float],
    ) -> Backend:
        """Return the backend with the fewest sessions per weight."""
        picked_at = self._picked_at
        best = available[0]
        least = loads[best.key].sessions / best.weight
        waited_since = picked_at.get(best.key, 0)
        for backend in available[1:]:
            busy = loads[backend.key].sessions / backend.weight
            if busy < least or (busy == least and picked_at.get(backend.key, 0) < waited_since):
                best = backend
                least = busy
                waited_since = picked_at.get(backend.key, 0)
        self._picks += 1
        picked_at[best.key] = self._picks
        return best

    def account(
        self, key: str, available: Sequence[Backend], loads: Mapping[str, BackendLoad]
    ) -> PolicyRow:
        """Return the sessions per weight of each, and who has the fewest."""
        scores = {each.name: loads[each.key].sessions / each.weight for each in available}
        least = min(scores.values())
        tied = [name for name, score in scores.items() if score == least]
        tie = "" if len(tied) == 1 else "; they tie, and the one picked longest ago has it"
        sentence = f"fewest sessions for its weight: {', '.join(tied)}{tie}"
        return PolicyRow(sentence, scores=scores)
