"""Which bytes of what we send are of bodies, and which are heads and chunk framing.

Only a stream whose bytes may be lost, or are compared, is followed. It is our own: chunk lines are
never cut between two pieces, and have no extensions.
"""

import re
from collections import deque
from typing import Final

from rsp.core.http1.framing import BodyKind

_LINE = re.compile(rb"(?:\r\n)?([0-9A-Fa-f]{1,16})\r\n").match
Span = tuple[int, int]
"""Where payload begins and ends in one piece."""
_ENDLESS: Final = 1 << 62


class Runs:
    """What waits for one sink, by kind: so much payload, so much else, in turn."""

    def __init__(self) -> None:
        self._waiting: deque[list[int]] = deque()
        """The length of each run, and whether it is payload."""

    def put(self, piece_bytes: int, spans: list[Span]) -> None:
        """A piece came; `spans` says where its payload stands."""
        at = 0
        for start, end in spans:
            self._put(start - at, is_payload=False)
            self._put(end - start, is_payload=True)
            at = end
        self._put(piece_bytes - at, is_payload=False)

    def _put(self, count: int, *, is_payload: bool) -> None:
        if not count:
            return
        last = self._waiting[-1] if self._waiting else None
        if last is not None and last[1] == is_payload:
            last[0] += count
        else:
            self._waiting.append([count, is_payload])

    def take(self, count: int) -> list[Span]:
        """Take the next `count` bytes, and return where their payload stands."""
        found: list[Span] = []
        pos = 0
        while pos < count and self._waiting:
            run = self._waiting[0]
            length = min(run[0], count - pos)
            if run[1]:
                found.append((pos, pos + length))
            pos += length
            run[0] -= length
            if not run[0]:
                self._waiting.popleft()
        return found

    def take_last(self, count: int) -> list[Span]:
        """Take the last `count` bytes, and return where their payload stands."""
        found: list[Span] = []
        pos = count
        while pos and self._waiting:
            run = self._waiting[-1]
            length = min(run[0], pos)
            if run[1]:
                found.append((pos - length, pos))
            pos -= length
            run[0] -= length
            if not run[0]:
                self._waiting.pop()
        return found[::-1]

    def all(self) -> list[Span]:
        """Return where the payload of everything that waits stands."""
        found: list[Span] = []
        pos = 0
        for length, is_payload in self._waiting:
            if is_payload:
                found.append((pos, pos + length))
            pos += length
        return found


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
