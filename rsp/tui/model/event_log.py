"""The events of the engine, as they came, within a stated size; gaps are counted, never hidden."""

from collections import deque

from rsp.core.replies import EventRow, Events
from rsp.tui.limits import EVENTS_KEPT

LEVELS = ("debug", "info", "warn", "error")


class EventLog:
    """A ring of events with a level, a source and a filter in front of it."""

    def __init__(self) -> None:
        self.rows: deque[EventRow] = deque(maxlen=EVENTS_KEPT)
        self.dropped = 0
        self.last_seq = 0
        self.version = 0
        """Grows with every change, so that a screen knows whether to look."""

    def apply(self, events: Events) -> None:
        """Take over one answer. An engine that was started anew begins a new log.

        What an engine no longer keeps from the time before the first answer is no gap.
        """
        if events.events and events.events[0].seq <= self.last_seq:
            self.rows.clear()
            self.last_seq = 0
        elif events.events and self.last_seq:
            self.dropped += events.events[0].seq - self.last_seq - 1
        self.rows.extend(events.events)
        if events.events:
            self.last_seq = events.events[-1].seq
        self.version += 1

    def chosen(self, level: str, source: str) -> list[EventRow]:
        """Return the events of `level` and above from `source`; an empty source is all of them."""
        least = LEVELS.index(level)
        return [
            row
            for row in self.rows
            if (row.level not in LEVELS or LEVELS.index(row.level) >= least)
            and (not source or row.source == source)
        ]

    def sources(self) -> list[str]:
        """Return the sources that there are, in the order of the alphabet."""
        return sorted({row.source for row in self.rows})
