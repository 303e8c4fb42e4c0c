"""Faults in force: who has which, put on and taken off while bytes pass."""

from collections.abc import Iterable
from itertools import count

from rsp.core.faults.audit import Audit
from rsp.core.faults.gates import GATES
from rsp.core.faults.kinds import BadFault
from rsp.core.http1.framing import ChunkedScanner
from rsp.core.http1.kept import KeptBody
from rsp.core.limits import FAULT_HIGH_WATER_BYTES, FAULTS_AT_ONCE
from rsp.core.routing import Routable, RouteRequest
from rsp.core.vocabulary import CloseReason, Direction, PauseReason
from rsp.engine.connection import Connection
from rsp.engine.conversation import Conversation
from rsp.engine.entrance import Entrance
from rsp.engine.lab.connection import restore, tamper
from rsp.engine.lab.fault import Fault
from rsp.engine.lab.pipe import TamperedPipe
from rsp.engine.lab.tampering import Tampering
from rsp.engine.pipe import Pipe
from rsp.engine.poller import HANG_UP, Poller
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

    def __init__(self, poller: Poller, registry: Registry) -> None:
        self.live: dict[int, Fault] = {}
        self._poller = poller
        self._registry = registry
        self._next_id = count(1).__next__
        self._chosen: dict[int, dict[int, bool]] = {}
        """Of each session, which of the faults that it met it has."""

    # -- adding and removing

    def count(self) -> int:
        """Return how many there are."""
        return len(self.live)

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
            self._close_those_of(fault)

    def remove(self, fault: Fault) -> None:
        """Take a fault away; what it held back goes on."""
        self.live.pop(fault.id, None)
        self._look_at_all()

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
        self._chosen.pop(session.id, None)
        self._apply(session)

    def on_parting(self, session: Session, connection: Connection) -> None:
        """A session gives its backend connection back: it must be as all others."""
        pipe = session.request_pipe
        if isinstance(pipe, TamperedPipe):
            pipe.settle()
        connection.resume(PauseReason.INJECTED)
        restore(connection, session.limits.high_water_bytes)

    def on_closed(self, session: Session) -> None:
        """A session is over."""
        self._chosen.pop(session.id, None)

    def is_down(self, entrance: Entrance) -> bool:
        """Tell whether nobody may come in here."""
        return any(
            fault.kind == "down"
            and fault.scope.has_entrance(entrance)
            and fault.scope.has_backend(None)
            and fault.scope.session is None
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
        mine: list[Fault] = []
        new: set[int] = set()
        for fault in self.live.values():
            if not self._is_for(fault, session):
                continue
            if fault.id not in chosen:
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
        faults, new = self._of(session)
        sides = [(session.client, session.response_pipe, session.backend)]
        if session.backend is not None:
            sides.append((session.backend, session.request_pipe, session.client))
        for sink, pipe, source in sides:
            self._set(session, sink, pipe, faults)
            if source is not None:
                stalls = [
                    fault
                    for fault in faults
                    if fault.kind == "stall_reads" and fault.direction is pipe.direction
                ]
                self._stall(source, stalls, new)

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
        if not names:
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
        self._set_gates(tampering, sink, [fault for fault in sent if fault.kind in GATES])
        if tampering.gates or (tampering.ends_at_hang_up and sink.seen & HANG_UP):
            self._poller.again(sink)

    def _set_gates(self, tampering: Tampering, sink: Connection, faults: list[Fault]) -> None:
        wanted = {fault.id: fault for fault in faults}
        for number in [number for number in tampering.gates if number not in wanted]:
            del tampering.gates[number]
        for number, fault in wanted.items():
            gate = None if number in tampering.gates else fault.gate(self._poller.now_s)
            if gate is not None:
                if sink.unsent.data:
                    gate.given(bytes(sink.unsent.data), self._poller.now_s)
                tampering.gates[number] = gate

    def _stall(self, source: Connection, faults: list[Fault], new: set[int]) -> None:
        """Stop reading for as long as was asked for; 0: until the fault is removed."""
        if not faults:
            source.resume(PauseReason.INJECTED)
        for fault in faults:
            if fault.id in new:
                source.pause(PauseReason.INJECTED)
                seconds = float(fault.values["seconds"])
                if seconds:
                    self._poller.at(self._poller.now_s + seconds, _Resume(source))


class _Resume:
    """Reads on when its turn comes."""

    def __init__(self, source: Connection) -> None:
        self._source = source

    def on_ready(self, readiness: int) -> None:
        """The time is over."""
        self._source.resume(PauseReason.INJECTED)

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
        tampering.came_layout.resume(scanner.left_bytes)
        tampering.layout.resume(scanner.left_bytes)
