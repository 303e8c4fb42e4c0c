"""The engine's memory of the recent past: rings of events, decisions, exchanges, closed sessions.

Knows no sockets; builds no rows (`rows.py` does, for whoever looks).
"""

import datetime
import os
import time
import traceback
from collections.abc import Callable
from email.utils import format_datetime

from rsp.core.events import Event, Noted
from rsp.core.limits import EVENTS_KEPT, EXCHANGES_KEPT, STALLS_KEPT
from rsp.core.redact import SALT_BYTES, Redactor
from rsp.core.replies import Totals
from rsp.core.vocabulary import EventLevel
from rsp.engine.connection import Connection
from rsp.engine.decisions import DecisionRing
from rsp.engine.exchange import Exchange
from rsp.engine.ring import Ring
from rsp.engine.wait import Stall
from rsp.engine.wall_clock import WallClock

Listener = Callable[[Event], None]


class Telemetry:
    """What the engine remembers, and the one place that turns monotonic time into dates."""

    def __init__(self) -> None:
        self.events: Ring[Event] = Ring(EVENTS_KEPT)
        self.decisions = DecisionRing()
        self.exchanges: Ring[Exchange] = Ring(EXCHANGES_KEPT)
        self.stalls: Ring[Stall] = Ring(STALLS_KEPT)
        self.redactor = Redactor(os.urandom(SALT_BYTES))
        """Hides secrets from whoever looks."""
        self.totals = Totals()
        """Of the sessions that are closed; `status` adds the live ones, and the bytes of backends,
        which stand in their loads."""
        self.started_s = time.monotonic()
        self.clock = WallClock()
        self._listeners: tuple[Listener, ...] = ()
        """Who is told of events."""
        self._patient: tuple[Listener, ...] = ()
        """Who of them is told of the quiet ones as well."""

    def listen(self, listener: Listener, *, also_quiet: bool = True) -> Listener:
        """Call `listener` with each event from now on: the log, and waiting `events` readers."""
        self._listeners = (*self._listeners, listener)
        if also_quiet:
            self._patient = (*self._patient, listener)
        return listener

    def forget(self, listener: Listener) -> None:
        """Call `listener` no more."""
        self._listeners = tuple(each for each in self._listeners if each is not listener)
        self._patient = tuple(each for each in self._patient if each is not listener)

    def record(self, event: Event) -> None:
        """Keep `event`, and pass it on to those whom it concerns."""
        self.events.append(event)
        for listener in self._patient if event.is_quiet else self._listeners:
            listener(event)

    def record_bug(self, where: str, error: Exception, session: int | None = None) -> None:
        """Record that our own code failed, with the traceback."""
        self.record(
            Noted(
                at_s=time.monotonic(),
                session=session,
                what=f"{where}: a bug of ours: {error!r}",
                weight=EventLevel.ERROR,
                values={"traceback": "".join(traceback.format_exception(error))},
            )
        )

    def add_client(self, client: Connection) -> None:
        """Add up what a client connection counted, now that it is closed."""
        totals = self.totals
        totals.client_bytes_in += client.bytes_in
        totals.client_bytes_out += client.bytes_out
        if client.eagain_reads or client.eagain_writes or client.short_writes:
            self.add_calls(client)

    def add_calls(self, connection: Connection) -> None:
        """Add up the calls of a connection that found nothing, or too little room."""
        self.totals.eagain_reads += connection.eagain_reads
        self.totals.eagain_writes += connection.eagain_writes
        self.totals.short_writes += connection.short_writes

    def wall(self, at_s: float) -> datetime.datetime:
        """Return the date of a monotonic time, in UTC."""
        return self.clock.date(at_s)

    def stamp(self, at_s: float) -> str:
        """Return a monotonic time as `2026-11-23T02:45:47.123456Z`."""
        return self.wall(at_s).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def http_date(self, at_s: float) -> bytes:
        """Return a monotonic time as the Date field has it (RFC 9110, section 5.6.7)."""
        return format_datetime(self.wall(at_s), usegmt=True).encode("ascii")
