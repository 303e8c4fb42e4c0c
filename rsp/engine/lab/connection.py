"""A connection with faults: the same socket, buffer and counters, and other ways to use them.

A healthy connection becomes one by `tamper()`, in place, and is one no longer after `restore()`: a
change of its class. So the byte path of all others has no branch for it.
"""

from typing import Any

from rsp.core.buffer import AfterUnsent
from rsp.core.faults.gates import NEVER_S, Order
from rsp.core.lifecycle import Fact
from rsp.core.vocabulary import CloseReason
from rsp.engine.connection import Connection
from rsp.engine.kernel import raw_look
from rsp.engine.lab.tampering import Tampering
from rsp.engine.layers import Layer, put_on, take_off
from rsp.engine.nonblocking import WOULD_BLOCK, shut_write
from rsp.engine.poller import HANG_UP
from rsp.engine.wait import Wait


class TamperedConnection(Layer):
    """A connection that does what its `tampering` says."""

    RANK = 1
    __slots__ = ()
    tampering: Tampering

    # -- reading

    def on_ready(self, readiness: int) -> None:
        """Act on readiness, and, where that is the fault, take a half-close for the end."""
        super().on_ready(readiness)
        tampering = self.tampering
        if not tampering.ends_at_hang_up or self.is_closed or not self.seen & HANG_UP:
            return
        session: Any = self.owner
        if not session.state.is_ending:
            why = f"{self._faults()} took the client's half-close for its end"
            session.because(CloseReason.INJECTED, why)
            session.advance(Fact.CLIENT_GONE)

    def _read_on(self, turn_bytes: int = 0) -> None:
        if not self.tampering.reads_once or self.write_error is not None:
            super()._read_on(turn_bytes)
            return
        if not turn_bytes and self.is_readable and not self.paused_by:
            self._read()
        # The rest has no edge of its own.
        self.is_readable = False

    def _finish_connect(self, readiness: int) -> bool:
        """See what the gates want done with a connection that has just begun."""
        is_there = super()._finish_connect(readiness)
        if is_there:
            self.poller.again(self)
        return is_there

    @property
    def is_held(self) -> bool:
        """Whether a person or a fault holds it: no allowance runs out meanwhile.

        Where a gate holds what a peer is to get that has said FIN, it does: nobody may wait there.
        """
        return super().is_held or (self.tampering.is_holding and not self.is_eof)

    # -- sending

    def send(self, piece: bytes | memoryview, flags: int = 0) -> None:
        """Give `piece` to the kernel as the faults have it."""
        tampering = self.tampering
        view = memoryview(piece)
        if self.write_error is not None:
            self.unsent.discard(len(view))
            return
        tampering.given(view, self.poller.now_s)
        if tampering.is_swallowing:
            tampering.lost_last(view)
        elif tampering.gates:
            self._wait(view)
            self.flush()
        elif tampering.bug == "lose_on_eagain":
            self._lose_on_eagain(view)
        elif self.unsent.data or not self.is_writable:
            self._wait(view)
        else:
            self._offer(view)

    def _wait(self, view: memoryview) -> None:
        self.unsent.append(view)
        self.poller.holders.add(self)

    def _offer(self, view: memoryview) -> None:
        """Offer a piece; what a short write leaves is kept, or lost, where that is the bug."""
        count = self._try(view)
        if count is None or count == len(view):
            return
        if count >= 0 and self.tampering.bug == "lose_on_short_write":
            self.tampering.lost_last(view[count:])
            return
        self._wait(view[max(count, 0) :])
        if count < 0:
            self._not_taken(count)
        else:
            self.flush()

    def _lose_on_eagain(self, view: memoryview) -> None:
        """Offer a piece, and once more what a short write leaves; what meets EAGAIN is lost.

        It is offered whether there was room before or not, unless it would overtake something.
        """
        for _ in range(2):
            count = WOULD_BLOCK if self.unsent.data else self._try(view)
            if count is None:
                return
            if count < 0:
                self._not_taken(count)
                break
            view = view[count:]
            if not view:
                return
        self.tampering.lost_last(view)

    def _try(self, view: memoryview) -> int | None:
        """Offer bytes to the kernel, as every layer does, and enter them in the books."""
        count = super()._try(view)
        if count is not None and count > 0:
            self.tampering.left(view[:count], self.poller.now_s)
        return count

    def flush(self) -> None:
        """Offer what is unsent, as far as the gates let it through."""
        tampering, data = self.tampering, self.unsent.data
        now_s = self.poller.now_s
        while data and self.is_writable and not self.is_closed:
            most = tampering.room_bytes(now_s) if tampering.gates else len(data)
            if most <= 0:
                break
            view = memoryview(bytes(data[:most]))
            count = self._try(view)
            if count is None:
                return
            if count < 0:
                self._not_taken_of(view, count)
                break
            self.unsent.consume(count, self.bytes_out)
            if 0 < count < len(view) and tampering.bug == "lose_on_short_write":
                self._lose(len(view) - count)
        self._mark_held(now_s)
        if self.is_full and self.unsent.has_room and self._has_lost_faults_by_room():
            return
        self._ask_for_turn(now_s)
        if not data and self.is_writable and not self.is_closed:
            self._all_sent()

    def _has_lost_faults_by_room(self) -> bool:
        """Tell that there is room, and whether what goes on by it has taken the faults off: then
        `restore` has flushed the rest, and nothing here is ours any more."""
        self.is_full = False
        self.owner.on_room(self)
        return not isinstance(self, TamperedConnection)

    def _not_taken(self, count: int) -> None:
        """The kernel took nothing: no gate holds it."""
        self.let_go()
        super()._not_taken(count)

    def _not_taken_of(self, view: memoryview, count: int) -> None:
        """The kernel took nothing of what the gates let through."""
        super()._not_taken_of(view, count)
        if self.tampering.gates and self.tampering.bug == "lose_on_eagain":
            self._lose(len(view))

    def _lose(self, count: int) -> None:
        """Throw away the first `count` bytes that wait."""
        waiting = memoryview(bytes(self.unsent.data))
        self.tampering.lost(waiting[:count], self.poller.now_s, waiting[count:])
        self.unsent.consume(count, self.bytes_out)

    def _mark_held(self, now_s: float) -> None:
        """Keep apart the time for which a gate, and not the kernel, lets nothing through."""
        is_held = bool(self.unsent.data) and self.is_writable and not self.is_closed
        if not is_held:
            self.let_go()
        elif not self.tampering.held_since_s:
            self.tampering.held_since_s = now_s
            wait = self.poller.blocked[self] = Wait(now_s, raw_look(self.sock))
            wait.held_by = self._faults()

    def let_go(self) -> None:
        """Nothing is held any more; the time that is over was never the peer's."""
        if self.tampering.held_since_s:
            self.tampering.held_since_s = 0.0
            self.poller.blocked.pop(self).ended_s = self.poller.now_s

    def close(self, *, reset: bool = False) -> None:
        """Close now, as every connection does."""
        self.let_go()
        self.tampering.holds_end = False
        super().close(reset=reset)

    def _ask_for_turn(self, now_s: float) -> None:
        """Ask for a turn when the gates want something done: never in the midst of a `send`."""
        tampering = self.tampering
        if self.is_closed or tampering.is_swallowing:
            return
        if tampering.order(now_s) is not Order.NOTHING:
            self.poller.again(self)
            return
        next_s = tampering.next_s(now_s)
        if next_s != NEVER_S and not tampering.asked_s <= next_s:
            tampering.asked_s = next_s
            self.poller.at(next_s, self)

    def _take_turn(self) -> None:
        self.tampering.asked_s = NEVER_S
        if self.write_error is not None:
            self._fail_write()
        elif not self._obey(self.tampering.order(self.poller.now_s)):
            if self.is_writable:
                self.flush()
            else:
                self._ask_for_turn(self.poller.now_s)

    def _obey(self, order: Order) -> bool:
        """Do what the gates want done; tell whether that was the end of the connection."""
        tampering, unsent = self.tampering, self.unsent
        if order is Order.FIN and not tampering.is_swallowing:
            tampering.is_swallowing = True
            self._lose(len(unsent.data))
            shut_write(self.sock)
            self.flush()
        elif order in (Order.CLOSE, Order.RESET):
            unsent.discard(0)
            tampering.gates.clear()
            self.let_go()
            session: Any = self.owner
            session.because(CloseReason.INJECTED, f"{self._faults()} closed it")
            session.close(CloseReason.INJECTED, reset=order is Order.RESET)
            return True
        return False

    def finish(self, after: AfterUnsent) -> None:
        """Put a close marker behind what is unsent; or close at once, where that is the bug."""
        if self.tampering.bug == "close_without_drain" and not self.is_closed:
            self._lose(len(self.unsent.data))
            self.close()
            self.owner.on_sent(self)
            return
        super().finish(after)

    def _all_sent(self) -> None:
        now_s = self.poller.now_s
        tampering, after = self.tampering, self.unsent.after
        tampering.holds_end = after is not AfterUnsent.NOTHING and not tampering.may_end(now_s)
        if tampering.holds_end:
            self._ask_for_turn(now_s)
            return
        super()._all_sent()

    def _faults(self) -> str:
        names = self.tampering.names
        return f"{'the faults' if len(names) > 1 else 'the fault'} {' and '.join(names)}"


def tamper(connection: Connection) -> Tampering:
    """Make `connection` one with faults, if it is not, and return what is done to it."""
    if isinstance(connection, TamperedConnection):
        return connection.tampering
    connection.tampering = tampering = Tampering()
    tampering.old_bytes = len(connection.unsent.data)
    put_on(connection, TamperedConnection)
    return tampering


def restore(connection: Connection, high_water_bytes: int) -> None:
    """Let `connection` be as all others; what a fault held back goes now."""
    if not isinstance(connection, TamperedConnection):
        return
    connection.let_go()
    if connection.tampering.reads_once and not (connection.is_eof or connection.is_closed):
        # Something may be there that no edge will tell of any more.
        connection.is_readable = True
        connection.poller.again(connection)
    connection.unsent.high_water_bytes = high_water_bytes
    take_off(connection, TamperedConnection)
    if not connection.is_closed and connection.is_writable:
        connection.flush()


def is_held_back(connection: Connection) -> bool:
    """Tell whether a fault says how much of its bytes may go: then it is not the peer."""
    return isinstance(connection, TamperedConnection) and bool(connection.tampering.gates)
