"""Finds a chosen point in an HTTP message that passes: where `stop_at` breaks it off.

It follows what a proxy sends, which is well-formed, so it need not judge anything; what is no HTTP
passes whole. It cannot know that a response answers a HEAD: one that names a length is taken to
have a body. A response whose body ends with the connection is followed to the end of its head.
"""

import re
from collections.abc import Callable
from typing import Final

_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})[^\r\n]*\r\n")
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[^\r\n]*chunked", re.IGNORECASE)
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,19})", re.IGNORECASE)
_BODYLESS = re.compile(rb"HTTP/1\.[01] (?:1\d\d|204|304) ")
_HEAD_END: Final = b"\r\n\r\n"
_BEGINNING = re.compile(rb"HTTP/1\.[01] |[!-~]{1,32} ")
"""How a head begins: with the version, or with a method."""
_BEGINNING_BYTES: Final = 33

Step = Callable[[bytes, int], int]
"""Looks at a text from a position on, and returns where it got to: the same, when it needs more."""


class StopScanner:
    """Says how many bytes of a stream of HTTP messages lie before the point.

    `headers` stops before the last line of a head, `chunk_line` inside the size line of the chunk,
    `inside_chunk` in the middle of it, `before_last_chunk` before the size line that says 0. The
    last three let messages that are not chunked pass.
    """

    def __init__(self, point: str, chunk: int) -> None:
        self.is_stopped = False
        self._point = point
        self._chunk = max(1, chunk)
        self._chunks = 0
        self._held = b""
        self._left_bytes = 0
        self._step: Step = self._in_head
        self._then: Step = self._in_head

    def begin(self) -> None:
        """A message begins: known from elsewhere, and so also behind what answers a HEAD."""
        if not self._held and not self.is_stopped:
            self._step = self._in_head

    def feed(self, piece: bytes) -> int:
        """Return how many more bytes may pass. Part of a line waits until it is complete."""
        text = self._held + piece
        pos, before = 0, -1
        while pos != before and pos < len(text) and not self.is_stopped:
            before = pos
            pos = self._step(text, pos)
        self._held = b"" if self.is_stopped else text[pos:]
        return pos

    def _stop(self, text: bytes, pos: int) -> int:
        self.is_stopped = True
        return pos

    def _skip(self, count: int, then: Step) -> None:
        self._left_bytes, self._step, self._then = count, self._skipping, then

    def _skipping(self, text: bytes, pos: int) -> int:
        taken = min(self._left_bytes, len(text) - pos)
        self._left_bytes -= taken
        if not self._left_bytes:
            self._step = self._then
            if self._then == self._stop:
                self.is_stopped = True
        return pos + taken

    def _in_head(self, text: bytes, pos: int) -> int:
        end = text.find(_HEAD_END, pos)
        if end < 0:
            return self._without_end(text, pos)
        head = text[pos : end + 2]
        if self._point == "headers":
            return self._stop(text, pos + head.rindex(b"\r\n", 0, -2) + 2)
        self._chunks = 0
        length = _LENGTH.search(head)
        if _CHUNKED.search(head):
            self._step = self._in_size_line
        elif length is not None and not _BODYLESS.match(head) and int(length[1]):
            self._skip(int(length[1]), self._in_head)
        elif length is None and head.startswith(b"HTTP/") and not _BODYLESS.match(head):
            self._step = self._passing
        return end + len(_HEAD_END)

    def _without_end(self, text: bytes, pos: int) -> int:
        """Wait for the end of a head, unless this is none, or the body of what has no length."""
        if len(text) - pos < _BEGINNING_BYTES or _BEGINNING.match(text, pos):
            return pos
        self._step = self._passing
        return len(text)

    def _passing(self, text: bytes, pos: int) -> int:
        return len(text)

    def _in_size_line(self, text: bytes, pos: int) -> int:
        match = _SIZE_LINE.match(text, pos)
        if match is None:
            if b"\n" in text[pos:]:
                self._step = self._passing
                return len(text)
            return pos
        size = int(match[1], 16)
        self._chunks += 1
        if not size:
            if self._point == "before_last_chunk":
                return self._stop(text, pos)
            # Behind the last size line stands an empty line: what we send has no trailers.
            self._skip(2, self._in_head)
        elif self._chunks != self._chunk or self._point == "before_last_chunk":
            self._skip(size + 2, self._in_size_line)
        elif self._point == "chunk_line":
            return self._stop(text, match.end() - 2)
        else:
            self._skip(max(1, size // 2), self._stop)
        return match.end()
