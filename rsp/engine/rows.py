"""From live objects to the rows of `core/replies.py`: the work of looking, done on demand."""

from collections.abc import Sequence
from typing import Any

from rsp.core.decision_rows import DecisionRow
from rsp.core.events import Event, level_of, source_of
from rsp.core.evidence import RoomRow, SampleRow, StallRow
from rsp.core.exchange_rows import ExchangeRow
from rsp.core.generation_rows import TrialRow
from rsp.core.listener_rows import ListenerRow
from rsp.core.redact import Redactor
from rsp.core.replies import (
    ConnectionDetail,
    ConnectionRow,
    EventRow,
    PeerRow,
    RequestSummary,
    ResponseSummary,
    RouteSummary,
)
from rsp.core.routing import RouteDecision, candidates
from rsp.core.time_budget import Span, budget_sentence, duration_of, most_of
from rsp.core.trial import Trial
from rsp.core.units import spoken
from rsp.core.vocabulary import SessionState
from rsp.engine.autopsy_rows import autopsy_row
from rsp.engine.budgets import budget_of, budget_so_far
from rsp.engine.closed import ClosedSession, peer_row
from rsp.engine.connection import Connection
from rsp.engine.conversation import Conversation
from rsp.engine.decisions import Decided
from rsp.engine.exchange import Exchange
from rsp.engine.kernel import crowd, tcp_info
from rsp.engine.ledger import closed_ledger, ledger_of
from rsp.engine.listener import Listener
from rsp.engine.pauses import pause_of
from rsp.engine.relay import Relay
from rsp.engine.room import room_of
from rsp.engine.sampling import Sampler, sides_of
from rsp.engine.session import Session
from rsp.engine.silence import silence_of
from rsp.engine.telemetry import Telemetry


def connection_row(session: Session, now_s: float, *, with_queues: bool = False) -> ConnectionRow:
    """Return the row of a session."""
    request, response, route = _exchange_summaries(session)
    half_closed = session.state.half_closed
    backend, lab = session.backend, session.context.lab
    return ConnectionRow(
        id=session.id,
        state=session.shown_state.value,
        half_closed=half_closed.value if half_closed else None,
        generation=session.generation,
        age_s=now_s - session.opened_s,
        listener=session.entrance.address,
        exchanges=session.exchanges,
        request=request,
        response=response,
        route=route,
        client=_side_row(session, session.client, now_s, with_queues=with_queues),
        backend=_side_row(session, backend, now_s, with_queues=with_queues) if backend else None,
        stopped=None if lab is None else lab.stop_row(session.id, now_s),
        queued=None if session.place is None else session.place.row(now_s),
    )


def _side_row(
    session: Session, connection: Connection, now_s: float, *, with_queues: bool
) -> PeerRow:
    row = peer_row(connection, now_s, with_queues=with_queues)
    if row.stall is None:
        row.stall = silence_of(session, connection, now_s)
    row.pause = pause_of(session, connection, now_s)
    return row


def _exchange_summaries(
    session: Session,
) -> tuple[RequestSummary | None, ResponseSummary | None, RouteSummary | None]:
    speaker = session.speaker
    if isinstance(speaker, Relay):
        redactor = session.context.telemetry.redactor
        return None, None, _route_summary(speaker.pairing.decision, redactor)
    if not isinstance(speaker, Conversation):
        return None, None, None
    exchange = speaker.exchange or speaker.tunnel
    if exchange is None:
        return None, None, None
    response = None
    if exchange.status is not None and exchange.first_byte_s is not None:
        response = ResponseSummary(
            exchange.status, exchange.first_byte_s, session.response_pipe.moved_bytes
        )
    redactor = session.context.telemetry.redactor
    path = redactor.text(exchange.path)
    request = RequestSummary(exchange.method, exchange.host, path)
    return request, response, _route_summary(speaker.pairing.decision, redactor)


def _route_summary(decision: RouteDecision | None, redactor: Redactor) -> RouteSummary | None:
    if decision is None or decision.backend is None:
        return None
    backend = decision.backend
    key, reason, _ = redacted_texts(decision, redactor)
    return RouteSummary(backend.pool, backend.name, key, reason, decision.elapsed_us)


def redacted_texts(
    decision: RouteDecision, redactor: Redactor
) -> tuple[str | None, str, str | None]:
    """Return key, reason and error of a decision as they are shown."""
    secrets, key, error = decision.secrets, decision.key, decision.error
    return (
        None if key is None else redactor.text(key, secrets),
        redactor.text(decision.reason, secrets) + _waited(decision),
        None if error is None else redactor.text(error, secrets),
    )


def _waited(decision: RouteDecision) -> str:
    if not decision.waited_s or decision.pool is None:
        return ""
    return f"; waited {spoken(decision.waited_s)} in the queue of pool {decision.pool.name}"


def connection_detail(
    session: Session, telemetry: Telemetry, sampler: Sampler, now_s: float
) -> ConnectionDetail:
    """Return everything that is known of a live session."""
    row = connection_row(session, now_s, with_queues=True)
    calls = session.client.calls
    info: dict[str, dict[str, int]] = {}
    samples: dict[str, list[SampleRow]] = {"client": [], "backend": []}
    room: dict[str, RoomRow] = {}
    for connection in sides_of(session):
        side = connection.side.value
        info[side] = tcp_info(connection.sock)
        samples[side] = past = sampler.rows(connection, session, now_s)
        if (found := room_of(connection, past)) is not None:
            room[side] = found
    return ConnectionDetail(
        **{name: getattr(row, name) for name in row.__struct_fields__},
        opened_at=telemetry.stamp(session.opened_s),
        close_reason=session.close_reason.value if session.close_reason else None,
        close_detail=telemetry.redactor.text(session.close_detail),
        watched=calls is not None,
        calls=calls.rows() if calls else [],
        calls_dropped=calls.dropped if calls else 0,
        stalls=_stalls_of(session.id, telemetry, now_s),
        ledger=ledger_of(session),
        budget=budget_so_far(session, now_s),
        tcp_info=info,
        samples=samples,
        room=room,
    )


def closed_detail(closed: ClosedSession, telemetry: Telemetry) -> ConnectionDetail:
    """Return everything that is still known of a session that is over."""
    calls = closed.calls
    return ConnectionDetail(
        id=closed.id,
        state=SessionState.CLOSED.value,
        half_closed=None,
        generation=closed.generation,
        age_s=closed.closed_s - closed.opened_s,
        listener=closed.listener,
        exchanges=closed.exchanges,
        request=None,
        response=None,
        route=_route_summary(closed.decision, telemetry.redactor),
        client=closed.client,
        backend=closed.backend,
        opened_at=telemetry.stamp(closed.opened_s),
        close_reason=closed.reason.value,
        close_detail=telemetry.redactor.text(closed.detail),
        watched=calls is not None,
        calls=calls.rows() if calls else [],
        calls_dropped=calls.dropped if calls else 0,
        stalls=_stalls_of(closed.id, telemetry, closed.closed_s),
        ledger=closed_ledger(closed),
        autopsy=autopsy_row(closed, telemetry),
    )


def _stalls_of(session: int, telemetry: Telemetry, now_s: float) -> list[StallRow]:
    kept = telemetry.stalls.newest()
    return [stall.row(now_s) for stall in kept if stall.session == session]


def exchange_row(
    exchange: Exchange, telemetry: Telemetry, lags: Sequence[Span] = ()
) -> ExchangeRow:
    """Return the row of a finished exchange; `lags`: when the loop was late."""
    backend, decision = exchange.backend, exchange.decision
    name = backend.name if backend else None
    parts = budget_of(exchange, lags)
    stood_out = most_of(parts) is not None
    return ExchangeRow(
        id=exchange.id,
        session=exchange.session,
        at=telemetry.stamp(exchange.began_s or exchange.started_s),
        client=exchange.client,
        method=exchange.method,
        host=exchange.host,
        path=telemetry.redactor.text(exchange.path),
        status=exchange.status,
        pool=backend.pool if backend else None,
        backend=name,
        first_byte_s=exchange.first_byte_s,
        duration_s=duration_of(parts),
        request_bytes=exchange.request_bytes,
        response_bytes=exchange.response_bytes,
        generation=decision.generation if decision else 0,
        result=telemetry.redactor.text(exchange.result),
        budget=parts,
        sentence=budget_sentence(parts, name, exchange.client) if stood_out else None,
    )


def decision_row(seq: int, decided: Decided, telemetry: Telemetry) -> DecisionRow:
    """Return the row of a decision; its candidates are made now."""
    decision = decided.decision
    key, reason, error = redacted_texts(decision, telemetry.redactor)
    return DecisionRow(
        seq=seq,
        at=telemetry.stamp(decided.at_s),
        session=decided.session,
        generation=decision.generation,
        method=decided.method,
        host=decided.host,
        path=telemetry.redactor.text(decided.path),
        pool=decision.pool.name if decision.pool else None,
        backend=decision.backend.name if decision.backend else None,
        key=key,
        reason=reason,
        elapsed_us=decision.elapsed_us,
        candidates=candidates(decision),
        error=error,
        waited_s=decision.waited_s,
        sticky=decision.is_sticky,
    )


def event_row(seq: int, event: Event, telemetry: Telemetry) -> EventRow:
    """Return the row of an event; its sentence is made now."""
    return EventRow(
        seq=seq,
        at=telemetry.stamp(event.at_s),
        level=level_of(event).value,
        source=source_of(event),
        session=event.session,
        message=telemetry.redactor.text(event.message),
        fields=telemetry.redactor.values(event.fields),
    )


def listener_row(listener: Listener) -> ListenerRow:
    """Return the row of a listening socket; its kernel is asked who waits there."""
    door, entrance = listener.door, listener.entrance
    waiting, backlog, _ = crowd(listener.sock)
    return ListenerRow(
        address=entrance.address,
        mode=entrance.mode.value,
        pool=entrance.config.pool,
        connections=door.live,
        max_connections=door.most,
        max_connections_per_client=door.most_each,
        refused=door.refused,
        paused_by=listener.paused_by.names(),
        accept_queue=waiting,
        accept_backlog=backlog,
        accept_dropped=listener.kept_out,
    )


def trial_row(trial: Trial[Any] | None, now_s: float) -> TrialRow | None:
    """Return the row of the change that is on trial; None when there is none."""
    if trial is None:
        return None
    return TrialRow(
        trial.generation,
        trial.what,
        trial.who,
        trial.left_s(now_s),
        trial.terms.max_errors_percent,
        trial.exchanges,
        trial.failed,
        trial.sessions + trial.under_way,
    )
