"""The command `peek`: the bytes of a watched session, without secrets."""

from rsp.core.params import PeekParams
from rsp.core.peek import Peek, PeekReply
from rsp.core.vocabulary import Direction, Side
from rsp.core.wire import INVALID_PARAMS, CommandRefused
from rsp.engine.calls import CallRing
from rsp.engine.server import Engine

_FROM = {Direction.REQUEST: Side.CLIENT, Direction.RESPONSE: Side.BACKEND}
"""Whose bytes they are."""


def peek(engine: Engine, params: PeekParams) -> PeekReply:
    """Return the bytes that each side of a watched session sent last, also of a closed one."""
    if params.direction not in (None, *Direction):
        raise CommandRefused(
            f'no direction "{params.direction}"; there are request and response', INVALID_PARAMS
        )
    calls = _calls_of(engine, params.id)
    peeks = {
        way: calls.peeks[side] if calls is not None and params.direction in (None, way) else Peek()
        for way, side in _FROM.items()
    }
    redactor = engine.telemetry.redactor
    heads = [head for way, each in peeks.items() for head in each.heads(way.value, redactor)]
    return PeekReply(
        params.id,
        calls is not None,
        peeks[Direction.REQUEST].row(),
        peeks[Direction.RESPONSE].row(),
        heads,
    )


def _calls_of(engine: Engine, number: int) -> CallRing | None:
    session = engine.registry.live.get(number)
    if session is not None:
        return session.calls
    for closed in engine.registry.closed.newest():
        if closed.id == number:
            return closed.calls
    raise CommandRefused(f"session {number} is neither live nor among the last closed ones")
