"""Close autopsies: how a session ended, as HAProxy's two characters and as one sentence.

The characters are those of HAProxy's log ("session state at disconnection"): who ended it, and in
which phase. Their users know them; everybody else reads the sentence.
"""

import msgspec

from rsp.core.evidence import FlowRow, LedgerRow
from rsp.core.lab_limits import KEEP_ALIVE_LEAST_S, KEEP_ALIVE_RACE_S
from rsp.core.legend import CLOSE_REASONS
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

BY_BACKENDS = frozenset(
    {
        CloseReason.BACKEND_GONE,
        CloseReason.BACKEND_UNREACHABLE,
        CloseReason.BACKEND_TIMEOUT,
        CloseReason.BAD_RESPONSE,
    }
)
"""Ends that a backend brought about."""

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
    SessionState.QUEUED: "Q",
    SessionState.CONNECTING: "C",
    SessionState.TUNNEL: "D",
    SessionState.DRAINING: "L",
    SessionState.CLOSING: "L",
}
"""The second character: R the request, C connecting, H the response head, D data, L the last data.
While streaming it depends on whether a response has begun."""

BY_WORDS = {
    "C": "by the client",
    "S": "by the backend",
    "P": "by this proxy",
    "c": "the client took too long",
    "s": "the backend took too long",
    "K": "by a person",
    "R": "out of memory or room",
    "I": "by a bug of ours",
}
PHASE_WORDS = {
    "R": "while the request was read",
    "Q": "while its route was decided, or in a queue",
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


class SideEvidence(msgspec.Struct, frozen=True, gc=False):
    """What one side looked like when it was known how the session would end.

    The queues of a client are those at the very end: what it still took until then is not lost.
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
    wrote_last: str | None = None
    """Whose byte was the last one on this connection: `we` or `peer`; null: nobody's."""

    @property
    def is_reset_by_us(self) -> bool:
        """Whether our close told this peer by RST that what it said was not read (RFC 1122,
        4.2.2.13): it was still there."""
        return bool(self.receive_queue_bytes) and self.error is None

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
    backend_name: str | None
    """`pool/name`; None when there was none."""
    idle_s: float | None
    """For how long the backend connection had been idle before this request; null: it was new."""
    response_begun: bool


def phase_of(state: SessionState, *, response_begun: bool, is_owed: bool = False) -> str:
    """Return the second character; `is_owed`: the client has not got everything yet."""
    if state is SessionState.STREAMING:
        return "D" if response_begun else "H"
    if state is SessionState.IDLE and is_owed:
        return "L"
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
    return f"{BY_WORDS.get(by, by)}, {PHASE_WORDS.get(phase, 'at a moment that nobody saw')}"


def who_wrote_last(sent_s: float | None, received_s: float | None) -> str | None:
    """Return whose byte was the last one, from how many seconds ago each side's last one was."""
    if sent_s is None or received_s is None:
        return "we" if sent_s is not None else "peer" if received_s is not None else None
    return "we" if sent_s < received_s else "peer"


def sentence_of(
    reason: CloseReason, detail: str, ending: Ending | None, response: FlowRow | None = None
) -> str:
    """Return in one sentence how it ended, with the evidence that matters.

    `response` are the books of what came from the backend.
    """
    parts = [detail or CLOSE_REASONS[reason]]
    if response is not None and response.dropped:
        parts.append(_lost_here(response))
    if ending is None or reason in _ORDINARY:
        return "; ".join(parts)
    backend_name = f"backend {ending.backend_name}" if ending.backend_name else "the backend"
    if reason is CloseReason.BACKEND_GONE:
        parts += _backend_gone(ending)
    for who, side in (("the client", ending.client), (backend_name, ending.backend)):
        if side is not None:
            parts += _destroyed(who, side)
    if response is not None and _all_passed_on(ending, response):
        came = f"all {response.in_:,} bytes that came for the client"
        parts.append(f"{came} were passed on (heads not counted)")
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
    if not backend.bytes_in:
        found.append("no response byte came")
        was_idle = ending.idle_s is not None and ending.idle_s >= KEEP_ALIVE_LEAST_S
        if was_idle and backend.last_sent_s < KEEP_ALIVE_RACE_S:
            found.append(
                "keep-alive race: it closed while the request was on its way; keep idle "
                "connections for less time than it does (limits.backend_idle_s)"
            )
    return found


def _lost_here(response: FlowRow) -> str:
    """Say what was lost between reading and sending: the client has a hole, whatever the end."""
    at = response.first_divergence
    where = "" if at is None else f", the first that is wrong at byte {at:,}"
    return f"{response.dropped:,} bytes of the response were lost here{where}"


def _destroyed(who: str, side: SideEvidence) -> list[str]:
    """Say how many bytes may never have arrived, on their way to `who`, and on their way from it.

    Of those to it nobody knows more than that it did not acknowledge them: it may have read them
    in the moment in which it reset.
    """
    found = []
    if side.undelivered_bytes:
        found.append(f"{side.undelivered_bytes:,} bytes were not acknowledged by {who}")
    if side.receive_queue_bytes:
        unread = f"{side.receive_queue_bytes:,} bytes from {who} were never read"
        sent = ": closing such a connection sends RST" if side.is_reset_by_us else ""
        found.append(unread + sent)
    return found


def _all_passed_on(ending: Ending, response: FlowRow) -> bool:
    """Tell whether a response that broke off lost nothing here and on the way to the client."""
    is_whole = response.balanced and not response.unsent and response.in_ > 0
    return is_whole and ending.phase == "D" and ending.client.undelivered_bytes == 0


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
    backend_name: str | None
    """`pool/name`; null when it had none, and when nobody looked."""
    undelivered_bytes: int | None
    """What the client had not acknowledged of all that was for it; null when nobody looked."""
    ledger: LedgerRow
    client: SideEvidence | None
    """null when nobody looked: an ordinary end."""
    backend: SideEvidence | None


class Autopsies(msgspec.Struct):
    """`autopsies`: of the last closed sessions, newest first."""

    autopsies: list[AutopsyRow]
