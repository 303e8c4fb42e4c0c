"""When the kernel of one side takes bytes again, and the mark that decides about it.

Only for whoever looks, and for a person who moves the mark.
"""

from collections.abc import Sequence
from dataclasses import replace

from rsp.core.evidence import RoomRow, SampleRow
from rsp.core.samples import acknowledged_per_s, must_leave_bytes, writable_in_s
from rsp.core.vocabulary import Side
from rsp.engine.connection import Connection
from rsp.engine.kernel import notsent_lowat_bytes, raw_look, read_look
from rsp.engine.nonblocking import NOTSENT_UNLIMITED, set_notsent_lowat
from rsp.engine.sampling import sides_of
from rsp.engine.session import Session


def room_of(connection: Connection, rows: Sequence[SampleRow]) -> RoomRow | None:
    """Return when a connection can be written to, going by its samples; None: not known.

    What a fault on purpose holds back does not wait for the kernel.
    """
    if connection.is_closed:
        return None
    look = read_look(raw_look(connection.sock))
    if look.notsent_bytes is None or look.queued_bytes is None or look.room_bytes is None:
        return None
    newest = rows[-1]
    queue_bytes = (newest.kernel_unsent_bytes or 0) + (newest.in_flight_bytes or 0)
    lowat_bytes = notsent_lowat_bytes(connection.sock)
    must_leave = must_leave_bytes(
        look.notsent_bytes, lowat_bytes, (look.queued_bytes, look.room_bytes, queue_bytes)
    )
    return RoomRow(
        lowat_bytes,
        must_leave,
        acknowledged_per_s(rows),
        writable_in_s(must_leave, rows),
    )


def move_mark(session: Session, lowat_bytes: int | None, side: Side | None) -> list[Side]:
    """Set TCP_NOTSENT_LOWAT of a session's sockets, or of one `side`, and return which have it now.

    None: unlimited. Backend connections that the session dials later have it as well, and no other
    session gets one of its own (`Pairing.part`).
    """
    mark_bytes = NOTSENT_UNLIMITED if lowat_bytes is None else lowat_bytes
    moved = [
        connection.side
        for connection in sides_of(session)
        if side in (None, connection.side) and set_notsent_lowat(connection.sock, mark_bytes)
    ]
    if moved:
        session.limits = replace(session.limits, notsent_lowat_bytes=mark_bytes)
    return moved
