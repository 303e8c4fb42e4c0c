"""A session whose client must announce first for whom it speaks (the PROXY protocol).

Only a listener with `accept_proxy` makes one, for a client of a network that is named there. When
the header is whole, the speaker of the listener's mode takes over, with what came behind it.
"""

from rsp.core.events import ClientAnnounced
from rsp.core.lifecycle import Fact, State
from rsp.core.patience import Patience
from rsp.core.proxy_protocol import BadProxyHeader, parse_proxy_header
from rsp.core.routing import RouteDecision
from rsp.core.vocabulary import CloseReason, Mode
from rsp.engine.conversation import Conversation
from rsp.engine.refusal import Refusal
from rsp.engine.relay import Relay
from rsp.engine.session import Session
from rsp.engine.speaker import Mute


class ProxyHeaderReader(Mute):
    """Reads a PROXY header and nothing else; whatever is none ends the session."""

    __slots__ = ("inbox", "session")

    def __init__(self, session: Session) -> None:
        session.state = State.READING_PROXY_HEADER
        self.session = session
        self.inbox = b""

    @property
    def held_bytes(self) -> int:
        """What has come of the header."""
        return 0 if self.session.state.is_over else len(self.inbox)

    def on_start(self) -> None:
        """Wait for the header."""

    def on_request_bytes(self, view: memoryview) -> None:
        """Collect the header; the first byte behind it is the client's."""
        self.inbox += view
        self.session.client.poller.holders.add(self)
        try:
            header = parse_proxy_header(self.inbox)
        except BadProxyHeader as error:
            self._refuse(f"{self.session.client.address}: {error}")
            return
        if header is not None:
            rest, self.inbox = self.inbox[header.length :], b""
            self._announce(header.client, rest)

    def _announce(self, address: str | None, rest: bytes) -> None:
        session = self.session
        if address is not None:
            proxy = session.client.address
            session.set_client(address)
            now_s = session.context.poller.now_s
            session.context.telemetry.record(
                ClientAnnounced(at_s=now_s, session=session.id, proxy=proxy, client=address)
            )
            if self._is_one_too_many():
                return
        if session.entrance.mode is Mode.HTTP:
            session.speaker = conversation = Conversation(session)
            session.advance(Fact.ANNOUNCED)
            if rest:
                conversation.on_request_bytes(memoryview(rest))
        else:
            session.speaker = relay = Relay(session, rest)
            session.advance(Fact.ANNOUNCED_RELAY)
            relay.on_start()

    def _is_one_too_many(self) -> bool:
        """Count the announced client; one that has all the connections it may have is told so."""
        session = self.session
        door = session.entrance.door
        if not door.most_each:
            return False
        if not door.has_all(session.client_ip):
            door.count(session.id, session.client_ip)
            return False
        sentence = door.limit_sentence(session.client_ip)
        if session.entrance.mode is Mode.HTTP and door.may_tell:
            door.tell(session.id)
            session.speaker = refusal = Refusal(session, sentence)
            session.advance(Fact.ANNOUNCED)
            refusal.on_start()
        else:
            session.because(CloseReason.CONNECTION_LIMIT, sentence)
            session.advance(Fact.ABORTED)
        return True

    def _refuse(self, why: str) -> None:
        self.session.because(CloseReason.BAD_PROXY_HEADER, why)
        self.session.advance(Fact.ABORTED)

    def on_client_eof(self) -> None:
        """Who says nothing at all looks whether we are there; half a header is a mistake."""
        if self.inbox:
            address = self.session.client.address
            self.session.because(
                CloseReason.BAD_PROXY_HEADER, f"{address}: it ended inside its PROXY header"
            )
        self.session.advance(Fact.CLIENT_EOF)

    def on_too_late(self, late: Patience) -> None:
        """The header is not here in time."""
        address = self.session.client.address
        self._refuse(f"{address}: {late.phrase} for {late.limit_s:g} s")

    def on_end(self) -> RouteDecision | None:
        """It went nowhere."""
        return None

    def response_begun(self) -> bool:
        """Tell whether the client has got anything: it has not."""
        return False

    def on_client_room(self) -> None:
        """Nothing was sent."""
