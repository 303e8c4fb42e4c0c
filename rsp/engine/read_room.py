"""The one read buffer of the process: every read goes here, and whoever gets a view copies it."""

from collections.abc import Iterator
from contextlib import contextmanager

from rsp.core.limits import READ_BYTES, SHRUNK_READ_BYTES


class ReadRoom:
    """As much of the buffer as one read may fill: less when memory is short."""

    __slots__ = ("_buffer", "most_bytes", "room", "view")

    def __init__(self) -> None:
        self._buffer = bytearray(READ_BYTES)
        self.view = memoryview(self._buffer)
        self.room: bytearray | memoryview = self._buffer
        """What `recv_into` is given."""
        self.most_bytes = READ_BYTES
        """A read of fewer has emptied the socket."""

    def shrink(self) -> None:
        """Let each read take little, so that a sink that is full overshoots its mark by little."""
        self.room = self.view[:SHRUNK_READ_BYTES]
        self.most_bytes = SHRUNK_READ_BYTES

    def restore(self) -> None:
        """Let each read take `READ_BYTES` again."""
        self.room = self._buffer
        self.most_bytes = READ_BYTES

    @contextmanager
    def small(self) -> Iterator[None]:
        """Shrink it for a moment."""
        is_short = self.most_bytes == SHRUNK_READ_BYTES
        self.shrink()
        try:
            yield
        finally:
            if not is_short:
                self.restore()


READ_ROOM = ReadRoom()
