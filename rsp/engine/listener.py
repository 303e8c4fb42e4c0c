"""A listening socket: accepts clients and makes sessions of them."""

import resource
import socket

from rsp.core.addresses import client_ip_of
from rsp.core.events import Noted
from rsp.core.lifecycle import Fact
from rsp.core.limits import ACCEPTS_PER_TURN, FDS_RESERVED, FLOOD_EVENT_S, Limits
from rsp.core.throttle import Throttle
from rsp.core.vocabulary import AcceptPause, CloseReason, EventLevel, Mode, Side
from rsp.engine.connection import Connection
from rsp.engine.context import Context
from rsp.engine.conversation import Conversation
from rsp.engine.door import Door
from rsp.engine.entrance import Entrance
from rsp.engine.kernel import lowest_free_fd
from rsp.engine.listening import Opened, listen_again, stop_listening
from rsp.engine.nonblocking import (
    OutOfFds,
    prepare,
    reset_on_close,
    try_accept,
)
from rsp.engine.poller import ACCEPTABLE
from rsp.engine.proxy_header import ProxyHeaderReader
from rsp.engine.refusal import Refusal
from rsp.engine.relay import Relay
from rsp.engine.session import Registry, Session
from rsp.engine.speaker import Speaker

_OUT_OF_FDS_PAUSE_S = 0.1
"""With no fd left the listener stays readable: look away, or the loop spins (accept(2))."""

# A member of an Enum costs 70 ns to look up, a name of the module 7.
_CLIENT, _HTTP = Side.CLIENT, Mode.HTTP


class Listener:
    """Accepts, a few at a time, so that the present connections get their turn."""

    def __init__(
        self,
        context: Context,
        registry: Registry,
        opened: Opened,
        entrance: Entrance,
    ) -> None:
        self.context = context
        self.registry = registry
        self.sock = opened.sock
        self._file = opened.file
        self._may_shut = opened.may_shut
        self.deadline_s = 0.0
        self.bucket = 0
        self.paused_by = AcceptPause.STARTING
        self.door = Door(lambda: self.resume(AcceptPause.FULL))
        self.kept_out: int | None = None
        """Tries to connect that its full accept queue has cost, as `accept_queues.py` counts them;
        None: unknown."""
        self._said = {pause: Throttle(FLOOD_EVENT_S) for pause in AcceptPause}
        self._said_refused = Throttle(FLOOD_EVENT_S)
        self._last_fd = resource.getrlimit(resource.RLIMIT_NOFILE)[0] - FDS_RESERVED
        self.adopt(entrance, context.limits)

    def adopt(self, entrance: Entrance, limits: Limits) -> None:
        """Let clients in by `entrance` from now on; sessions keep the one they came in by."""
        config, door = entrance.config, self.door
        each = config.max_connections_per_client
        door.limit(
            config.max_connections or limits.max_connections,
            limits.max_connections_per_client if each is None else each,
        )
        entrance.door = door
        self.entrance = entrance
        prepare(self.sock, limits.notsent_lowat_bytes)

    def on_ready(self, readiness: int) -> None:
        """Accept what waits, up to the cap; epoll will say again when more waits."""
        door = self.door
        for _ in range(ACCEPTS_PER_TURN):
            if door.live >= door.most:
                self._wait_for_room()
                return
            try:
                accepted = try_accept(self.sock)
                if accepted is None:
                    return
                fd = accepted[0].fileno()
                self._begin(*accepted)
            except OutOfFds as error:
                self._rest(str(error))
                return
            if fd >= self._last_fd:
                self._rest(f"{FDS_RESERVED} are kept for backends and for the control socket")
                return

    def _begin(self, sock: socket.SocketType, address: str) -> None:
        lab = self.context.lab
        if lab is not None and lab.is_down(self.entrance):
            reset_on_close(sock)
            sock.close()
            return
        door, announcers = self.door, self.entrance.announcers
        announces = announcers is not None and client_ip_of(address) in announcers
        # A proxy that announces its clients has as many connections as it has clients: those are
        # counted when they are announced.
        is_limited = door.most_each and not announces
        if is_limited and door.has_all(client_ip_of(address)):
            self._refuse(sock, address)
            return
        session = self._session(sock, address)
        if is_limited:
            door.count(session.id, session.client_ip)
        if lab is not None:
            lab.on_accepted(session)
        self._start(session, ProxyHeaderReader(session) if announces else self._speaker(session))

    def _start(self, session: Session, speaker: Speaker) -> None:
        try:
            session.start(speaker)
        except OutOfFds as error:
            session.because(CloseReason.INTERNAL_ERROR, f"the client cannot be watched: {error}")
            session.advance(Fact.ABORTED)
            raise

    def _speaker(self, session: Session) -> Speaker:
        return Conversation(session) if self.entrance.mode is _HTTP else Relay(session)

    def _session(self, sock: socket.SocketType, address: str) -> Session:
        context = self.context
        client = Connection(context.poller, sock, address, _CLIENT, context.limits)
        context.telemetry.totals.accepted += 1
        self.door.live += 1
        return Session(context, self.registry, client, self.entrance)

    def _refuse(self, sock: socket.SocketType, address: str) -> None:
        """Tell the client why in HTTP; reset it where there are no words, or too many hear them."""
        door = self.door
        sentence = door.limit_sentence(client_ip_of(address))
        held_back = self._said_refused.passes(self.context.poller.now_s)
        if held_back is not None:
            also = f"; {held_back:,} were refused since this was said last" if held_back else ""
            self._note(f"refused: {sentence}{also}", EventLevel.WARN)
        if self.entrance.mode is _HTTP and door.may_tell:
            session = self._session(sock, address)
            door.tell(session.id)
            self._start(session, Refusal(session, sentence))
        else:
            reset_on_close(sock)
            sock.close()

    def _wait_for_room(self) -> None:
        """It is full: the kernel keeps the next ones waiting until somebody leaves."""
        self.pause(AcceptPause.FULL)
        self.door.await_room()
        self._say(
            AcceptPause.FULL,
            f"it has {self.door.live:,} connections, the most for it (max_connections); "
            "the next clients wait until one of them ends",
            EventLevel.WARN,
        )

    def _rest(self, error: str) -> None:
        context = self.context
        self.pause(AcceptPause.NO_FDS)
        context.deadlines.set(self, context.poller.now_s + _OUT_OF_FDS_PAUSE_S)
        self._say(
            AcceptPause.NO_FDS,
            f"no fd left ({error}); raise the limit of open files (ulimit -n)",
            EventLevel.ERROR,
        )

    def _say(self, pause: AcceptPause, what: str, weight: EventLevel) -> None:
        """Record why nobody is let in; not each time that it happens in a flood."""
        if self._said[pause].passes(self.context.poller.now_s) is not None:
            self._note(what, weight)

    def _note(self, what: str, weight: EventLevel) -> None:
        context = self.context
        context.telemetry.record(
            Noted(
                at_s=context.poller.now_s,
                what=f"listener {self.entrance.address}, accepting: {what}",
                said_by="listener",
                weight=weight,
            )
        )

    def on_deadline(self, now_s: float) -> None:
        """Accept again, if there are fds for it."""
        if lowest_free_fd() < self._last_fd:
            self.resume(AcceptPause.NO_FDS)
        else:
            self.context.deadlines.set(self, now_s + _OUT_OF_FDS_PAUSE_S)

    def pause(self, reason: AcceptPause) -> None:
        """Accept nobody, for one more reason; the kernel keeps up to a backlog of clients."""
        if not self.paused_by:
            self.context.poller.forget(self.sock.fileno())
        self.paused_by |= reason

    def resume(self, reason: AcceptPause) -> None:
        """Take one reason back; accepting goes on when it was the last one."""
        was_paused, self.paused_by = self.paused_by, self.paused_by & ~reason
        if was_paused and not self.paused_by:
            try:
                self.context.poller.watch(self.sock.fileno(), self, ACCEPTABLE)
            except OutOfFds as error:
                self._rest(str(error))

    def shut(self) -> None:
        """Refuse everybody, as if nobody listened here.

        A unix socket, and one that was handed over, go on listening: whoever comes is reset.
        """
        if self._may_shut and not self.paused_by & (AcceptPause.DOWN | AcceptPause.CLOSED):
            self.pause(AcceptPause.DOWN)
            self.sock = stop_listening(self.sock)

    def open_again(self) -> None:
        """Undo `shut`.

        Raises:
            CannotListen: somebody else has the port now.
        """
        if self.paused_by & AcceptPause.DOWN:
            listen_again(self.sock, self.entrance.address)
            prepare(self.sock, self.context.limits.notsent_lowat_bytes)
            self.resume(AcceptPause.DOWN)

    def close(self) -> None:
        """Accept nobody any more, and give the port back, or the file."""
        self.pause(AcceptPause.CLOSED)
        if self._file is not None:
            self._file.remove()
            self._file = None
        self.context.deadlines.cancel(self)
        self.context.poller.close_later(self.sock, self.sock.fileno())

    def on_bug(self, error: Exception) -> None:
        """Our own code failed while accepting: say so, and go on with the next client."""
        self.context.telemetry.record_bug(f"listener {self.entrance.address}", error)
