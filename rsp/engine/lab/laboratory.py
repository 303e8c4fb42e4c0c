"""The one lab of an engine, made when somebody first asks for it: faults, and breakpoints."""

from rsp.core.backends import Backend
from rsp.core.breaks.rows import BreakSummary, StopRow
from rsp.core.route import Routable
from rsp.engine.connection import Connection
from rsp.engine.entrance import Entrance
from rsp.engine.lab.breakpoints import Breakpoints
from rsp.engine.lab.fault import Fault
from rsp.engine.lab.faults import Faults
from rsp.engine.server import Engine
from rsp.engine.session import Session


class Laboratory:
    """Tells each part of the lab what the sessions tell it."""

    def __init__(self, engine: Engine) -> None:
        context, registry = engine.context, engine.registry
        self.faults = Faults(
            context.poller,
            registry,
            lambda: engine.listeners.values(),
            lambda fault: _drop_idle(engine, fault),
        )
        self.breakpoints = Breakpoints(context, registry)

    def kinds(self) -> list[str]:
        """Return the kinds of the faults that are in force."""
        return self.faults.kinds()

    def breaks(self) -> BreakSummary:
        """Return how many breakpoints there are, and how many sessions are stopped."""
        return self.breakpoints.summary()

    def stop_row(self, session: int, now_s: float) -> StopRow | None:
        """Return why a session stands still; None: it does not."""
        return self.breakpoints.stop_row(session, now_s)

    def on_accepted(self, session: Session) -> None:
        """A session begins."""
        self.breakpoints.on_accepted(session)

    def on_paired(self, session: Session) -> None:
        """A session has got a backend connection."""
        self.faults.on_paired(session)
        self.breakpoints.on_paired(session)

    def on_parting(self, session: Session, connection: Connection) -> bool:
        """A session gives its backend connection back; tell whether another may have it."""
        self.breakpoints.on_parting(session, connection)
        return self.faults.on_parting(session, connection)

    def on_late(self, session: Session) -> None:
        """What a session waits for did not come in time."""
        self.faults.on_late(session)

    def look_at_listeners(self) -> None:
        """There are other listeners."""
        self.faults.look_at_listeners()

    def refuses(self, session: Session, backend: Backend) -> str:
        """Return why a backend is not to be reached; empty: it is."""
        return self.faults.refuses(session, backend)

    def on_closed(self, session: Session) -> None:
        """A session is over."""
        self.faults.on_closed(session)
        self.breakpoints.on_closed(session)

    def is_down(self, entrance: Entrance) -> bool:
        """Tell whether nobody may come in here."""
        return self.faults.is_down(entrance)

    def as_route_sees(self, session: Session, request: Routable) -> Routable:
        """Return a request as `route` gets to see it."""
        return self.faults.as_route_sees(session, request)

    def let_go(self, session: Session, why: str) -> None:
        """Let a session go on, if it is stopped."""
        brake = self.breakpoints.stopped_one(session.id)
        if brake is not None:
            self.breakpoints.go_on(brake, why)

    def on_draining(self) -> None:
        """The engine is on its way out: nobody is stopped any more."""
        for number in list(self.breakpoints.live):
            self.breakpoints.remove(number)


def lab_of(engine: Engine) -> Laboratory:
    """Return the lab of an engine; from now on its sessions tell it what they do."""
    lab = engine.context.lab
    if not isinstance(lab, Laboratory):
        lab = engine.context.lab = Laboratory(engine)
    return lab


def _drop_idle(engine: Engine, fault: Fault) -> None:
    """Close the idle connections to backends that are not to be reached any more."""
    for pool in engine.context.dispatcher.table.pools.values():
        for backend in pool.backends:
            if fault.scope.has_backend(backend):
                engine.context.idle.drop_all(backend.key)
