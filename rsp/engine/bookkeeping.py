"""The record of an exchange in a conversation: begun, finished, and completed behind a tunnel."""

from typing import Protocol

from rsp.core.http1.head import ResponseHead
from rsp.core.limits import FIRST_FLIGHT_BYTES
from rsp.core.vocabulary import CloseReason
from rsp.engine.exchange import SHOWN_PATH_CHARACTERS, Exchange
from rsp.engine.replay import Sender, forget_body
from rsp.engine.stamping import break_off

_FINISHED = CloseReason.FINISHED
"""A member of an Enum costs 70 ns to look up, a name of the module 7."""


class Talk(Sender, Protocol):
    """The conversation whose exchanges they are."""

    response: ResponseHead | None
    inbox_since_s: float
    turn_s: float
    tunnel: Exchange | None


def new_exchange(talk: Talk, method: str = "", host: str = "", path: str = "") -> Exchange:
    """Return an exchange that begins now, or with what of it had to wait."""
    session = talk.session
    context = session.context
    session.exchanges += 1
    exchange = Exchange(
        session.id, context.next_exchange_id(), session.client.address, context.poller.now_s,
        method, host, path[:SHOWN_PATH_CHARACTERS],
    )  # fmt: skip
    if talk.inbox_since_s:
        exchange.began_s, exchange.turn_s = talk.inbox_since_s, talk.turn_s
        talk.inbox_since_s = talk.turn_s = 0.0
    return exchange


def finish_exchange(talk: Talk, result: str) -> None:
    """Remember the present exchange, with how it went."""
    exchange, response = talk.exchange, talk.response
    talk.exchange = talk.response = None
    if talk.kept is not None:
        forget_body(talk)
    if exchange is None:
        return
    session = talk.session
    context = session.context
    telemetry = context.telemetry
    exchange.result = result
    exchange.duration_s = context.poller.now_s - exchange.started_s
    # A pipe counts what it passed on last: for an exchange that never got so far, before it.
    if exchange.paired_s:
        exchange.request_bytes = session.request_pipe.moved_bytes
    if response is not None:
        exchange.response_bytes = moved_bytes = session.response_pipe.moved_bytes
        if moved_bytes > FIRST_FLIGHT_BYTES or session.client.unsent.data:
            context.drains.watch(session.client, exchange)
    if session.backend is not None:
        break_off(exchange, session)
    telemetry.exchanges.append(exchange)
    telemetry.totals.exchanges += 1


def end_session(talk: Talk) -> None:
    """The session is over: an exchange in its midst is remembered as it stands, and of a tunnel
    what went through it."""
    session, tunnel = talk.session, talk.tunnel
    reason = session.close_reason or _FINISHED
    result = f"{reason.value}: {session.close_detail}".rstrip(": ")
    finish_exchange(talk, result)
    if tunnel is not None:
        tunnel.request_bytes = session.request_pipe.moved_bytes
        tunnel.response_bytes = session.response_pipe.moved_bytes
    elif reason is not _FINISHED:
        session.context.drains.cut(session.client, result)
