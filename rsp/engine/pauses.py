"""Who blocks whom: every side that is not read, and whom it waits for."""

from rsp.core.evidence import PauseRow
from rsp.core.vocabulary import PauseReason
from rsp.engine.connection import Connection
from rsp.engine.names import name_of
from rsp.engine.session import Session

_BY_WEIGHT = (
    PauseReason.OPERATOR,
    PauseReason.BREAKPOINT,
    PauseReason.INJECTED,
    PauseReason.SINK_FULL,
    PauseReason.CONNECTING,
    PauseReason.PIPELINED,
    PauseReason.ROUTING,
)
"""Where there are several reasons, the first of these is told."""


def pause_of(session: Session, source: Connection, now_s: float) -> PauseRow | None:
    """Return why `source` is not read, and by whom; None while it is."""
    if not source.paused_by:
        return None
    reason = next(each for each in _BY_WEIGHT if source.paused_by & each.value)
    sink = session.backend if source is session.client else session.client
    if reason is PauseReason.SINK_FULL and sink is None:
        return None
    since_s = max(0.0, now_s - source.paused_since_s)
    because, waits_for = _because(session, reason, sink, now_s)
    sentence = (
        f"fd {source.fd} ({name_of(session, source)}) not read for {since_s:.1f} s because "
        f"{because}"
    )
    held_bytes = len(waits_for.unsent) if waits_for is not None else 0
    fd = waits_for.fd if waits_for is not None else None
    return PauseRow(since_s, sentence, fd, held_bytes, reason.names()[0])


def _because(
    session: Session, reason: PauseReason, sink: Connection | None, now_s: float
) -> tuple[str, Connection | None]:
    """Return a reason in words, and the connection that is waited for, if it is one."""
    match reason:
        case PauseReason.OPERATOR:
            return "a person paused it", None
        case PauseReason.BREAKPOINT:
            return "a breakpoint holds it", None
        case PauseReason.INJECTED:
            return "the fault stall_reads keeps it from being read", None
        case PauseReason.ROUTING:
            if session.place is None:
                return "its route is not decided yet", None
            return f"it {session.place.row(now_s).words}", None
    who = name_of(session, sink) if sink is not None else "the backend"
    at = f"fd {sink.fd} ({who})" if sink is not None else who
    if reason is PauseReason.CONNECTING:
        return f"{at} has not accepted our connection", sink
    if reason is PauseReason.PIPELINED:
        return f"its exchange before, at {at}, is not over", sink
    held_bytes = len(sink.unsent) if sink is not None else 0
    return f"{at} holds {held_bytes:,} bytes", sink
