"""Silence: whose turn it is to speak, and since when it has said nothing.

Only for whoever looks. The kernel knows when bytes came last (TCP_INFO), so nothing is noted on
the byte path. An idle connection owes nobody anything, nor does a tunnel; but what any of them has
sent and we have not read, while our loop is late, is waiting for us.
"""

from rsp.core.evidence import StallRow
from rsp.core.lifecycle import State
from rsp.core.limits import STALL_S
from rsp.core.stall import cause_of, evidence_of, sentence_of
from rsp.core.vocabulary import PauseReason, Side, StallCause
from rsp.engine.connection import Connection
from rsp.engine.conversation import Conversation
from rsp.engine.kernel import queues, quiet_s, raw_look, read_look
from rsp.engine.names import name_of
from rsp.engine.session import Session

_EXPECTING = (State.READING_HEAD, State.STREAMING, State.STREAMING_CLIENT_FINISHED)
"""States in which somebody may have to say something; a tuple, for an Enum hashes slowly."""

_INJECTED = PauseReason.INJECTED.value
_ON_PURPOSE = (PauseReason.OPERATOR | PauseReason.BREAKPOINT).value | _INJECTED


def silence_of(session: Session, connection: Connection, now_s: float) -> StallRow | None:
    """Return why nothing is read from one side of a session; None where nothing is owed."""
    if connection.paused_by & _ON_PURPOSE:
        return _held(session, connection, now_s)
    if connection.paused_by or connection.is_closed or not connection.is_connected:
        return None
    lag_s = session.context.deadlines.lag_now_s()
    is_late = lag_s >= STALL_S
    is_expecting = session.state in _EXPECTING
    # Nearly always it is quick: the words are found when it is not.
    quiet = quiet_s(connection.sock) if is_expecting or is_late else None
    if quiet is None or quiet < STALL_S:
        return None
    if is_late and not connection.is_eof:
        _, unread_bytes = queues(connection.sock)
        if unread_bytes:
            return _unread(session, connection, quiet, lag_s, unread_bytes)
    # While it was not read it may not have been able to send: that is no silence of its own.
    silent_s = min(quiet, now_s - connection.resumed_s)
    is_silent = silent_s - (lag_s if is_late else 0.0) >= STALL_S
    return _silent(session, connection, silent_s) if is_expecting and is_silent else None


def _held(session: Session, connection: Connection, now_s: float) -> StallRow:
    lab = session.context.lab
    stop = None if lab is None else lab.stop_row(session.id, now_s)
    if stop is not None:
        said = f"stopped at breakpoint {stop.breakpoint} for {stop.for_s:.1f} s: {stop.why}"
        return StallRow(stop.for_s, StallCause.BREAKPOINT.value, said, {})
    since_s = now_s - connection.paused_since_s
    is_fault = connection.paused_by & _INJECTED
    cause = StallCause.INJECTED if is_fault else StallCause.OPERATOR
    why = "a fault, stall_reads" if is_fault else "a person paused it"
    said = f"{name_of(session, connection)} is not read for {since_s:.1f} s: {why}"
    return StallRow(since_s, cause.value, said, {})


def _unread(
    session: Session, connection: Connection, since_s: float, lag_s: float, unread_bytes: int
) -> StallRow:
    said = (
        f"{name_of(session, connection)} has sent {unread_bytes:,} bytes that we have not read: "
        f"our loop is {lag_s:.1f} s late"
    )
    evidence: dict[str, int | float] = {"loop_lag_s": lag_s, "unread_bytes": unread_bytes}
    return StallRow(since_s, StallCause.ENGINE_BUSY.value, said, evidence)


def _silent(session: Session, connection: Connection, silent_s: float) -> StallRow | None:
    owed = _owed(session, connection)
    if not owed:
        return None
    who = name_of(session, connection)
    if connection.side is Side.BACKEND:
        # What it has not got it cannot answer, and a request fits well into our send buffer.
        look = read_look(raw_look(connection.sock))
        if look.notsent_bytes or look.lost:
            widest_bytes = connection.widest_wnd_bytes
            cause = cause_of(look, look, widest_bytes)
            said = sentence_of(cause, who, silent_s, look, look)
            return StallRow(silent_s, cause.value, said, evidence_of(look, look, widest_bytes))
    said = f"{who} sends nothing for {silent_s:.1f} s: {owed}"
    return StallRow(silent_s, StallCause.PEER_SENDING_NOTHING.value, said, {"silent_s": silent_s})


def _owed(session: Session, connection: Connection) -> str:
    """Return what one side has to say now, in words; empty when it is not its turn."""
    speaker = session.speaker
    if not isinstance(speaker, Conversation):
        return ""
    asks_first = _asks_first(session, speaker)
    if connection.side is Side.CLIENT:
        if session.request_pipe.is_open and not asks_first:
            return f"its request body pauses {session.request_pipe.cut_sentence()}"
        return "half a request head is here" if speaker.inbox and speaker.exchange is None else ""
    if connection.unsent.data or speaker.exchange is None:
        return ""
    if asks_first:
        return "it was asked whether the body may come, and has not said so"
    if session.request_pipe.is_open:
        return ""
    if speaker.response is None:
        return "it has the whole request and has not begun to answer"
    return f"its response pauses {session.response_pipe.cut_sentence()}"


def _asks_first(session: Session, speaker: Conversation) -> bool:
    """Whether the client waits for a 100 before its body (RFC 9110, section 10.1.1)."""
    backend = session.backend
    return (
        speaker.exchange is not None
        and (backend is None or not backend.bytes_in)
        and session.request_pipe.is_open
        and not session.request_pipe.moved_bytes
        and speaker.request.expects_continue
    )
