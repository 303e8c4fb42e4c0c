"""What the worker does: run requests through configurations that are not in force.

Jobs and answers are bytes, so that they can go to another process (`worker.py`). Everything runs in
fresh runtimes; nothing here knows a socket, an engine or a clock.
"""

from collections.abc import Sequence

import msgspec

from rsp.core.backends import Backend, BackendTable, Pool, StickyRules
from rsp.core.config import ConfigError
from rsp.core.health_rules import Condition
from rsp.core.http1.errors import BadMessage
from rsp.core.http1.host import parse_host
from rsp.core.loads import BackendLoad, BackendLoads
from rsp.core.route import FixedRouter, RouteFailed, Router, RouteRequest
from rsp.core.routing import Balancer, RouteDecision, failed_decision
from rsp.core.vocabulary import BackendState, Health
from rsp.core.what_if import Comparison
from rsp.core.what_if_rows import WhatIf
from rsp.engine.lua_config import LuaRouter, load_source
from rsp.engine.tracing import Traced, trace

_OUT = Condition(Health.DOWN)

ROUTE = ""
"""What stands for the pool of a listener that asks `route`."""


class Recorded(msgspec.Struct, array_like=True, gc=False):
    """A request of the past."""

    method: str
    host: str
    """As the client sent it."""
    target: bytes
    block: bytes | int
    """All field lines; or the number of the request (from 0) that has the same ones."""
    client: str
    listener: str
    went: str = ""
    """Where it went, when that is to be compared instead of where it goes now."""


class PlannedBackend(msgspec.Struct, array_like=True):
    """A backend, as far as decisions depend on it."""

    name: str
    weight: int
    state: str
    is_out: bool = False
    """Whether it is down or ejected now."""


class PlannedPool(msgspec.Struct, array_like=True):
    """A pool, as far as decisions depend on it."""

    name: str
    balance: str
    backends: list[PlannedBackend]
    fallback: str = ""
    sticky: str | None = None
    """The name of the cookie that clients stick by; empty: their address does; None: they do
    not."""


class Plan(msgspec.Struct):
    """A configuration with its edits, as it is in force or would be."""

    source: bytes
    path: str
    has_route: bool
    pools: list[PlannedPool]
    listeners: dict[str, str]
    """The pool of each listener by its address, `ROUTE` where `route` is asked."""


class WhatIfJob(msgspec.Struct, tag="what_if"):
    """Compare two plans; the recorded requests follow, in pieces."""

    before: Plan | None
    """None: with where the requests went."""
    after: Plan


class TraceJob(msgspec.Struct, tag="trace"):
    """Trace a call of `route`."""

    source: bytes
    path: str
    request: RouteRequest


Job = WhatIfJob | TraceJob

_encode = msgspec.msgpack.encode
_decode_job = msgspec.msgpack.Decoder(Job).decode
_decode_recorded = msgspec.msgpack.Decoder(list[Recorded]).decode
decode_what_if = msgspec.msgpack.Decoder(WhatIf).decode
decode_traced = msgspec.msgpack.Decoder(Traced).decode


def plan_of(
    source: bytes, path: str | None, has_route: bool, table: BackendTable, listeners: dict[str, str]
) -> Plan:
    """Return what the worker has to know of a configuration."""
    pools = [
        PlannedPool(
            pool.name,
            pool.balance,
            [
                PlannedBackend(
                    each.name, each.weight, each.state.value, pool.condition(each.name).is_out
                )
                for each in pool.backends
            ],
            pool.fallback,
            pool.cookie if pool.sticky is not None else None,
        )
        for pool in table.pools.values()
    ]
    return Plan(source, path or "", has_route, pools, listeners)


def carry_out(pieces: Sequence[bytes]) -> bytes:
    """Do the job in the first piece, with the requests in the others, and return its answer."""
    job = _decode_job(pieces[0])
    if isinstance(job, TraceJob):
        return _encode(trace(job.source, job.path, job.request))
    return _encode(compare(job, [each for piece in pieces[1:] for each in _decode_recorded(piece)]))


def compare(job: WhatIfJob, recorded: Sequence[Recorded]) -> WhatIf:
    """Run `recorded` through both plans, and return what moves."""
    after = _Rehearsal(job.after)
    before = _Rehearsal(job.before) if job.before is not None else None
    comparison = Comparison(before.table if before else after.table, after.table)
    fields: list[list[tuple[bytes, bytes]]] = []
    for each in recorded:
        block = each.block
        fields.append(fields[block] if isinstance(block, int) else fields_of(block))
        request = request_of(each, fields[-1])
        will = after.decide(request)
        to = comparison.after.place(will) if will else comparison.after.nowhere(None)
        was, key = each.went, None
        if before is not None:
            now = before.decide(request)
            was = comparison.before.place(now) if now else comparison.before.nowhere(None)
            key = now.key if now else None
        comparison.add(was, to, key)
    return comparison.result()


class _Rehearsal:
    """A plan that makes decisions, as if nobody were busy."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.table = BackendTable.of([_pool(pool) for pool in plan.pools], 0)
        self._balancer = Balancer()
        self._loads = BackendLoads()
        for pool in self.table.pools.values():
            for key in pool.keys:
                self._loads[key] = BackendLoad()
        self._router = self._new_router()
        self._fixed = {
            address: FixedRouter(pool) if pool != ROUTE else None
            for address, pool in plan.listeners.items()
        }

    def _new_router(self) -> Router:
        plan = self._plan
        if plan.has_route:
            loaded = load_source(plan.source, plan.path)
            if loaded.router is not None:
                return loaded.router
        return FixedRouter(plan.pools[0].name if plan.pools else "")

    def decide(self, request: RouteRequest) -> RouteDecision | None:
        """Return where a request goes; None: no listener takes it."""
        try:
            router = self._fixed[request.listener] or self._router
        except KeyError:
            return None
        try:
            answer = router.route(request)
        except RouteFailed as error:
            self._heed_broken()
            return failed_decision(str(error), 0)
        return self._balancer.decide(self.table, answer, request, self._loads, lambda: 0.0)

    def _heed_broken(self) -> None:
        """A runtime that ran out of memory is replaced, as the engine does it."""
        if isinstance(self._router, LuaRouter) and self._router.broken:
            try:
                self._router = self._new_router()
            except ConfigError:
                # Then all that follow fail with it, as they would in traffic.
                return


def _pool(planned: PlannedPool) -> Pool:
    backends = tuple(
        Backend(planned.name, each.name, "", each.weight, state=BackendState(each.state))
        for each in planned.backends
    )
    sticky = StickyRules(planned.sticky) if planned.sticky is not None else None
    conditions = {each.name: _OUT for each in planned.backends if each.is_out}
    return Pool(
        planned.name,
        backends,
        planned.balance,
        fallback=planned.fallback,
        conditions=conditions,
        sticky=sticky,
    )


def fields_of(block: bytes) -> list[tuple[bytes, bytes]]:
    """Return the fields of the lines of a head that was accepted."""
    pairs = (line.partition(b":") for line in block.split(b"\r\n") if line)
    return [(name, value.strip(b" \t")) for name, _, value in pairs]


def request_of(recorded: Recorded, fields: list[tuple[bytes, bytes]]) -> RouteRequest:
    """Return a recorded request as `route` gets it."""
    path, _, query = recorded.target.partition(b"?")
    try:
        host = parse_host(recorded.host.encode("latin-1"))[0] if recorded.host else ""
    except BadMessage:
        # It was accepted once; only a file that somebody edited brings this here.
        host = recorded.host.lower()
    return RouteRequest(
        recorded.method,
        path.decode("latin-1"),
        query.decode("latin-1"),
        host,
        recorded.host,
        fields,
        recorded.client,
        recorded.listener,
    )
