"""`first`: the first available backend in the order of the file; the others are spares."""

from collections.abc import Callable, Mapping, Sequence

from rsp.core.backends import Backend, BackendLoad


class First:
    """Picks the first one."""

    __slots__ = ()
    uses_key = False

    def pick(
        self,
        key: str,
        available: Sequence[Backend],
        loads: Mapping[str, BackendLoad],
        random: Callable[[], float],
    ) -> Backend:
        """Return the first of `available`."""
        return available[0]
