"""What every session of one engine shares."""

from rsp.core.limits import Limits
from rsp.core.patience import first_looks_s
from rsp.engine.deadlines import Deadlines
from rsp.engine.dispatch import Dispatcher
from rsp.engine.idle import IdleConnections
from rsp.engine.poller import Poller
from rsp.engine.telemetry import Telemetry


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
        self.adopt(limits)
        self.idle = IdleConnections(poller, deadlines)
        self.is_draining = False
        """Whether the engine is on its way out: every exchange is the last of its connection."""
        self._session_ids = 0
        self._exchange_ids = 0

    def adopt(self, limits: Limits) -> None:
        """Put limits in force; a session keeps those it began with."""
        self.limits = limits
        self.first_looks_s = first_looks_s(limits)

    def next_session_id(self) -> int:
        """Return the next number for a session; they are never used twice."""
        self._session_ids += 1
        return self._session_ids

    def next_exchange_id(self) -> int:
        """Return the next number for an exchange."""
        self._exchange_ids += 1
        return self._exchange_ids
