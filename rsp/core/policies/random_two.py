"""`random_two`: two draws, and the less busy one of them.

Nearly as even as looking at all of them, and it cannot send a crowd to one backend when several
engines decide at once.

Source: Mitzenmacher, "The power of two choices in randomized load balancing", 2001.
"""

from collections.abc import Callable, Mapping, Sequence

from rsp.core.backends import Backend
from rsp.core.explaining import PolicyRow
from rsp.core.loads import BackendLoad
from rsp.core.policies.foresight import Foresight


class RandomTwo:
    """Picks the one with fewer sessions per weight of two different ones."""

    __slots__ = ()
    uses_key = False
    foresight = Foresight.NONE

    def pick(
        self,
        key: str,
        available: Sequence[Backend],
        loads: Mapping[str, BackendLoad],
        random: Callable[[], float],
    ) -> Backend:
        """Return the less busy of two backends drawn at random; the first of them on a tie."""
        count = len(available)
        if count == 1:
            return available[0]
        one = int(random() * count)
        other = int(random() * (count - 1))
        if other >= one:
            # Skips the first draw, so that the two always differ.
            other += 1
        left, right = available[one], available[other]
        left_busy = loads[left.key].sessions * right.weight
        right_busy = loads[right.key].sessions * left.weight
        return left if left_busy <= right_busy else right

    def account(
        self, key: str, available: Sequence[Backend], loads: Mapping[str, BackendLoad]
    ) -> PolicyRow:
        """Return the sessions per weight of each; which two are drawn is chance."""
        scores = {each.name: loads[each.key].sessions / each.weight for each in available}
        return PolicyRow(
            "two are drawn by chance, and the one with fewer sessions for its weight wins; of two "
            "equal ones the first that was drawn",
            scores=scores,
        )
