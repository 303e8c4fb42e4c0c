"""Faults in force: who has which, put on and taken off while bytes pass."""

from collections.abc import Callable, Iterable
from itertools import count

from rsp.core.backends import Backend
from rsp.core.events import Noted
from rsp.core.faults.audit import Audit
from rsp.core.faults.gates import GATES
from rsp.core.faults.kinds import BadFault
from rsp.core.http1.framing import ChunkedScanner
from rsp.core.http1.kept import KeptBody
from rsp.core.lab_limits import FAULT_HIGH_WATER_BYTES, FAULTS_AT_ONCE
from rsp.core.route import Routable, RouteRequest
from rsp.core.vocabulary import CloseReason, Direction, Mode, PauseReason
from rsp.engine.connection import Connection
from rsp.engine.conversation import Conversation
from rsp.engine.entrance import Entrance
from rsp.engine.lab.connection import TamperedConnection, restore, tamper
from rsp.engine.lab.fault import Fault
from rsp.engine.lab.pipe import TamperedPipe
from rsp.engine.lab.tampering import Tampering
from rsp.engine.listener import Listener
from rsp.engine.nonblocking import CannotListen
from rsp.engine.pipe import Pipe
from rsp.engine.poller import Poller
from rsp.engine.relay import Relay
from rsp.engine.session import Registry, Session

_BUGS_OF_SINKS = frozenset({"lose_on_eagain", "lose_on_short_write", "close_without_drain"})
_HOLDING = frozenset({"latency", "bandwidth", "slicer"})
"""Toxics that would be another fault as well if the ordinary high-water mark held."""
_AT_SINKS = _BUGS_OF_SINKS | GATES.keys() | {"unbounded"}
UNBOUNDED_BYTES = 1 << 62
"""A high-water mark that is never reached."""


class Faults:
    """All faults in force."""

    def __init__(
        self,
        poller: Poller,
        registry: Registry,
        listeners: Callable[[], Iterable[Listener]],
        drop_idle: Callable[[Fault], None],
    ) -> None:
        self.live: dict[int, Fault] = {}
        self._poller = poller
        self._registry = registry
        self._listeners = listeners
        self._drop_idle = drop_idle
        self._stalling: dict[Connection, set[int]] = {}
        """Which faults keep a connection from being read."""
        self._next_id = count(1).__next__
        self._chosen: dict[int, dict[int, bool]] = {}
        """Of each session, which of the faults that it met it has."""
        self._asked_in: dict[int, int] = {}
        """In which exchange of each session that was asked."""

    # -- adding and removing

    def kinds(self) -> list[str]:
        """Return the kinds of those in force."""
        return [fault.kind for fault in self.live.values()]

    def number(self) -> int:
        """Return the number for the next fault.

        Raises:
            BadFault: there are too many.
        """
        if len(self.live) >= FAULTS_AT_ONCE:
            raise BadFault(f"there are {FAULTS_AT_ONCE} faults; remove one first")
        return self._next_id()

    def add(self, fault: Fault) -> None:
        """Put a fault in force, for the present sessions too."""
        self.live[fault.id] = fault
        self._look_at_all()
        if fault.kind == "down":
            self.look_at_listeners()
            self._close_those_of(fault)
            self._drop_idle(fault)

    def remove(self, fault: Fault) -> None:
        """Take a fault away; what it held back goes on.

        Raises:
            CannotListen: it kept a listener down whose port somebody else has by now. The fault
                stays.
        """
        del self.live[fault.id]
        try:
            self.look_at_listeners()
        except CannotListen:
            self.live[fault.id] = fault
            raise
        self._look_at_all()

    def replace(self, old: Fault, new: Fault) -> None:
        """Put `new` in the place of `old`: what `old` held back is held by `new` from now on."""
        del self.live[old.id]
        self.live[new.id] = new
        self._look_at_all()

    def look_at_listeners(self) -> None:
        """Shut those that are to be down, and open those again that are not.

        Raises:
            CannotListen: somebody else has the port of one by now.
        """
        for listener in self._listeners():
            if self.is_down(listener.entrance):
                listener.shut()
            else:
                listener.open_again()

    def _look_at_all(self) -> None:
        for session in list(self._registry.live.values()):
            self._apply(session)

    def _close_those_of(self, fault: Fault) -> None:
        for session in list(self._registry.live.values()):
            if self._is_for(fault, session):
                session.because(CloseReason.INJECTED, f"the fault {fault} closed it")
                session.close(CloseReason.INJECTED, reset=True)

    # -- what the sessions tell

    def on_paired(self, session: Session) -> None:
        """A session has got a backend connection: for an exchange, or for good."""
        if self._asked_in.get(session.id) == session.exchanges:
            # Another try of the same exchange: only what is not for this backend is asked anew.
            chosen = self._chosen.get(session.id, {})
            for number in list(chosen):
                fault = self.live.get(number)
                if fault is None or not self._is_for(fault, session):
                    del chosen[number]
        else:
            self._chosen.pop(session.id, None)
            self._asked_in[session.id] = session.exchanges
        self._apply(session)

    def on_parting(self, session: Session, connection: Connection) -> bool:
        """A session gives its backend connection back: it must be as all others.

        Return whether it is: one that has missed a byte is of no use to another session.
        """
        pipe = session.request_pipe
        if isinstance(pipe, TamperedPipe):
            pipe.settle()
        connection.resume(PauseReason.INJECTED)
        self._stalling.pop(connection, None)
        is_sound = not isinstance(connection, TamperedConnection) or connection.tampering.is_sound
        restore(connection, session.limits.high_water_bytes)
        return is_sound

    def on_closed(self, session: Session) -> None:
        """A session is over, and the faults that were for it alone."""
        self._chosen.pop(session.id, None)
        self._asked_in.pop(session.id, None)
        self._stalling.pop(session.client, None)
        if session.backend is not None:
            self._stalling.pop(session.backend, None)
        for fault in [fault for fault in self.live.values() if fault.scope.session == session.id]:
            del self.live[fault.id]
            what = f"fault {fault} ended with session {session.id}"
            session.context.telemetry.record(Noted(at_s=self._poller.now_s, what=what))

    def on_late(self, session: Session) -> None:
        """An allowance of a session has run out: say so, if a gate is what kept it waiting."""
        for connection in (session.client, session.backend):
            if isinstance(connection, TamperedConnection) and connection.tampering.is_holding:
                names = " and ".join(connection.tampering.names)
                why = f"the fault {names} held bytes back for longer than anybody waited"
                session.because(CloseReason.INJECTED, why)

    def refuses(self, session: Session, backend: Backend) -> str:
        """Return why a connect to a backend is refused; empty: it is not."""
        for fault in self.live.values():
            if (
                fault.kind == "down"
                and not fault.scope.has_backend(None)
                and fault.scope.has_backend(backend)
                and fault.scope.has_entrance(session.entrance)
            ):
                return f"refused (the fault {fault})"
        return ""

    def is_down(self, entrance: Entrance) -> bool:
        """Tell whether nobody may come in here."""
        return any(
            fault.kind == "down"
            and fault.scope.has_entrance(entrance)
            and fault.scope.has_backend(None)
            for fault in self.live.values()
        )

    def as_route_sees(self, session: Session, request: Routable) -> Routable:
        """Return a request as `route` gets to see it."""
        if not any(
            fault.kind == "case_sensitive_route" and fault.scope.has_entrance(session.entrance)
            for fault in self.live.values()
        ):
            return request
        spelt = request.raw_host
        host = spelt[: len(request.host)] if spelt.lower().startswith(request.host) else spelt
        return RouteRequest(
            request.method, request.path, request.query, host, request.raw_host,
            request.fields, request.client_ip, request.listener,
        )  # fmt: skip

    # -- putting on, taking off

    def _is_for(self, fault: Fault, session: Session) -> bool:
        scope, speaker = fault.scope, session.speaker
        pairing = speaker.pairing if isinstance(speaker, Conversation | Relay) else None
        return (
            scope.session in (None, session.id)
            and scope.has_entrance(session.entrance)
            and scope.has_backend(pairing.backend if pairing is not None else None)
        )

    def _of(self, session: Session) -> tuple[list[Fault], set[int]]:
        """Return the faults that a session has, and the numbers of those that are new to it.

        Chance, and every so manieth, is asked once for each exchange.
        """
        chosen = self._chosen.setdefault(session.id, {})
        # It has nothing that a fault could be for: the next exchange will have.
        is_idle = session.backend is None and not session.client.unsent.data
        mine: list[Fault] = []
        new: set[int] = set()
        for fault in self.live.values():
            # What it has it keeps until the next exchange: it may have parted from its backend.
            if fault.id not in chosen:
                if is_idle or not self._is_for(fault, session):
                    continue
                chosen[fault.id] = fault.chooses()
                new.add(fault.id)
            if chosen[fault.id]:
                mine.append(fault)
        if not chosen:
            del self._chosen[session.id]
        return mine, new

    def _apply(self, session: Session) -> None:
        if session.state.is_over:
            return
        if session.state.is_ending and session.close_reason is CloseReason.INJECTED:
            self._let_go(session)
            return
        faults, new = self._of(session)
        speaker = session.speaker
        if faults and isinstance(speaker, Conversation) and speaker.exchange is not None:
            speaker.exchange.is_faulted = True
        sides = [(session.client, session.response_pipe, session.backend)]
        if session.backend is not None:
            sides.append((session.backend, session.request_pipe, session.client))
        for sink, pipe, source in sides:
            self._set(session, sink, pipe, faults)
            if source is not None:
                self._stall(source, pipe.direction, faults, new)

    def _let_go(self, session: Session) -> None:
        """A fault ends it already, so it gets no more: but what one that is gone held goes."""
        for sink in (session.client, session.backend):
            if isinstance(sink, TamperedConnection):
                gates = sink.tampering.gates
                for number in gates.keys() - self.live.keys():
                    del gates[number]
                self._poller.again(sink)

    def _set(self, session: Session, sink: Connection, pipe: Pipe, faults: Iterable[Fault]) -> None:
        """Give one connection the faults it is to have, as a sink and as a source."""
        way = pipe.direction
        sent = [fault for fault in faults if fault.direction is way and fault.kind in _AT_SINKS]
        read = [
            fault
            for fault in faults
            if (fault.kind == "read_once" and fault.direction is not way)
            or (fault.kind == "rdhup_is_close" and way is Direction.RESPONSE)
        ]
        names = tuple(map(str, (*sent, *read)))
        # FIN cannot be taken back: what follows would look like a peer that is gone.
        is_shut = isinstance(sink, TamperedConnection) and sink.tampering.is_swallowing
        if not names and not is_shut:
            if isinstance(pipe, TamperedPipe):
                pipe.settle()
                pipe.__class__ = Pipe  # type: ignore[assignment]
            restore(sink, session.limits.high_water_bytes)
            return
        tampering = tamper(sink)
        if tampering.audit is None:
            _begin_books(tampering, pipe)
            pipe.__class__ = TamperedPipe
        tampering.names = names
        kinds_sent, kinds_read = ({fault.kind for fault in each} for each in (sent, read))
        tampering.bug = next(iter(kinds_sent & _BUGS_OF_SINKS), "")
        tampering.reads_once = "read_once" in kinds_read
        tampering.ends_at_hang_up = "rdhup_is_close" in kinds_read
        sink.unsent.high_water_bytes = (
            UNBOUNDED_BYTES if "unbounded" in kinds_sent
            else FAULT_HIGH_WATER_BYTES if kinds_sent & _HOLDING
            else session.limits.high_water_bytes
        )  # fmt: skip
        is_between = not pipe.is_open or session.entrance.mode is Mode.TCP
        gates = [fault for fault in sent if fault.kind in GATES]
        self._set_gates(tampering, sink, gates, is_between=is_between)
        # For what was held by a gate that is gone, and for what the others want done by now.
        self._poller.again(sink)

    def _set_gates(
        self, tampering: Tampering, sink: Connection, faults: list[Fault], *, is_between: bool
    ) -> None:
        wanted = {fault.id: fault for fault in faults}
        for number in [number for number in tampering.gates if number not in wanted]:
            del tampering.gates[number]
        for number, fault in wanted.items():
            gate = None if number in tampering.gates else fault.gate(self._poller.now_s)
            if gate is not None:
                if sink.unsent.data:
                    gate.given(bytes(sink.unsent.data), self._poller.now_s)
                if is_between:
                    gate.message_begins()
                tampering.gates[number] = gate

    def _stall(
        self, source: Connection, way: Direction, faults: Iterable[Fault], new: set[int]
    ) -> None:
        """Stop reading for as long as was asked for; 0: until the fault is removed."""
        mine = {
            fault.id: fault
            for fault in faults
            if fault.kind == "stall_reads" and fault.direction is way
        }
        stalling = self._stalling.pop(source, set()) & mine.keys()
        for number in mine.keys() & new:
            stalling.add(number)
            source.pause(PauseReason.INJECTED)
            seconds = float(mine[number].values["seconds"])
            if seconds:
                self._poller.at(self._poller.now_s + seconds, _Resume(self, source, number))
        if stalling:
            self._stalling[source] = stalling
        else:
            source.resume(PauseReason.INJECTED)

    def end_stall(self, source: Connection, number: int) -> None:
        """The time of one fault is over; others may still keep `source` from being read."""
        stalling = self._stalling.get(source, set())
        stalling.discard(number)
        if not stalling:
            self._stalling.pop(source, None)
            source.resume(PauseReason.INJECTED)


class _Resume:
    """Ends a stall when its turn comes."""

    def __init__(self, faults: Faults, source: Connection, number: int) -> None:
        self._faults, self._source, self._number = faults, source, number

    def on_ready(self, readiness: int) -> None:
        """The time is over."""
        self._faults.end_stall(self._source, self._number)

    def on_bug(self, error: Exception) -> None:
        """Our own code failed meanwhile."""
        self._source.on_bug(error)


def _begin_books(tampering: Tampering, pipe: Pipe) -> None:
    """Follow the payload from where the pipe is now."""
    tampering.audit = Audit(pipe.passed_bytes + pipe.moved_bytes)
    scanner = pipe.scanner
    if isinstance(scanner, KeptBody):
        scanner = scanner.scanner
    if isinstance(scanner, ChunkedScanner) and pipe.is_open and not scanner.decodes:
        tampering.layout.resume(scanner.left_bytes)
