"""Heads that were judged before: most clients send the same fields in every request.

So do most backends, within a second. What was found out about the same bytes under the same
limits is not found out again. Secrets are not remembered (`lines.py` says what is one).
"""

from typing import Generic, TypeVar

from rsp.core.limits import KNOWN_HEADS, Limits

K = TypeVar("K")
T = TypeVar("T")


class KnownHeads(Generic[K, T]):
    """The last few hundred different heads of one kind."""

    __slots__ = ("_heads", "_limits")

    def __init__(self) -> None:
        self._heads: dict[K, T] = {}
        self._limits: Limits | None = None

    def get(self, key: K, limits: Limits) -> T | None:
        """Return what was kept for `key` under the same limits."""
        if limits is not self._limits:
            self._heads.clear()
            self._limits = limits
        return self._heads.get(key)

    def keep(self, key: K, head: T, limits: Limits) -> None:
        """Keep `head`, which passed under `limits`, unless others were asked with since."""
        if limits is not self._limits:
            return
        if len(self._heads) >= KNOWN_HEADS:
            self._heads.clear()
        self._heads[key] = head
