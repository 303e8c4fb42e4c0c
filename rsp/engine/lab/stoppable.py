"""A connection that can be stopped: each event is looked at, and in a stop nothing moves.

It stands still by two means: it is paused, so that nothing is read, and what is to be sent waits
with the unsent bytes. TCP holds the peers back; what epoll says meanwhile is kept for later, for
an edge comes once. A step makes one call, and the connection still stands.
"""

from typing import Protocol

from rsp.core.breaks.expression import BreakEvent
from rsp.core.vocabulary import PauseReason, Side
from rsp.engine.connection import Connection
from rsp.engine.kernel import queues
from rsp.engine.lab.connection import TamperedConnection
from rsp.engine.lab.stop import Stop
from rsp.engine.layers import Layer
from rsp.engine.nonblocking import EOF
from rsp.engine.poller import BROKEN, HANG_UP, READABLE, WRITABLE

_BREAKPOINT: int = PauseReason.BREAKPOINT.value


class Braked(Protocol):
    """What stops a connection: `brake.py` has it."""

    stop: Stop | None
    """Set while the session stands still."""

    @property
    def is_at_work(self) -> bool:
        """Whether something is under way in the session: a FIN now is more than its end."""

    def meets(self, event: BreakEvent, connection: Connection) -> bool:
        """Stop the session if a breakpoint waits for this event, which is not acted on yet."""

    def look(self) -> None:
        """Stop the session if a breakpoint waits for what has come of a call."""

    def on_kept(self) -> None:
        """Something happened while the session stood still."""


class StoppableConnection(Layer):
    """A connection with a brake."""

    RANK = 2
    __slots__ = ()
    brake: Braked

    # -- each event

    def on_ready(self, readiness: int) -> None:
        """Act on readiness, unless a breakpoint waits for it, or the session stands still."""
        brake = self.brake
        if self.is_connected and brake.stop is None and readiness & READABLE:
            self._announce(readiness)
        if brake.stop is not None:
            self._keep(readiness, brake.stop)
            brake.on_kept()
            return
        super().on_ready(readiness)
        brake.look()

    def _announce(self, readiness: int) -> None:
        """Tell the brake what can be known before anything is read."""
        if readiness & BROKEN:
            return
        _, unread_bytes = queues(self.sock)
        if self.side is Side.BACKEND and unread_bytes and not self.bytes_in:
            self.brake.meets(BreakEvent.FIRST_BYTE, self)
        begins_to_end = readiness & HANG_UP and not self.seen & HANG_UP
        if begins_to_end and (unread_bytes or self.brake.is_at_work):
            self.brake.meets(BreakEvent.HALF_CLOSE, self)

    def _keep(self, readiness: int, stop: Stop) -> None:
        """Remember what epoll said, for when it is to be acted on."""
        if self.is_closed:
            return
        if not self.is_connected:
            stop.kept[self] = stop.kept.get(self, 0) | readiness
            return
        if readiness & READABLE and not self.is_eof and self.last_error is None:
            self.is_readable = True
            self.seen |= readiness
        if readiness & WRITABLE and not self.is_writable:
            self.is_writable = True
            self._unblock()
        if readiness & BROKEN:
            stop.kept[self] = BROKEN

    def _read(self) -> int:
        count = super()._read()
        self.brake.look()
        return count

    def on_nothing(self, count: int) -> None:
        """A read brought nothing; one that stops at EOF will bring it again."""
        if count == EOF and self.brake.meets(BreakEvent.EOF, self):
            return
        super().on_nothing(count)

    def on_gone(self, reason: str) -> None:
        """The peer is gone; the owner of one that stops at that hears of it when it goes on."""
        stop = self.brake.stop
        if stop is not None and self in stop.gone:
            return
        if self.last_error is None and self.brake.meets(BreakEvent.RST, self):
            self.is_readable = False
            if self.brake.stop is not None:
                self.brake.stop.gone[self] = reason
            return
        super().on_gone(reason)

    # -- while it stands still

    def send(self, piece: bytes | memoryview, flags: int = 0) -> None:
        """Give `piece` to the kernel, or keep it with what is unsent."""
        if self.brake.stop is None or self.write_error is not None:
            super().send(piece, flags)
            return
        if isinstance(self, TamperedConnection):
            if self.tampering.is_swallowing:
                super().send(piece, flags)
                return
            self.tampering.given(memoryview(piece), self.poller.now_s)
        self.unsent.append(piece)
        self.poller.holders.add(self)

    def flush(self) -> None:
        """Offer what is unsent to the kernel, unless the session stands still."""
        if self.brake.stop is None:
            super().flush()

    def _all_sent(self) -> None:
        if self.brake.stop is None:
            super()._all_sent()

    def stand(self) -> None:
        """Read no more."""
        self.pause(PauseReason.BREAKPOINT)

    def go_on(self, readiness: int, gone: str | None) -> None:
        """Act on what happened meanwhile."""
        self.resume(PauseReason.BREAKPOINT)
        if self.is_closed:
            return
        if gone is not None:
            super().on_gone(gone)
            return
        super().on_ready(readiness)
        if self.is_writable and not self.is_closed:
            self.flush()

    # -- steps: each makes one call

    @property
    def may_read(self) -> bool:
        """Whether there is something to read, and nothing but the stop keeps us from it."""
        return self.is_readable and self.is_connected and not self.paused_by & ~_BREAKPOINT

    @property
    def may_write(self) -> bool:
        """Whether something is to be sent, and the kernel is thought to have room."""
        has_any = self._most_bytes > 0 if self.unsent.data else self.unsent.after > 0
        return self.is_writable and self.write_error is None and has_any

    @property
    def _most_bytes(self) -> int:
        """What the next write may offer: as much as the faults let through."""
        if isinstance(self, TamperedConnection) and self.tampering.gates:
            return self.tampering.room_bytes(self.poller.now_s)
        return len(self.unsent)

    def read_once(self) -> None:
        """Make one call to read; what comes is taken as ever, and waits on the other side."""
        super()._read()

    def write_once(self) -> None:
        """Make one call to write; with nothing unsent, obey the close marker."""
        if not self.unsent.data:
            super()._all_sent()
            return
        view = memoryview(bytes(self.unsent.data[: self._most_bytes]))
        count = self._try(view)
        if count is None:
            return
        if count < 0:
            self._not_taken_of(view, count)
            return
        self.unsent.consume(count, self.bytes_out)
        if self.is_full and self.unsent.has_room:
            self.is_full = False
            self.owner.on_room(self)

    def end_once(self, readiness: int, gone: str | None) -> None:
        """Act on what is not a read or a write: a connect that ended, or a peer that is gone."""
        if gone is not None:
            super().on_gone(gone)
        else:
            super().on_ready(readiness)
