"""Counts whom a full accept queue kept out: clients that never got so far as to be accepted.

A listening socket counts what the kernel drops there, for whatever reason; the network namespace
counts what full queues cost, at whichever socket. What both have counted was a full queue here.
"""

from collections.abc import Iterable, Iterator

from rsp.core.listener_rows import crowd_sentence
from rsp.engine.kernel import crowd, listen_overflows
from rsp.engine.listener import Listener
from rsp.engine.rows import listener_row


class AcceptQueues:
    """Remembers both counts from one look to the next. What a socket brings along is not ours."""

    def __init__(self) -> None:
        self._overflows = listen_overflows()
        self._dropped: dict[Listener, int] = {}

    def look(self, listeners: Iterable[Listener]) -> Iterator[str]:
        """Add up what was lost since the last look, at each listener, and say so."""
        before, self._overflows = self._overflows, listen_overflows()
        seen, self._dropped = self._dropped, {}
        for listener in listeners:
            _, _, dropped = crowd(listener.sock)
            if dropped is None or before is None or self._overflows is None:
                listener.kept_out = None
                continue
            self._dropped[listener] = dropped
            lost = min(dropped - seen.get(listener, dropped), self._overflows - before)
            listener.kept_out = (listener.kept_out or 0) + lost
            said = crowd_sentence(listener_row(listener), lost) if lost > 0 else None
            if said is not None:
                yield said
