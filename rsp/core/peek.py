"""The last bytes that one side of a watched session has sent, as they may be shown.

Kept as they came, and shown without secrets: `redact.masked` puts stars in their place, one for
each byte, so that offsets stay what they are. What is forgotten at the front may have been the name
of a secret whose value is still here; that is remembered.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from rsp.core.lab_limits import PEEK_BYTES, PEEK_LOOK_BYTES
from rsp.core.redact import Redactor, masked

_LINE_END = re.compile(r"\r?\n(?![ \t])")
_FOLD = re.compile(r"\r?\n[ \t]+")
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_START_LINE = re.compile(
    rb"^(?:[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32} [^ \r\n]+ HTTP/1\.[01]"
    rb"|HTTP/1\.[01] [0-9]{3}(?: [^\r\n]*)?)\r?$",
    re.MULTILINE,
)


class PeekRow(msgspec.Struct):
    """What one side of a watched session has sent, without its secrets."""

    from_offset: int
    """The first byte that is shown, counted from when the watch began."""
    bytes_hex: str
    dropped_bytes: int
    """Those before it, which are no longer kept."""


class HeadRow(msgspec.Struct):
    """What looks like a message head among these bytes."""

    direction: str
    offset: int
    lines: list[str]
    """Without secrets: start line and fields, each as latin-1."""
    is_whole: bool


class PeekReply(msgspec.Struct):
    """`peek`: what a watched session got from its two sides."""

    session: int
    watched: bool
    request: PeekRow
    response: PeekRow
    heads: list[HeadRow]


@dataclass(slots=True)
class Peek:
    """The bytes of one direction; at most `most_bytes` of them are kept."""

    begins_inside: bool = False
    """Whether the first line may be the rest of one that began with the name of a secret."""
    most_bytes: int = PEEK_BYTES
    from_offset: int = 0
    data: bytearray = field(default_factory=bytearray)

    def take(self, view: bytes | memoryview) -> None:
        """Keep these bytes, and forget the oldest."""
        self.data += view
        excess = len(self.data) - self.most_bytes
        if excess > 0:
            self.begins_inside = self._is_inside(excess)
            del self.data[:excess]
            self.from_offset += excess

    def _is_inside(self, at: int) -> bool:
        """Tell whether the rest of the line at `at` has a part of a secret.

        Of what stands before, its line counts, and where that is long the nearest part of it: this
        is done for every read of a watched session.
        """
        data = self.data
        first = data.rfind(b"\n", 0, at) + 1
        while first and data[first] in b" \t":
            first = data.rfind(b"\n", 0, first - 1) + 1
        if not first and self.begins_inside:
            return True
        near, far = max(first, at - PEEK_LOOK_BYTES), min(at + PEEK_LOOK_BYTES, len(data))
        end = data.find(b"\n", at, far)
        while 0 <= end < far - 1 and data[end + 1] in b" \t":
            end = data.find(b"\n", end + 1, far)
        shown = masked(data[near : far if end < 0 else end].decode("latin-1"))
        # The end of a line, too: the next one may go on with it (obs-fold).
        rest = shown[max(0, at - near - len("\r\n")) :]
        # Of a field that is longer than that, all is secret up to its end, or nothing.
        begins = ""
        if near > first:
            begins = masked(data[first : first + PEEK_LOOK_BYTES].decode("latin-1"))
        return "*" in rest or begins.endswith("*")

    def _shown(self) -> str:
        """Return what is kept with stars in the place of secrets."""
        begins_inside = self.begins_inside
        if not self.from_offset and _START_LINE.match(self.data):
            begins_inside = False
        return masked(self.data.decode("latin-1"), begins_inside=begins_inside)

    def forget(self) -> None:
        """Keep none of them: memory is short."""
        self.from_offset += len(self.data)
        self.begins_inside = self.begins_inside or bool(self.data)
        self.data.clear()

    @property
    def held_bytes(self) -> int:
        """How many are kept."""
        return len(self.data)

    def row(self) -> PeekRow:
        """Return what is kept, without secrets."""
        return PeekRow(self.from_offset, self.shown_bytes().hex(), self.from_offset)

    def shown_bytes(self) -> bytes:
        """Return what is kept with stars in the place of secrets, byte for byte."""
        return self._shown().encode("latin-1")

    def heads(self, direction: str, redactor: Redactor) -> Iterator[HeadRow]:
        """Yield what looks like message heads, in their order."""
        data = bytes(self.data)
        at = 0
        while found := _START_LINE.search(data, at):
            start = found.start()
            end = _HEAD_END.search(data, start)
            raw = data[start : end.start() if end else len(data)].decode("latin-1")
            lines = [redactor.field(_FOLD.sub(" ", each)) for each in _LINE_END.split(raw)]
            yield HeadRow(direction, self.from_offset + start, lines, end is not None)
            at = end.end() if end else len(data)
