"""One sentence for each session: what it is doing, and when nothing moves, why not.

The promise of the tool: what is wrong stands on the screen as a sentence, with the evidence in it.
"""

from rsp.core.replies import ConnectionRow, PeerRow
from rsp.core.vocabulary import SessionState, Side
from rsp.tui.model import text
from rsp.tui.model.session_columns import shown
from rsp.tui.model.sessions import Session
from rsp.tui.model.spans import Line, Span

_PAUSES = {
    "operator": "a person paused it (P resumes)",
    "breakpoint": "a breakpoint holds it",
    "sink_full": "the other side is full",
    "connecting": "the backend is not connected yet",
    "routing": "its request is not routed yet",
    "pipelined": "the exchange before has to end first",
}

_PLAIN = {
    SessionState.READING_HEAD: "The client has not sent its whole request head yet.",
    SessionState.ROUTING: "The route of this request is being decided.",
    SessionState.TUNNEL: "A tunnel: bytes pass in both ways, unread.",
    SessionState.DRAINING: "The rest of the buffer goes out, then it is closed.",
    SessionState.CLOSING: "Everything is said; it is being closed.",
    SessionState.CLOSED: "This session is over.",
}


def why(session: Session) -> Line:
    """Return the sentence for one session, with the role of its seriousness."""
    row = session.row
    if row.state == SessionState.CLOSED:
        return (Span(_PLAIN[SessionState.CLOSED], "dim"),)
    held = _held_by_a_person(row)
    if held:
        return (Span(held, "accent"),)
    if row.client.blocked_s > 0:
        return (Span(_blocked(session, Side.CLIENT), "warn"),)
    if row.backend is not None and row.backend.blocked_s > 0:
        return (Span(_blocked(session, Side.BACKEND), "warn"),)
    return (Span(_moving(session)),)


def _held_by_a_person(row: ConnectionRow) -> str:
    for side, peer in ((Side.CLIENT, row.client), (Side.BACKEND, row.backend)):
        if peer is not None:
            for reason in ("operator", "breakpoint"):
                if reason in peer.paused_by:
                    return f"Nothing is read from the {side}: {_PAUSES[reason]}."
    return ""


def _blocked(session: Session, side: Side) -> str:
    """Who does not take its bytes, for how long, how many wait, and what that leads to."""
    row = session.row
    sink, source = (row.client, row.backend) if side is Side.CLIENT else (row.backend, row.client)
    if sink is None:
        return ""
    taken = session.client_out_per_s if side is Side.CLIENT else session.backend_out_per_s
    speed = f"takes only {text.full_size(round(taken))}/s" if taken >= 1 else "takes nothing"
    waited = text.duration(sink.blocked_s)
    waiting = f"{text.full_size(sink.unsent_bytes)} wait here{_in_the_kernel(sink)}"
    said = f"The {side} {speed}: for {waited} send() has got EAGAIN. {waiting}"
    other = Side.BACKEND if side is Side.CLIENT else Side.CLIENT
    if source is not None and "sink_full" in source.paused_by:
        return f"{said}, so the {other} is not read."
    return f"{said}."


def _in_the_kernel(peer: PeerRow) -> str:
    queued = peer.kernel_send_queue_bytes
    return f", {text.full_size(queued)} in the kernel" if queued else ""


def _moving(session: Session) -> str:
    row = session.row
    match row.state:
        case SessionState.CONNECTING:
            backend = shown(row.route.backend) if row.route else "the backend"
            return f"Waiting for {backend} to accept our connection."
        case SessionState.IDLE:
            return f"Kept alive after {row.exchanges:,} exchanges; the next request may come."
        case SessionState.STREAMING:
            return _streaming(session)
    try:
        return _PLAIN[SessionState(row.state)]
    except (KeyError, ValueError):
        return ""


def _streaming(session: Session) -> str:
    row = session.row
    if row.half_closed:
        return f"The {row.half_closed} has said all it had to say; the other way goes on."
    if row.response is None:
        waiting = "The request is on its way" if session.client_in_per_s >= 1 else "Request sent"
        backend = shown(row.route.backend) if row.route else "the backend"
        return f"{waiting}; {backend} has not begun to answer."
    out = text.byte_rate(session.client_out_per_s)
    if out == text.NOTHING:
        return "Nothing is waiting here: the backend has sent no more yet."
    return f"Flowing: {out} to the client, nothing in the way."


def pauses(peer: PeerRow) -> str:
    """Return why one side is not read, in words; empty when it is read."""
    return "; ".join(_PAUSES.get(reason, shown(reason)) for reason in peer.paused_by)
