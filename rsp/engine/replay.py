"""When a request is sent a second time, and from what: RFC 9110, 9.2.2 and RFC 9112, 9.3.1.

A kept backend connection may die under a request. It is sent once more, on a connection of its
own, when no byte of a response has come and nobody can tell the difference: the kernel had taken
nothing of it, or its method is idempotent and the connection had served before. What has gone of
its body must be at hand, so it is kept where that may happen.
"""

from typing import Protocol

from rsp.core.http1.framing import BodyKind
from rsp.core.http1.head import RequestHead
from rsp.core.http1.kept import KeptBody
from rsp.core.limits import REPLAY_DIALS, Limits
from rsp.core.vocabulary import PauseReason
from rsp.engine.exchange import Exchange
from rsp.engine.pairing import Pairing
from rsp.engine.session import Session

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
"""Methods that may be sent again when nobody knows whether they arrived (RFC 9110, 9.2.2)."""

_NO_BODY = BodyKind.NONE


class Sender(Protocol):
    """The conversation whose request it is."""

    session: Session
    pairing: Pairing
    exchange: Exchange | None
    request: RequestHead
    inbox: bytes
    kept: KeptBody | None


def may_repeat(head: RequestHead, limits: Limits) -> bool:
    """Tell whether a request may be sent again even if it has arrived, as far as its head says."""
    body = head.body
    return head.method in IDEMPOTENT and (
        body.kind is _NO_BODY or body.length <= limits.high_water_bytes
    )


def keep_body(sender: Sender, sent: bytes) -> None:
    """Keep the body of a request of which `sent` has just gone, if it may have to go again.

    When the backend connection has refused it already, the client is not read until that is known
    to everybody: what it still has to send is for the next connection.
    """
    session, head = sender.session, sender.request
    pipe, backend = session.request_pipe, session.backend
    is_refused = backend is not None and backend.write_error is not None
    is_at_risk = sender.pairing.is_reused and may_repeat(head, session.limits)
    if head.body.is_empty or not (is_refused or is_at_risk):
        return
    most_bytes = session.limits.high_water_bytes
    scanner = pipe.scanner if not isinstance(pipe.scanner, KeptBody) else None
    sender.kept = kept = KeptBody(sent, pipe.remaining, scanner, most_bytes=most_bytes)
    session.client.poller.holders.add(sender)
    if pipe.is_open:
        pipe.scanner = kept
        if is_refused:
            session.client.pause(PauseReason.CONNECTING)


def forget_body(sender: Sender) -> None:
    """Let go of what was kept: the request will not be sent again."""
    sender.kept = None
    sender.session.request_pipe.scanner = None


def repeat(sender: Sender) -> bool:
    """Send the request again on a new connection if that is allowed; tell whether it is."""
    kept = sender.kept
    exchange = sender.exchange
    body = b"" if kept is None else kept.kept
    has_body_at_hand = kept is not None or sender.request.body.is_empty
    if exchange is None or body is None or not has_body_at_hand or not _nobody_can_tell(sender):
        return False
    sender.inbox = body + sender.inbox
    sender.kept = None
    sender.pairing.dial_again(exchange.paired_s)
    return True


def _nobody_can_tell(sender: Sender) -> bool:
    exchange, pairing, backend = sender.exchange, sender.pairing, sender.session.backend
    if exchange is None or backend is None:
        return False
    if pairing.is_reused and not backend.bytes_out:
        # Whatever it has said was no answer to this.
        return True
    if backend.bytes_in:
        return False
    if pairing.is_reused:
        return sender.request.method in IDEMPOTENT
    return not backend.bytes_out and pairing.tries < REPLAY_DIALS
