"""The balancing policies, each in a file of its own, registered here by name.

A policy picks one of the backends that are available; who is available is decided by
`core/routing.py`. One instance serves one pool for as long as the pool keeps its policy, so what
an instance remembers survives edits of the pool.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from rsp.core.backends import Backend
from rsp.core.explaining import PolicyRow
from rsp.core.loads import BackendLoad
from rsp.core.policies.first import First
from rsp.core.policies.foresight import Foresight
from rsp.core.policies.hash_mod import HashMod
from rsp.core.policies.least_connections import LeastConnections
from rsp.core.policies.random_two import RandomTwo
from rsp.core.policies.rendezvous import Rendezvous
from rsp.core.policies.round_robin import RoundRobin

Random = Callable[[], float]
"""Returns a number from 0 up to but not including 1; handed in, so that core has no randomness."""


class Policy(Protocol):
    """Picks among available backends."""

    uses_key: bool
    """Whether the key of the request decides."""
    foresight: Foresight
    """What can be said of its picks beforehand."""

    def pick(
        self,
        key: str,
        available: Sequence[Backend],
        loads: Mapping[str, BackendLoad],
        random: Random,
    ) -> Backend:
        """Return one of `available`, which is never empty and holds no backend of weight 0.

        `loads` has an entry for each of them, by `Backend.key`.
        """

    def account(
        self, key: str, available: Sequence[Backend], loads: Mapping[str, BackendLoad]
    ) -> PolicyRow:
        """Return how `pick` would come to its answer now, for people; nobody's turn is used up."""


POLICIES: Mapping[str, Callable[[], Policy]] = {
    "round_robin": RoundRobin,
    "least_connections": LeastConnections,
    "random_two": RandomTwo,
    "first": First,
    "hash": Rendezvous,
    "hash_mod": HashMod,
}
"""Every policy by the name that `balance` gives it. A new one is a new file and a row here."""
