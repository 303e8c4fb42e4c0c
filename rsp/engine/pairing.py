"""Finds a backend connection for a session: decides, takes an idle one or dials, tries the next.

Both speakers use it. Nothing of a request is sent before a backend has accepted, so a failed
connect goes on to the next backend without anybody noticing.
"""

from collections.abc import Collection
from typing import Protocol

from rsp.core.backends import Backend
from rsp.core.events import BackendFailed
from rsp.core.lifecycle import Fact, State
from rsp.core.loads import BackendLoad
from rsp.core.proxy_protocol import proxy_header_bytes
from rsp.core.route import Routable
from rsp.core.routing import RouteDecision
from rsp.core.vocabulary import CloseReason, PauseReason, ProxyVersion
from rsp.engine.connection import Connection
from rsp.engine.dispatch import dial
from rsp.engine.layers import put_on
from rsp.engine.nonblocking import ConnectFailed, NoLocalPort, OutOfFds, local_address
from rsp.engine.poller import HANG_UP, Guarded
from rsp.engine.session import Session
from rsp.engine.waiting_list import WaitingConnection

# A member of an Enum costs 70 ns to look up, a name of the module 7.
_REUSED, _ROUTING, _CONNECTING = Fact.REUSED, State.ROUTING, PauseReason.CONNECTING
_QUEUED = PauseReason.ROUTING

_BAD_GATEWAY = 502
_UNAVAILABLE = 503
_GATEWAY_TIMEOUT = 504


class Seeker(Protocol):
    """Whoever needs a backend."""

    def on_paired(self) -> None:
        """There is a connected backend to work with."""

    def on_unpaired(self, status: int, sentence: str, reason: CloseReason) -> None:
        """There is none; `status` is what HTTP calls that."""


class Pairing:
    """The backend side of one session."""

    __slots__ = (
        "backend", "decision", "excluded", "is_reused", "load", "may_reuse", "must_look", "request",
        "seeker", "session", "tries",
    )  # fmt: skip

    def __init__(self, session: Session, seeker: Seeker) -> None:
        self.session = session
        self.seeker = seeker
        self.request: Routable
        self.decision: RouteDecision | None = None
        """The last one; it explains itself to whoever looks."""
        self.backend: Backend | None = None
        """Whose load this session is at present."""
        self.load: BackendLoad
        self.excluded: Collection[str] = ()
        """Backends that failed for the present request, by their keys."""
        self.tries = 0
        self.may_reuse = False
        self.must_look = False
        """Whether an idle connection is asked first if it has died unnoticed."""
        self.is_reused = False
        """Whether the present connection had served another request before."""

    def seek(self, request: Routable, *, may_reuse: bool, must_look: bool = False) -> None:
        """Decide where `request` goes, and get a connection; the seeker hears how it went."""
        self.must_look = must_look
        self.request = request
        self.may_reuse = may_reuse
        self.excluded = ()
        self.tries = 0
        self._decide()

    def _decide(self, before: RouteDecision | None = None) -> None:
        """Decide; `before` is what was decided for the same request and has come to nothing."""
        session, request = self.session, self.request
        context = session.context
        dispatcher = context.dispatcher
        seen = request if context.lab is None else context.lab.as_route_sees(session, request)
        self.decision = decision = dispatcher.decide(seen, session.entrance.router, self.excluded)
        session.generation = decision.generation
        if before is not None:
            decision.waited_s = before.waited_s
            decision.lost_s, decision.lost_on = before.lost_s, before.lost_on
        backend = decision.backend
        if backend is None:
            if not (decision.full and self._wait(decision)):
                self._refuse(decision, CloseReason.NO_ROUTE)
            return
        context.telemetry.decisions.record(session.id, context.poller.now_s, request, decision)
        idle = None
        if self.may_reuse and not self.tries:
            idle = context.idle.take(backend, look=self.must_look)
        if idle is None:
            self._dial(backend)
            return
        self.is_reused = True
        self._pair(idle, backend)
        session.advance(_REUSED)
        self.seeker.on_paired()

    def _refuse(self, decision: RouteDecision, reason: CloseReason) -> None:
        session, context = self.session, self.session.context
        telemetry = context.telemetry
        telemetry.decisions.record(session.id, context.poller.now_s, self.request, decision)
        sentence = telemetry.redactor.text(decision.error or decision.reason, decision.secrets)
        self.seeker.on_unpaired(decision.status, sentence, reason)

    # -- waiting for a place

    def _wait(self, decision: RouteDecision) -> bool:
        """Wait in the queue of the pool; tell whether there is room in it, and a client to wait.

        One that has ended its side would not be missed if it left: it is not waited with.
        """
        session = self.session
        if session.client.is_eof or session.client.seen & HANG_UP:
            return False
        waiting = session.context.waiting
        why_not = waiting.why_not(decision)
        if why_not:
            decision.error = why_not
            return False
        session.place = waiter = waiting.waiter(self, decision)
        put_on(session.client, WaitingConnection)
        session.client.pause(_QUEUED)
        waiting.join(waiter)
        session.advance(Fact.QUEUED)
        return True

    @property
    def payer(self) -> Guarded:
        """Who pays for a bug: the session."""
        return self.session

    def on_turn(self) -> None:
        """There is a place, or nothing to wait for: decide anew, by what is in force now."""
        self._leave_queue()
        self._decide(self.decision)

    def turn_away(self, reason: CloseReason, why: str) -> None:
        """Wait no longer, and have the client told so; `why` is empty when its time is over."""
        decision, place = self.decision, self.session.place
        if decision is None or place is None:
            raise AssertionError("only who waits can be turned away")
        place.line.timed_out += not why
        self._leave_queue()
        decision.error = self.session.context.waiting.waited_sentence(decision, place, why)
        self._refuse(decision, reason)

    def _leave_queue(self) -> None:
        """Leave the queue, and count how long this request has waited in it."""
        session, place, decision = self.session, self.session.place, self.decision
        if place is None or decision is None:
            raise AssertionError("nobody waits here")
        session.leave_queue()
        session.advance(Fact.CALLED)
        session.client.resume(_QUEUED)
        decision.waited_s += session.context.poller.now_s - place.since_s

    def _dial(self, backend: Backend) -> None:
        session = self.session
        self.is_reused = False
        self.tries += 1
        session.client.pause(_CONNECTING)
        if session.state is _ROUTING:
            session.advance(Fact.ROUTED)
        lab = session.context.lab
        if lab is not None and (why := lab.refuses(session, backend)):
            self._failed(backend, why)
            return
        try:
            connection = dial(backend, session.context.poller, session, session.limits)
        except ConnectFailed as error:
            self._failed(backend, str(error))
        except OutOfFds as error:
            self._unable(f"no fd for a connection to backend {backend.key} ({error})")
        except NoLocalPort as error:
            self._unable(
                f"{backend.in_full}, connecting: {error}; too many "
                "connections to it were closed in the last minute, or are open"
            )
        else:
            self._pair(connection, backend)
            decision = self.decision
            if decision is not None and decision.pool is not None and decision.pool.send_proxy:
                self._announce(decision.pool.send_proxy)

    def _unable(self, sentence: str) -> None:
        """It is we who cannot connect: no backend is to blame, so none is said to have failed."""
        self.seeker.on_unpaired(_UNAVAILABLE, sentence, CloseReason.BACKEND_UNREACHABLE)

    def _announce(self, version: ProxyVersion) -> None:
        """Put the client's address before everything else; it goes when the backend accepts."""
        client = self.session.client
        header = proxy_header_bytes(version, client.address, local_address(client.sock))
        self.session.request_pipe.add(header)

    def _pair(self, connection: Connection, backend: Backend) -> None:
        session = self.session
        session.backend = connection
        connection.owner = session
        connection.calls = session.calls
        session.request_pipe.sink = session.response_pipe.source = connection
        self.backend = backend
        self.load = load = session.context.dispatcher.loads[backend.key]
        load.sessions += 1
        load.total += 1
        lab = session.context.lab
        if lab is not None:
            lab.on_paired(session)

    def connected(self) -> None:
        """The backend accepted."""
        self.session.client.resume(_CONNECTING)
        self.seeker.on_paired()

    def connect_failed(self, reason: str) -> None:
        """The backend did not accept: try the next one."""
        backend = self.backend
        self.part(keep=False)
        if backend is not None:
            self._failed(backend, reason)

    def _failed(self, backend: Backend, reason: str) -> None:
        session = self.session
        self._note_lost(backend, session.state_since_s)
        self.note_failure(backend, f"connecting: {reason}")
        self.excluded = (*self.excluded, backend.key)
        if self.tries >= session.limits.connect_tries or not self._has_other():
            status = _GATEWAY_TIMEOUT if reason.startswith("timed out") else _BAD_GATEWAY
            sentence = f"{backend.in_full}, connecting: {reason}"
            self.seeker.on_unpaired(status, sentence, CloseReason.BACKEND_UNREACHABLE)
            return
        session.advance(Fact.RETRIED)
        self._decide(self.decision)

    def _note_lost(self, backend: Backend, since_s: float) -> None:
        """Count the time of a try that came to nothing: it is not that of whoever comes next."""
        decision = self.decision
        if decision is not None:
            decision.lost_s += self.session.context.poller.now_s - since_s
            if backend.name not in decision.lost_on:
                decision.lost_on = (*decision.lost_on, backend.name)

    def _has_other(self) -> bool:
        """Tell whether somebody else may be asked: not when `route` named the backend itself."""
        decision = self.decision
        if decision is None or decision.pool is None or decision.is_named:
            return False
        pool = decision.pool
        return bool(pool.fallback) or any(each.key not in self.excluded for each in pool.ready)

    def dial_again(self, since_s: float) -> None:
        """The connection died before it brought an answer: make a new one. It had the request
        since `since_s`."""
        backend, connection = self.backend, self.session.backend
        if backend is None or connection is None:
            raise AssertionError("nothing to dial again")
        if connection.bytes_out or connection.unsent.left_bytes:
            self.session.request_pipe.take_back()
        self.part(keep=False)
        self.session.advance(Fact.RETRIED)
        self._note_lost(backend, since_s)
        self._dial(backend)

    @property
    def who(self) -> str:
        """The present backend, as a sentence names it."""
        return "the backend" if self.backend is None else self.backend.in_full

    def note_failure(self, backend: Backend, reason: str) -> None:
        """Remember that a backend failed, and say so."""
        session = self.session
        session.context.dispatcher.note_failure(backend, reason)
        session.context.telemetry.record(
            BackendFailed(
                at_s=session.context.poller.now_s,
                session=session.id,
                backend=backend.key,
                address=backend.address,
                reason=reason,
            )
        )

    def part(self, *, keep: bool) -> None:
        """Part from the backend connection: keep it for the next request, or close it."""
        session = self.session
        connection, backend = session.backend, self.backend
        if connection is None:
            return
        lab = session.context.lab
        if lab is not None and not lab.on_parting(session, connection):
            keep = False
        self.uncount()
        session.request_pipe.parted_out_bytes += connection.bytes_out
        session.response_pipe.parted_in_bytes += connection.bytes_in
        if not keep:
            # One that is kept has got everything.
            session.request_pipe.parted_left_bytes += connection.unsent.left_bytes
        session.backend = None
        connection.calls = None
        if session.client.paused_by:
            session.client.resume(PauseReason.SINK_FULL)
        if keep and backend is not None and self._is_wanted(backend):
            session.context.idle.put(backend, connection)
        else:
            connection.close()

    def _is_wanted(self, backend: Backend) -> bool:
        """Tell whether another request may be sent to `backend`: nothing changed, or not that."""
        session, decided = self.session, self.decision
        context = session.context
        limits, own, dispatcher = context.limits, session.limits, context.dispatcher
        if own is not limits and own.notsent_lowat_bytes != limits.notsent_lowat_bytes:
            # A person has moved the mark of its sockets (`room.py`), or a reload that of others.
            return False
        if decided is None or decided.pool is None:
            return dispatcher.is_wanted(backend)
        if decided.pool.send_proxy:
            # It began with the address of this client.
            return False
        return decided.generation == dispatcher.table.generation or dispatcher.is_wanted(backend)

    def end(self) -> None:
        """The session is over."""
        lab = self.session.context.lab
        if lab is not None:
            lab.on_closed(self.session)
        self.uncount()
        self.session.leave_queue()
        del self.seeker

    def uncount(self) -> None:
        """The backend has one exchange or session less; what passed is added up."""
        connection = self.session.backend
        if self.backend is None or connection is None:
            return
        self.backend = None
        load = self.load
        load.sessions -= 1
        if load.on_release is not None:
            load.on_release(load)
        load.bytes_in += connection.bytes_in
        load.bytes_out += connection.bytes_out
        if connection.eagain_reads or connection.eagain_writes or connection.short_writes:
            self.session.context.telemetry.add_calls(connection)
