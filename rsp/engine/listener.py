"""A listening socket: accepts clients and makes sessions of them."""

import resource
import socket

from rsp.core.events import Noted
from rsp.core.limits import ACCEPTS_PER_TURN, FDS_RESERVED, Limits
from rsp.core.vocabulary import EventLevel, Mode, Side
from rsp.engine.connection import Connection
from rsp.engine.context import Context
from rsp.engine.conversation import Conversation
from rsp.engine.entrance import Entrance
from rsp.engine.kernel import lowest_free_fd
from rsp.engine.listening import Opened
from rsp.engine.nonblocking import OutOfFds, prepare, try_accept
from rsp.engine.proxy_header import ProxyHeaderReader
from rsp.engine.relay import Relay
from rsp.engine.session import Registry, Session

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
        self.adopt(entrance, context.limits)
        self.deadline_s = 0.0
        self.bucket = 0
        self._is_watched = False
        self._last_fd = resource.getrlimit(resource.RLIMIT_NOFILE)[0] - FDS_RESERVED

    def adopt(self, entrance: Entrance, limits: Limits) -> None:
        """Let clients in by `entrance` from now on; sessions keep the one they came in by."""
        self.entrance = entrance
        prepare(self.sock, limits.notsent_lowat_bytes)

    def on_ready(self, readiness: int) -> None:
        """Accept what waits, up to the cap; epoll will say again when more waits."""
        for _ in range(ACCEPTS_PER_TURN):
            try:
                accepted = try_accept(self.sock)
            except OutOfFds as error:
                self._rest(str(error))
                return
            if accepted is None:
                return
            fd = accepted[0].fileno()
            self._begin(*accepted)
            if fd >= self._last_fd:
                self._rest(f"{FDS_RESERVED} are kept for backends and for the control socket")
                return

    def _begin(self, sock: socket.SocketType, address: str) -> None:
        context = self.context
        client = Connection(context.poller, sock, address, _CLIENT, context.limits)
        session = Session(context, self.registry, client, self.entrance)
        context.telemetry.totals.accepted += 1
        announcers = self.entrance.announcers
        if announcers is not None and session.client_ip in announcers:
            session.start(ProxyHeaderReader(session))
            return
        is_http = self.entrance.mode is _HTTP
        session.start(Conversation(session) if is_http else Relay(session))

    def _rest(self, error: str) -> None:
        context = self.context
        self.pause()
        context.deadlines.set(self, context.poller.now_s + _OUT_OF_FDS_PAUSE_S)
        context.telemetry.record(
            Noted(
                at_s=context.poller.now_s,
                what=f"listener {self.entrance.address}, accepting: no fd left ({error}); "
                "raise the limit of open files (ulimit -n)",
                said_by="listener",
                weight=EventLevel.ERROR,
            )
        )

    def on_deadline(self, now_s: float) -> None:
        """Accept again, if there are fds for it."""
        if lowest_free_fd() < self._last_fd:
            self.resume()
        else:
            self.context.deadlines.set(self, now_s + _OUT_OF_FDS_PAUSE_S)

    def pause(self) -> None:
        """Accept nobody; the kernel keeps up to a backlog of clients waiting."""
        if self._is_watched:
            self.context.poller.forget(self.sock.fileno())
            self._is_watched = False

    def resume(self) -> None:
        """Accept again."""
        if not self._is_watched:
            self.context.poller.watch_level(self.sock.fileno(), self)
            self._is_watched = True

    def close(self) -> None:
        """Accept nobody any more, and give the port back, or the file."""
        self.pause()
        if self._file is not None:
            self._file.remove()
            self._file = None
        self.context.deadlines.cancel(self)
        self.context.poller.close_later(self.sock, self.sock.fileno())

    def on_bug(self, error: Exception) -> None:
        """Our own code failed while accepting: say so, and go on with the next client."""
        self.context.telemetry.record_bug(f"listener {self.entrance.address}", error)
