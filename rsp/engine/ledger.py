"""The ledger: what was read of bodies, what the other side's kernel took, and what is missing.

Two counts that know nothing of each other: a pipe counts a body's bytes when they come from the
source, and the connection of the sink counts every byte that it was given. What was read and never
given is lost, and no code has to notice that it loses something. Only for whoever looks.
"""

from rsp.core.evidence import FlowRow, LedgerRow
from rsp.engine.closed import ClosedSession
from rsp.engine.pipe import Books
from rsp.engine.session import Session

_NONE = (0, 0, 0)
"""Bytes in, bytes out, and those that are left, of a side that is not there."""


def ledger_of(session: Session) -> LedgerRow:
    """Return the books of both directions of a session, as they stand now."""
    client, backend = (
        (side.bytes_in, side.bytes_out, side.unsent.left_bytes) if side is not None else _NONE
        for side in (session.client, session.backend)
    )
    return LedgerRow(
        request=_flow(session.request_pipe.books(), client, backend),
        response=_flow(session.response_pipe.books(), backend, client),
    )


def closed_ledger(closed: ClosedSession) -> LedgerRow:
    """Return the books of both directions of a session, as they stood at its end."""
    client, backend = (
        (side.bytes_in, side.bytes_out, side.unsent_bytes) if side is not None else _NONE
        for side in (closed.client, closed.backend)
    )
    return LedgerRow(
        request=_flow(closed.request_books, client, backend),
        response=_flow(closed.response_books, backend, client),
    )


def _flow(books: Books, source: tuple[int, int, int], sink: tuple[int, int, int]) -> FlowRow:
    in_bytes, overhead_bytes, parted_in_bytes, parted_out_bytes, parted_left_bytes, where = books
    read_bytes = parted_in_bytes + source[0]
    _, out_bytes, left_bytes = sink
    left_bytes += parted_left_bytes
    given_bytes = parted_out_bytes + out_bytes + left_bytes - overhead_bytes
    # A body is the last thing that was given, if not all of it has gone yet.
    unsent_bytes = min(left_bytes, in_bytes)
    dropped_bytes = in_bytes - given_bytes
    return FlowRow(
        in_=in_bytes,
        out=given_bytes - unsent_bytes,
        unsent=unsent_bytes,
        dropped=dropped_bytes,
        balanced=dropped_bytes == 0 and where is None,
        head_in=read_bytes - in_bytes,
        head_out=overhead_bytes,
        first_divergence=where,
    )
