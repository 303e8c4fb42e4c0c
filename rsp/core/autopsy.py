"""Close autopsies: how a session ended, as HAProxy's two characters and as one sentence.

The characters are those of HAProxy's log ("session state at disconnection"): who ended it, and in
which phase. Their users know them; everybody else reads the sentence.
"""

import msgspec

from rsp.core.evidence import LedgerRow
from rsp.core.legend import CLOSE_REASONS
from rsp.core.limits import KEEP_ALIVE_RACE_S
from rsp.core.vocabulary import CloseReason, SessionState

ENDED_BY = {
    CloseReason.FINISHED: "-",
    CloseReason.CLIENT_GONE: "C",
    CloseReason.BACKEND_GONE: "S",
    CloseReason.BACKEND_UNREACHABLE: "S",
    CloseReason.BAD_REQUEST: "P",
    CloseReason.BAD_PROXY_HEADER: "P",
    CloseReason.BAD_RESPONSE: "P",
    CloseReason.NO_ROUTE: "P",
    CloseReason.CLIENT_TIMEOUT: "c",
    CloseReason.BACKEND_TIMEOUT: "s",
    CloseReason.IDLE_TIMEOUT: "-",
    CloseReason.OPERATOR: "K",
    CloseReason.SHUTDOWN: "K",
    CloseReason.CONNECTION_LIMIT: "P",
    CloseReason.MEMORY_LIMIT: "R",
    CloseReason.BUFFER_LIMIT: "R",
    CloseReason.INJECTED: "P",
    CloseReason.INTERNAL_ERROR: "I",
}
"""The first character: C client, S backend, P this proxy, c and s their timeouts, K a person,
R out of something, I a bug; - for an ordinary end."""

_ORDINARY = frozenset({CloseReason.FINISHED, CloseReason.IDLE_TIMEOUT})

UNASKED_ENDS = frozenset(
    {
        CloseReason.FINISHED,
        CloseReason.IDLE_TIMEOUT,
        CloseReason.SHUTDOWN,
        CloseReason.CONNECTION_LIMIT,
        CloseReason.MEMORY_LIMIT,
    }
)
"""Ends of which no evidence is taken: ordinary ones, and those that come by the thousand."""

LOUD_ENDS = frozenset(
    {
        CloseReason.CLIENT_GONE,
        CloseReason.BACKEND_GONE,
        CloseReason.CLIENT_TIMEOUT,
        CloseReason.BACKEND_TIMEOUT,
        CloseReason.BUFFER_LIMIT,
        CloseReason.MEMORY_LIMIT,
        CloseReason.INTERNAL_ERROR,
        CloseReason.BAD_PROXY_HEADER,
    }
)
"""Ends that are events by themselves; the others are ordinary, or had an event of their own."""

_PHASES = {
    SessionState.READING_PROXY_HEADER: "R",
    SessionState.READING_HEAD: "R",
    SessionState.IDLE: "R",
    SessionState.ROUTING: "Q",
    SessionState.CONNECTING: "C",
    SessionState.TUNNEL: "D",
    SessionState.DRAINING: "L",
    SessionState.CLOSING: "L",
}
"""The second character: R the request, C connecting, H the response head, D data, L the last data.
While streaming it depends on whether a response has begun."""

_BY_WORDS = {
    "C": "by the client",
    "S": "by the backend",
    "P": "by this proxy",
    "c": "the client took too long",
    "s": "the backend took too long",
    "K": "by a person",
    "R": "out of memory or room",
    "I": "by a bug of ours",
}
_PHASE_WORDS = {
    "R": "while the request was read",
    "Q": "while its route was decided",
    "C": "while the backend was connected to",
    "H": "before a response came",
    "D": "while data passed",
    "L": "while the last data was on its way",
}

TCP_STATES = (
    "", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT", "CLOSE",
    "CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING",
)  # fmt: skip
"""`tcpi_state` in words (linux/tcp_states.h)."""

_FIN_UNACKED = ("FIN_WAIT1", "LAST_ACK", "CLOSING")
"""In these our FIN waits for its ACK, and the send queue counts it as a byte."""


class SideEvidence(msgspec.Struct, frozen=True, gc=False):
    """What one side looked like when it was known how the session would end.

    Bytes and seconds; null is what the kernel did not say.
    """

    readiness: str
    """All that was ever reported of reading: `IN RDHUP HUP ERR`."""
    error: str | None
    """The errno of the last call that failed, or SO_ERROR."""
    tcp_state: str | None
    bytes_in: int
    bytes_out: int
    unsent_bytes: int
    send_queue_bytes: int | None
    """In the kernel, not acknowledged (SIOCOUTQ), without our FIN."""
    receive_queue_bytes: int | None
    """Sent by the peer, and never read by us (SIOCINQ)."""
    last_sent_s: float | None
    """How long ago the last byte to the peer left."""
    last_received_s: float | None
    """How long ago the last byte from it came."""

    @property
    def undelivered_bytes(self) -> int | None:
        """What the peer has not acknowledged of all that was for it."""
        if self.send_queue_bytes is None:
            return None
        return self.unsent_bytes + self.send_queue_bytes


class Ending(msgspec.Struct, frozen=True, gc=False):
    """What was known at the moment when somebody knew how the session would end."""

    phase: str
    client: SideEvidence
    backend: SideEvidence | None
    backend_name: str
    idle_s: float | None
    """For how long the backend connection had been idle before this request; null: it was new."""
    response_begun: bool


def phase_of(state: SessionState, *, response_begun: bool) -> str:
    """Return the second character."""
    if state is SessionState.STREAMING:
        return "D" if response_begun else "H"
    return _PHASES.get(state, "-")


def code_of(reason: CloseReason, ending: Ending | None) -> str:
    """Return HAProxy's two characters; `--` for an ordinary end."""
    if reason in _ORDINARY:
        return "--"
    return ENDED_BY[reason] + (ending.phase if ending is not None else "-")


def code_words(code: str) -> str:
    """Return in words what a code says."""
    if code == "--":
        return "an ordinary end"
    by, phase = code[:1], code[1:]
    return f"{_BY_WORDS.get(by, by)}, {_PHASE_WORDS.get(phase, 'at a moment that nobody saw')}"


def kernel_queue(queue_bytes: int | None, tcp_state: str | None) -> int | None:
    """Return a send queue without the FIN that it counts as a byte."""
    if queue_bytes and tcp_state in _FIN_UNACKED:
        return queue_bytes - 1
    return queue_bytes


def sentence_of(reason: CloseReason, detail: str, ending: Ending | None) -> str:
    """Return in one sentence how it ended, with the evidence that matters."""
    parts = [detail or CLOSE_REASONS[reason]]
    if ending is None or reason in _ORDINARY:
        return parts[0]
    if reason is CloseReason.BACKEND_GONE:
        parts += _backend_gone(ending)
    for who, side in (("the client", ending.client), (ending.backend_name, ending.backend)):
        if side is not None and side.undelivered_bytes:
            parts.append(f"{side.undelivered_bytes:,} bytes had not reached {who}")
        if side is not None and side.receive_queue_bytes:
            unread = f"{side.receive_queue_bytes:,} bytes from {who} were never read"
            parts.append(f"{unread}: closing such a connection sends RST")
    return "; ".join(parts)


def _backend_gone(ending: Ending) -> list[str]:
    """Say when, after what, and whether it is the race that keep-alive brings."""
    backend = ending.backend
    found: list[str] = []
    if backend is None or backend.last_sent_s is None:
        return found
    found.append(f"{backend.last_sent_s * 1000:,.0f} ms after the last byte of ours to it")
    if ending.idle_s is not None:
        found[-1] += f", on a connection that had been idle for {ending.idle_s:.2f} s"
    if not ending.response_begun:
        found.append("no response byte came")
        if ending.idle_s is not None and backend.last_sent_s < KEEP_ALIVE_RACE_S:
            found.append(
                "keep-alive race: it closed while the request was on its way; keep idle "
                "connections for less time than it does (limits.backend_idle_s)"
            )
    return found


class AutopsyRow(msgspec.Struct):
    """How a session ended."""

    id: int
    """Of the session."""
    at: str
    code: str
    """HAProxy's two characters; `--` for an ordinary end."""
    reason: str
    """A `CloseReason`."""
    sentence: str
    duration_s: float
    client_address: str
    backend_address: str | None
    """null when it had none at its end."""
    undelivered_bytes: int | None
    """What the client had not acknowledged of all that was for it; null when nobody looked."""
    ledger: LedgerRow
    client: SideEvidence | None
    """null when nobody looked: an ordinary end."""
    backend: SideEvidence | None


class Autopsies(msgspec.Struct):
    """`autopsies`: of the last closed sessions, newest first."""

    autopsies: list[AutopsyRow]
