"""Where a request is sent: asks the router, lets the balancer pick, and dials.

Holds the three things that an edit or a reload replaces by one reference each: the router, the
backend table and, with them, the generation.
"""

import random
import time
from collections.abc import Callable, Collection

from rsp.core.backends import Backend, BackendTable
from rsp.core.limits import Limits
from rsp.core.loads import BackendLoads
from rsp.core.redact import secrets_of, those_in
from rsp.core.route import Routable, RouteFailed, Router
from rsp.core.routing import Balancer, RouteDecision, failed_decision
from rsp.core.vocabulary import BackendState, Side
from rsp.engine.connection import Connection
from rsp.engine.nonblocking import ConnectFailed, OutOfFds, prepare, start_connect
from rsp.engine.owner import Owner
from rsp.engine.poller import Poller

_BACKEND = Side.BACKEND
"""A member of an Enum costs 70 ns to look up, a name of the module 7."""


class Dispatcher:
    """Decides where requests go, and makes connections to backends."""

    def __init__(self, table: BackendTable, router: Router) -> None:
        self.table = table
        self.router = router
        self.balancer = Balancer()
        self.loads = BackendLoads()
        self.on_route_failed: Callable[[], object] | None = None
        """Told of each failed route: the runtime behind it may be beyond help."""
        self.on_failure: Callable[[Backend, str], object] | None = None
        """Told of each failure of a backend, where some pool ejects those that fail."""

    def decide(
        self, request: Routable, router: Router | None, exclude: Collection[str] = ()
    ) -> RouteDecision:
        """Return where `request` goes. `router` is the listener's own, when it names its pool.

        `exclude` holds the keys of the backends that were tried before. Nothing is raised: a
        route that fails is a decision with a status and an error.
        """
        started_s = time.perf_counter()
        try:
            answer = (router or self.router).route(request)
        except RouteFailed as error:
            decision = failed_decision(str(error), self.table.generation)
            note_secrets(decision, request)
            if self.on_route_failed is not None:
                self.on_route_failed()
        else:
            decision = self.balancer.decide(
                self.table, answer, request, self.loads, random.random, exclude
            )
            if answer.secrets or decision.error is not None:
                note_secrets(decision, request, answer.secrets)
        decision.elapsed_us = (time.perf_counter() - started_s) * 1e6
        return decision

    def note_failure(self, backend: Backend, reason: str, *, may_eject: bool = True) -> None:
        """Remember why `backend` failed us, for whoever looks at it."""
        load = self.loads[backend.key]
        load.failures += 1
        load.last_error, load.last_error_address = reason, backend.address
        load.failed_at_s.append(time.monotonic())
        if self.on_failure is not None and may_eject:
            self.on_failure(backend, reason)

    def is_wanted(self, backend: Backend) -> bool:
        """Tell whether a connection to `backend` may be kept: it still is what the table says."""
        pool = self.table.pools.get(backend.pool)
        if pool is None or pool.send_proxy is not None:
            return False
        present = pool.by_name.get(backend.name)
        return present is backend or (
            present is not None
            and (present.address, present.resolved) == (backend.address, backend.resolved)
            and present.state is BackendState.READY
        )


def note_secrets(
    decision: RouteDecision, request: Routable, answered: tuple[str, ...] = ()
) -> None:
    """Note which secrets of `request` the texts of its `decision` hold.

    `answered` are those that the router found in its key and its reason; an error may name more,
    for a script wrote part of it.
    """
    found = set(answered)
    if decision.error is not None:
        found.update(those_in(secrets_of(request.query, request.fields), decision.error))
    # The longest first: one may be a part of another.
    decision.secrets = tuple(sorted(found, key=len, reverse=True))


def dial(backend: Backend, poller: Poller, owner: Owner[Connection], limits: Limits) -> Connection:
    """Begin to connect to `backend`; the owner hears how it went.

    Raises:
        ConnectFailed: it failed at once.
        NoLocalPort: there is no port for our side of it.
        OutOfFds: there is no fd for it, or the poller cannot watch it.
    """
    if backend.resolved is None:
        raise ConnectFailed("its address is not resolved")
    sock = start_connect(backend.resolved)
    prepare(sock, limits.notsent_lowat_bytes)
    connection = Connection(poller, sock, backend.address, _BACKEND, limits)
    connection.resolved = backend.resolved
    try:
        connection.start(owner, is_connected=False)
    except OutOfFds:
        sock.close()
        raise
    return connection
