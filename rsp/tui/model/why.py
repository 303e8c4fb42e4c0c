"""One sentence for each session: what it is doing, and when nothing moves, why not.

The promise of the tool: what is wrong stands on the screen as a sentence, with the evidence in it.
"""

from rsp.core.breaks.rows import StopRow
from rsp.core.replies import ConnectionDetail, ConnectionRow, PeerRow
from rsp.core.units import counted
from rsp.core.vocabulary import SessionState, Side, StallCause
from rsp.tui.limits import BLOCKED_ALERT_S
from rsp.tui.model import text
from rsp.tui.model.session_columns import shown
from rsp.tui.model.sessions import Session
from rsp.tui.model.spans import Line, Span

_PAUSES = {
    "operator": "a person paused it (P resumes)",
    "breakpoint": "a breakpoint holds it",
    "injected": "a fault on purpose keeps it from being read",
    "sink_full": "sink_full: other side full",
    "connecting": "connecting: no backend connection yet",
    "routing": "routing: no place at a backend yet",
    "pipelined": "pipelined: an exchange before it goes on",
}

_PLAIN = {
    SessionState.READING_PROXY_HEADER: "The proxy in front has not said yet for whom it speaks.",
    SessionState.READING_HEAD: "The client has not sent its whole request head yet.",
    SessionState.ROUTING: "The route of this request is being decided.",
    SessionState.QUEUED: "It waits for a place at its pool.",
    SessionState.DRAINING: "The rest of the buffer goes out, then it is closed.",
    SessionState.CLOSING: "Everything is said; it is being closed.",
    SessionState.CLOSED: "This session is over.",
}


def why(session: Session) -> Line:
    """Return the sentence for one session, with the role of its seriousness."""
    row = session.row
    if row.state == SessionState.CLOSED:
        return (Span(_ended(row), "dim"),)
    held = _held_by_a_person(row)
    if held:
        return (Span(held, "accent"),)
    if row.client.blocked_s > 0:
        return (Span(_blocked(session, Side.CLIENT), "warn"),)
    if row.backend is not None and row.backend.blocked_s > 0:
        return (Span(_blocked(session, Side.BACKEND), "warn"),)
    for peer in (row.client, row.backend):
        if peer is not None and peer.stall is not None:
            is_ours = peer.stall.cause == StallCause.ENGINE_BUSY
            return (Span(_as_sentence(peer.stall.sentence), "bad" if is_ours else ""),)
    return (Span(_moving(session)),)


def _held_by_a_person(row: ConnectionRow) -> str:
    if row.stopped is not None:
        return _stopped(row.stopped)
    for side, peer in ((Side.CLIENT, row.client), (Side.BACKEND, row.backend)):
        if peer is not None:
            for reason in ("operator", "breakpoint"):
                if reason in peer.paused_by:
                    return f"Nothing is read from the {side}: {_PAUSES[reason]}."
    return ""


def _stopped(stop: StopRow) -> str:
    """Where it stopped, when it goes on, and who may lose patience meanwhile."""
    said = f"Stopped at breakpoint {stop.breakpoint}: {shown(stop.why)}"
    if stop.goes_on_in_s is None:
        said += "; it goes on when you say so."
    else:
        said += f"; it goes on by itself in {stop.goes_on_in_s:.0f} s."
    return f"{said} Near its end: {shown(stop.warning)}." if stop.warning else said


def _ended(row: ConnectionRow) -> str:
    reason = row.close_reason if isinstance(row, ConnectionDetail) else None
    if not isinstance(row, ConnectionDetail) or reason is None:
        return _PLAIN[SessionState.CLOSED]
    autopsy = row.autopsy
    if autopsy is None:
        detail = f", {shown(row.close_detail)}" if row.close_detail else ""
        return f"This session is over: {shown(reason)}{detail}."
    said = shown(autopsy.sentence).removesuffix(".")
    return f"This session is over ({autopsy.code} {shown(reason)}): {said}."


def _blocked(session: Session, side: Side) -> str:
    """Who does not read, for how long, how many bytes wait, and which fd is paused for it."""
    row = session.row
    sink, source = (row.client, row.backend) if side is Side.CLIENT else (row.backend, row.client)
    if sink is None:
        return ""
    taken = session.client_out_per_s if side is Side.CLIENT else session.backend_out_per_s
    unsent = text.full_size(sink.unsent_bytes)
    if sink.stall is not None:
        said = f"{_as_sentence(sink.stall.sentence)} {unsent} wait at fd {sink.fd}"
    else:
        said = f"The {side} (fd {sink.fd}) {_pace(sink, taken)}: {unsent} wait here"
    said += _in_the_kernel(sink) + _room(row, side)
    if source is None or "sink_full" not in source.paused_by:
        return f"{said}."
    other = "the client"
    if side is Side.CLIENT:
        other = shown(row.route.backend) if row.route else "the backend"
    return f"{said}; reading {other} (fd {source.fd}) is paused."


def _as_sentence(said: str) -> str:
    said = shown(said)
    return (
        f"{said[0].upper()}{said[1:]}."
        if said.startswith(("client", "the ", "our "))
        else f"{said}."
    )


def _pace(sink: PeerRow, taken_per_s: float) -> str:
    # Each gulp begins a new wait: only the sum says for how long a slow reader has been slow.
    if sink.blocked_s >= BLOCKED_ALERT_S:
        # Not "nothing": the kernel tells of room only when a good part of its queue is gone.
        return f"hardly reads, EAGAIN for {_seconds(sink.blocked_s)}"
    speed = f"only {text.full_size(round(taken_per_s))}/s" if taken_per_s >= 1 else "slowly"
    return f"reads {speed}, EAGAIN for {_seconds(sink.blocked_total_s)}"


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:,.0f} s"


def _in_the_kernel(peer: PeerRow) -> str:
    queued = peer.kernel_send_queue_bytes
    return f", {text.full_size(queued)} in the kernel" if queued else ""


def _room(row: ConnectionRow, side: Side) -> str:
    """Return when the kernel of a side takes bytes again, where somebody has asked it."""
    room = row.room.get(side.value) if isinstance(row, ConnectionDetail) else None
    if room is None or room.acknowledged_per_s is None or room.writable_in_s == 0:
        return ""
    if room.writable_in_s is None:
        return ", not writable again at this rate: nothing moves"
    return f", writable again in ≈ {_seconds(room.writable_in_s)}"


def _moving(session: Session) -> str:
    row = session.row
    match row.state:
        case SessionState.CONNECTING:
            backend = shown(row.route.backend) if row.route else "the backend"
            return f"Waiting for {backend} to accept our connection."
        case SessionState.QUEUED if row.queued is not None:
            return f"It {shown(row.queued.words)}: for {_seconds(row.queued.since_s)} so far."
        case SessionState.IDLE:
            done = counted(row.exchanges, "exchange")
            return f"Kept alive after {done}; the next request may come."
        case SessionState.TUNNEL | SessionState.STREAMING:
            return _streaming(session)
    try:
        return _PLAIN[SessionState(row.state)]
    except (KeyError, ValueError):
        return ""


def _unread(session: Session) -> str:
    """What passes where nobody reads it: a tunnel, or a session of a tcp listener."""
    passing = session.client_in_per_s >= 1 or session.client_out_per_s >= 1
    if not passing:
        return "Open both ways, and nothing passes now: either side may speak."
    came, out = text.byte_rate(session.client_in_per_s), text.byte_rate(session.client_out_per_s)
    return f"Passed on unread: {came} from the client, {out} to it."


def _streaming(session: Session) -> str:
    row = session.row
    if row.half_closed:
        return f"The {row.half_closed} has said all it had to say; the other way goes on."
    if row.state == SessionState.TUNNEL or row.request is None:
        return _unread(session)
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
