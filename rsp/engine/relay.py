"""A tcp session: every byte is passed on, both ways, and a half-close is passed on as one."""

from rsp.core.lifecycle import Fact
from rsp.core.patience import Patience
from rsp.core.route import RouteRequest
from rsp.core.routing import RouteDecision
from rsp.core.vocabulary import CloseReason
from rsp.engine.pairing import Pairing
from rsp.engine.session import Session
from rsp.engine.speaker import Mute

# A member of an Enum costs 70 ns to look up, a name of the module 7.
_TUNNELLED, _CLIENT_EOF, _BACKEND_EOF = Fact.TUNNELLED, Fact.CLIENT_EOF, Fact.BACKEND_EOF


class Relay(Mute):
    """Speaks nothing: finds a backend and opens both pipes."""

    __slots__ = ("early", "pairing", "session")

    def __init__(self, session: Session, early: bytes = b"") -> None:
        self.session = session
        self.early = early
        """What the client sent before there was a backend: behind a PROXY header."""
        if early:
            session.client.poller.holders.add(self)
        self.pairing = Pairing(session, self)

    def on_start(self) -> None:
        """Find a backend by the client's address."""
        session = self.session
        request = RouteRequest("", "", "", "", "", [], session.client_ip, session.entrance.address)
        self.pairing.seek(request, may_reuse=False)

    def on_connected(self) -> None:
        """The backend accepted: all that can be seen of it to be good."""
        self.pairing.load.failed_in_a_row = 0
        self.pairing.connected()

    def on_connect_failed(self, reason: str) -> None:
        """The backend did not accept."""
        self.pairing.connect_failed(reason)

    def on_paired(self) -> None:
        """Bytes pass from now on."""
        self.session.request_pipe.open()
        self.session.response_pipe.open()
        if self.early:
            # Before a FIN that may be passed on now.
            self.session.request_pipe.feed(memoryview(self.early))
            self.early = b""
        self.session.advance(_TUNNELLED)

    def on_unpaired(self, status: int, sentence: str, reason: CloseReason) -> None:
        """There is no way to tell a tcp client more than by a reset."""
        self.session.because(reason, sentence)
        self.session.advance(Fact.UNREACHABLE)

    def on_client_eof(self) -> None:
        """Pass the half-close on."""
        self.session.advance(_CLIENT_EOF)

    def on_backend_eof(self) -> None:
        """Pass the half-close on."""
        self.session.advance(_BACKEND_EOF)

    def on_backend_gone(self, reason: str) -> None:
        """Pass the reset on, behind what the client has not got yet."""
        said = f"{self.pairing.who} reset the connection ({reason})"
        self.session.because(CloseReason.BACKEND_GONE, said)
        self.session.advance(Fact.BACKEND_GONE)

    def on_too_late(self, late: Patience) -> None:
        """A connect that takes too long is tried elsewhere; a silent session is ended."""
        if late.reason is CloseReason.BACKEND_TIMEOUT:
            self.pairing.connect_failed(f"timed out after {late.limit_s:g} s")
        else:
            self.session.close(late.reason)

    def on_client_room(self) -> None:
        """Nothing waits for it here."""

    def on_end(self) -> RouteDecision | None:
        """The backend has one session less; all of it went one way."""
        self.pairing.end()
        return self.pairing.decision

    @property
    def held_bytes(self) -> int:
        """What came behind a PROXY header; nothing else is read before it can be passed on."""
        return 0 if self.session.state.is_over else len(self.early)

    def response_begun(self) -> bool:
        """Tell whether the client has got anything: unknown here, and it does not matter."""
        return False
