"""`first`: the first available backend in the order of the file; the others are spares."""

from collections.abc import Callable, Mapping, Sequence

from rsp.core.backends import Backend
from rsp.core.explaining import PolicyRow
from rsp.core.loads import BackendLoad
from rsp.core.policies.foresight import Foresight


class First:
    """Picks the first one."""

    __slots__ = ()
    uses_key = False
    foresight = Foresight.EXACT

    def pick(
        self,
        key: str,
        available: Sequence[Backend],
        loads: Mapping[str, BackendLoad],
        random: Callable[[], float],
    ) -> Backend:
        """Return the first of `available`."""
        return available[0]

    def account(
        self, key: str, available: Sequence[Backend], loads: Mapping[str, BackendLoad]
    ) -> PolicyRow:
        """Say which is the first."""
        return PolicyRow(f"{available[0].name} is the first that is available", position=0)
