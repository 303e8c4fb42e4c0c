"""`explain`: where a request would go now, or why a recorded one went where it went.

The lines of `route` come from a runtime of their own, in the worker: never from the one that
serves traffic.
"""

from msgspec.structs import replace

from rsp.core.expectations import ExpectationError, asked_for
from rsp.core.explaining import Explanation
from rsp.core.params import ExplainParams
from rsp.core.redact import secrets_of
from rsp.core.route import RouteAnswer, RouteRequest
from rsp.core.routing import Balancer, RouteDecision, failed_decision
from rsp.core.vocabulary import Mode
from rsp.core.wire import INVALID_PARAMS, CommandRefused
from rsp.engine.decisions import Input
from rsp.engine.dispatch import note_secrets
from rsp.engine.rehearsal import CLIENT_IP, explanation
from rsp.engine.rows import redacted_texts
from rsp.engine.server import Engine
from rsp.engine.tracing import Traced
from rsp.engine.what_if import planned_listeners, request_again, traced

_AGAIN = (
    "route ran once more for this, in a new runtime: what it keeps between requests is not there"
)


async def explain(engine: Engine, params: ExplainParams) -> Explanation:
    """Return where a request would go, or went; nothing is sent, and no policy's turn used up."""
    if params.decision is not None:
        return await _recorded(engine, params.decision)
    return await _made_up(engine, params)


async def _made_up(engine: Engine, params: ExplainParams) -> Explanation:
    try:
        asked = asked_for(params.method, params.url, params.header)
    except ExpectationError as error:
        raise CommandRefused(str(error), INVALID_PARAMS) from error
    entrances = [listener.entrance for listener in engine.listeners.values()]
    # A URL is asked for where HTTP is spoken, if that is anywhere.
    entrance = next((each for each in entrances if each.mode is Mode.HTTP), entrances[0])
    request = asked.request(CLIENT_IP, entrance.address)
    changes = engine.changes
    found = Traced(None, None, [])
    if entrance.router is not None or not changes.config.has_route:
        answer = (entrance.router or engine.context.dispatcher.router).route(request)
    else:
        found = await traced(engine, changes.config, request)
        answer = found.answer or RouteAnswer("")
    dispatcher = engine.context.dispatcher
    table = dispatcher.table
    if found.error is not None:
        decision = failed_decision(found.error, table.generation)
        policy = None
    else:
        decision = dispatcher.balancer.copy().decide(
            table, answer, request, dispatcher.loads, lambda: 0.5
        )
        policy = dispatcher.balancer.account(decision)
    note_secrets(decision, request, answer.secrets)
    reply = _explanation(engine, decision, request, found)
    reply.policy = policy
    return reply


async def _recorded(engine: Engine, seq: int) -> Explanation:
    ring = engine.telemetry.decisions
    records, _ = ring.since(seq - 1)
    if seq < 1 or not records or records[0][0] != seq:
        first = ring.dropped + 1
        kept = f"{first:,} to {ring.recorded:,} are" if ring.recorded else "none is"
        raise CommandRefused(f"decision {seq} is not kept; {kept}")
    decided = records[0][1]
    decision = decided.decision
    held = next(iter(ring.inputs(records[:1])), None)
    found, request = await _traced_again(engine, decision, held)
    reply = _explanation(engine, decision, request, found)
    reply.policy = Balancer().account(decision)
    return reply


async def _traced_again(
    engine: Engine, decision: RouteDecision, held: Input | None
) -> tuple[Traced, RouteRequest | None]:
    """Return what `route` does with the request of a decision, in the text of its generation."""
    if held is None:
        note = "what the request was is no longer held, so route cannot be run for it"
        return Traced(None, None, [], note), None
    request = request_again(held)
    config = engine.changes.source_of(decision.generation)
    if config is None:
        note = f"the text of generation {decision.generation} is no longer kept"
        return Traced(None, None, [], note), request
    if not config.has_route or planned_listeners(engine, config).get(request.listener):
        return Traced(None, None, []), request
    found = await traced(engine, config, request)
    if not _is_same(found, decision):
        found.note = "; ".join(part for part in (found.note, _AGAIN + _other(found)) if part)
    return found, request


def _is_same(found: Traced, decision: RouteDecision) -> bool:
    """Tell whether `route` said again what it said then, as far as the record shows it."""
    if found.answer is None or decision.pool is None:
        return (found.answer is None) == (decision.told is not None)
    target = decision.pool.name
    if decision.is_named and decision.backend is not None:
        target = decision.backend.key
    is_target = found.answer.target in (target, decision.pool.name)
    return is_target and found.answer.key in (None, decision.key)


def _other(found: Traced) -> str:
    said = f"returned {found.answer.target}" if found.answer is not None else "failed"
    return f"; this time it {said}, which is not what was decided"


def _explanation(
    engine: Engine, decision: RouteDecision, request: RouteRequest | None, found: Traced
) -> Explanation:
    redactor = engine.telemetry.redactor
    key, reason, error = redacted_texts(decision, redactor)
    secrets = secrets_of(request.query, request.fields) if request is not None else ()
    return replace(
        explanation(decision),
        key=key,
        reason=reason,
        error=error,
        trace=found.shown(redactor, secrets),
        trace_note=redactor.text(found.note, secrets),
        returned=found.returned(redactor, secrets),
    )
