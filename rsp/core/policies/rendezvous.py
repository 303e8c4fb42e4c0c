"""`hash`: rendezvous hashing, weighted. A new backend takes only its own share of the keys.

Every backend draws a score for the key, and the highest wins. Adding or removing a backend
changes nobody else's score, so only keys that it wins or held move.

Source: Thaler and Ravishankar, "Using name-based mappings to increase hit rates", 1998; the
weighted form divides the weight by the negative logarithm of a uniform draw.
"""

from collections.abc import Callable, Mapping, Sequence
from math import log

from rsp.core.backends import Backend
from rsp.core.explaining import PolicyRow
from rsp.core.loads import BackendLoad
from rsp.core.policies.foresight import Foresight
from rsp.core.policies.key_hash import key_hash

_STEP = 2.0**-52


class Rendezvous:
    """Picks the backend with the highest score for the key."""

    __slots__ = ()
    uses_key = True
    foresight = Foresight.EXACT

    def pick(
        self,
        key: str,
        available: Sequence[Backend],
        loads: Mapping[str, BackendLoad],
        random: Callable[[], float],
    ) -> Backend:
        """Return the backend whose score for `key` is highest."""
        return max(available, key=lambda backend: _score(key, backend))

    def account(
        self, key: str, available: Sequence[Backend], loads: Mapping[str, BackendLoad]
    ) -> PolicyRow:
        """Return the score of each for the key."""
        scores = {backend.name: _score(key, backend) for backend in available}
        best = max(scores.values())
        tied = [name for name, score in scores.items() if score == best]
        tie = "" if len(tied) == 1 else f"; {', '.join(tied)} tie, and the first of them has it"
        return PolicyRow(
            f"each backend has a score for the key, and the highest wins: {tied[0]}{tie}",
            hash=f"{key_hash(key):#018x}",
            scores=scores,
        )


def _score(key: str, backend: Backend) -> float:
    # 52 bits and a half: the draw is never 0 or 1, where the logarithm would be no use.
    uniform = ((key_hash(key, backend.name) >> 12) + 0.5) * _STEP
    return backend.weight / -log(uniform)
