"""Silence: whose turn it is to speak, and since when it has said nothing.

Only for whoever looks. The kernel knows when bytes came last (TCP_INFO), so nothing is noted on
the byte path. An idle connection owes nobody anything, nor does a tunnel.
"""

from rsp.core.evidence import StallRow
from rsp.core.lifecycle import State
from rsp.core.limits import STALL_S
from rsp.core.vocabulary import Side, StallCause
from rsp.engine.connection import Connection
from rsp.engine.conversation import Conversation
from rsp.engine.kernel import queues, quiet_s
from rsp.engine.names import name_of
from rsp.engine.session import Session

_EXPECTING = (State.READING_HEAD, State.STREAMING, State.STREAMING_CLIENT_FINISHED)
"""States in which somebody may have to say something; a tuple, for an Enum hashes slowly."""


def silence_of(session: Session, connection: Connection, now_s: float) -> StallRow | None:
    """Return why nothing is read from one side of a session; None where nothing is owed."""
    if connection.is_held:
        return _held(session, connection, now_s)
    if connection.paused_by or connection.is_closed or not connection.is_connected:
        return None
    # Nearly always it is quick: the words are found when it is not.
    silent_s = quiet_s(connection.sock) if session.state in _EXPECTING else None
    owed = _owed(session, connection) if silent_s is not None and silent_s >= STALL_S else ""
    if silent_s is None or not owed:
        return None
    _, unread_bytes = queues(connection.sock)
    who = name_of(session, connection)
    if unread_bytes:
        lag_s = session.context.deadlines.lag_s
        late = f"our loop is {lag_s:.1f} s late"
        said = f"{who} has sent {unread_bytes:,} bytes that we have not read: {late}"
        return StallRow(silent_s, StallCause.ENGINE_BUSY.value, said, {"loop_lag_s": lag_s})
    said = f"{who} sends nothing for {silent_s:.1f} s: {owed}"
    return StallRow(silent_s, StallCause.PEER_SENDING_NOTHING.value, said, {"silent_s": silent_s})


def _held(session: Session, connection: Connection, now_s: float) -> StallRow:
    since_s = now_s - connection.paused_since_s
    said = f"{name_of(session, connection)} is not read for {since_s:.1f} s: a person paused it"
    return StallRow(since_s, StallCause.OPERATOR.value, said, {})


def _owed(session: Session, connection: Connection) -> str:
    """Return what one side has to say now, in words; empty when it is not its turn."""
    speaker = session.speaker
    if not isinstance(speaker, Conversation):
        return ""
    if connection.side is Side.CLIENT:
        if session.request_pipe.is_open:
            return f"its request body breaks off {session.request_pipe.cut_sentence()}"
        return "half a request head is here" if speaker.inbox and speaker.exchange is None else ""
    if session.request_pipe.is_open or connection.unsent.data or speaker.exchange is None:
        return ""
    if speaker.response is None:
        return "it has the whole request and has not begun to answer"
    return f"its response breaks off {session.response_pipe.cut_sentence()}"
