"""The calls of one watched session, as its timeline shows them, and the bytes that they brought.
Nothing is recorded otherwise."""

from collections import deque

from rsp.core.evidence import CallRow
from rsp.core.limits import CALL_BYTES, CALLS_KEPT
from rsp.core.peek import Peek
from rsp.core.vocabulary import Direction, Side
from rsp.engine.nonblocking import NO_MEMORY, WOULD_BLOCK
from rsp.engine.read_room import READ_ROOM

_ERRORS = {WOULD_BLOCK: "EAGAIN", NO_MEMORY: "ENOBUFS"}
_READING = frozenset({"recv", "pause", "resume"})


class CallRing:
    """The last `CALLS_KEPT` system calls of a session; counts what it had to forget."""

    __slots__ = ("__weakref__", "_rows", "_since_s", "peeks", "recorded")

    def __init__(self, since_s: float, *, is_begun: bool = False) -> None:
        """`is_begun`: something was read before the watch, perhaps half a line."""
        self.recorded = 0
        self.peeks = {side: Peek(is_begun) for side in Side}
        """The bytes that each side sent last."""
        self._since_s = since_s
        self._rows: deque[CallRow] = deque(maxlen=CALLS_KEPT)

    @property
    def dropped(self) -> int:
        """How many calls were recorded and are no longer kept."""
        return self.recorded - len(self._rows)

    def record(  # noqa: PLR0913 - one argument for each column of the timeline
        self,
        now_s: float,
        fd: int,
        side: Side,
        call: str,
        wanted_bytes: int,
        got_bytes: int | None,
        unsent_bytes: int,
        note: str = "",
    ) -> None:
        """Keep one call. A `got_bytes` below 0 is WOULD_BLOCK or NO_MEMORY."""
        # A client is read for the request and written for the response; a backend the other way.
        is_request = (call in _READING) == (side is Side.CLIENT)
        direction = Direction.REQUEST if is_request else Direction.RESPONSE
        if call == "send" and not note and got_bytes is not None and got_bytes < wanted_bytes:
            note = f"short write: {wanted_bytes - got_bytes:,} bytes kept"
            if got_bytes < 0:
                note = "kernel send buffer full: wait for room" if got_bytes == WOULD_BLOCK else ""
        if call == "recv" and got_bytes is not None and got_bytes > 0:
            # It was a read just now: the bytes are still where every read puts them.
            self.peeks[side].take(READ_ROOM.view[:got_bytes])
        error = _ERRORS.get(got_bytes) if got_bytes is not None else None
        self.recorded += 1
        self._rows.append(
            CallRow(
                at_s=now_s - self._since_s,
                fd=fd,
                direction=direction.value,
                call=call,
                wanted_bytes=wanted_bytes,
                got_bytes=None if error else got_bytes,
                error=error,
                unsent_bytes=unsent_bytes,
                note=note,
            )
        )

    @property
    def held_bytes(self) -> int:
        """About how much memory they take."""
        peeked_bytes = sum(peek.held_bytes for peek in self.peeks.values())
        return len(self._rows) * CALL_BYTES + peeked_bytes

    def forget(self) -> None:
        """Keep none of them: memory is short."""
        self._rows.clear()
        for peek in self.peeks.values():
            peek.forget()

    def rows(self) -> list[CallRow]:
        """Return what is kept, oldest first."""
        return list(self._rows)
