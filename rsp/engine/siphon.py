"""A pipe of the kernel through which bulk goes from socket to socket without a copy of ours.

One for the whole process, and empty between two uses, like the shared read buffer: what the sink
does not take is taken back at once and kept where all unsent bytes are kept. So nothing else has
to know which way bytes came: counters, marks and the close marker stay what they are.

Measured (bench, 10 MB responses): 64 KiB of `recv_into` and `send` cost 640 µs per MB, 256 KiB
of it 470, 256 KiB through the pipe 285; most of it is waking the reader once for each piece.
"""

import array
import contextlib
import fcntl
import os
import socket

from rsp.core.limits import SPLICE_BYTES
from rsp.engine.kernel import MEMINFO, SIOCOUTQNSD, SO_MEMINFO
from rsp.engine.nonblocking import try_splice

_INT = array.array("i", [0])
"""Where ioctl puts its answer; nobody keeps it for longer than one call."""


class Siphon:
    """Moves bytes from a socket into the pipe, and from the pipe into another socket."""

    __slots__ = ("_held_bytes", "_mouth", "_tail", "is_resting")

    def __init__(self) -> None:
        self.is_resting = False
        """Whether memory is short: a piece is large, and its sink may turn out to be slow."""
        self._held_bytes = 0
        self._tail, self._mouth = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        with contextlib.suppress(OSError):
            # Its room is counted in pages, and bytes that came from a file may begin anywhere in
            # one: the usual 64 KiB would be full at once.
            fcntl.fcntl(self._mouth, fcntl.F_SETPIPE_SZ, 2 * SPLICE_BYTES)

    def suits(self, sink: socket.SocketType) -> bool:
        """Tell whether `sink` keeps up: its kernel holds nothing that it has not sent (tcp(7)).

        Then it takes `notsent_lowat_bytes` at least of the next piece, however slow the peer gets,
        unless its send buffer is nearly full of what is on its way (socket(7), SO_MEMINFO).
        """
        if self.is_resting:
            return False
        try:
            fcntl.ioctl(sink.fileno(), SIOCOUTQNSD, _INT)
            memory = sink.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, MEMINFO.size)
        except OSError:
            return False
        _, _, _, room_bytes, _, queued_bytes, *_ = MEMINFO.unpack(memory)
        return not _INT[0] and room_bytes - queued_bytes >= SPLICE_BYTES

    def fill(self, source: socket.SocketType, most_bytes: int) -> int:
        """Take up to `most_bytes` from `source`, as `try_recv_into` would.

        What a bug of ours may have left in the pipe is thrown away before: it was somebody else's.

        Raises:
            PeerGone: the peer reset the connection.
        """
        if self._held_bytes:
            self.take_back()
        count = try_splice(source.fileno(), self._mouth, most_bytes)
        self._held_bytes = max(count, 0)
        return count

    def pour(self, sink: socket.SocketType) -> int:
        """Offer the bytes in the pipe to `sink`, as `try_send` would.

        Raises:
            PeerGone: the peer reset the connection; the bytes are still in the pipe.
        """
        count = try_splice(self._tail, sink.fileno(), self._held_bytes)
        self._held_bytes -= max(count, 0)
        return count

    def take_back(self) -> bytes:
        """Return the bytes that are still in the pipe, which is empty then."""
        held_bytes, self._held_bytes = self._held_bytes, 0
        return os.read(self._tail, held_bytes) if held_bytes else b""

    def close(self) -> None:
        """Give both ends of the pipe back."""
        os.close(self._tail)
        os.close(self._mouth)
