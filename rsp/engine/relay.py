"""A tcp session: every byte is passed on, both ways, and a half-close is passed on as one."""

from rsp.core.backends import Backend
from rsp.core.events import BackendFailed
from rsp.core.http1.errors import BadMessage
from rsp.core.lifecycle import Fact
from rsp.core.patience import Patience
from rsp.core.routing import RouteDecision, RouteRequest
from rsp.core.vocabulary import CloseReason, Direction, PauseReason
from rsp.engine.dispatch import dial
from rsp.engine.exchange import Decided
from rsp.engine.nonblocking import ConnectFailed, OutOfFds
from rsp.engine.session import Session


class Relay:
    """Speaks nothing: connects to a backend and opens both pipes."""

    __slots__ = ("decision", "excluded", "session")

    def __init__(self, session: Session) -> None:
        self.session = session
        self.excluded: set[str] = set()
        self.decision: RouteDecision | None = None

    def on_start(self) -> None:
        """Pick a backend by the client's address, and connect to it."""
        self.session.client.pause(PauseReason.CONNECTING)
        self._connect()

    def _connect(self) -> None:
        session = self.session
        context = session.context
        client_ip = session.client_ip
        request = RouteRequest("", "", "", "", "", [], client_ip, session.entrance.address)
        decision = context.dispatcher.decide(request, session.entrance.router, self.excluded)
        self.decision = decision
        context.telemetry.decisions.append(
            Decided(session.id, context.poller.now_s, request, decision)
        )
        session.generation = decision.generation
        backend = decision.backend
        if backend is None:
            self._give_up(CloseReason.NO_ROUTE, decision.error or decision.reason)
            return
        try:
            connection = dial(backend, context.poller, session, session.limits)
        except ConnectFailed as error:
            self._failed(backend, str(error))
        except OutOfFds as error:
            self._give_up(CloseReason.BACKEND_UNREACHABLE, f"no fd for {backend.key}: {error}")
        else:
            session.pair(connection, backend)

    def on_connect_failed(self, reason: str) -> None:
        """Try the next backend."""
        backend = self.session.backend_of
        self.session.part(keep=False)
        if backend is not None:
            self._failed(backend, reason)

    def _failed(self, backend: Backend, reason: str) -> None:
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
        self.excluded.add(backend.key)
        if len(self.excluded) >= session.limits.connect_tries:
            self._give_up(CloseReason.BACKEND_UNREACHABLE, f"backend {backend.key}: {reason}")
            return
        session.advance(Fact.RETRIED)
        self._connect()

    def _give_up(self, reason: CloseReason, detail: str) -> None:
        self.session.because(reason, detail)
        self.session.advance(Fact.UNREACHABLE)

    def on_connected(self) -> None:
        """Bytes pass from now on."""
        self.session.request_pipe.open()
        self.session.response_pipe.open()
        self.session.advance(Fact.TUNNELLED)

    def on_client_eof(self) -> None:
        """Pass the half-close on."""
        self.session.advance(Fact.CLIENT_EOF)

    def on_backend_eof(self) -> None:
        """Pass the half-close on."""
        self.session.advance(Fact.BACKEND_EOF)

    def on_backend_gone(self, reason: str) -> None:
        """Pass the reset on, behind what the client has not got yet."""
        self.session.because(CloseReason.BACKEND_GONE, f"backend: {reason}")
        self.session.advance(Fact.BACKEND_GONE)

    def on_too_late(self, late: Patience) -> None:
        """A connect that takes too long is tried elsewhere; a silent session is ended."""
        if late.reason is CloseReason.BACKEND_TIMEOUT:
            self.on_connect_failed(f"timed out after {late.limit_s:g} s")
            return
        self.session.close(late.reason)

    def on_head_bytes(self, direction: Direction, view: memoryview) -> None:
        """Never called: the client is paused until the pipes are open."""
        raise AssertionError(f"{len(view)} bytes came before the tunnel was open")

    def on_body_end(self, direction: Direction, rest: memoryview) -> None:
        """Never called: a tunnel has no end of its own."""
        raise AssertionError("a tunnel came to an end by itself")

    def on_bad_body(self, direction: Direction, error: BadMessage) -> None:
        """Never called: a tunnel has no framing."""
        raise AssertionError(f"a tunnel has no framing: {error}")

    def on_client_room(self) -> None:
        """Nothing waits for it here."""

    def on_end(self) -> None:
        """Nothing to give back."""

    def response_begun(self) -> bool:
        """Tell whether the client has got anything: unknown here, and it does not matter."""
        return False
