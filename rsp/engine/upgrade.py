"""From HTTP to a tunnel: client and backend have agreed to speak something else (WebSocket)."""

from rsp.core.http1.errors import BadMessage
from rsp.core.http1.forward import response_head_bytes
from rsp.core.http1.head import ResponseHead
from rsp.core.lifecycle import Fact
from rsp.core.vocabulary import PauseReason
from rsp.engine.bookkeeping import Talk, finish_exchange
from rsp.engine.exchange import Exchange


def upgrade(talk: Talk, exchange: Exchange, head: ResponseHead, rest: bytes) -> None:
    """Let bytes pass from now on, those at hand first.

    Raises:
        BadMessage: 502, the client had not asked for that protocol (RFC 9110, section 7.8).
    """
    session, wanted = talk.session, talk.request.upgrade
    if not wanted or head.upgrade != wanted:
        raise BadMessage(502, "the backend switched to a protocol that nobody asked for")
    exchange.status = head.status
    talk.response = head
    out = response_head_bytes(head, client_minor=1, keep_alive=True, decode_chunked=False)
    if exchange.decision is not None and exchange.decision.sets_cookie:
        out = exchange.decision.with_cookie(out)
    session.request_pipe.open()
    session.response_pipe.open(out, rest)
    if talk.inbox:
        session.request_pipe.feed(memoryview(talk.inbox))
        talk.inbox = b""
    session.client.resume(PauseReason.PIPELINED)
    finish_exchange(talk, "tunnel")
    talk.tunnel = exchange
    session.advance(Fact.UPGRADED)
