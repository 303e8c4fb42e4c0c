"""Listeners before which clients crowd: who waits in the kernel, and whom it dropped lately."""

from collections import deque

from rsp.core.listener_rows import ListenerRow, crowd_sentence
from rsp.core.replies import Status
from rsp.tui.limits import DROPS_SHOWN_S


class Crowds:
    """Remembers of each listener what the kernel had dropped, for `DROPS_SHOWN_S`."""

    def __init__(self) -> None:
        self._rows: list[ListenerRow] = []
        self._counts: dict[str, deque[tuple[float, int]]] = {}
        """By address: when how many had been dropped, the oldest first."""

    def apply(self, status: Status) -> None:
        """Take over one status."""
        self._rows = status.listeners
        kept, self._counts = self._counts, {}
        for row in status.listeners:
            counts = self._counts[row.address] = kept.get(row.address, deque())
            counts.append((status.now_s, row.accept_dropped or 0))
            while status.now_s - counts[0][0] > DROPS_SHOWN_S:
                counts.popleft()

    def sentences(self) -> list[tuple[str, str]]:
        """Return a sentence and a few words for each listener that keeps clients out."""
        found = []
        for row in self._rows:
            counts = self._counts[row.address]
            said = crowd_sentence(row, counts[-1][1] - counts[0][1])
            if said is not None:
                found.append((said, f"queue {row.accept_queue}/{row.accept_backlog}"))
        return found
