"""A client connection and the backend connection it is paired with: two pipes and a state.

Bytes come in by `on_bytes` and leave by `Connection.send`, one `Pipe.feed` between them. What
happens rarely goes through `advance`, which looks it up in the session table
(`core/lifecycle.py`) and carries out the actions found there. What the bytes mean is the
speaker's business: `conversation.py` speaks HTTP, `relay.py` passes everything on.
"""

from rsp.core.addresses import client_ip_of
from rsp.core.autopsy import LOUD_ENDS, UNASKED_ENDS, Ending
from rsp.core.events import SessionClosed, SessionCut, SessionOpened
from rsp.core.http1.errors import BadMessage
from rsp.core.lifecycle import Fact, State
from rsp.core.limits import CLOSED_SESSIONS_KEPT, QUEUE_TIMEOUT_S
from rsp.core.patience import Patience, Waiting, patience
from rsp.core.vocabulary import CloseReason, Direction, Mode, PauseReason, SessionState
from rsp.engine.actions import ACTIONS
from rsp.engine.autopsies import at_the_end, ending_of
from rsp.engine.calls import CallRing
from rsp.engine.closed import ClosedSession, peer_row
from rsp.engine.connection import Connection
from rsp.engine.context import Context
from rsp.engine.entrance import Entrance
from rsp.engine.kernel import queues
from rsp.engine.layers import take_off
from rsp.engine.nobody import NOBODY
from rsp.engine.pipe import Pipe
from rsp.engine.ring import Ring
from rsp.engine.speaker import Speaker
from rsp.engine.waiting_list import Waiter, WaitingConnection

# A member of an Enum costs 70 ns to look up, a name of the module 7: those of every session.
_HTTP, _REQUEST, _RESPONSE = Mode.HTTP, Direction.REQUEST, Direction.RESPONSE
_READING_HEAD, _CONNECTING, _DRAINING = State.READING_HEAD, State.CONNECTING, State.DRAINING
_CLIENT_EOF, _BACKEND_EOF = Fact.CLIENT_EOF, Fact.BACKEND_EOF
_ALL_SENT, _ALL_ENDED = Fact.ALL_SENT, Fact.ALL_ENDED
_FINISHED = CloseReason.FINISHED
_UNASKED = (State.READING_PROXY_HEADER, State.READING_HEAD)


class Session:
    """One accepted client connection with its backend connections, one after the other."""

    __slots__ = (
        "backend", "bucket", "calls", "client", "client_ip", "close_detail", "close_reason",
        "context", "deadline_s", "ending", "entrance", "exchanges", "generation", "id",
        "last_progress_s", "limits", "moved_bytes", "opened_s", "place", "registry",
        "request_pipe", "response_pipe", "speaker", "state", "state_since_s", "trusts_client",
    )  # fmt: skip

    def __init__(
        self, context: Context, registry: "Registry", client: Connection, entrance: Entrance
    ) -> None:
        self.context = context
        self.registry = registry
        self.limits = context.limits
        self.id = context.next_session_id()
        self.client = client
        self.client_ip = client_ip_of(client.address)
        self.backend: Connection | None = None
        """The present one, if there is one."""
        self.entrance = entrance
        self.trusts_client = entrance.trusts_anybody and entrance.trusts(self.client_ip)
        self.state = _READING_HEAD if entrance.mode is _HTTP else _CONNECTING
        self.place: Waiter | None = None
        """In the queue of a pool, while it waits there."""
        self.generation = context.dispatcher.table.generation
        self.exchanges = 0
        self.calls: CallRing | None = None
        self.opened_s = self.state_since_s = self.last_progress_s = context.poller.now_s
        self.close_reason: CloseReason | None = None
        self.close_detail = ""
        self.ending: Ending | None = None
        """What both sides looked like when it was known how this will end."""
        self.deadline_s = 0.0
        self.bucket = 0
        self.moved_bytes = 0
        self.request_pipe = Pipe(_REQUEST)
        self.response_pipe = Pipe(_RESPONSE)
        self.request_pipe.source = self.response_pipe.sink = client
        self.speaker: Speaker

    def start(self, speaker: Speaker) -> None:
        """Begin: the client connection is ours from now on."""
        self.speaker = speaker
        self.registry.live[self.id] = self
        self.context.telemetry.record(
            SessionOpened(
                at_s=self.opened_s,
                session=self.id,
                client=self.client.address,
                listener=self.entrance.address,
            )
        )
        first_look_s = self.context.first_looks_s[self.state.index]
        self.context.deadlines.set(self, self.opened_s + first_look_s)
        # A backend that is dialled here is watched before the client, and so connected before the
        # client's first bytes are looked at: often they are there already.
        self.client.owner = self
        speaker.on_start()
        if not self.state.is_over:
            self.client.start(self, is_connected=True)

    def set_client(self, address: str) -> None:
        """Take `address` for the client's from now on: who connected speaks for it."""
        self.client.address = address
        self.client_ip = client_ip_of(address)
        self.trusts_client = self.entrance.trusts(self.client_ip)

    @property
    def shown_state(self) -> SessionState:
        """The state as the row says it; a tcp session streams, for nothing was upgraded."""
        shown = self.state.shown
        if shown is SessionState.TUNNEL and self.entrance.mode is Mode.TCP:
            return SessionState.STREAMING
        return shown

    # -- what the connections report

    def on_bytes(self, connection: Connection, view: memoryview) -> None:
        """Pass bytes on: the first of the three calls between `recv_into` and `send`."""
        is_request = connection is self.client
        pipe = self.request_pipe if is_request else self.response_pipe
        if pipe.is_open:
            try:
                used = pipe.feed(view)
            except BadMessage as error:
                self.speaker.on_bad_body(pipe.direction, error)
                return
            if not pipe.is_open:
                self.speaker.on_body_end(pipe.direction, view[used:])
        elif self.state.is_ending:
            return
        elif is_request:
            self.speaker.on_request_bytes(view)
        else:
            self.speaker.on_response_bytes(view)

    def on_bulk(self, connection: Connection) -> int:
        """Let the kernel pass on what comes next by itself, if only bytes have to be passed on."""
        pipe = self.request_pipe if connection is self.client else self.response_pipe
        return pipe.splice(self.limits) if pipe.is_open else 0

    def on_eof(self, connection: Connection) -> None:
        """One side will send no more."""
        is_client = connection is self.client
        if self.state.is_ending:
            self.advance(_CLIENT_EOF if is_client else _BACKEND_EOF)
        elif self.place is not None:
            self.place.seeker.turn_away(CloseReason.CLIENT_GONE, "its client ended")
        elif is_client:
            self.speaker.on_client_eof()
        else:
            self.speaker.on_backend_eof()

    def on_gone(self, connection: Connection, reason: str) -> None:
        """One side was reset."""
        if connection is self.client:
            said = f"client {connection.address}: {reason}"
            if (quietly := self._left_quietly()) is not None:
                self.because(_FINISHED, f"{said}, {quietly}")
            self.because(CloseReason.CLIENT_GONE, said)
            self.advance(Fact.CLIENT_GONE)
        elif self.state.is_ending:
            self.advance(Fact.BACKEND_GONE)
        else:
            self.speaker.on_backend_gone(reason)

    def _left_quietly(self) -> str | None:
        """Return when the client reset, if it was no loss to anybody; None: it was one.

        Who looks whether we are there and asks for nothing may leave as it likes, and so may who
        has got all its answers: load balancers and benchmarks do that all day.
        """
        if self.speaker.held_bytes:
            return None
        if not self.exchanges and self.state in _UNASKED:
            return "before it asked for anything"
        has_all = self.state is State.IDLE and not self.client.unsent.data
        return "while it was idle" if has_all and not queues(self.client.sock)[0] else None

    def on_room(self, connection: Connection) -> None:
        """A full sink has room again."""
        is_client = connection is self.client
        source = self.backend if is_client else self.client
        if is_client:
            self.speaker.on_client_room()
        if source is not None:
            source.resume(PauseReason.SINK_FULL)

    def on_sent(self, connection: Connection) -> None:
        """Nothing is unsent on one side any more."""
        if self.exchanges and connection is self.client:
            self.context.drains.on_left(connection)
        if self.state is _DRAINING:
            self._go_on_ending()

    def on_connected(self, connection: Connection) -> None:
        """The backend accepted."""
        self.speaker.on_connected()

    def on_connect_failed(self, connection: Connection, reason: str) -> None:
        """The backend did not accept."""
        self.speaker.on_connect_failed(reason)

    def on_bug(self, error: Exception) -> None:
        """Our own code failed: this session pays, and the traceback is kept."""
        where = f"session {self.id}, {self.state.shown.value}"
        self.context.telemetry.record_bug(where, error, self.id)
        self.because(CloseReason.INTERNAL_ERROR, f"{type(error).__name__}: {error}")
        if self.state.is_over:
            # It failed in the midst of its end: nobody else gives back what it has.
            for connection in (self.client, self.backend):
                if connection is not None:
                    connection.close(reset=True)
            self._end()
        else:
            self.advance(Fact.ABORTED)

    # -- the table

    def advance(self, fact: Fact) -> None:
        """Look up what a fact means in the present state, and do it."""
        row = self.state.rows.get(fact)
        if row is None:
            self._refuse(fact)
            return
        self.state, actions = row
        for action in actions:
            ACTIONS[action](self)
        state = self.state
        if state.is_passing:
            return
        if state.is_over:
            self._end()
            return
        # Its allowance begins. A look that is due earlier stays: it will find out by itself.
        context = self.context
        self.state_since_s = self.last_progress_s = now_s = context.poller.now_s
        due_s = now_s + context.first_looks_s[state.index]
        if due_s < self.deadline_s or not self.deadline_s:
            context.deadlines.set(self, due_s)
        if state.is_ending:
            self._go_on_ending()

    def _refuse(self, fact: Fact) -> None:
        if not self.state.is_over:
            raise AssertionError(f"session {self.id}: {fact.name} cannot happen in {self.state}")

    def _go_on_ending(self) -> None:
        """Nothing that still comes matters: it is read and thrown away, until both sides end."""
        self.request_pipe.is_open = self.response_pipe.is_open = False
        client, backend = self.client, self.backend
        if self.state is _DRAINING:
            if client.paused_by:
                client.unpause()
            if backend is not None and backend.paused_by:
                backend.unpause()
            if client.is_drained and (backend is None or backend.is_drained):
                has_ended = client.is_eof or client.is_closed
                self.advance(_ALL_ENDED if has_ended else _ALL_SENT)

    def because(self, reason: CloseReason, detail: str = "") -> None:
        """Say why the session will end. The first one to know is right."""
        if self.close_reason is None:
            self.close_reason = reason
            self.close_detail = detail
            if reason not in UNASKED_ENDS:
                self.ending = ending_of(self)

    def close(self, reason: CloseReason, *, reset: bool = False) -> None:
        """End the session: gently, sending what is unsent, or by RST at once."""
        self.because(reason)
        self.advance(Fact.ABORTED if reset else Fact.ORDERED)

    def watch(self, calls: CallRing | None) -> None:
        """Record the calls of both connections from now on; None: record nothing."""
        self.calls = self.client.calls = calls
        if calls is not None:
            self.context.captures.add(calls)
        if self.backend is not None:
            self.backend.calls = calls

    def leave_queue(self) -> None:
        """Give up its place in a queue, if it has one."""
        if self.place is not None:
            self.context.waiting.leave(self.place)
            self.place = None
            take_off(self.client, WaitingConnection)

    def _end(self) -> None:
        """Give everything back; what is remembered is for whoever asks later."""
        if self.registry.live.pop(self.id, None) is None:
            return
        door = self.entrance.door
        door.live -= 1
        if door.is_watched:
            door.on_left(self.id)
        context = self.context
        context.deadlines.cancel(self)
        now_s = context.poller.now_s
        decision = self.speaker.on_end()
        # A closed session must not be held by itself: see `nobody.py`.
        del self.speaker
        client, backend = self.client, self.backend
        client.owner = NOBODY
        context.telemetry.add_client(client)
        if backend is not None:
            backend.owner = NOBODY
        reason = self.close_reason = self.close_reason or _FINISHED
        self.registry.closed.append(
            ClosedSession(
                self.id,
                self.generation,
                self.opened_s,
                now_s,
                self.entrance.address,
                self.exchanges,
                reason,
                self.close_detail,
                peer_row(client, now_s, with_queues=False),
                peer_row(backend, now_s, with_queues=False) if backend is not None else None,
                decision,
                self.calls,
                self.request_pipe.books(),
                self.response_pipe.books(),
                at_the_end(self.ending, client) if self.ending is not None else None,
            )
        )
        event = SessionCut if reason in LOUD_ENDS else SessionClosed
        duration_s = now_s - self.opened_s
        context.telemetry.record(
            event(
                at_s=now_s,
                session=self.id,
                reason=reason,
                detail=self.close_detail,
                duration_s=duration_s,
            )
        )

    # -- time

    def patience(self) -> Patience:
        """Return whom the session is waiting for, and for how long it may."""
        backend = self.backend
        place = self.place
        waiting = Waiting(
            client_blocked=bool(self.client.unsent.data),
            backend_blocked=backend is not None and bool(backend.unsent.data),
            request_open=self.request_pipe.is_open,
            response_begun=self.speaker.response_begun(),
            queue_s=QUEUE_TIMEOUT_S if place is None else place.timeout_s,
        )
        return patience(self.state, self.limits, waiting)

    def on_deadline(self, now_s: float) -> None:
        """Look whether anything moved; when nothing did for the whole allowance, give up."""
        allowed = self.patience()
        moved = self.client.bytes_in + self.client.bytes_out
        if self.backend is not None:
            moved += self.backend.bytes_in + self.backend.bytes_out
        is_held = self.client.is_held or (self.backend is not None and self.backend.is_held)
        elapsed_s = now_s - self.last_progress_s
        if is_held or allowed.is_progress(abs(moved - self.moved_bytes), elapsed_s):
            self.last_progress_s, self.moved_bytes = now_s, moved
        elif allowed.is_fixed:
            self.moved_bytes = moved
        left_s = self.last_progress_s + allowed.limit_s - now_s
        if self.state is State.CLOSING and now_s - self.state_since_s >= self.limits.linger_s:
            left_s = left_s if is_held else 0.0
        if left_s > 0:
            self.context.deadlines.set(self, now_s + allowed.next_look_s(left_s))
            return
        self._give_up(allowed)

    def _give_up(self, allowed: Patience) -> None:
        if self.context.lab is not None:
            self.context.lab.on_late(self)
        if self.state.is_ending:
            self.because(allowed.reason, allowed.phrase)
            self.advance(Fact.EXPIRED)
        elif self.place is not None:
            self.place.seeker.turn_away(allowed.reason, "")
        else:
            self.speaker.on_too_late(allowed)


class Registry:
    """Every session of an engine: the live ones by their ids, and the last closed ones."""

    def __init__(self) -> None:
        self.live: dict[int, Session] = {}
        self.closed: Ring[ClosedSession] = Ring(CLOSED_SESSIONS_KEPT)
