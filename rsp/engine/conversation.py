"""The HTTP side of a session: one exchange after the other.

A request head is read, routed and sent to a backend; the response comes back through the other
pipe. Bodies do not pass through here: the pipes move them, and tell when they end. Whatever goes
wrong before the client has got anything of a response is answered by a reply of our own.
"""

from rsp.core.backends import Backend
from rsp.core.events import BackendFailed, ErrorReplied
from rsp.core.http1.errors import BadMessage, error_reply
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
from rsp.core.routing import RouteRequest
from rsp.core.vocabulary import CloseReason, Direction, PauseReason
from rsp.engine.dispatch import dial
from rsp.engine.exchange import Decided, Exchange
from rsp.engine.nonblocking import ConnectFailed, OutOfFds
from rsp.engine.session import Session

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
"""Methods that may be sent again when nobody knows whether they arrived (RFC 9110, 9.2.2)."""

_SWITCHING_PROTOCOLS = 101
_CONTINUE = 100


class Conversation:
    """Speaks HTTP/1.1 with the client and with one backend after the other."""

    __slots__ = ("exchange", "inbox", "is_last", "outbox", "sent_unsafe", "session")

    def __init__(self, session: Session) -> None:
        self.session = session
        self.exchange: Exchange | None = None
        self.inbox = bytearray()
        """What the client sent and no exchange has taken yet: part of a head, or the next one."""
        self.outbox = bytearray()
        """What the backend sent of a response head that is not complete yet."""
        self.sent_unsafe = False
        """Whether this client has sent a request that must not be repeated."""
        self.is_last = False
        """Whether the client connection ends with the present exchange."""

    def on_start(self) -> None:
        """Wait for the client's first head."""

    # -- the request

    def on_head_bytes(self, direction: Direction, view: memoryview) -> None:
        """Collect a head; what comes while an exchange runs belongs to the next one."""
        if direction is Direction.RESPONSE:
            self._read_response(view)
            return
        self.inbox += view
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
                if inbox and session.state is State.IDLE:
                    session.advance(Fact.HEAD_STARTED)
                return
            head = parse_request_head(bytes(inbox[:end]), session.limits)
        except BadMessage as error:
            self._refuse(error)
            return
        del inbox[:end]
        self._begin(head)

    def _refuse(self, error: BadMessage) -> None:
        """The client's bytes are no request: say so, and end."""
        self.inbox.clear()
        if self.exchange is None:
            self.exchange = self._new_exchange()
        self.reply(error.status, error.sentence, CloseReason.BAD_REQUEST)

    def _new_exchange(self) -> Exchange:
        session = self.session
        context = session.context
        session.exchanges += 1
        return Exchange(
            session.id, context.next_exchange_id(), session.client.address, context.poller.now_s
        )

    def _begin(self, head: RequestHead) -> None:
        session = self.session
        self.exchange = exchange = self._new_exchange()
        exchange.begin(head)
        self.is_last = False
        session.advance(Fact.HEAD_READ)
        self._route(exchange, head)

    def _route(self, exchange: Exchange, head: RequestHead) -> None:
        """Ask where it goes. The answer, with its reason, is kept for whoever asks why."""
        session = self.session
        context = session.context
        request = RouteRequest(
            head.method, head.path, head.query, head.host, head.raw_host, head.fields,
            session.client_ip, session.entrance.address,
        )  # fmt: skip
        decision = context.dispatcher.decide(request, session.entrance.router, exchange.excluded)
        exchange.decision = decision
        session.generation = exchange.generation = decision.generation
        context.telemetry.decisions.append(
            Decided(session.id, context.poller.now_s, request, decision)
        )
        backend = decision.backend
        if backend is None:
            self.reply(decision.status, decision.error or decision.reason, CloseReason.NO_ROUTE)
            return
        exchange.pool = backend.pool
        exchange.backend_key = backend.key
        self._connect(exchange, backend)

    def _connect(self, exchange: Exchange, backend: Backend) -> None:
        """Take an idle connection, or make one. A first unsafe request never gets a used one."""
        session = self.session
        may_reuse = exchange.method in IDEMPOTENT or self.sent_unsafe
        if may_reuse and not exchange.tries:
            idle = session.context.idle.take(backend)
            if idle is not None:
                exchange.is_reused = True
                session.pair(idle, backend)
                session.advance(Fact.REUSED)
                self._send_request(exchange)
                return
        self._dial(exchange, backend)

    def _dial(self, exchange: Exchange, backend: Backend) -> None:
        session = self.session
        exchange.is_reused = False
        exchange.tries += 1
        session.client.pause(PauseReason.CONNECTING)
        if session.state is State.ROUTING:
            session.advance(Fact.ROUTED)
        try:
            connection = dial(backend, session.context.poller, session, session.limits)
        except ConnectFailed as error:
            self._failed(exchange, backend, str(error))
        except OutOfFds as error:
            self.reply(503, f"no fd for a connection to backend {backend.key} ({error})",
                       CloseReason.BACKEND_UNREACHABLE)  # fmt: skip
        else:
            session.pair(connection, backend)

    def on_connected(self) -> None:
        """Send the request, and what has come of its body."""
        exchange = self.exchange
        if exchange is None:
            return
        self.session.advance(Fact.CONNECTED)
        self._send_request(exchange)

    def _send_request(self, exchange: Exchange) -> None:
        head, decision = exchange.head, exchange.decision
        if head is None or decision is None or decision.pool is None or decision.backend is None:
            raise AssertionError("a request is sent only after it was routed")
        session = self.session
        if head.method not in IDEMPOTENT:
            self.sent_unsafe = True
        out = request_head_bytes(
            head,
            client_ip=session.client_ip,
            trusted_peer=session.entrance.trusts(session.client_ip),
            host=_host_for(decision.pool.host, decision.backend),
        )
        rest = bytes(self.inbox)
        try:
            used = session.request_pipe.begin(out, head.body, rest, session.limits, decode=False)
        except BadMessage as error:
            self._broken_body(error)
            return
        del self.inbox[:used]
        if self.inbox:
            session.client.pause(PauseReason.PIPELINED)

    def _broken_body(self, error: BadMessage) -> None:
        """The framing of a request body is broken: no backend may take it for complete."""
        self.inbox.clear()
        self.reply(error.status, error.sentence, CloseReason.BAD_REQUEST)

    def on_body_end(self, direction: Direction, rest: memoryview) -> None:
        """A body has been passed on."""
        if direction is Direction.RESPONSE:
            self._end_response(has_extra=bool(rest))
        elif rest:
            self.inbox += rest
            self.session.client.pause(PauseReason.PIPELINED)

    def on_bad_body(self, direction: Direction, error: BadMessage) -> None:
        """The framing of a body broke in the middle."""
        if direction is Direction.REQUEST:
            self._broken_body(error)
        else:
            self._cut(CloseReason.BAD_RESPONSE, error.sentence, marked=True)

    # -- the response

    def _read_response(self, view: memoryview) -> None:
        exchange = self.exchange
        if exchange is None:
            return
        now_s = self.session.context.poller.now_s
        if exchange.first_byte_s is None:
            exchange.first_byte_s = now_s - exchange.started_s
        outbox = self.outbox
        outbox += view
        try:
            self._read_response_heads(exchange, outbox)
        except BadMessage as error:
            self._bad_response(error)

    def _read_response_heads(self, exchange: Exchange, outbox: bytearray) -> None:
        """Pass interim heads on (RFC 9110, section 15.2), then the final one."""
        limits = self.session.limits
        while exchange is self.exchange and (end := response_head_end(outbox, limits)):
            head = parse_response_head(bytes(outbox[:end]), exchange.method, limits)
            if head.status >= 200 or head.status == _SWITCHING_PROTOCOLS:
                rest = bytes(outbox[end:])
                outbox.clear()
                self._pass_response(exchange, head, rest)
                return
            del outbox[:end]
            self._pass_interim(exchange, head)

    def _pass_interim(self, exchange: Exchange, head: ResponseHead) -> None:
        request = exchange.head
        if request is None or request.minor == 0:
            return
        if head.status == _CONTINUE and not request.expects_continue:
            return
        out = response_head_bytes(head, client_minor=1, keep_alive=True, decode_chunked=False)
        self.session.client.send(out)

    def _pass_response(self, exchange: Exchange, head: ResponseHead, rest: bytes) -> None:
        session = self.session
        request = exchange.head
        if request is None:
            raise AssertionError("a response without a request")
        exchange.response = head
        exchange.status = head.status
        if head.status == _SWITCHING_PROTOCOLS:
            self._upgrade(exchange, head, rest)
            return
        kind = head.body.kind
        decode = kind is BodyKind.CHUNKED and request.minor == 0
        self.is_last = (
            not request.keep_alive
            or kind is BodyKind.UNTIL_CLOSE
            or decode
            or session.request_pipe.is_open
            or session.client.is_eof
            or session.context.is_draining
        )
        out = response_head_bytes(
            head, client_minor=request.minor, keep_alive=not self.is_last, decode_chunked=decode
        )
        used = session.response_pipe.begin(out, head.body, rest, session.limits, decode=decode)
        if not session.response_pipe.is_open:
            self._end_response(has_extra=used < len(rest))

    def _upgrade(self, exchange: Exchange, head: ResponseHead, rest: bytes) -> None:
        """Both agreed to speak something else: bytes pass from now on, those at hand first."""
        request = exchange.head
        if request is None or not request.upgrade or head.upgrade != request.upgrade:
            raise BadMessage(502, "the backend switched to a protocol that nobody asked for")
        session = self.session
        out = response_head_bytes(head, client_minor=1, keep_alive=True, decode_chunked=False)
        session.client.send(out + rest)
        session.request_pipe.open()
        session.response_pipe.open()
        if self.inbox:
            session.request_pipe.feed(memoryview(bytes(self.inbox)))
            self.inbox.clear()
        session.client.resume(PauseReason.PIPELINED)
        self._finish_exchange("tunnel")
        session.advance(Fact.UPGRADED)

    def _end_response(self, *, has_extra: bool) -> None:
        """The exchange is complete. The backend connection is kept only when nothing is odd."""
        session = self.session
        exchange, backend = self.exchange, session.backend
        if exchange is None or exchange.response is None or backend is None:
            return
        request_done = not session.request_pipe.is_open
        session.part(
            keep=request_done
            and exchange.response.keep_alive
            and not has_extra
            and not backend.was_hung_up
            and backend.is_drained
            and session.context.dispatcher.is_wanted(session.backend_of)
        )
        self._finish_exchange("complete")
        if self.is_last or not request_done or session.client.is_eof:
            session.advance(Fact.EXCHANGE_LAST)
            return
        session.advance(Fact.EXCHANGE_KEPT)
        self._next()

    def _next(self) -> None:
        """Go on with the request that came meanwhile, if the client takes its responses."""
        session = self.session
        if session.client.is_full:
            return
        if self.inbox:
            self._read_request()
        if self.exchange is None:
            session.client.resume(PauseReason.PIPELINED)

    def on_client_room(self) -> None:
        """The client reads again: its next request may be answered."""
        if self.exchange is None and self.session.state is State.IDLE:
            self._next()

    def _finish_exchange(self, result: str) -> None:
        exchange, self.exchange = self.exchange, None
        if exchange is None:
            return
        session = self.session
        exchange.result = result
        exchange.duration_s = session.context.poller.now_s - exchange.started_s
        exchange.request_bytes = session.request_pipe.moved_bytes
        exchange.response_bytes = session.response_pipe.moved_bytes
        exchange.forget_heads()
        self.outbox.clear()
        session.context.telemetry.exchanges.append(exchange)
        session.context.telemetry.totals.exchanges += 1

    # -- what goes wrong

    def reply(self, status: int, sentence: str, reason: CloseReason) -> None:
        """Answer with an error of ours and end; too late for that, cut the response off."""
        session = self.session
        exchange = self.exchange
        if exchange is not None and exchange.response is not None:
            self._cut(reason, sentence, marked=True)
            return
        context = session.context
        head_only = exchange is not None and exchange.method == "HEAD"
        date = context.telemetry.http_date(context.poller.now_s)
        session.client.send(error_reply(status, sentence, head_only=head_only, http_date=date))
        context.telemetry.totals.errors += 1
        context.telemetry.record(
            ErrorReplied(
                at_s=context.poller.now_s, session=session.id, status=status, sentence=sentence
            )
        )
        session.because(reason, sentence)
        if exchange is not None:
            exchange.status = status
            self._finish_exchange(f"{reason.value}: {sentence}")
        session.advance(Fact.ANSWERED)

    def _cut(self, reason: CloseReason, detail: str, *, marked: bool) -> None:
        """The response ends in its middle; the client must be able to see that."""
        session = self.session
        session.because(reason, detail)
        self._finish_exchange(f"{reason.value}: {detail}")
        session.advance(Fact.CUT if marked else Fact.CUT_UNMARKED)

    def _bad_response(self, error: BadMessage) -> None:
        backend = self.session.backend_of
        name = f"backend {backend.key}" if backend else "the backend"
        sentence = f"{name} sent no valid response: {error.sentence}"
        if backend is not None:
            self._note_failure(backend, sentence)
        self.reply(502, sentence, CloseReason.BAD_RESPONSE)

    def on_connect_failed(self, reason: str) -> None:
        """Try the next backend: nothing of the request was sent."""
        session = self.session
        exchange, backend = self.exchange, session.backend_of
        session.part(keep=False)
        if exchange is not None and backend is not None:
            self._failed(exchange, backend, reason)

    def _failed(self, exchange: Exchange, backend: Backend, reason: str) -> None:
        session = self.session
        self._note_failure(backend, reason)
        exchange.excluded.add(backend.key)
        has_other = self._has_other(exchange, backend)
        if exchange.tries >= session.limits.connect_tries or not has_other:
            status = 504 if reason.startswith("timed out") else 502
            sentence = f"backend {backend.key} ({backend.address}), connecting: {reason}"
            self.reply(status, sentence, CloseReason.BACKEND_UNREACHABLE)
            return
        session.advance(Fact.RETRIED)
        if exchange.head is not None:
            self._route(exchange, exchange.head)

    def _has_other(self, exchange: Exchange, failed: Backend) -> bool:
        """Tell whether somebody else may be asked: not when `route` named the backend itself."""
        decision = exchange.decision
        if decision is None or decision.pool is None or decision.is_named:
            return False
        return any(backend.key not in exchange.excluded for backend in decision.pool.ready)

    def _note_failure(self, backend: Backend, reason: str) -> None:
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

    def on_backend_eof(self) -> None:
        """The backend ended: rightly, in the middle, or before it said anything."""
        session = self.session
        exchange = self.exchange
        if session.state.shown is State.TUNNEL.shown:
            session.advance(Fact.BACKEND_EOF)
        elif exchange is None:
            session.part(keep=False)
        elif exchange.response is None:
            self._no_response(exchange, "closed the connection without a response")
        elif exchange.response.body.kind is BodyKind.UNTIL_CLOSE:
            self._end_response(has_extra=False)
        else:
            where = session.response_pipe.cut_sentence()
            self._cut(CloseReason.BACKEND_GONE, f"the backend ended {where}", marked=True)

    def on_backend_gone(self, reason: str) -> None:
        """The backend reset the connection."""
        session = self.session
        exchange = self.exchange
        if session.state.shown is State.TUNNEL.shown:
            session.because(CloseReason.BACKEND_GONE, f"backend: {reason}")
            session.advance(Fact.BACKEND_GONE)
        elif exchange is None:
            session.part(keep=False)
        elif exchange.response is None:
            self._no_response(exchange, f"reset the connection ({reason})")
        else:
            is_framed = exchange.response.body.kind is not BodyKind.UNTIL_CLOSE
            where = session.response_pipe.cut_sentence()
            detail = f"the backend reset the connection {where}"
            self._cut(CloseReason.BACKEND_GONE, detail, marked=is_framed)

    def _no_response(self, exchange: Exchange, what: str) -> None:
        """A kept connection may have died under our request: then it is sent once more.

        Only where nobody can tell the difference: an idempotent request without a body, on a
        connection that had served before, of whose response no byte has come (RFC 9112, 9.3.1).
        """
        session = self.session
        backend, head = session.backend_of, exchange.head
        if backend is None or head is None:
            return
        is_stale = exchange.is_reused and exchange.method in IDEMPOTENT and not self.outbox
        session.part(keep=False)
        if is_stale and head.body.is_empty:
            exchange.first_byte_s = None
            session.advance(Fact.RETRIED)
            self._dial(exchange, backend)
            return
        sentence = f"backend {backend.key} ({backend.address}) {what}"
        self._note_failure(backend, sentence)
        self.reply(502, sentence, CloseReason.BACKEND_GONE)

    def on_client_eof(self) -> None:
        """The client said all it had to say; it may well be waiting for the answer."""
        session = self.session
        if session.request_pipe.is_open and session.state.shown is not State.TUNNEL.shown:
            session.because(CloseReason.CLIENT_GONE, "the client ended inside a request body")
            session.advance(Fact.CLIENT_GONE)
            return
        if self.exchange is None and self.inbox:
            session.because(CloseReason.CLIENT_GONE, "the client ended inside a request head")
        session.advance(Fact.CLIENT_EOF)

    def on_too_late(self, late: Patience) -> None:
        """An allowance has run out."""
        session = self.session
        sentence = f"{late.phrase} for {late.limit_s:g} s"
        match late.reason:
            case CloseReason.IDLE_TIMEOUT:
                session.close(late.reason)
            case CloseReason.CLIENT_TIMEOUT if session.client.unsent.data:
                session.because(late.reason, sentence)
                session.advance(Fact.EXPIRED)
            case CloseReason.CLIENT_TIMEOUT if self.exchange is None and not self.inbox:
                session.close(late.reason)
            case CloseReason.CLIENT_TIMEOUT:
                self.reply(408, sentence, late.reason)
            case _ if session.state.shown is State.CONNECTING.shown:
                self.on_connect_failed(f"timed out after {late.limit_s:g} s")
            case _:
                self._backend_too_late(sentence, late.reason)

    def _backend_too_late(self, sentence: str, reason: CloseReason) -> None:
        session = self.session
        backend = session.backend_of
        if backend is not None:
            sentence = f"backend {backend.key} ({backend.address}): {sentence}"
            self._note_failure(backend, sentence)
        self.reply(504, sentence, reason)

    def on_end(self) -> None:
        """The session is over; an exchange in its midst is remembered as it stands."""
        reason = self.session.close_reason or CloseReason.FINISHED
        self._finish_exchange(f"{reason.value}: {self.session.close_detail}".rstrip(": "))

    def response_begun(self) -> bool:
        """Tell whether the client has got the head of the present response."""
        return self.exchange is not None and self.exchange.response is not None


def _host_for(policy: str, backend: Backend) -> bytes | None:
    """Return the Host that the backend is to see; None: the client's own."""
    if policy == "keep":
        return None
    return (backend.address if policy == "backend" else policy).encode("latin-1")
