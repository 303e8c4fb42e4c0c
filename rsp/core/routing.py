"""From an answer of `route` to a backend, with the record that explains it.

`Balancer.decide` runs once for every request. It keeps what an explanation needs and builds no
rows; `candidates` builds them later, for whoever looks.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from copy import deepcopy
from functools import partial
from typing import Protocol

import msgspec

from rsp.core.backends import (
    Backend,
    BackendLoad,
    BackendLoads,
    BackendTable,
    Pool,
    names_in,
    pool_names,
)
from rsp.core.explaining import PolicyRow
from rsp.core.limits import RAMP_STEPS
from rsp.core.policies import POLICIES, Policy
from rsp.core.replies import CandidateRow
from rsp.core.vocabulary import BackendState

BROKEN_ROUTE = 502
"""Status for a route that failed or named what is not there. Source: RFC 9110, section 15.6.3."""

NOTHING_AVAILABLE = 503
"""Status when nobody may take the request now. Source: RFC 9110, section 15.6.4."""


class Routable(Protocol):
    """What `route` may look at. A request head is one; so is a made-up `RouteRequest`."""

    method: str
    path: str
    query: str
    host: str
    raw_host: str
    client_ip: str
    listener: str
    origin_target: bytes
    """Path and query as a backend is asked with them."""
    block: bytes
    """All field lines: the same object as in the request before where the same were sent."""

    @property
    def fields(self) -> list[tuple[bytes, bytes]]:
        """All header fields, as received."""


class RouteRequest(msgspec.Struct):
    """A request that nobody sent, or a connection of a tcp client."""

    method: str
    path: str
    query: str
    host: str
    """Lower-cased, without port."""
    raw_host: str
    """As the client sent it."""
    fields: list[tuple[bytes, bytes]]
    client_ip: str
    listener: str
    origin_target: bytes = b""
    block: bytes = b""


class RouteAnswer(msgspec.Struct, gc=False):
    """What `route` said."""

    target: str
    """`pool` or `pool/backend`."""
    key: str | None = None
    """What a hash policy hashes; None: the host, or the client's address where there is none."""
    reason: str = ""
    """In the author's words; empty when they gave none."""
    secrets: tuple[str, ...] = ()
    """Secrets of the request that the key or the reason holds, to be hidden from who looks."""


class RouteFailed(Exception):
    """`route` gave no usable answer. The text is `file:line: message`, or what was wrong."""


class Router(Protocol):
    """Says where a request goes."""

    def route(self, request: Routable) -> RouteAnswer:
        """Return where `request` goes.

        Raises:
            RouteFailed: it cannot be said; this one request is answered with 502.
        """


class FixedRouter:
    """Sends everything to one pool: a listener that names its pool, or no `route` at all."""

    __slots__ = ("_answer",)

    def __init__(self, pool: str, reason: str = "first pool: no route function") -> None:
        self._answer = RouteAnswer(pool, None, reason)

    @property
    def pool(self) -> str:
        """The pool that gets everything."""
        return self._answer.target

    def route(self, request: Routable) -> RouteAnswer:
        """Return the same answer for every request."""
        return self._answer


class RouteDecision(msgspec.Struct, gc=False):
    """Where one request goes, and all that is needed to explain it afterwards."""

    pool: Pool | None
    """As it was then; it never changes, so later edits do not falsify the record."""
    backend: Backend | None
    """None: the client gets an error of ours, `status`."""
    key: str | None
    """What decided, when a key did or was given."""
    reason: str
    generation: int
    sessions: tuple[int, ...] = ()
    """Sessions at each of `pool.backends` at that moment."""
    excluded: tuple[str, ...] = ()
    """Keys of the backends that were tried before for the same request."""
    status: int = 0
    """0 when routed, 502 for a broken route, 503 when nobody is available."""
    error: str | None = None
    """Why there is no backend."""
    told: str | None = None
    """What the client is told instead of `error`, when that holds what a script said."""
    elapsed_us: float = 0.0
    """How long routing took; set by the caller, who has a clock."""
    is_named: bool = False
    """Whether `route` named the backend itself, so that nobody else will do."""
    secrets: tuple[str, ...] = ()
    """Secrets of the request that the texts above hold: whoever shows them hides these."""


class Balancer:
    """Makes decisions, and keeps one policy instance for each pool."""

    __slots__ = ("_policies",)

    def __init__(self) -> None:
        self._policies: dict[str, tuple[str, Policy]] = {}

    def copy(self) -> "Balancer":
        """Return a balancer that decides as this one would, to try a decision without a trace."""
        return deepcopy(self)

    def decide(
        self,
        table: BackendTable,
        answer: RouteAnswer,
        request: Routable,
        loads: Mapping[str, BackendLoad],
        random: Callable[[], float],
        exclude: Collection[str] = (),
    ) -> RouteDecision:
        """Return where a request goes for which `route` gave `answer`.

        `loads` is by `Backend.key`; a backend without an entry counts as idle. `exclude` holds
        the keys of backends that were already tried. Nothing is raised: an answer that cannot be
        followed is a decision with a status and an error.
        """
        pool = table.pools.get(answer.target)
        if pool is None:
            return _decide_named(table, answer, loads, exclude)
        try:
            sessions = tuple([loads[key].sessions for key in pool.keys])
        except KeyError:
            # An edit has just added a backend: this once, with the empty entries made up.
            loads = BackendLoads(loads)
            sessions = tuple([loads[key].sessions for key in pool.keys])
        decision = RouteDecision(
            pool, None, answer.key, answer.reason, table.generation, sessions, tuple(exclude)
        )
        available: Sequence[Backend] = pool.ready
        if exclude or not pool.unlimited:
            available = _available(pool, loads, exclude)
        if not available:
            # Not a lambda: its cells would cost every request that does find somebody.
            ask = partial(self.decide, table, request=request, loads=loads, random=random)
            return _without(decision, pool, answer, partial(ask, exclude=exclude))
        kept = self._policies.get(pool.name)
        policy = kept[1] if kept and kept[0] == pool.balance else self._new_policy(pool)
        key = answer.key
        if key is None:
            key = request.host or request.client_ip
            if policy.uses_key:
                decision.key = key
        if not decision.reason:
            decision.reason = f"pool {pool.name} by {pool.balance}"
        decision.backend = policy.pick(key, available, loads, random)
        return decision

    def account(self, decision: RouteDecision) -> PolicyRow | None:
        """Return how a policy came to `decision`; None: there was no pool.

        From a balancer that has not made it yet, or for a decision of the past from a new one:
        whose turn it was then is not recorded.
        """
        pool = decision.pool
        if pool is None:
            return None
        retried = list(decision.excluded)
        if decision.is_named:
            sentence = "route named the backend itself, so no policy was asked"
            return PolicyRow(sentence, retried=retried)
        loads = BackendLoads(
            {
                key: BackendLoad(sessions)
                for key, sessions in zip(pool.keys, decision.sessions, strict=True)
            }
        )
        available = _available(pool, loads, decision.excluded)
        if not available:
            return PolicyRow("nobody is available to pick from", pool.balance, retried=retried)
        kept = self._policies.get(pool.name)
        policy = kept[1] if kept and kept[0] == pool.balance else POLICIES[pool.balance]()
        row = policy.account(decision.key or "", available, loads)
        row.name, row.retried = pool.balance, retried
        return row

    def _new_policy(self, pool: Pool) -> Policy:
        policy = POLICIES[pool.balance]()
        self._policies[pool.name] = (pool.balance, policy)
        return policy


def _without(
    decision: RouteDecision,
    pool: Pool,
    answer: RouteAnswer,
    decide: Callable[[RouteAnswer], RouteDecision],
) -> RouteDecision:
    """Return what is decided where nobody of `pool` is available: its fallback has it, or none."""
    why = _why_none(decision, pool)
    if not pool.fallback:
        return _refuse(decision, NOTHING_AVAILABLE, why)
    other = decide(msgspec.structs.replace(answer, target=pool.fallback))
    if other.backend is None:
        return _refuse(decision, NOTHING_AVAILABLE, f"{why}; and as its fallback: {other.error}")
    other.reason += f"; {why}, so its fallback has it"
    return other


def failed_decision(message: str, generation: int) -> RouteDecision:
    """Return the decision for a request whose `route` raised `RouteFailed(message)`."""
    return RouteDecision(
        None, None, None, "route failed", generation, status=BROKEN_ROUTE, error=message,
        told="the route function of the configuration failed; `rsp ctl decisions` says why",
    )  # fmt: skip


def candidates(decision: RouteDecision) -> list[CandidateRow]:
    """Return a row for each backend that was looked at, with its verdict."""
    if decision.pool is None:
        return []
    return [
        CandidateRow(
            name=backend.name,
            state=backend.state.value,
            weight=backend.weight,
            sessions=sessions,
            verdict=_verdict(decision, backend, sessions),
            health=(condition := decision.pool.condition(backend.name)).health.value,
            ramp=condition.ramp / RAMP_STEPS,
        )
        for backend, sessions in zip(decision.pool.backends, decision.sessions, strict=True)
    ]


def _available(
    pool: Pool, loads: Mapping[str, BackendLoad], exclude: Collection[str]
) -> Sequence[Backend]:
    """Return those of the ready ones that are neither full nor tried before, in their order.

    When that is all of them, the tuple of the pool itself is returned: policies know it again.
    """
    found = [
        backend
        for backend in pool.ready
        if backend.key not in exclude
        and not 0 < backend.max_connections <= loads[backend.key].sessions
    ]
    return pool.ready if len(found) == len(pool.ready) else found


def _decide_named(
    table: BackendTable,
    answer: RouteAnswer,
    loads: Mapping[str, BackendLoad],
    exclude: Collection[str],
) -> RouteDecision:
    pool_name, _, name = answer.target.partition("/")
    pool = table.pools.get(pool_name)
    decision = RouteDecision(pool, None, answer.key, answer.reason, table.generation)
    decision.is_named = True
    if pool is None:
        message = f'route named pool "{pool_name}", which is not there; {pool_names(table)}'
        return _refuse(decision, BROKEN_ROUTE, message)
    decision.sessions = tuple([_sessions_at(key, loads) for key in pool.keys])
    decision.excluded = tuple(exclude)
    backend = pool.by_name.get(name)
    if backend is None:
        message = f'route named backend "{pool_name}/{name}", which is not there; {names_in(pool)}'
        return _refuse(decision, BROKEN_ROUTE, message)
    obstacle = _obstacle(decision, backend, _sessions_at(backend.key, loads))
    if obstacle:
        message = f"backend {backend.key}, named by route, {_is(obstacle)}"
        return _refuse(decision, NOTHING_AVAILABLE, message)
    decision.backend = backend
    if not decision.reason:
        decision.reason = f"backend {backend.key} named by route"
    return decision


def _sessions_at(key: str, loads: Mapping[str, BackendLoad]) -> int:
    load = loads.get(key)
    return 0 if load is None else load.sessions


def _refuse(decision: RouteDecision, status: int, message: str) -> RouteDecision:
    decision.status = status
    decision.error = message
    if not decision.reason:
        decision.reason = "no backend"
    return decision


def _obstacle(decision: RouteDecision, backend: Backend, sessions: int) -> str | None:
    """Return why nobody at all may pick `backend`, or None."""
    if backend.state is BackendState.DRAIN:
        return "draining"
    if backend.state is BackendState.MAINT:
        return "in maintenance"
    pool = decision.pool
    if pool is not None and (condition := pool.condition(backend.name)).is_out:
        return str(condition)
    if 0 < backend.max_connections <= sessions:
        return f"full ({sessions} of {backend.max_connections})"
    if backend.key in decision.excluded:
        return "tried before"
    return None


def _verdict(decision: RouteDecision, backend: Backend, sessions: int) -> str:
    if decision.backend is not None and backend.name == decision.backend.name:
        return "chosen"
    obstacle = _obstacle(decision, backend, sessions)
    if obstacle is None and backend.weight == 0:
        return "weight 0"
    return obstacle or "not picked"


def _why_none(decision: RouteDecision, pool: Pool) -> str:
    if not pool.backends:
        return f"pool {pool.name} has no backend; add one with `backend add {pool.name}`"
    each = [
        f"{backend.name} {_is(_verdict(decision, backend, sessions))}"
        for backend, sessions in zip(pool.backends, decision.sessions, strict=True)
    ]
    return f"no backend of pool {pool.name} is available: {', '.join(each)}"


def _is(verdict: str) -> str:
    words = {"tried before": "was tried before", "weight 0": "has weight 0"}
    return words.get(verdict, f"is {verdict}")
