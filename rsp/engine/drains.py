"""When a client had the whole response: followed behind the exchanges that left bytes with us.

Only large responses are, and those that the client did not take at once. That the last byte has
left is told by who sent it; that it arrived is looked at by one SIOCOUTQ, ten times a second for
each client that has not acknowledged everything yet. With nobody to look at, nothing runs.
"""

from rsp.core.limits import TIMER_TICK_S
from rsp.engine.connection import Connection
from rsp.engine.deadlines import Deadlines
from rsp.engine.exchange import Exchange
from rsp.engine.kernel import queues
from rsp.engine.lab.connection import is_held_back
from rsp.engine.poller import Poller
from rsp.engine.telemetry import Telemetry


class _Response:
    """A response of which the client has not acknowledged everything."""

    __slots__ = ("end_bytes", "exchange", "has_left", "is_seen")

    def __init__(self, exchange: Exchange, client: Connection) -> None:
        self.exchange = exchange
        self.end_bytes = client.bytes_out + len(client.unsent)
        """What the client had been sent at its last byte."""
        self.has_left = not client.unsent.data
        self.is_seen = False
        """Whether a look has found it on its way."""


class Drains:
    """Stamps exchanges with the times at which their last byte left, and arrived.

    The latter to a tick exact. What had arrived before the first look stays unknown: it was below
    a tick, and a tick would be too much to say.
    """

    def __init__(self, poller: Poller, deadlines: Deadlines, telemetry: Telemetry) -> None:
        self.deadline_s = 0.0
        self.bucket = 0
        self._poller = poller
        self._deadlines = deadlines
        self._telemetry = telemetry
        self._watched: dict[Connection, _Response] = {}
        """The last response of each client."""

    def watch(self, client: Connection, exchange: Exchange) -> None:
        """Look after the last byte of a response that was just passed on."""
        if client.is_closed:
            return
        if not self._watched:
            self._deadlines.set(self, self._poller.now_s + TIMER_TICK_S)
        self._watched[client] = _Response(exchange, client)

    def on_left(self, client: Connection) -> None:
        """The kernel has taken everything that was for `client`."""
        response = self._watched.get(client)
        if response is None or response.has_left:
            return
        response.has_left = True
        exchange = response.exchange
        exchange.left_s = now_s = self._poller.now_s
        if is_held_back(client):
            exchange.injected_s += now_s - exchange.started_s - exchange.duration_s

    def cut(self, client: Connection, result: str) -> None:
        """The client's connection is over, and not by its own will: `result` says why. A response
        of which a part is still here ends so as well: that part never leaves."""
        response = self._watched.get(client)
        if response is not None and client.bytes_out < response.end_bytes:
            response.exchange.result = result

    def on_deadline(self, now_s: float) -> None:
        """Look at each client that had not acknowledged everything."""
        for client, response in list(self._watched.items()):
            if client.is_closed or _has_arrived(client, response, now_s):
                del self._watched[client]
        if self._watched:
            self._deadlines.set(self, now_s + TIMER_TICK_S)

    def on_bug(self, error: Exception) -> None:
        """Our own code failed while looking: nobody is looked after any more."""
        self._watched.clear()
        self._telemetry.record_bug("drains", error)


def _has_arrived(client: Connection, response: _Response, now_s: float) -> bool:
    """Look once; tell whether that was the last time."""
    queued_bytes, _ = queues(client.sock)
    if queued_bytes is None:
        return True
    if client.bytes_out - queued_bytes < response.end_bytes:
        response.is_seen = True
        return False
    if response.is_seen:
        response.exchange.drained_s = now_s
    return True
