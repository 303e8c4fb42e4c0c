"""Compares what came with what left, byte for byte, where bytes may be lost on the way.

On the way in a checksum runs over the payload, with a checkpoint at each read; on the way out
another one runs, independently, over what the kernel took, and is compared at each checkpoint. So a
difference that nobody knows of is found, to the read. Of bytes that are known to be lost it is
found to the byte: what left is compared with what should have left instead.
"""

from collections import deque
from itertools import islice
from zlib import crc32

from rsp.core.lab_limits import AUDIT_BYTES, AUDIT_CHECKPOINTS


class Audit:
    """Follows the payload of one direction. Offsets count its bytes from 0."""

    def __init__(self, began_bytes: int) -> None:
        self.lost_bytes = 0
        self._came_bytes = self._out_bytes = self._agreed_bytes = began_bytes
        self._came_crc = self._out_crc = 0
        self._points: deque[tuple[int, int]] = deque()
        """Offset and checksum of what came, at each read that has not left yet."""
        self._found: int | None = None
        self._hole_bytes = 0
        """Where the first loss was."""
        self._ahead_bytes = 0
        """So many bytes that came before it have not left yet."""
        self._expected = bytearray()
        """What came from the first loss on, and has not been compared with what left instead."""
        self._is_comparing = self._is_cut = False

    def came(self, view: memoryview | bytes) -> None:
        """Payload was read."""
        self._came_bytes += len(view)
        if self.lost_bytes:
            self._expect(view)
            return
        self._came_crc = crc32(view, self._came_crc)
        self._points.append((self._came_bytes, self._came_crc))
        if len(self._points) > AUDIT_CHECKPOINTS:
            # Nothing leaves, and reading has not stopped: every second one will do.
            self._points = deque(islice(self._points, 1, None, 2))

    def left(self, view: memoryview | bytes) -> None:
        """The kernel took payload."""
        if not self.lost_bytes:
            self._check(view)
            return
        ahead = min(self._ahead_bytes, len(view))
        self._ahead_bytes -= ahead
        self._out_bytes += ahead
        if self._is_comparing:
            self._compare(view[ahead:])
        self._out_bytes += len(view) - ahead

    def lost(self, view: memoryview | bytes, behind: memoryview | bytes = b"") -> None:
        """Payload was thrown away; `behind` is all that came after it. Both waited here."""
        is_first = not self.lost_bytes
        self.lost_bytes += len(view)
        if is_first and self.lost_bytes:
            self._points.clear()
            self._hole_bytes = self._came_bytes - len(view) - len(behind)
            self._ahead_bytes = self._hole_bytes - self._out_bytes
            self._is_comparing = self._found is None
            self._expect(view)
            self._expect(behind)

    def first_divergence(self) -> int | None:
        """Return the first offset at which what left differs from what came; None: at none so far.

        What is only shorter differs where it ends. Where lost bytes and those behind them are the
        same for too long to be kept, it is where the first loss was.
        """
        if self._found is None and self.lost_bytes:
            return self._out_bytes if self._is_comparing else self._hole_bytes
        return self._found

    def _check(self, view: memoryview | bytes) -> None:
        pos = 0
        while pos < len(view):
            bound = self._points[0][0] - self._out_bytes if self._points else len(view)
            part = view[pos : pos + bound]
            self._out_crc = crc32(part, self._out_crc)
            self._out_bytes += len(part)
            pos += len(part)
            if self._points and self._points[0][0] == self._out_bytes:
                expected = self._points.popleft()[1]
                if expected != self._out_crc and self._found is None:
                    self._found = self._agreed_bytes
                self._agreed_bytes = self._out_bytes

    def _expect(self, view: memoryview | bytes) -> None:
        """Note what should leave. The beginning decides, so only that is kept."""
        if not self._is_comparing or self._is_cut:
            return
        room_bytes = AUDIT_BYTES - len(self._expected)
        self._expected += view[:room_bytes]
        self._is_cut = len(view) > room_bytes

    def _compare(self, view: memoryview | bytes) -> None:
        expected = bytes(self._expected[: len(view)])
        if expected == view:
            del self._expected[: len(view)]
            return
        pairs = zip(expected, view, strict=False)
        same = next((at for at, (one, other) in enumerate(pairs) if one != other), None)
        # Where all that was kept has left alike, it is not known.
        self._found = None if same is None else self._out_bytes + same
        self._expected.clear()
        self._is_comparing = False
