"""Decisions without traffic: what `rsp check` and `rsp explain` ask a configuration on disk."""

from rsp.core.backends import BackendTable
from rsp.core.config import ListenerConfig
from rsp.core.expectations import Asked, ExpectationError
from rsp.core.explaining import Explanation, Returned
from rsp.core.route import FixedRouter, RouteFailed, Router, RouteRequest
from rsp.core.routing import Balancer, RouteDecision, candidates, failed_decision
from rsp.core.vocabulary import Mode
from rsp.engine.entrance import Entrance
from rsp.engine.lua_config import LoadedConfig
from rsp.engine.tracing import trace

CLIENT_IP = "127.0.0.1"
"""Where a request comes from that nobody sent."""

FIRST_GENERATION = 1
"""The generation of a configuration that has just been started."""


def rehearse(loaded: LoadedConfig, asked: Asked) -> RouteDecision:
    """Return where `asked` would go if it were the first request to an idle engine.

    Raises:
        ExpectationError: it asks about a tcp listener that the configuration does not have.
    """
    request, fixed = _question(loaded, asked)
    pools = loaded.config.pools
    router: Router = fixed or loaded.router or FixedRouter(pools[0].name)
    try:
        answer = router.route(request)
    except RouteFailed as error:
        return failed_decision(str(error), FIRST_GENERATION)
    table = BackendTable.of(pools, FIRST_GENERATION)
    return Balancer().decide(table, answer, request, {}, lambda: 0.0)


def _question(loaded: LoadedConfig, asked: Asked) -> tuple[RouteRequest, Router | None]:
    """Return the request that `asked` is, and the router of its listener when that has one."""
    listener = _listener_for(loaded, asked)
    if listener is None:
        return asked.request(CLIENT_IP, ""), None
    names = tuple(pool.name for pool in loaded.config.pools)
    entrance = Entrance(listener.address, listener, names)
    return asked.request(CLIENT_IP, listener.address), entrance.router


def _listener_for(loaded: LoadedConfig, asked: Asked) -> ListenerConfig | None:
    listeners = loaded.config.listeners
    if asked.tcp_listener is None:
        return next((x for x in listeners if x.mode is Mode.HTTP), None)
    for listener in listeners:
        if listener.mode is Mode.TCP and listener.address == asked.tcp_listener:
            return listener
    there = ", ".join(x.address for x in listeners if x.mode is Mode.TCP) or "none"
    raise ExpectationError(
        f"no tcp listener has the address {asked.tcp_listener}; there is {there}"
    )


def explain(loaded: LoadedConfig, asked: Asked) -> Explanation:
    """Return where `asked` would go as `rehearse` does, with the lines that ran. Raises as it does.

    Nothing is redacted: whoever asks has written the request.
    """
    decision = rehearse(loaded, asked)
    answer = explanation(decision)
    answer.policy = Balancer().account(decision)
    request, fixed = _question(loaded, asked)
    if fixed is None and loaded.router is not None:
        traced = trace(loaded.config.source_bytes, loaded.config.path or "", request)
        answer.trace, answer.trace_note = traced.steps, traced.note
        if (said := traced.answer) is not None:
            answer.returned = Returned(said.target, said.key, said.reason)
    return answer


def explanation(decision: RouteDecision) -> Explanation:
    """Return a decision as `explain` answers it."""
    return Explanation(
        pool=decision.pool.name if decision.pool else None,
        backend=decision.backend.name if decision.backend else None,
        key=decision.key,
        reason=decision.reason,
        generation=decision.generation,
        candidates=candidates(decision),
        error=decision.error,
    )
