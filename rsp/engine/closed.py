"""What is remembered of a session that is over: small records, and nothing that it worked with.

A thousand are kept. The objects of a live session are given back at once, for the next one to be
built in memory that the processor still holds: keeping them cost 5 µs a session (bench, new
connections).
"""

import msgspec

from rsp.core.autopsy import Ending
from rsp.core.replies import PeerRow
from rsp.core.routing import RouteDecision
from rsp.core.vocabulary import CloseReason, PauseReason
from rsp.engine.calls import CallRing
from rsp.engine.connection import Connection
from rsp.engine.kernel import queues
from rsp.engine.pipe import Books

_PAUSES: dict[int, list[str]] = {0: []}
"""The names of each set of pause reasons that was ever seen: there are few."""


class ClosedSession(msgspec.Struct, frozen=True, gc=False):
    """A session that is over. Times are monotonic seconds."""

    id: int
    generation: int
    opened_s: float
    closed_s: float
    listener: str
    exchanges: int
    reason: CloseReason
    detail: str
    client: PeerRow
    backend: PeerRow | None
    """The last one it had."""
    decision: RouteDecision | None
    """Where all of it went, or its tunnel; None in HTTP, where each exchange has its own."""
    calls: CallRing | None
    """What was recorded while it was watched."""
    request_books: Books
    response_books: Books
    """What became of the bytes of bodies; `ledger.py` reads them."""
    ending: Ending | None
    """What both sides looked like when it was known how it would end; None: nobody will ask."""


def peer_row(connection: Connection, now_s: float, *, with_queues: bool) -> PeerRow:
    """Return one side of a session. The kernel's queues are asked for on demand, or in a stall."""
    since_s = connection.blocked_since_s
    blocked_s = now_s - since_s if since_s else 0.0
    send_queue = receive_queue = None
    if (with_queues or since_s) and not connection.is_closed:
        send_queue, receive_queue = queues(connection.sock)
    paused_by = connection.paused_by
    if paused_by not in _PAUSES:
        _PAUSES[paused_by] = PauseReason(paused_by).names()
    unsent = connection.unsent
    # A fault may hold back what the kernel would take, and another one keeps nothing that waits.
    wait = connection.poller.blocked.get(connection) if since_s or unsent.data else None
    return PeerRow(
        connection.fd,
        connection.address,
        connection.bytes_in,
        connection.bytes_out,
        unsent.left_bytes,
        unsent.peak_bytes,
        unsent.high_water_bytes,
        send_queue,
        receive_queue,
        connection.eagain_reads,
        connection.eagain_writes,
        connection.short_writes,
        connection.wakeups,
        _PAUSES[paused_by],
        blocked_s,
        connection.blocked_total_s + blocked_s,
        wait.stall.row(now_s) if wait is not None and wait.stall is not None else None,
    )
