"""From an answer of `route` to a backend, with the record that explains it.

`Balancer.decide` runs once for every request. It keeps what an explanation needs and builds no
rows; `candidates` builds them later, for whoever looks.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from copy import deepcopy
from functools import partial

import msgspec

from rsp.core.backends import Backend, BackendTable, Pool, names_in, pool_names
from rsp.core.decision_rows import CandidateRow
from rsp.core.explaining import PolicyRow
from rsp.core.http1.cookies import with_cookie
from rsp.core.limits import RAMP_STEPS
from rsp.core.loads import BackendLoad, BackendLoads
from rsp.core.policies import POLICIES, Policy
from rsp.core.queue import awaited, is_full
from rsp.core.route import Routable, RouteAnswer
from rsp.core.sticky import Stickiness, cookie_value, sticky_words
from rsp.core.vocabulary import BackendState

Loads = Mapping[str, BackendLoad]
"""By `Backend.key`."""

BROKEN_ROUTE = 502
"""Status for a route that failed or named what is not there. Source: RFC 9110, section 15.6.3."""

NOTHING_AVAILABLE = 503
"""Status when nobody may take the request now. Source: RFC 9110, section 15.6.4."""


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
    full: tuple[Backend, ...] = ()
    """Who could take it but for being full, where the pool lets requests wait for one of them."""
    waited_s: float = 0.0
    """For how long it waited for that before; set by the caller."""
    lost_s: float = 0.0
    """For how long backends were tried before in vain; set by the caller."""
    lost_on: tuple[str, ...] = ()
    """The names of those."""
    is_sticky: bool = False
    """Whether the client came back to the backend that it had before, or waits for that one."""
    sets_cookie: bool = False
    """Whether the client gets a cookie by which it comes back."""
    is_named: bool = False
    """Whether `route` named the backend itself, so that nobody else will do."""
    secrets: tuple[str, ...] = ()
    """Secrets of the request that the texts above hold: whoever shows them hides these."""

    def with_cookie(self, head: bytes) -> bytes:
        """Return the head of a response with the cookie by which the client comes back."""
        if self.pool is None or self.backend is None:
            raise AssertionError("only a backend can be come back to")
        return with_cookie(head, self.pool.cookie, cookie_value(self.backend.key))


class Balancer:
    """Makes decisions, and keeps one policy instance for each pool."""

    __slots__ = ("_policies", "stickiness")

    def __init__(self) -> None:
        self.stickiness = Stickiness()
        self._policies: dict[str, tuple[str, Policy]] = {}

    def copy(self) -> "Balancer":
        """Return a balancer that decides as this one would, to try a decision without a trace."""
        return deepcopy(self)

    def decide(
        self,
        table: BackendTable,
        answer: RouteAnswer,
        request: Routable,
        loads: Loads,
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
        if exclude or not pool.is_plain:
            available = (
                _available(pool, loads, exclude)
                if pool.sticky is None
                else self._stick(decision, pool, request, loads)
            )
        if not available:
            # Not a lambda: its cells would cost every request that does find somebody.
            ask = partial(self.decide, table, request=request, loads=loads, random=random)
            return _without(decision, pool, loads, answer, partial(ask, exclude=exclude))
        kept = self._policies.get(pool.name)
        policy = kept[1] if kept and kept[0] == pool.balance else self._new_policy(pool)
        key = answer.key if answer.key is not None else request.host or request.client_ip
        if policy.uses_key:
            decision.key = key
        if not decision.reason:
            decision.reason = f"pool {pool.name} by {pool.balance}"
        decision.backend = policy.pick(key, available, loads, random)
        if pool.sticky is not None:
            decision.sets_cookie = self.stickiness.note(pool, request, decision.backend)
        return decision

    def _stick(
        self, decision: RouteDecision, pool: Pool, request: Routable, loads: Loads
    ) -> Sequence[Backend]:
        """Decide for the backend that the client sticks to, or return who is available instead.

        One that is full is waited for where the pool has a queue.
        """
        backend = self.stickiness.backend_of(pool, request)
        if backend is None or backend.key in decision.excluded:
            return _available(pool, loads, decision.excluded)
        words = f"{sticky_words(pool, request)}: {backend.key}"
        if is_full(backend, loads):
            decision.full = awaited(pool, backend.name, decision.excluded, loads)
            if not decision.full:
                return _available(pool, loads, decision.excluded)
            _refuse(decision, NOTHING_AVAILABLE, f"{words}, which is full")
        else:
            decision.backend = backend
            decision.reason = f"{decision.reason}; {words}" if decision.reason else words
            self.stickiness.note(pool, request, backend)
        decision.is_sticky = True
        return ()

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
        if decision.is_sticky:
            sentence = "the client comes back to the backend it had, so no policy was asked"
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
    loads: Loads,
    answer: RouteAnswer,
    decide: Callable[[RouteAnswer], RouteDecision],
) -> RouteDecision:
    """Return what is decided where the policy of `pool` has nobody to pick from.

    Who sticks to one is settled. Others wait, where that leads to something; else a fallback has
    it, or nobody.
    """
    if decision.is_sticky:
        return decision
    why = _why_none(decision, pool)
    decision.full = awaited(pool, "", decision.excluded, loads)
    if decision.full or not pool.fallback:
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


def _available(pool: Pool, loads: Loads, exclude: Collection[str]) -> Sequence[Backend]:
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
    loads: Loads,
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
        decision.full = awaited(pool, name, exclude, loads)
        message = f"backend {backend.key}, named by route, {_is(obstacle)}"
        return _refuse(decision, NOTHING_AVAILABLE, message)
    decision.backend = backend
    if not decision.reason:
        decision.reason = f"backend {backend.key} named by route"
    return decision


def _sessions_at(key: str, loads: Loads) -> int:
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
