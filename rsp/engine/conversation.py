"""The HTTP side of a session: one exchange after the other.

A request head is read, routed and sent to a backend; the response comes back through the other
pipe. Bodies do not pass through here: the pipes move them, and tell when they end. Whatever goes
wrong before the client has got anything of a response is answered by a reply of our own.
"""

from rsp.core.http1.cookies import without_cookie
from rsp.core.http1.errors import BadMessage
from rsp.core.http1.forward import request_head_bytes, response_head_bytes, with_date
from rsp.core.http1.framing import BodyKind
from rsp.core.http1.head import (
    RequestHead,
    ResponseHead,
    check_interim,
    head_end,
    parse_request_head,
    parse_response_head,
    response_head_end,
)
from rsp.core.http1.kept import KeptBody
from rsp.core.lifecycle import Fact, State
from rsp.core.limits import FIRST_FLIGHT_BYTES
from rsp.core.patience import Patience
from rsp.core.routing import RouteDecision
from rsp.core.vocabulary import CloseReason, Direction, PauseReason
from rsp.engine import mishaps
from rsp.engine.bookkeeping import end_session, finish_exchange, new_exchange
from rsp.engine.exchange import COMPLETE, Exchange
from rsp.engine.pairing import Pairing
from rsp.engine.parcels import RequestParcel, ResponseParcel, may_wait, send_response
from rsp.engine.poller import HANG_UP, run_guarded
from rsp.engine.replay import IDEMPOTENT, keep_body, may_repeat
from rsp.engine.session import Session
from rsp.engine.stamping import end_pause
from rsp.engine.upgrade import upgrade

# A member of an Enum costs 70 ns to look up, a name of the module 7: those of every exchange.
_HEAD_READ, _EXCHANGE_KEPT = Fact.HEAD_READ, Fact.EXCHANGE_KEPT
_EXCHANGE_ENDED, _EXCHANGE_LAST = Fact.EXCHANGE_ENDED, Fact.EXCHANGE_LAST
_STREAMING, _RESPONSE, _FINISHED = State.STREAMING, Direction.RESPONSE, CloseReason.FINISHED
_NONE, _CHUNKED, _UNTIL_CLOSE = BodyKind.NONE, BodyKind.CHUNKED, BodyKind.UNTIL_CLOSE

_CONTINUE, _SWITCHING_PROTOCOLS = 100, 101


class Conversation:
    """Speaks HTTP/1.1 with the client and with one backend after the other."""

    __slots__ = (
        "exchange", "inbox", "inbox_since_s", "is_last", "kept", "last_request", "outbox",
        "pairing", "request", "response", "sent_unsafe", "session", "tunnel", "turn_s",
    )  # fmt: skip

    def __init__(self, session: Session) -> None:
        self.session = session
        self.pairing = Pairing(session, self)
        self.exchange: Exchange | None = None
        self.request: RequestHead
        """Of the present exchange."""
        self.response: ResponseHead | None = None
        """Of the present exchange, once its head has been passed on."""
        self.tunnel: Exchange | None = None
        """The exchange by which this became a tunnel."""
        self.last_request: RequestHead | None = None
        """The one that came last on this connection: most of the next ones are like it."""
        self.inbox = b""
        """What the client sent and no exchange has taken yet: part of a head, or the next one."""
        self.inbox_since_s = self.turn_s = 0.0
        """When that began, and when its turn came; 0: it is taken at once."""
        self.outbox = b""
        """What the backend sent of a response head that is not complete yet."""
        self.kept: KeptBody | None = None
        """What has gone of a request body that may have to be sent again."""
        self.sent_unsafe = False
        """Whether this client has sent a request that must not be repeated."""
        self.is_last = False
        """Whether the client connection ends with the present exchange. It never goes back."""

    def on_start(self) -> None:
        """Wait for the client's first head."""

    # -- the request

    def on_request_bytes(self, view: memoryview) -> None:
        """Collect a head; what comes while an exchange runs belongs to the next one."""
        self.inbox = self.inbox + view if self.inbox else bytes(view)
        if self.exchange is not None:
            self._await_turn()
        else:
            self._read_request()

    def _read_request(self) -> None:
        session, inbox = self.session, self.inbox
        try:
            end = head_end(inbox, session.limits)
            if not end:
                if session.state is State.IDLE:
                    session.advance(Fact.HEAD_STARTED)
                self._hold_inbox()
                return
            self.inbox = inbox[end:]
            if self.inbox:
                self._hold()
            head = parse_request_head(inbox[:end], session.limits, self.last_request)
        except BadMessage as error:
            mishaps.refuse(self, error, inbox)
            return
        self._begin(head)

    def _hold(self) -> None:
        """What is kept here counts: see `memory.py`."""
        self.session.client.poller.holders.add(self)

    def _await_turn(self) -> None:
        """What the client has sent is the next request: it is not read meanwhile."""
        self.session.client.pause(PauseReason.PIPELINED)
        self._hold_inbox()

    def _hold_inbox(self) -> None:
        self._hold()
        if not self.inbox_since_s:
            self.inbox_since_s = self.session.context.poller.now_s

    @property
    def held_bytes(self) -> int:
        """Parts of heads, what came for the next exchange, and a body that may have to go again."""
        if self.session.state.is_over:
            return 0
        kept_bytes = 0 if self.kept is None else self.kept.held_bytes
        return len(self.inbox) + len(self.outbox) + kept_bytes

    def _begin(self, head: RequestHead) -> None:
        session = self.session
        self.request = self.last_request = head
        self.response = None
        self.exchange = new_exchange(self, head.method, head.raw_host, head.path)
        head.client_ip = session.client_ip
        head.listener = session.entrance.address
        session.advance(_HEAD_READ)
        if session.context.is_shedding:
            mishaps.no_memory(self)
            return
        # A first unsafe request never gets a used connection: it could not be sent again.
        is_safe = may_repeat(head, session.limits)
        self.pairing.seek(head, may_reuse=is_safe or self.sent_unsafe, must_look=not is_safe)

    def on_connected(self) -> None:
        """The backend accepted."""
        self.pairing.connected()

    def on_connect_failed(self, reason: str) -> None:
        """The backend did not accept."""
        self.pairing.connect_failed(reason)

    def on_unpaired(self, status: int, sentence: str, reason: CloseReason) -> None:
        """There is no backend for the request."""
        decision = self.pairing.decision
        if self.exchange is not None:
            self.exchange.decision = decision
        told = decision.told if decision is not None else None
        mishaps.reply(self, status, sentence, reason, told=told)

    def on_paired(self) -> None:
        """Send the request, and what has come of its body."""
        session = self.session
        decision, head, exchange = self.pairing.decision, self.request, self.exchange
        pool = decision.pool if decision is not None else None
        if exchange is None or decision is None or pool is None or decision.backend is None:
            raise AssertionError("a request is sent only after it was routed")
        if session.state is not _STREAMING:
            session.advance(Fact.CONNECTED)
        exchange.decision = decision
        exchange.paired_s = session.context.poller.now_s
        if head.method not in IDEMPOTENT:
            self.sent_unsafe = True
        host = None
        if not (pool.is_passing_heads and head.raw_host):
            host = pool.host_for(decision.backend, head.raw_host)
            head = without_cookie(head, pool.cookie)
        out = request_head_bytes(
            head, client_ip=session.client_ip, trusted_peer=session.trusts_client,
            host=host, forwarded=pool.forwarded,
        )  # fmt: skip
        self._send_request(exchange, head, out)

    def _send_request(self, exchange: Exchange, head: RequestHead, out: bytes) -> None:
        session, inbox, has_body = self.session, self.inbox, head.body.kind is not _NONE
        backend, parcels = session.backend, session.context.poller.parcels
        is_alone = not (has_body or inbox or session.client.paused_by)
        if parcels is not None and is_alone and may_wait(backend):
            parcels.append(RequestParcel(self, exchange, backend, out))
            return
        try:
            used = session.request_pipe.begin(out, head.body, inbox, session.limits, decode=False)
        except BadMessage as error:
            mishaps.refuse(self, error)
            return
        if inbox or session.client.paused_by:
            self._keep_for_later(inbox[used:])
        if has_body:
            keep_body(self, inbox[:used])

    def _keep_for_later(self, rest: bytes) -> None:
        """What is behind this request is the next one, and has to wait. When nothing is, reading
        goes on: this one may have been pipelined itself, and the rest of it is still to come."""
        self.inbox = rest
        client = self.session.client
        if rest:
            self._await_turn()
        elif client.paused_by:
            client.resume(PauseReason.PIPELINED)

    def on_body_end(self, direction: Direction, rest: memoryview) -> None:
        """A body has been passed on."""
        if direction is _RESPONSE:
            self.end_response(has_extra=bool(rest))
            return
        if self.exchange is not None:
            self.exchange.sent_s = self.session.context.poller.now_s
        if rest:
            self._keep_for_later(bytes(rest))

    def on_bad_body(self, direction: Direction, error: BadMessage) -> None:
        """The framing of a body broke in its midst."""
        if direction is Direction.REQUEST:
            mishaps.refuse(self, error)
        else:
            mishaps.bad_body(self, error)

    # -- the response

    def on_response_bytes(self, view: memoryview) -> None:
        """Collect a response head; interim ones are passed on (RFC 9110, section 15.2)."""
        exchange, session = self.exchange, self.session
        if exchange is None:
            return
        if exchange.first_byte_s is None:
            backend = session.backend
            if self.pairing.is_reused and backend is not None and not backend.bytes_out:
                # Nothing of the request has gone yet, so this is no answer to it.
                mishaps.no_response(self, "said something that nobody had asked for")
                return
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
                self._pass_interim(exchange, head)
                # An interim response is not yet what the client waits for.
                now_s = session.context.poller.now_s
                exchange.first_byte_s = now_s - exchange.started_s if outbox else None
        except BadMessage as error:
            mishaps.bad_response(self, error)
            return
        self.outbox = outbox
        self._hold()

    def _pass_interim(self, exchange: Exchange, head: ResponseHead) -> None:
        exchange.interim += 1
        check_interim(exchange.interim)
        is_unasked = head.status == _CONTINUE and not self.request.expects_continue
        if is_unasked or self.request.minor == 0:
            return
        out = response_head_bytes(head, client_minor=1, keep_alive=True, decode_chunked=False)
        pipe = self.session.response_pipe
        pipe.add(out)
        pipe.press()

    def _pass_response(self, exchange: Exchange, head: ResponseHead, rest: bytes) -> None:
        session, request = self.session, self.request
        if head.status == _SWITCHING_PROTOCOLS:
            upgrade(self, exchange, head, rest)
            return
        kind = head.body.kind
        decode = kind is _CHUNKED and request.minor == 0
        self.is_last = (
            self.is_last
            or not request.keep_alive
            or kind is _UNTIL_CLOSE
            or decode
            or session.request_pipe.is_open
            or session.client.is_eof
            or not session.context.keeps_alive
        )
        out = response_head_bytes(
            head, client_minor=request.minor, keep_alive=not self.is_last, decode_chunked=decode
        )
        if head.lacks_date:
            context = session.context
            out = with_date(out, context.telemetry.http_date(context.poller.now_s))
        if (decision := self.pairing.decision) is not None and decision.sets_cookie:
            out = decision.with_cookie(out)
        send_response(ResponseParcel(self, exchange, head, out, rest, decode), session)

    def end_response(self, *, has_extra: bool) -> None:
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
            and not backend.seen & HANG_UP
            and not backend.unsent.data
        )
        finish_exchange(self, COMPLETE)
        if self.is_last or not request_done or session.client.is_eof:
            # Who said `close` should send nothing more. If it does all the same, our FIN becomes a
            # reset: harmless only where the kernel has sent everything by now.
            client = session.client
            has_left = client.bytes_out <= FIRST_FLIGHT_BYTES and not client.unsent.data
            is_done = request_done and not self.request.keep_alive and not self.inbox
            session.advance(_EXCHANGE_ENDED if is_done and has_left else _EXCHANGE_LAST)
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
            self.turn_s = self.session.context.poller.now_s
            self._read_request()
        if self.exchange is None:
            client.resume(PauseReason.PIPELINED)

    def on_client_room(self) -> None:
        """The client reads again, or the backend will be: its next request may be answered."""
        if self.exchange is not None:
            end_pause(self.exchange, self.session)
        elif self.session.state is State.IDLE:
            self._next()

    # -- what goes wrong

    def on_backend_eof(self) -> None:
        """The backend ended: rightly, in the midst, or before it said anything."""
        session, response = self.session, self.response
        if session.state.is_tunnel:
            session.advance(Fact.BACKEND_EOF)
        elif response is None:
            mishaps.no_response(self, "closed the connection without a response")
        elif response.body.kind is _UNTIL_CLOSE:
            self.end_response(has_extra=False)
        else:
            mishaps.cut_by_backend(self, "ended")

    def on_backend_gone(self, reason: str) -> None:
        """The backend reset the connection."""
        mishaps.backend_gone(self, reason)

    def on_client_eof(self) -> None:
        """The client said all it had to say; it may well be waiting for the answer."""
        mishaps.client_ended(self)

    def on_too_late(self, late: Patience) -> None:
        """An allowance has run out."""
        mishaps.too_late(self, late)

    def on_end(self) -> RouteDecision | None:
        """The session is over; where all of it went, if it was a tunnel in the end."""
        end_session(self)
        self.pairing.end()
        return None if self.tunnel is None else self.pairing.decision

    def response_begun(self) -> bool:
        """Tell whether the client has got the head of the present response."""
        return self.exchange is not None and self.response is not None
