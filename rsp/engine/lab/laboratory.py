"""The one lab of an engine, made when somebody first asks for it: faults, and breakpoints."""

from rsp.core.breaks.rows import BreakSummary, StopRow
from rsp.core.routing import Routable
from rsp.engine.connection import Connection
from rsp.engine.context import Context
from rsp.engine.entrance import Entrance
from rsp.engine.lab.breakpoints import Breakpoints
from rsp.engine.lab.faults import Faults
from rsp.engine.server import Engine
from rsp.engine.session import Registry, Session


class Laboratory:
    """Tells each part of the lab what the sessions tell it."""

    def __init__(self, context: Context, registry: Registry) -> None:
        self.faults = Faults(context.poller, registry)
        self.breakpoints = Breakpoints(context, registry)

    def count(self) -> int:
        """Return how many faults are in force."""
        return self.faults.count()

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

    def on_parting(self, session: Session, connection: Connection) -> None:
        """A session gives its backend connection back."""
        self.breakpoints.on_parting(session, connection)
        self.faults.on_parting(session, connection)

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
        lab = engine.context.lab = Laboratory(engine.context, engine.registry)
    return lab
