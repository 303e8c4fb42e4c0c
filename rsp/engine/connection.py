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

from rsp.core.buffer import AfterUnsent, WriteBuffer
from rsp.core.limits import NO_MEMORY_S, READ_BYTES, READ_TURN_BYTES, Limits
from rsp.core.vocabulary import PauseReason, Side
from rsp.engine.calls import CallRing
from rsp.engine.kernel import raw_look
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
from rsp.engine.owner import Owner
from rsp.engine.poller import BROKEN, DEAD, HANG_UP, READABLE, URGENT, WRITABLE, Poller
from rsp.engine.read_room import READ_ROOM
from rsp.engine.wait import Wait

_READS, _READ_VIEW = READ_ROOM, READ_ROOM.view
# A member of an Enum costs 70 ns to look up, a name of the module 7.
_NOTHING, _SHUT_WRITE = AfterUnsent.NOTHING, AfterUnsent.SHUT_WRITE
_RESET = AfterUnsent.RESET
_HELD = (PauseReason.OPERATOR | PauseReason.BREAKPOINT).value
_UNHURRIED = _HELD | PauseReason.INJECTED.value
_MORE_BEHIND = HANG_UP | URGENT


class Connection:
    """A client's or a backend's socket. Counters are plain ints that only grow."""

    __slots__ = (
        "address", "blocked_since_s", "blocked_total_s", "brake", "bytes_in", "bytes_out", "calls",
        "eagain_reads", "eagain_writes", "fd", "idle_key", "idle_since_s", "is_at_end", "is_bulk",
        "is_closed", "is_connected", "is_eof", "is_full", "is_readable", "is_writable",
        "last_error", "owner", "paused_by", "paused_since_s", "poller", "resolved", "resumed_s",
        "seen", "short_writes", "side", "sock", "tampering", "unsent", "wakeups",
        "widest_wnd_bytes", "write_error",
    )  # fmt: skip
    tampering: object  # of a `TamperedConnection` alone
    is_plain = True
    """Whether no layer is over it: bytes may pass unseen, and leave at the end of a batch."""

    def __init__(
        self, poller: Poller, sock: socket.SocketType, address: str, side: Side, limits: Limits
    ) -> None:
        self.poller = poller
        self.sock = sock
        self.fd = sock.fileno()
        self.address = address
        self.resolved: tuple[str, int] | None = None
        """Of a backend: the host and the port that are connected to."""
        self.side = side
        self.owner: Owner[Connection]
        self.unsent = WriteBuffer(limits.high_water_bytes, limits.low_water_bytes)
        self.calls: CallRing | None = None
        self.paused_by = 0
        """A set of `PauseReason`, as its int: flags cost half a microsecond an operation."""
        self.is_connected = self.is_writable = True
        self.is_bulk = self.is_at_end = False
        """Whether the last read was a full one, so that more of the same is likely; and whether it
        was all that came before the peer's FIN."""
        self.is_readable = self.is_full = self.is_eof = self.is_closed = False
        self.seen = URGENT if sock.family == socket.AF_UNIX else 0
        """All that epoll has ever said of reading. On a unix socket a read may end at a descriptor
        (unix(7)), which nothing announces."""
        self.write_error: str | None = None
        self.last_error: str | None = None
        self.blocked_since_s = self.paused_since_s = self.resumed_s = self.idle_since_s = 0.0
        self.idle_key = ""
        """Of which backend it is an idle connection; for `idle.py`."""
        self.reset_counters()

    def start(self, owner: "Owner[Connection]", *, is_connected: bool) -> None:
        """Hand the connection to its owner and to the poller."""
        self.owner = owner
        self.is_connected = self.is_writable = is_connected
        self.poller.watch(self.fd, self)

    def reset_counters(self) -> None:
        """Count from 0: a backend connection's counters begin when a session gets it."""
        self.bytes_in = self.bytes_out = self.wakeups = self.widest_wnd_bytes = 0
        self.eagain_reads = self.eagain_writes = self.short_writes = 0
        self.blocked_total_s = 0.0
        self.unsent.peak_bytes, self.unsent.first_divergence = 0, None

    # -- readiness

    def on_ready(self, readiness: int) -> None:
        """Act on readiness: write first, so that there is room, then read."""
        self.wakeups += 1
        if self.is_closed or not (self.is_connected or self._finish_connect(readiness)):
            return
        if readiness & READABLE and not self.is_eof and self.last_error is None:
            self.is_readable = True
            self.seen |= readiness
        if readiness & WRITABLE and not self.is_writable:
            self.is_writable = True
            self._unblock()
            self.flush()
        elif not readiness:
            self._take_turn()
        if self.is_readable and not self.paused_by:
            turn_bytes = 0 if self.is_bulk else self._read()
            if self.is_readable:
                self._read_on(turn_bytes)
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
                self.on_gone(reason)

    def _read(self) -> int:
        """Read once, and return how many bytes came.

        A short read means that the socket is empty, so it is not asked again, unless the peer has
        hung up: then no further edge will come, and only EOF ends the reading. An urgent byte ends
        a read as well (tcp(7)): where one was seen, only EAGAIN means empty.
        """
        try:
            count = try_recv_into(self.sock, _READS.room)
        except PeerGone as error:
            self.on_gone(str(error))
            return 0
        if self.calls is not None:
            self._record("recv", _READS.most_bytes, count)
        if count <= EOF:
            self.on_nothing(count)
            return 0
        self.bytes_in += count
        is_short, seen = count < _READS.most_bytes, self.seen
        if is_short and not seen & _MORE_BEHIND:
            self.is_readable = self.is_at_end = False
        else:
            self.is_at_end = is_short and seen & HANG_UP != 0 and not seen & BROKEN
        self.owner.on_bytes(self, _READ_VIEW[:count])
        self.is_bulk = count == READ_BYTES
        return count

    def _read_on(self, turn_bytes: int = 0) -> None:
        """Read until there is nothing, the owner has enough, or the others must have their turn.

        Where full reads follow each other, the kernel may move what comes next by itself.
        """
        while self.is_readable and not self.paused_by:
            if turn_bytes >= READ_TURN_BYTES:
                self.poller.again(self)
                return
            moved = self.owner.on_bulk(self) if self.is_bulk else 0
            turn_bytes += moved
            if not moved and self.is_readable:
                turn_bytes += self._read()

    def on_nothing(self, count: int) -> None:
        """A read brought EOF, or WOULD_BLOCK."""
        self.is_readable = False
        self.eagain_reads += count == WOULD_BLOCK
        if self.write_error is not None:
            self.on_gone(self.write_error)
        elif count != WOULD_BLOCK:
            self.is_eof = True
            self.owner.on_eof(self)

    def _finish_connect(self, readiness: int) -> bool:
        """Return whether the connection is there now; what came with it is read at once."""
        if not readiness & (WRITABLE | DEAD):
            return False
        try:
            finish_connect(self.sock, self.resolved, is_broken=bool(readiness & DEAD))
        except ConnectFailed as error:
            self.close()
            self.owner.on_connect_failed(self, str(error))
            return False
        self.is_connected = self.is_writable = True
        self.owner.on_connected(self)
        if self.unsent.data or self.unsent.after is not _NOTHING:
            self.flush()
        return not self.is_closed

    # -- sending

    def send(self, piece: bytes | memoryview, flags: int = 0) -> None:
        """Give `piece` to the kernel, behind what is unsent, and keep what it does not take."""
        if self.unsent.data or not self.is_writable:
            if self.write_error is None:
                self.unsent.append(piece)
                self.poller.holders.add(self)
            else:
                self.unsent.discard(len(piece))
            return
        wanted = len(piece)
        try:
            count = try_send(self.sock, piece, flags)
        except PeerGone as error:
            self.on_write_error(error, wanted)
            return
        if self.calls is not None:
            self._record("send", wanted, count)
        if count == wanted:
            self.bytes_out += count
            return
        self.keep(memoryview(piece)[max(count, 0) :], count)

    def keep(self, rest: bytes | memoryview, taken: int) -> None:
        """Keep `rest` of a piece of which the kernel took `taken` bytes; below 0, it took none. It
        is offered once more at once, so that the EAGAIN is the kernel's own word."""
        self.unsent.append(rest)
        self.poller.holders.add(self)
        if taken < 0:
            self._not_taken(taken)
            return
        self.bytes_out += taken
        self.short_writes += 1
        self.flush()

    def flush(self) -> None:
        """Offer what is unsent to the kernel until it takes no more, then obey the close marker."""
        data = self.unsent.data
        while data and self.is_writable:
            wanted = len(data)
            try:
                count = try_send(self.sock, data)
            except PeerGone as error:
                self.on_write_error(error)
                return
            if self.calls is not None:
                self._record("send", wanted, count)
            if count < 0:
                self._not_taken(count)
                break
            self.bytes_out += count
            self.short_writes += count < wanted
            self.unsent.consume(count, self.bytes_out)
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
        after = self.unsent.after
        if after is _SHUT_WRITE:
            self.unsent.say_fin()
            shut_write(self.sock)
            if self.calls is not None:
                self._record("shutdown", 0, 0, "FIN sent")
        elif after is not _NOTHING:
            self.close(reset=after is _RESET)
        self.owner.on_sent(self)

    def _not_taken(self, count: int) -> None:
        """The kernel took nothing: wait for room, or, when it only lacks memory, for a while."""
        if count == NO_MEMORY:
            self.poller.at(self.poller.now_s + NO_MEMORY_S, self)
            return
        self.eagain_writes += 1
        self.is_writable = False
        if not self.blocked_since_s:
            self.blocked_since_s = self.poller.now_s
            self.poller.blocked[self] = Wait(self.blocked_since_s, raw_look(self.sock))

    def _unblock(self) -> None:
        if self.blocked_since_s:
            self.blocked_total_s += self.poller.now_s - self.blocked_since_s
            self.blocked_since_s = 0.0
            self.poller.blocked.pop(self).ended_s = self.poller.now_s

    def on_write_error(self, error: PeerGone, refused_bytes: int = 0) -> None:
        """Remember it, and tell the owner in a turn of its own: the caller is in its midst."""
        self.unsent.discard(refused_bytes)
        if self.write_error is None:
            self.write_error = str(error)
            self._unblock()
            self.poller.again(self)

    def _fail_write(self) -> None:
        """A backend that refuses our bytes may have answered before: that is read first, and the
        read that finds nothing ends it. A short one may have more behind it, as with `URGENT`."""
        if self.side is Side.CLIENT or self.is_eof:
            self.on_gone(self.write_error or "gone")
            return
        self.is_readable, self.seen = True, self.seen | URGENT
        self._read_on()

    def on_gone(self, reason: str) -> None:
        """The peer is gone, as a call has found or SO_ERROR says; `reason` is the errno's name."""
        self.is_readable = False
        if self.last_error is not None:
            return
        self.last_error = reason
        self._record("recv", READ_BYTES, None, reason)
        self.owner.on_gone(self, reason)

    # -- pausing and closing

    def pause(self, reason: PauseReason) -> None:
        """Stop reading, for one more reason."""
        bit: int = reason._value_  # `value` itself is a property, and costs five times as much
        if self.calls is not None and not self.paused_by & bit:
            self._record("pause", 0, None, f"reading stops: {reason.names()[0]}")
        if not self.paused_by:
            self.paused_since_s = self.poller.now_s
        self.paused_by |= bit

    def resume(self, reason: PauseReason) -> None:
        """Take one reason back; reading goes on when it was the last one."""
        bit: int = reason._value_
        if not self.paused_by & bit:
            return
        self.paused_by &= ~bit
        if self.calls is not None:
            self._record("resume", 0, None, f"no longer {reason.names()[0]}")
        self._read_again()

    def unpause(self, *, also_held: bool = False) -> None:
        """Take every reason back but a person's; with `also_held` that as well."""
        held = 0 if also_held else self.paused_by & _HELD
        if self.paused_by != held:
            self.paused_by = held
            self._read_again()

    def _read_again(self) -> None:
        if not self.paused_by:
            self.resumed_s = self.poller.now_s
            if self.is_readable:
                self.poller.again(self)

    @property
    def is_held(self) -> bool:
        """Whether a person holds it, or a fault: no allowance runs out meanwhile."""
        return bool(self.paused_by & _UNHURRIED)

    def close(self, *, reset: bool = False) -> None:
        """Close now; unsent bytes are lost. With `reset` the peer is told so by RST."""
        if self.is_closed:
            return
        self.is_closed = True
        self.is_writable = self.is_readable = False
        if reset:
            reset_on_close(self.sock)
        if self.calls is not None:
            self._record("close", 0, None, "RST" if reset else "FIN")
        self.poller.close_later(self.sock, self.fd)
        self._unblock()

    @property
    def held_bytes(self) -> int:
        """Bytes that wait here for the kernel to take them; none once it is closed."""
        return 0 if self.is_closed else len(self.unsent.data)

    @property
    def is_drained(self) -> bool:
        """Whether nothing more will leave here: everything is sent, or the socket is closed."""
        return self.is_closed or (not self.unsent.data and self.unsent.after is _NOTHING)

    def on_bug(self, error: Exception) -> None:
        """Our own code failed while acting on this connection: its owner pays."""
        self.owner.on_bug(error)

    def _record(self, call: str, wanted: int, got: int | None, note: str = "") -> None:
        if self.calls is not None:
            unsent = len(self.unsent.data)
            self.calls.record(time.monotonic(), self.fd, self.side, call, wanted, got, unsent, note)
