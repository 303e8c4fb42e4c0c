"""From the stamps of an exchange to its budget of time: the work of looking, done on demand."""

from bisect import bisect_left
from collections.abc import Sequence
from operator import itemgetter

from rsp.core.evidence import PartRow
from rsp.core.time_budget import Span, Stamps, budget
from rsp.engine.conversation import Conversation
from rsp.engine.exchange import Exchange
from rsp.engine.lab.connection import is_held_back
from rsp.engine.session import Session
from rsp.engine.stamping import blocked_for_s

_END = itemgetter(1)


def exchange_of(session: Session) -> Exchange | None:
    """Return the present exchange of a session that has one."""
    speaker = session.speaker
    return speaker.exchange if isinstance(speaker, Conversation) else None


def note_held(session: Session) -> None:
    """A person paused a session, or let it go on: count for how long its exchange is held."""
    exchange = exchange_of(session)
    if exchange is None:
        return
    now_s = session.context.poller.now_s
    backend = session.backend
    is_held = session.client.is_held or (backend is not None and backend.is_held)
    if is_held and not exchange.held_since_s:
        exchange.held_since_s = now_s
    elif not is_held and exchange.held_since_s:
        exchange.held_s += now_s - exchange.held_since_s
        exchange.held_since_s = 0.0


def budget_of(exchange: Exchange, lags: Sequence[Span]) -> list[PartRow]:
    """Return where the time of a finished exchange went. `lags`: when the loop was late."""
    return budget(_stamps(exchange, exchange.started_s + exchange.duration_s, lags))


def budget_so_far(session: Session, now_s: float) -> list[PartRow]:
    """Return where the time of the present exchange went until now; nothing where there is none."""
    exchange = exchange_of(session)
    if exchange is None:
        return []
    stamps = _stamps(exchange, now_s, session.context.deadlines.lags)
    if session.place is not None:
        stamps.queued_s += now_s - session.place.since_s
    if is_held_back(session.client):
        stamps.injected_s += blocked_for_s(session, now_s)
    else:
        stamps.blocked_s += blocked_for_s(session, now_s)
    if not stamps.first_byte_s and stamps.paired_s and session.request_pipe.is_open:
        stamps.sent_s = now_s
    return budget(stamps)


def _stamps(exchange: Exchange, ended_s: float, lags: Sequence[Span]) -> Stamps:
    head_s, decision = exchange.started_s, exchange.decision
    began_s = exchange.began_s or head_s
    held_since_s = exchange.held_since_s
    return Stamps(
        began_s=began_s,
        head_s=head_s,
        ended_s=ended_s,
        turn_s=exchange.turn_s,
        paired_s=exchange.paired_s,
        sent_s=exchange.sent_s,
        first_byte_s=0.0 if exchange.first_byte_s is None else head_s + exchange.first_byte_s,
        left_s=exchange.left_s,
        drained_s=exchange.drained_s,
        lua_s=decision.elapsed_us / 1e6 if decision is not None else 0.0,
        queued_s=decision.waited_s if decision is not None else 0.0,
        lost_s=decision.lost_s if decision is not None else 0.0,
        lost_on=decision.lost_on if decision is not None else (),
        is_faulted=exchange.is_faulted,
        blocked_s=exchange.blocked_s,
        held_s=exchange.held_s + (ended_s - held_since_s if held_since_s else 0.0),
        injected_s=exchange.injected_s,
        lags=_between(lags, began_s, ended_s),
    )


def _between(lags: Sequence[Span], began_s: float, ended_s: float) -> Sequence[Span]:
    """Return those that may overlap an exchange; they stand in the order in which they ended."""
    if not lags or lags[-1][1] <= began_s:
        return ()
    first = bisect_left(lags, began_s, key=_END)
    return [lag for lag in list(lags)[first:] if lag[0] < ended_s]
