"""One check of one backend: connects, asks, reads the head of the answer, and hangs up.

It has a socket of its own, so nothing of the traffic is touched; the poller and the deadlines are
those of everybody. What a fault on purpose does to sessions it does not meet.
"""

from dataclasses import replace
from typing import Protocol

from rsp.core.backends import Backend, Pool
from rsp.core.health_checks import Check
from rsp.core.health_rules import HealthCheck
from rsp.core.http1.errors import BadMessage
from rsp.core.http1.head import check_interim, parse_response_head, response_head_end
from rsp.core.limits import Limits
from rsp.core.proxy_protocol import own_header_bytes
from rsp.engine.nonblocking import (
    EOF,
    WOULD_BLOCK,
    ConnectFailed,
    NoLocalPort,
    OutOfFds,
    PeerGone,
    Socket,
    finish_connect,
    start_connect,
    try_recv_into,
    try_send,
)
from rsp.engine.poller import DEAD, WRITABLE, Poller
from rsp.engine.read_room import READ_ROOM

_SWITCHING_PROTOCOLS = 101
_REQUEST = b"GET %b HTTP/1.1\r\nHost: %b\r\nUser-Agent: rsp-health\r\nConnection: close\r\n\r\n"


class UnableToCheck(Exception):
    """It is we who cannot connect: nothing is known of the backend by that."""


def asked_of(pool: Pool, backend: Backend, rules: HealthCheck) -> bytes:
    """Return what a check of `backend` sends; nothing where an accepted connection is enough."""
    if rules.is_tcp:
        return b""
    host = replace(pool, host=rules.host or pool.host).host_for(backend)
    # It speaks for nobody, and a PROXY header says so.
    header = own_header_bytes(pool.send_proxy) if pool.send_proxy else b""
    return header + _REQUEST % (rules.path.encode("latin-1"), host)


class Asker(Protocol):
    """Whoever wants to know."""

    def on_checked(self, check: Check) -> None:
        """A check is over."""

    def on_bug(self, error: Exception) -> None:
        """Our own code failed meanwhile, and the check is over: nothing is known by it."""


class Checking:
    """A check under way."""

    def __init__(
        self, poller: Poller, backend: Backend, rules: HealthCheck, asked: bytes, asker: Asker
    ) -> None:
        """Begin it; the asker hears how it went, never from inside of this.

        Raises:
            ConnectFailed: it failed at once.
            UnableToCheck: there is no fd or no port for it.
        """
        self._poller = poller
        self._rules = rules
        self._unsent = asked
        self._asker = asker
        self._began_s = poller.now_s
        self._answer = b""
        self._interim = 0
        self._is_connected = self._is_over = False
        if backend.resolved is None:
            raise ConnectFailed("its address is not resolved")
        self._target = backend.resolved
        try:
            self._sock: Socket = start_connect(backend.resolved)
        except (OutOfFds, NoLocalPort) as error:
            raise UnableToCheck(str(error)) from None
        self._fd = self._sock.fileno()
        try:
            poller.watch(self._fd, self)
        except OutOfFds as error:
            self._sock.close()
            raise UnableToCheck(str(error)) from None

    def on_ready(self, readiness: int) -> None:
        """Go on: connect, then send, then read."""
        try:
            if not self._is_connected and readiness & (WRITABLE | DEAD):
                self._on_connected(is_broken=bool(readiness & DEAD))
            if self._is_connected and not self._is_over and self._send():
                self._read()
        except ConnectFailed as error:
            self._end(str(error))
        except BadMessage as error:
            self._end(error.sentence)
        except PeerGone as error:
            self._end(f"it reset the connection ({error})")

    def _on_connected(self, *, is_broken: bool) -> None:
        finish_connect(self._sock, self._target, is_broken=is_broken)
        self._is_connected = True
        if self._rules.is_tcp:
            self._end()

    def _send(self) -> bool:
        """Send what is left; tell whether that is all."""
        while self._unsent:
            count = try_send(self._sock, self._unsent)
            if count < 0:
                # No room, which the next edge ends; no memory (as good as never) the deadline.
                return False
            self._unsent = self._unsent[count:]
        return True

    def _read(self) -> None:
        """Read once: the traffic has its turn before the next time, however much there is."""
        count = try_recv_into(self._sock, READ_ROOM.room)
        if count == WOULD_BLOCK:
            return
        if count == EOF:
            begun = "in the midst of the head of its answer" if self._answer else "unanswered"
            self._end(f"it closed the connection {begun}")
            return
        self._answer += READ_ROOM.view[:count]
        if not self._judge():
            self._poller.again(self)

    def _judge(self) -> bool:
        """Look at the answer; tell whether that ends the check."""
        limits = Limits()
        while end := response_head_end(self._answer, limits):
            head = parse_response_head(self._answer[:end], "GET", limits)
            if head.status >= 200 or head.status == _SWITCHING_PROTOCOLS:
                good = head.status in self._rules.expect
                self._end("" if good else f"status {head.status}", head.status)
                return True
            self._answer = self._answer[end:]
            self._interim += 1
            check_interim(self._interim)
        return False

    def too_late(self) -> None:
        """Its time is up."""
        did = "did not answer" if self._is_connected else "did not accept"
        self._end(f"it {did} within {self._rules.timeout_s:g} s")

    def _end(self, why: str = "", status: int = 0) -> None:
        self.stop()
        took_s = self._poller.now_s - self._began_s
        self._asker.on_checked(Check(self._began_s, took_s, why, status))

    def stop(self) -> None:
        """Hang up, and tell nobody."""
        self._is_over = True
        self._poller.close_later(self._sock, self._fd)

    def on_bug(self, error: Exception) -> None:
        """Our own code failed: the check is over."""
        self.stop()
        self._asker.on_bug(error)
