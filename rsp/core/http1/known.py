"""Heads that were judged before: most clients send the same fields in every request.

So do most backends, within a second. What was found out about the same bytes under the same
limits of heads is not found out again. Secrets are not remembered (`lines.py` says what is one).
"""

from operator import attrgetter
from typing import Any, Generic, TypeVar

from rsp.core.limits import KNOWN_HEADS, Limits

K = TypeVar("K")
T = TypeVar("T")

_of_heads = attrgetter("head_bytes", "header_field_bytes", "header_fields", "request_line_bytes")
"""The limits by which a head is judged: those of sessions may differ in others."""


class KnownHeads(Generic[K, T]):
    """The last few hundred different heads of one kind."""

    __slots__ = ("_heads", "_judged_by", "_limits")

    def __init__(self) -> None:
        self._heads: dict[K, T] = {}
        self._limits: Limits | None = None
        self._judged_by: Any = None

    def get(self, key: K, limits: Limits) -> T | None:
        """Return what was kept for `key` under the same limits."""
        if limits is not self._limits:
            self._limits, judged_by = limits, _of_heads(limits)
            if judged_by != self._judged_by:
                self._heads.clear()
                self._judged_by = judged_by
        return self._heads.get(key)

    def keep(self, key: K, head: T, limits: Limits) -> None:
        """Keep `head`, which passed under `limits`, unless others were asked with since."""
        if limits is not self._limits:
            return
        if len(self._heads) >= KNOWN_HEADS:
            self._heads.clear()
        self._heads[key] = head
