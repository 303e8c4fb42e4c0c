"""How a body is delimited, and the scanner that follows a chunked one (RFC 9112, sections 6 and 7).

The scanner moves no payload: it says which parts of what was read are to be passed on.
"""

import re
from enum import Enum
from typing import Final, NamedTuple

from rsp.core.http1.errors import BadMessage
from rsp.core.limits import CHUNK_SIZE_DIGITS, LARGEST_LENGTH, Limits


class BodyKind(Enum):
    """What says where a body ends."""

    NONE = "none"
    """There is no body, and nothing in the head says so."""
    LENGTH = "length"
    """Content-Length; it may be 0."""
    CHUNKED = "chunked"
    UNTIL_CLOSE = "until_close"
    """The end of the connection; only in a response."""


class Body(NamedTuple):
    """The framing of one body. `length` is in bytes, and 0 unless the kind is LENGTH."""

    kind: BodyKind
    length: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether not a single byte follows the head: no body, or one of length 0."""
        return self.length == 0 and self.kind in (BodyKind.NONE, BodyKind.LENGTH)


NO_BODY: Final = Body(BodyKind.NONE)
CHUNKED_BODY: Final = Body(BodyKind.CHUNKED)
BODY_UNTIL_CLOSE: Final = Body(BodyKind.UNTIL_CLOSE)

_SIZE = rb"([0-9A-Fa-f]{1,16})"
_TEXT = rb"[\t\x20-\x7e\x80-\xff]"
_EXTENSION = rb"(?:[ \t]*+(;" + _TEXT + rb"*+))?+"
_FIRST_PLAIN = re.compile(_SIZE + rb"\r\n").match
_NEXT_PLAIN = re.compile(rb"\r\n" + _SIZE + rb"\r\n").match
_FIRST_LINE = re.compile(_SIZE + _EXTENSION + rb"\r\n").match
_NEXT_LINE = re.compile(rb"\r\n" + _SIZE + _EXTENSION + rb"\r\n").match
_BEGUN = _SIZE + rb"(?:[ \t]*+(?:;" + _TEXT + rb"*+)?+\r?)?"
_FIRST_BEGUN = re.compile(_BEGUN).fullmatch
_NEXT_BEGUN = re.compile(rb"\r(?:\n(?:" + _BEGUN + rb")?)?").fullmatch
_TRAILERS = re.compile(rb"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]++:" + _TEXT + rb"*+\r\n)*+\r\n").match

_LINE_ENDS_BYTES: Final = 4
"""CRLF after the payload before, and CRLF after the size."""


class _Stage(Enum):
    LINES = "lines"
    TRAILERS = "trailers"
    DONE = "done"


class ChunkedScanner:
    """Follows one chunked body through reads that are cut anywhere.

    Extensions and trailers are dropped (RFC 9112, sections 7.1.1 and 7.1.2 allow both). With
    `decode` the framing is dropped too, and what is left is the payload.
    """

    __slots__ = (
        "_begun",
        "_decode",
        "_extension_bytes",
        "_held",
        "_left",
        "_limits",
        "_line",
        "_most_bytes",
        "_plain",
        "_size",
        "_stage",
        "chunks",
        "consumed",
        "payload_bytes",
    )

    def __init__(self, limits: Limits, *, decode: bool, most_bytes: int = 0) -> None:
        self._limits = limits
        self._decode = decode
        self._most_bytes = most_bytes or LARGEST_LENGTH
        self._stage = _Stage.LINES
        self._end_chunk()
        self._held = b""
        self._left = 0
        self._size = 0
        self._extension_bytes = 0
        self.chunks = 0
        """Size lines read so far, the last one (of size 0) included."""
        self.consumed = 0
        """Bytes of the last `feed` that belong to this body; the rest is the next message."""
        self.payload_bytes = 0
        """Payload bytes seen so far, framing not counted."""

    @property
    def done(self) -> bool:
        """Whether the end of the body has been read."""
        return self._stage is _Stage.DONE

    @property
    def left_bytes(self) -> int:
        """What is to come of the payload of the present chunk."""
        return self._left

    @property
    def decodes(self) -> bool:
        """Whether what it returns is the payload alone."""
        return self._decode

    def position(self) -> str:
        """Return where the scanner stands, in words for an error sentence."""
        if self._stage is _Stage.DONE:
            return f"after the last chunk, {self.payload_bytes:,} bytes in all"
        if self._stage is _Stage.TRAILERS:
            return f"in the trailers, after {self.payload_bytes:,} bytes"
        if self._left:
            arrived = self._size - self._left
            said = f"size line said {self._size:,}, {arrived:,} arrived"
            return f"inside chunk {self.chunks:,}: {said}"
        return f"before chunk {self.chunks + 1:,}, after {self.payload_bytes:,} bytes"

    def feed(self, view: memoryview) -> list[memoryview | bytes]:
        """Return the parts of `view` to pass on, in order; `consumed` says how far it was read.

        In the common case that is `[view]` itself. Parts of `view` are valid only as long as its
        memory is not written to again.

        Raises:
            BadMessage: 400, the framing is broken; whoever reads a response makes it a 502.
        """
        length = len(view)
        if self._left >= length:
            self._left -= length
            self.payload_bytes += length
            self.consumed = length
            return [view] if length else []
        pieces: list[memoryview | bytes] = []
        pos = 0
        while pos < length and self._stage is _Stage.LINES:
            if self._held or not (self._left or self._plain(view, pos)):
                pos = self._read_line(view, pos, pieces)
            start = pos
            pos = self._pass_chunks(view, pos, pieces)
            if start < pos and not self._decode:
                pieces.append(view[start:pos] if pos - start < length else view)
        if pos < length and self._stage is _Stage.TRAILERS:
            pos = self._read_trailers(view, pos, pieces)
        self.consumed = pos
        return pieces

    def _pass_chunks(self, view: memoryview, pos: int, pieces: list[memoryview | bytes]) -> int:
        """Pass over the payloads and plain size lines from `pos` on; return where that ended."""
        length, left, size, plain = len(view), self._left, self._size, self._plain
        payload_bytes = chunks = 0
        while self._stage is _Stage.LINES:
            end = pos + left
            taken = min(end, length)
            if self._decode and pos < taken:
                pieces.append(view[pos:taken])
            payload_bytes += taken - pos
            pos, left = taken, end - taken
            match = plain(view, pos) if pos < length else None
            if match is None:
                break
            left = size = int(match[1], 16)
            pos = match.end()
            chunks += 1
            plain = _NEXT_PLAIN
            if size == 0:
                pos = self._last_chunk(view, pos)
        if chunks:
            self._begin_chunk(size, chunks)
        is_between = not left and self._stage is _Stage.LINES and self._plain is _NEXT_PLAIN
        if is_between and bytes(view[pos : pos + 2]) == b"\r\n":
            self._end_chunk()
            pos += 2
        self._left = left
        self.payload_bytes += payload_bytes
        if self.payload_bytes + left > self._most_bytes:
            # The size line alone says it: what it announces need not come first.
            raise BadMessage(413, f"The body is longer than {self._most_bytes} bytes.")
        return pos

    def _end_chunk(self) -> None:
        """The CRLF behind a payload is passed on, and not held until the next line comes: there are
        receivers that take no chunk without it. What comes next is as it was at the start."""
        self._plain, self._line, self._begun = _FIRST_PLAIN, _FIRST_LINE, _FIRST_BEGUN

    def _begin_chunk(self, size: int, chunks: int) -> None:
        if size > LARGEST_LENGTH:
            raise BadMessage(400, "A chunk says that it is longer than any body can be.")
        self._plain, self._line, self._begun = _NEXT_PLAIN, _NEXT_LINE, _NEXT_BEGUN
        self._size = size
        self.chunks += chunks

    def _last_chunk(self, view: memoryview, pos: int) -> int:
        """Take the end of the body when it follows at once, without trailers."""
        if bytes(view[pos : pos + 2]) == b"\r\n":
            self._stage = _Stage.DONE
            return pos + 2
        self._stage = _Stage.TRAILERS
        return pos

    def _read_line(self, view: memoryview, pos: int, pieces: list[memoryview | bytes]) -> int:
        """Read a size line that is cut, or has extensions; return the position behind it.

        A cut line is held until the rest comes: half of it could not be judged, nor taken back.
        The CRLF before it, which ends the chunk that has come, does not wait.
        """
        held = self._held
        bound = _LINE_ENDS_BYTES + CHUNK_SIZE_DIGITS + self._limits.chunk_extension_bytes
        text = held + bytes(view[pos : pos + bound - len(held)])
        match = self._line(text)
        if match is None:
            if len(text) >= bound or not self._begun(text):
                raise BadMessage(400, f"The chunked body is not valid, {self.position()}.")
            if text.startswith(b"\r\n"):
                self._end_chunk()
                text = text[2:]
                if not self._decode:
                    pieces.append(b"\r\n")
            self._held = text
            return len(view)
        self._count_extension(match.end() - match.end(1) - 2)
        if not self._decode:
            pieces.append(text[: match.end(1)] + b"\r\n")
        self._held = b""
        self._begin_chunk(int(match[1], 16), 1)
        self._left = self._size
        pos += match.end() - len(held)
        return pos if self._size else self._end_chunks(view, pos, pieces)

    def _count_extension(self, extension_bytes: int) -> None:
        self._extension_bytes += extension_bytes
        if (
            extension_bytes > self._limits.chunk_extension_bytes
            or self._extension_bytes > self._limits.chunk_extensions_bytes
        ):
            raise BadMessage(400, "The extensions of the chunked body are too long.")

    def _end_chunks(self, view: memoryview, pos: int, pieces: list[memoryview | bytes]) -> int:
        after = self._last_chunk(view, pos)
        if after > pos and not self._decode:
            pieces.append(b"\r\n")
        return after

    def _read_trailers(self, view: memoryview, pos: int, pieces: list[memoryview | bytes]) -> int:
        """Read and drop the trailer section; return the position behind it."""
        held = self._held
        room = self._limits.trailer_bytes + 2
        text = held + bytes(view[pos : pos + room - len(held)])
        if not text.startswith(b"\r\n") and b"\r\n\r\n" not in text:
            if len(text) >= room or text.count(b"\n") != text.count(b"\r\n"):
                raise BadMessage(
                    400, "The trailers of the chunked body are too long, or not valid."
                )
            self._held = text
            return len(view)
        match = _TRAILERS(text)
        if match is None:
            raise BadMessage(400, "The trailers of the chunked body are not valid.")
        self._held = b""
        self._stage = _Stage.DONE
        if not self._decode:
            pieces.append(b"\r\n")
        return pos + match.end() - len(held)
