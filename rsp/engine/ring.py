"""A ring of records: a fixed size, and a number for each, so that a reader who comes too late is
told how much it missed."""

from collections import deque
from itertools import islice
from typing import Generic, TypeVar

T = TypeVar("T")


class Ring(Generic[T]):
    """The last records of one kind, numbered from 1."""

    __slots__ = ("_kept", "recorded")

    def __init__(self, size: int) -> None:
        self.recorded = 0
        """The number of the newest record; 0 when there is none."""
        self._kept: deque[T] = deque(maxlen=size)

    @property
    def dropped(self) -> int:
        """How many records were made and are no longer kept."""
        return self.recorded - len(self._kept)

    def append(self, record: T) -> None:
        """Keep `record`, and forget the oldest one when the ring is full."""
        self.recorded += 1
        self._kept.append(record)

    def since(self, seq: int, limit: int | None = None) -> tuple[list[tuple[int, T]], int]:
        """Return the records after number `seq`, and how many of them are no longer kept.

        With `limit` only the newest so many; those left out for it do not count as dropped.
        """
        seq = min(max(seq, 0), self.recorded)
        first_kept = self.recorded - len(self._kept) + 1
        first = max(seq + 1, first_kept)
        if limit is not None:
            first = max(first, self.recorded - limit + 1)
        skipped = first - first_kept
        records = list(enumerate(islice(self._kept, skipped, None), first))
        return records, max(0, first_kept - seq - 1)

    def newest(self) -> list[T]:
        """Return the records that are kept, newest first."""
        return list(reversed(self._kept))
