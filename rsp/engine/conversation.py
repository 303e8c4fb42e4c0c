"""The HTTP side of a session: one exchange after the other.

A request head is read, routed and sent to a backend; the response comes back through the other
pipe. Bodies do not pass through here: the pipes move them, and tell when they end. Whatever goes
wrong before the client has got anything of a response is answered by a reply of our own.
"""

from rsp.core.addresses import UNIX_PREFIX
from rsp.core.backends import Backend
from rsp.core.http1.errors import BadMessage
from rsp.core.http1.forward import request_head_bytes, response_head_bytes
from rsp.core.http1.framing import BodyKind
from rsp.core.http1.head import (
    RequestHead,
    ResponseHead,
    head_end,
    parse_request_head,
    parse_response_head,
    response_head_end,
)
from rsp.core.lifecycle import Fact, State
from rsp.core.patience import Patience
from rsp.core.routing import RouteDecision
from rsp.core.vocabulary import CloseReason, Direction, PauseReason
from rsp.engine import mishaps
from rsp.engine.exchange import SHOWN_PATH_CHARACTERS, Exchange
from rsp.engine.mishaps import IDEMPOTENT
from rsp.engine.pairing import Pairing
from rsp.engine.poller import run_guarded
from rsp.engine.session import Session

# A member of an Enum costs 70 ns to look up, a name of the module 7: those of every exchange.
_HEAD_READ, _EXCHANGE_KEPT = Fact.HEAD_READ, Fact.EXCHANGE_KEPT
_EXCHANGE_ENDED, _EXCHANGE_LAST = Fact.EXCHANGE_ENDED, Fact.EXCHANGE_LAST
_STREAMING, _RESPONSE, _FINISHED = State.STREAMING, Direction.RESPONSE, CloseReason.FINISHED
_CHUNKED, _UNTIL_CLOSE = BodyKind.CHUNKED, BodyKind.UNTIL_CLOSE

_SWITCHING_PROTOCOLS = 101
_CONTINUE = 100


class Conversation:
    """Speaks HTTP/1.1 with the client and with one backend after the other."""

    __slots__ = (
        "exchange", "inbox", "is_last", "last_request", "outbox", "pairing",
        "request", "response", "sent_unsafe", "session",
    )  # fmt: skip

    def __init__(self, session: Session) -> None:
        self.session = session
        self.pairing = Pairing(session, self)
        self.exchange: Exchange | None = None
        self.request: RequestHead
        """Of the present exchange."""
        self.response: ResponseHead | None = None
        """Of the present exchange, once its head has been passed on."""
        self.last_request: RequestHead | None = None
        """The one that came last on this connection: most of the next ones are like it."""
        self.inbox = b""
        """What the client sent and no exchange has taken yet: part of a head, or the next one."""
        self.outbox = b""
        """What the backend sent of a response head that is not complete yet."""
        self.sent_unsafe = False
        """Whether this client has sent a request that must not be repeated."""
        self.is_last = False
        """Whether the client connection ends with the present exchange."""

    def on_start(self) -> None:
        """Wait for the client's first head."""

    # -- the request

    def on_request_bytes(self, view: memoryview) -> None:
        """Collect a head; what comes while an exchange runs belongs to the next one."""
        self.inbox = self.inbox + view if self.inbox else bytes(view)
        if self.exchange is not None:
            self.session.client.pause(PauseReason.PIPELINED)
        else:
            self._read_request()

    def _read_request(self) -> None:
        session = self.session
        inbox = self.inbox
        try:
            end = head_end(inbox, session.limits)
            if not end:
                if session.state is State.IDLE:
                    session.advance(Fact.HEAD_STARTED)
                return
            self.inbox = inbox[end:]
            head = parse_request_head(inbox[:end], session.limits, self.last_request)
        except BadMessage as error:
            self._refuse(error)
            return
        self._begin(head)

    def _refuse(self, error: BadMessage) -> None:
        """The client's bytes are no request, or end as none: no backend may take them for one."""
        self.inbox = b""
        if self.exchange is None:
            self.exchange = self._new_exchange()
        mishaps.reply(self, error.status, error.sentence, CloseReason.BAD_REQUEST)

    def _new_exchange(self) -> Exchange:
        session = self.session
        context = session.context
        session.exchanges += 1
        return Exchange(
            session.id, context.next_exchange_id(), session.client.address, context.poller.now_s
        )

    def _begin(self, head: RequestHead) -> None:
        session = self.session
        self.request = self.last_request = head
        self.response = None
        self.exchange = exchange = self._new_exchange()
        exchange.method = head.method
        exchange.host = head.raw_host
        path = head.path
        exchange.path = path if len(path) <= SHOWN_PATH_CHARACTERS else path[:SHOWN_PATH_CHARACTERS]
        head.client_ip = session.client_ip
        head.listener = session.entrance.address
        session.advance(_HEAD_READ)
        # A first unsafe request never gets a used connection: it could not be sent again.
        self.pairing.seek(head, may_reuse=head.method in IDEMPOTENT or self.sent_unsafe)

    def on_connected(self) -> None:
        """The backend accepted."""
        self.pairing.connected()

    def on_connect_failed(self, reason: str) -> None:
        """The backend did not accept."""
        self.pairing.connect_failed(reason)

    def on_unpaired(self, status: int, sentence: str, reason: CloseReason) -> None:
        """There is no backend for the request."""
        decision = self.pairing.decision
        told = decision.told if decision is not None else None
        mishaps.reply(self, status, sentence, reason, told=told)

    def on_paired(self) -> None:
        """Send the request, and what has come of its body."""
        session = self.session
        decision, head, exchange = self.pairing.decision, self.request, self.exchange
        pool = decision.pool if decision is not None else None
        if decision is None or pool is None or decision.backend is None:
            raise AssertionError("a request is sent only after it was routed")
        if exchange is None:
            return
        if session.state is not _STREAMING:
            session.advance(Fact.CONNECTED)
        exchange.backend = decision.backend
        exchange.generation = decision.generation
        if head.method not in IDEMPOTENT:
            self.sent_unsafe = True
        out = request_head_bytes(
            head,
            client_ip=session.client_ip,
            trusted_peer=session.trusts_client,
            host=None if pool.host == "keep" else _host_for(pool.host, decision.backend),
            forwarded=pool.forwarded,
        )
        try:
            used = session.request_pipe.begin(
                out, head.body, self.inbox, session.limits, decode=False
            )
        except BadMessage as error:
            self._refuse(error)
            return
        if self.inbox or session.client.paused_by:
            self._keep_for_later(self.inbox[used:])

    def _keep_for_later(self, rest: bytes) -> None:
        """What is behind this request is the next one, and has to wait.

        When nothing is, reading goes on: this one may have been pipelined itself, and the rest of
        its body is still to come.
        """
        self.inbox = rest
        client = self.session.client
        if rest:
            client.pause(PauseReason.PIPELINED)
        elif client.paused_by:
            client.resume(PauseReason.PIPELINED)

    def on_body_end(self, direction: Direction, rest: memoryview) -> None:
        """A body has been passed on."""
        if direction is _RESPONSE:
            self._end_response(has_extra=bool(rest))
        elif rest:
            self._keep_for_later(bytes(rest))

    def on_bad_body(self, direction: Direction, error: BadMessage) -> None:
        """The framing of a body broke in its midst."""
        if direction is Direction.REQUEST:
            self._refuse(error)
        else:
            mishaps.cut(self, CloseReason.BAD_RESPONSE, error.sentence)

    # -- the response

    def on_response_bytes(self, view: memoryview) -> None:
        """Collect a response head; interim ones are passed on (RFC 9110, section 15.2)."""
        exchange, session = self.exchange, self.session
        if exchange is None:
            return
        if exchange.first_byte_s is None:
            exchange.first_byte_s = session.context.poller.now_s - exchange.started_s
        outbox = self.outbox + view if self.outbox else bytes(view)
        limits = session.limits
        try:
            while end := response_head_end(outbox, limits):
                head = parse_response_head(outbox[:end], exchange.method, limits)
                if head.status >= 200 or head.status == _SWITCHING_PROTOCOLS:
                    self.outbox = b""
                    self._pass_response(exchange, head, outbox[end:])
                    return
                outbox = outbox[end:]
                self._pass_interim(head)
        except BadMessage as error:
            mishaps.bad_response(self, error)
            return
        self.outbox = outbox

    def _pass_interim(self, head: ResponseHead) -> None:
        if self.request.minor == 0:
            return
        if head.status == _CONTINUE and not self.request.expects_continue:
            return
        out = response_head_bytes(head, client_minor=1, keep_alive=True, decode_chunked=False)
        self.session.client.send(out)

    def _pass_response(self, exchange: Exchange, head: ResponseHead, rest: bytes) -> None:
        session, request = self.session, self.request
        if head.status == _SWITCHING_PROTOCOLS:
            self._upgrade(exchange, head, rest)
            return
        exchange.status = head.status
        self.response = head
        kind = head.body.kind
        decode = kind is _CHUNKED and request.minor == 0
        self.is_last = (
            not request.keep_alive
            or kind is _UNTIL_CLOSE
            or decode
            or session.request_pipe.is_open
            or session.client.is_eof
            or session.context.is_draining
        )
        out = response_head_bytes(
            head, client_minor=request.minor, keep_alive=not self.is_last, decode_chunked=decode
        )
        pipe = session.response_pipe
        used = pipe.begin(out, head.body, rest, session.limits, decode=decode)
        if not pipe.is_open:
            self._end_response(has_extra=used < len(rest))

    def _upgrade(self, exchange: Exchange, head: ResponseHead, rest: bytes) -> None:
        """Both agreed to speak something else: bytes pass from now on, those at hand first."""
        session = self.session
        if not self.request.upgrade or head.upgrade != self.request.upgrade:
            raise BadMessage(502, "the backend switched to a protocol that nobody asked for")
        exchange.status = head.status
        self.response = head
        out = response_head_bytes(head, client_minor=1, keep_alive=True, decode_chunked=False)
        session.client.send(out + rest)
        session.request_pipe.open()
        session.response_pipe.open()
        if self.inbox:
            session.request_pipe.feed(memoryview(self.inbox))
            self.inbox = b""
        session.client.resume(PauseReason.PIPELINED)
        self.finish_exchange("tunnel")
        session.advance(Fact.UPGRADED)

    def _end_response(self, *, has_extra: bool) -> None:
        """The exchange is complete. The backend connection is kept only when nothing is odd."""
        session = self.session
        response, backend = self.response, session.backend
        if self.exchange is None or response is None or backend is None:
            return
        request_done = not session.request_pipe.is_open
        self.pairing.part(
            keep=request_done
            and response.keep_alive
            and not has_extra
            and not backend.was_hung_up
            and not backend.unsent.data
        )
        self.finish_exchange("complete")
        if self.is_last or not request_done or session.client.is_eof:
            # Who said `close` sends nothing more that could turn our FIN into a reset.
            is_end = request_done and not self.request.keep_alive and not self.inbox
            session.advance(_EXCHANGE_ENDED if is_end else _EXCHANGE_LAST)
            return
        session.advance(_EXCHANGE_KEPT)
        if self.inbox or session.client.paused_by:
            # The backend connection has another owner by now: a bug in what follows is ours.
            run_guarded(session, self._next)

    def _next(self) -> None:
        """Go on with the request that came meanwhile, if the client takes its responses."""
        client = self.session.client
        if client.is_full:
            return
        if self.inbox:
            self._read_request()
        if self.exchange is None:
            client.resume(PauseReason.PIPELINED)

    def on_client_room(self) -> None:
        """The client reads again: its next request may be answered."""
        if self.exchange is None and self.session.state is State.IDLE:
            self._next()

    def finish_exchange(self, result: str) -> None:
        """Remember the present exchange, with how it went."""
        exchange, self.exchange = self.exchange, None
        self.response = None
        if exchange is None:
            return
        session = self.session
        telemetry = session.context.telemetry
        exchange.result = result
        exchange.duration_s = session.context.poller.now_s - exchange.started_s
        exchange.request_bytes = session.request_pipe.moved_bytes
        exchange.response_bytes = session.response_pipe.moved_bytes
        telemetry.exchanges.append(exchange)
        telemetry.totals.exchanges += 1

    # -- what goes wrong

    def on_backend_eof(self) -> None:
        """The backend ended: rightly, in the midst, or before it said anything."""
        session, response = self.session, self.response
        if session.state.is_tunnel:
            session.advance(Fact.BACKEND_EOF)
        elif response is None:
            mishaps.no_response(self, "closed the connection without a response")
        elif response.body.kind is _UNTIL_CLOSE:
            self._end_response(has_extra=False)
        else:
            mishaps.cut_by_backend(self, "ended")

    def on_backend_gone(self, reason: str) -> None:
        """The backend reset the connection."""
        session = self.session
        if session.state.is_tunnel:
            session.because(CloseReason.BACKEND_GONE, f"backend: {reason}")
            session.advance(Fact.BACKEND_GONE)
        elif self.response is None:
            mishaps.no_response(self, f"reset the connection ({reason})")
        else:
            mishaps.cut_by_backend(self, f"reset the connection ({reason})")

    def on_client_eof(self) -> None:
        """The client said all it had to say; it may well be waiting for the answer."""
        session = self.session
        if session.request_pipe.is_open and not session.state.is_tunnel:
            session.because(CloseReason.CLIENT_GONE, "the client ended inside a request body")
            session.advance(Fact.CLIENT_GONE)
            return
        if self.exchange is None and self.inbox:
            session.because(CloseReason.CLIENT_GONE, "the client ended inside a request head")
        session.advance(Fact.CLIENT_EOF)

    def on_too_late(self, late: Patience) -> None:
        """An allowance has run out."""
        if late.reason is CloseReason.BACKEND_TIMEOUT:
            mishaps.backend_too_late(self, late)
        else:
            mishaps.client_too_late(self, late)

    def on_end(self) -> RouteDecision | None:
        """The session is over; an exchange in its midst is remembered as it stands."""
        reason = self.session.close_reason or _FINISHED
        self.finish_exchange(f"{reason.value}: {self.session.close_detail}".rstrip(": "))
        self.pairing.end()
        return None

    def response_begun(self) -> bool:
        """Tell whether the client has got the head of the present response."""
        return self.exchange is not None and self.response is not None


def _host_for(policy: str, backend: Backend) -> bytes:
    """Return the Host that the backend is to see instead of the client's; a path is none."""
    if policy == "backend":
        policy = "localhost" if backend.address.startswith(UNIX_PREFIX) else backend.address
    return policy.encode("latin-1")
