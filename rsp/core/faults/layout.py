"""Which bytes of what we send are of bodies, and which are heads and chunk framing.

Only a stream whose bytes may be lost, or are compared, is followed. It is our own: chunk lines are
never cut between two pieces, and have no extensions.
"""

import re
from typing import Final

from rsp.core.http1.framing import BodyKind

_LINE = re.compile(rb"(?:\r\n)?([0-9A-Fa-f]{1,16})\r\n").match
Span = tuple[int, int]
"""Where payload begins and ends in one piece."""
_ENDLESS: Final = 1 << 62


class Layout:
    """Follows the stream to one sink. It begins inside a body without framing."""

    def __init__(self) -> None:
        self._overhead_bytes = 0
        """So many of the next bytes are of a head, or a page of ours."""
        self._is_chunked = False
        self._left_bytes = _ENDLESS
        """So many bytes of payload come before the next size line."""

    def resume(self, left_bytes: int) -> None:
        """It is inside a chunked body, of whose present chunk `left_bytes` are to come."""
        self._is_chunked, self._left_bytes = True, left_bytes

    def add(self, count: int) -> None:
        """`count` bytes that belong to no body come next."""
        self._overhead_bytes += count

    def begin(self, head_bytes: int, kind: BodyKind) -> None:
        """A message comes next: its head, and then a body."""
        self._overhead_bytes += head_bytes
        self._is_chunked = kind is BodyKind.CHUNKED
        self._left_bytes = 0 if self._is_chunked else _ENDLESS

    def spans(self, piece: memoryview) -> list[Span]:
        """Return where the payload in `piece`, which comes next, stands."""
        length = len(piece)
        pos = min(self._overhead_bytes, length)
        self._overhead_bytes -= pos
        found: list[Span] = []
        while pos < length:
            if self._left_bytes:
                end = min(length, pos + self._left_bytes)
                found.append((pos, end))
                self._left_bytes -= end - pos if self._is_chunked else 0
                pos = end
                continue
            match = _LINE(piece, pos)
            if match is None:
                # The end of the last chunk.
                break
            self._left_bytes = int(match[1], 16)
            pos = match.end()
        return found
