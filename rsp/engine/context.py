"""What every session of one engine shares."""

from itertools import count
from typing import Any, Protocol
from weakref import WeakSet

from rsp.core.backends import Backend
from rsp.core.breaks.rows import BreakSummary, StopRow
from rsp.core.limits import Limits
from rsp.core.patience import first_looks_s
from rsp.core.route import Routable
from rsp.engine.deadlines import Deadlines
from rsp.engine.dispatch import Dispatcher
from rsp.engine.drains import Drains
from rsp.engine.health import HealthKeeper
from rsp.engine.idle import IdleConnections
from rsp.engine.poller import Poller
from rsp.engine.telemetry import Telemetry
from rsp.engine.waiting_list import WaitingLists


class Lab(Protocol):
    """Whoever tampers with sessions on purpose, or stops them; `Any` is a `Session`."""

    def kinds(self) -> list[str]:
        """Return the kinds of the faults that are in force."""

    def breaks(self) -> BreakSummary:
        """Return how many breakpoints are in force, and how many sessions are stopped."""

    def stop_row(self, session: int, now_s: float) -> StopRow | None:
        """Return why a session stands still; None: it does not."""

    def let_go(self, session: Any, why: str) -> None:
        """Let a session go on, if it is stopped."""

    def on_draining(self) -> None:
        """The engine is on its way out."""

    def on_accepted(self, session: Any) -> None:
        """A session begins."""

    def on_paired(self, session: Any) -> None:
        """A session has got a backend connection."""

    def on_parting(self, session: Any, connection: Any) -> bool:
        """A session gives its backend connection back; tell whether another may have it."""

    def on_closed(self, session: Any) -> None:
        """A session is over."""

    def on_late(self, session: Any) -> None:
        """What a session waits for did not come in time; say so, if that is on purpose."""

    def look_at_listeners(self) -> None:
        """There are other listeners."""

    def refuses(self, session: Any, backend: Backend) -> str:
        """Return why a backend is not to be reached, as a connect would have it; empty: it is."""

    def is_down(self, entrance: Any) -> bool:
        """Tell whether nobody may come in here."""

    def as_route_sees(self, session: Any, request: Routable) -> Routable:
        """Return a request as `route` gets to see it."""


class Capture(Protocol):
    """Whoever keeps something for people to look at, and can do without."""

    @property
    def held_bytes(self) -> int:
        """About how much memory it takes."""

    def forget(self) -> None:
        """Keep none of it: memory is short."""


class Context:
    """The parts of an engine that its sessions use, wired once by `server.py`."""

    def __init__(
        self,
        poller: Poller,
        deadlines: Deadlines,
        telemetry: Telemetry,
        dispatcher: Dispatcher,
        limits: Limits,
    ) -> None:
        self.poller = poller
        self.deadlines = deadlines
        self.telemetry = telemetry
        self.dispatcher = dispatcher
        self.waiting = WaitingLists(dispatcher, poller)
        self.drains = Drains(poller, deadlines, telemetry)
        self.idle = IdleConnections(poller, deadlines, telemetry)
        self.adopt(limits)
        self.health = HealthKeeper(poller, deadlines, telemetry, dispatcher, self.idle)
        self.health.on_change = self.waiting.look
        self.is_draining = False
        """Whether the engine is on its way out."""
        self.keeps_alive = True
        """Whether client connections are kept after a response, if client and backend agree."""
        self.is_shedding = False
        """Whether the memory budget is used up: new requests are refused."""
        self.lab: Lab | None = None
        """None until somebody asks for a fault or a breakpoint: nobody else pays for it."""
        self.captures: WeakSet[Capture] = WeakSet()
        """The recorded calls of all sessions, also of closed ones that are still remembered, and
        the samples."""
        self.next_session_id = count(1).__next__
        """Returns the next number for a session; they are never used twice."""
        self.next_exchange_id = count(1).__next__

    def adopt(self, limits: Limits) -> None:
        """Put limits in force; a session keeps those it began with."""
        self.limits = self.idle.limits = limits
        self.first_looks_s = first_looks_s(limits)
