"""One socket of ours, the bytes its kernel has not taken, and its counters.

The byte path is `Connection.on_ready` -> owner's `on_bytes` -> `Connection.send` of the other
side. Readiness is remembered (`is_readable`, `is_writable`), because an edge comes once: a paused
connection that is resumed asks the poller for a turn. Sending tries at once; what the kernel does
not take is kept and offered again when it says that there is room.

Nothing here raises for a peer that is gone: the owner hears `on_gone`, once, and never from
inside a `send`.
"""

import socket
import time
from typing import Protocol

from rsp.core.buffer import AfterUnsent, WriteBuffer
from rsp.core.limits import READ_BYTES, READ_TURN_BYTES, Limits
from rsp.core.vocabulary import Direction, PauseReason, Side
from rsp.engine.calls import CallRing
from rsp.engine.nonblocking import (
    EOF,
    NO_MEMORY,
    WOULD_BLOCK,
    ConnectFailed,
    PeerGone,
    finish_connect,
    pending_error,
    reset_on_close,
    shut_write,
    try_recv_into,
    try_send,
)
from rsp.engine.poller import BROKEN, DEAD, HANG_UP, READABLE, WRITABLE, Poller

_READ_BUFFER = bytearray(READ_BYTES)
"""Every read of the process goes here; whoever gets a view of it copies what must stay."""
_READ_VIEW = memoryview(_READ_BUFFER)


_HELD = (PauseReason.OPERATOR | PauseReason.BREAKPOINT).value


class Owner(Protocol):
    """Whoever a connection works for: a session, or the set of idle connections."""

    def on_bytes(self, connection: "Connection", view: memoryview) -> None:
        """Bytes came. The view is only good until this returns."""

    def on_eof(self, connection: "Connection") -> None:
        """The peer will send no more."""

    def on_gone(self, connection: "Connection", reason: str) -> None:
        """The peer reset the connection; `reason` is the errno's name."""

    def on_room(self, connection: "Connection") -> None:
        """A connection that was marked full is at or below its low-water mark again."""

    def on_sent(self, connection: "Connection") -> None:
        """Nothing is unsent any more, and the close marker, if any, has been obeyed."""

    def on_connected(self, connection: "Connection") -> None:
        """A connect has succeeded."""

    def on_connect_failed(self, connection: "Connection", reason: str) -> None:
        """A connect has failed; the connection is closed."""

    def on_bug(self, error: Exception) -> None:
        """Our own code failed."""


class Connection:
    """A client's or a backend's socket. Counters are plain ints that only grow."""

    __slots__ = (
        "address", "blocked_since_s", "blocked_total_s", "bytes_in", "bytes_out", "calls",
        "eagain_reads", "eagain_writes", "fd", "idle_key", "idle_since_s", "is_closed",
        "is_connected", "is_eof", "is_full", "is_readable", "is_writable", "last_error", "owner",
        "paused_by", "poller", "port", "short_writes", "side", "sock", "unsent", "wakeups",
        "was_hung_up", "write_error",
    )  # fmt: skip

    def __init__(
        self, poller: Poller, sock: socket.socket, address: str, side: Side, limits: Limits
    ) -> None:
        self.poller = poller
        self.sock = sock
        self.fd = sock.fileno()
        self.address = address
        self.port = 0
        """Of a backend: the port that is connected to."""
        self.side = side
        self.owner: Owner
        self.unsent = WriteBuffer(limits.high_water_bytes, limits.low_water_bytes)
        self.calls: CallRing | None = None
        self.paused_by = 0
        """A set of `PauseReason`, as its int: flags cost half a microsecond an operation."""
        self.is_connected = True
        self.is_readable = False
        self.is_writable = True
        self.is_full = False
        self.is_eof = False
        self.is_closed = False
        self.was_hung_up = False
        self.write_error: str | None = None
        self.last_error: str | None = None
        self.blocked_since_s = 0.0
        self.idle_key = ""
        """Of which backend it is an idle connection; for `idle.py`."""
        self.idle_since_s = 0.0
        self.reset_counters()

    def __repr__(self) -> str:
        return f"<Connection {self.side.value} fd {self.fd} {self.address} {self.unsent!r}>"

    def start(self, owner: Owner, *, is_connected: bool) -> None:
        """Hand the connection to its owner and to the poller."""
        self.owner = owner
        self.is_connected = self.is_writable = is_connected
        self.poller.watch(self.fd, self)

    def reset_counters(self) -> None:
        """Count from 0: a backend connection's counters begin when a session gets it."""
        self.bytes_in = self.bytes_out = self.wakeups = 0
        self.eagain_reads = self.eagain_writes = self.short_writes = 0
        self.blocked_total_s = 0.0
        self.unsent.peak_bytes = 0

    # -- readiness

    def on_ready(self, readiness: int) -> None:
        """Act on readiness: write first, so that there is room, then read."""
        if self.is_closed:
            return
        self.wakeups += 1
        if not self.is_connected and not self._finish_connect(readiness):
            return
        if readiness & READABLE and not self.is_eof and self.last_error is None:
            self.is_readable = True
            self.was_hung_up = self.was_hung_up or bool(readiness & HANG_UP)
        if readiness & WRITABLE and not self.is_writable:
            self.is_writable = True
            self._unblock()
            self.flush()
        elif not readiness:
            self._take_turn()
        if self.is_readable and not self.paused_by:
            self._read()
        elif readiness & BROKEN:
            self._look_at_error()

    def _take_turn(self) -> None:
        """A turn that was asked for: what could not be done in the midst of something else."""
        if self.write_error is not None:
            self._fail_write()
        elif self.unsent.data and self.is_writable:
            self.flush()

    def _look_at_error(self) -> None:
        """Something broke where nobody reads. What a backend said before is still read later; a
        client that is gone is gone, and a peer that had ended before can only have reset."""
        if self.is_eof or self.side is Side.CLIENT:
            reason = pending_error(self.sock)
            if reason is not None and not self.is_closed:
                self._on_gone(reason)

    def _read(self) -> None:
        """Read until there is nothing, the owner has enough, or the others must have their turn.

        A short read means that the socket is empty, so it is not asked again, unless the peer has
        hung up: then no further edge will come, and only EOF ends the reading.
        """
        turn_bytes = 0
        while not self.is_closed:
            try:
                count = try_recv_into(self.sock, _READ_BUFFER)
            except PeerGone as error:
                self._on_gone(str(error))
                return
            if self.calls is not None:
                self._record("recv", READ_BYTES, count)
            if count <= EOF:
                self._read_nothing(count)
                return
            self.bytes_in += count
            self.owner.on_bytes(self, _READ_VIEW[:count])
            if count < READ_BYTES and not self.was_hung_up:
                self.is_readable = False
                return
            turn_bytes += count
            if self.paused_by:
                return
            if turn_bytes >= READ_TURN_BYTES:
                self.poller.again(self)
                return

    def _read_nothing(self, count: int) -> None:
        self.is_readable = False
        if count == WOULD_BLOCK:
            self.eagain_reads += 1
        elif self.write_error is None:
            self.is_eof = True
            self.owner.on_eof(self)

    def _finish_connect(self, readiness: int) -> bool:
        """Return whether the connection is there now; what came with it is read at once."""
        if not readiness & (WRITABLE | DEAD):
            return False
        try:
            finish_connect(self.sock, self.port)
        except ConnectFailed as error:
            self.close()
            self.owner.on_connect_failed(self, str(error))
            return False
        self.is_connected = self.is_writable = True
        self.owner.on_connected(self)
        self.flush()
        return not self.is_closed

    # -- sending

    def send(self, piece: bytes | memoryview) -> None:
        """Give `piece` to the kernel, behind what is unsent, and keep what it does not take."""
        if self.unsent.data or not self.is_writable:
            if self.write_error is None:
                self.unsent.append(piece)
            return
        try:
            count = try_send(self.sock, piece)
        except PeerGone as error:
            self._on_write_error(error)
            return
        if self.calls is not None:
            self._record("send", len(piece), count)
        if count == len(piece):
            self.bytes_out += count
            return
        if count < 0:
            self.unsent.append(piece)
            self._not_taken(count)
            return
        self.bytes_out += count
        self.short_writes += 1
        self.unsent.append(memoryview(piece)[count:])
        # The rest is offered once more at once, so that the EAGAIN is the kernel's own word.
        self.flush()

    def flush(self) -> None:
        """Offer what is unsent to the kernel until it takes no more, then obey the close marker."""
        data = self.unsent.data
        while data and self.is_writable:
            wanted = len(data)
            try:
                count = try_send(self.sock, data)
            except PeerGone as error:
                self._on_write_error(error)
                return
            if self.calls is not None:
                self._record("send", wanted, count)
            if count < 0:
                self._not_taken(count)
                break
            self.bytes_out += count
            self.short_writes += count < wanted
            self.unsent.consume(count)
        if self.is_full and self.unsent.has_room:
            self.is_full = False
            self.owner.on_room(self)
        if not data and self.is_writable and not self.is_closed:
            self._all_sent()

    def finish(self, after: AfterUnsent) -> None:
        """Put a close marker behind what is unsent, and obey it now when nothing is."""
        self.unsent.set_after(after)
        if not self.unsent.data and self.is_connected and not self.is_closed:
            self._all_sent()

    def _all_sent(self) -> None:
        match self.unsent.after:
            case AfterUnsent.SHUT_WRITE:
                self.unsent.after = AfterUnsent.NOTHING
                shut_write(self.sock)
                if self.calls is not None:
                    self._record("shutdown", 0, 0, "FIN sent")
            case AfterUnsent.CLOSE:
                self.close()
            case AfterUnsent.RESET:
                self.close(reset=True)
            case AfterUnsent.NOTHING:
                pass
        self.owner.on_sent(self)

    def _not_taken(self, count: int) -> None:
        """The kernel took nothing: wait for room, or, when it only lacks memory, ask again."""
        if count == NO_MEMORY:
            self.poller.again(self)
            return
        self.eagain_writes += 1
        self.is_writable = False
        if not self.blocked_since_s:
            self.blocked_since_s = self.poller.now_s

    def _unblock(self) -> None:
        if self.blocked_since_s:
            self.blocked_total_s += self.poller.now_s - self.blocked_since_s
            self.blocked_since_s = 0.0

    def _on_write_error(self, error: PeerGone) -> None:
        """Remember it, and tell the owner in a turn of its own: the caller is in its midst."""
        if self.write_error is None:
            self.write_error = str(error)
            self.unsent.data.clear()
            self._unblock()
            self.poller.again(self)

    def _fail_write(self) -> None:
        """A backend that refuses our bytes may have answered before: read that first.

        Also when no edge has said that there is anything: it may be in the next batch.
        """
        if self.side is Side.BACKEND and not self.is_eof and not self.paused_by:
            self._read()
        if not self.is_closed:
            self._on_gone(self.write_error or "gone")

    def _on_gone(self, reason: str) -> None:
        self.is_readable = False
        if self.last_error is not None:
            return
        self.last_error = reason
        if self.calls is not None:
            self._record("recv", READ_BYTES, None, reason)
        self.owner.on_gone(self, reason)

    # -- pausing and closing

    def pause(self, reason: PauseReason) -> None:
        """Stop reading, for one more reason."""
        if self.calls is not None and not self.paused_by & reason.value:
            self._record("pause", 0, None, f"reading stops: {reason.names()[0]}")
        self.paused_by |= reason.value

    def resume(self, reason: PauseReason) -> None:
        """Take one reason back; reading goes on when it was the last one."""
        if not self.paused_by & reason.value:
            return
        self.paused_by &= ~reason.value
        if self.calls is not None:
            self._record("resume", 0, None, f"no longer {reason.names()[0]}")
        if not self.paused_by and self.is_readable:
            self.poller.again(self)

    def unpause(self, *, also_held: bool = False) -> None:
        """Take every reason back but a person's; with `also_held` that as well."""
        held = 0 if also_held else self.paused_by & _HELD
        if self.paused_by != held:
            self.paused_by = held
            if not held and self.is_readable:
                self.poller.again(self)

    @property
    def is_held(self) -> bool:
        """Whether a person holds it: no allowance runs out meanwhile."""
        return bool(self.paused_by & _HELD)

    def close(self, *, reset: bool = False) -> None:
        """Close now; unsent bytes are lost. With `reset` the peer is told so by RST."""
        if self.is_closed:
            return
        self.is_closed = True
        self.is_writable = self.is_readable = False
        self._unblock()
        if reset:
            reset_on_close(self.sock)
        if self.calls is not None:
            self._record("close", 0, None, "RST" if reset else "FIN")
        self.poller.close_later(self.sock, self.fd)

    @property
    def is_drained(self) -> bool:
        """Whether nothing more will leave here: everything is sent, or the socket is closed."""
        return self.is_closed or (not self.unsent.data and self.unsent.after is AfterUnsent.NOTHING)

    def on_bug(self, error: Exception) -> None:
        """Our own code failed while acting on this connection: its owner pays."""
        self.owner.on_bug(error)

    def _record(self, call: str, wanted: int, got: int | None, note: str = "") -> None:
        if self.calls is None:
            return
        # A client is read for the request and written for the response; a backend the other way.
        reads = call == "recv" or call in ("pause", "resume")
        is_request = reads == (self.side is Side.CLIENT)
        direction = Direction.REQUEST if is_request else Direction.RESPONSE
        if not note and got is not None and 0 < got < wanted and call == "send":
            note = f"short write: {wanted - got:,} bytes kept"
        if got == WOULD_BLOCK and call == "send":
            note = "kernel send buffer full: wait for room"
        unsent = len(self.unsent.data)
        self.calls.record(time.monotonic(), self.fd, direction, call, wanted, got, unsent, note)
