"""The bytes of a watched session as lines: hex and text, both directions, and the heads."""

from dataclasses import dataclass

from rsp.core.hex_dump import HEX_LINE_BYTES, hex_lines, printable
from rsp.core.peek import HeadRow, PeekReply, PeekRow
from rsp.core.sanitise import safe
from rsp.core.vocabulary import Direction
from rsp.tui.model.columns import Column
from rsp.tui.model.spans import Line, Span, plain, wrap

_MARKS = {Direction.REQUEST: ">", Direction.RESPONSE: "<"}
_WHO = {Direction.REQUEST: "the client", Direction.RESPONSE: "the backend"}
_OFFSET_DIGITS = 8
_WIDE = 82
"""Cells from which on a line has 16 bytes: the mark, what `hex_lines` yields, the table's edges."""
_OFFSET = 11
"""Cells of the mark and the offset before a line."""


@dataclass(frozen=True, slots=True)
class ByteLine:
    """One line of bytes, or of what is said about them."""

    index: int
    spans: Line
    is_ours: bool = False
    """Whether it is said about bytes, and not made of them."""

    @property
    def text(self) -> str:
        """What is copied of it."""
        return plain(self.spans)

    @property
    def searched(self) -> str:
        """What can be looked for in it."""
        return "" if self.is_ours else self.text


BYTE_COLUMNS: list[Column[ByteLine]] = [
    Column("bytes", "", 20, lambda line, _width: line.spans, grows_to=10_000)
]
"""A line of text is one column."""


def byte_lines(peek: PeekReply, width: int, *, is_hex: bool) -> list[ByteLine]:
    """Return the bytes of both directions."""
    lines: list[Line] = []
    ours: set[int] = set()
    for way, row in ((Direction.REQUEST, peek.request), (Direction.RESPONSE, peek.response)):
        ours.add(len(lines))
        lines.append(_title(way, row))
        data = bytes.fromhex(row.bytes_hex)
        shown = (
            _hex(data, row.from_offset, width) if is_hex else _text(data, row.from_offset, width)
        )
        lines += [(Span(f"{_MARKS[way]} ", way.value), *each) for each in shown]
    return [ByteLine(index, spans, index in ours) for index, spans in enumerate(lines)]


def _title(way: Direction, row: PeekRow) -> Line:
    count = len(row.bytes_hex) // 2
    said = f"{way.value}: {count:,} bytes recorded from {_WHO[way]}"
    if row.dropped_bytes:
        said += f", {row.dropped_bytes:,} older ones not kept"
    return (Span(_MARKS[way], way.value), Span(f" {said}", "title"))


def _hex(data: bytes, first: int, width: int) -> list[Line]:
    line_bytes = HEX_LINE_BYTES if width >= _WIDE else HEX_LINE_BYTES // 2
    lines: list[Line] = []
    for each, at in zip(
        hex_lines(data, first, line_bytes), range(0, len(data), line_bytes), strict=True
    ):
        text = printable(data[at : at + line_bytes])
        cells = each[_OFFSET_DIGITS : len(each) - len(text)]
        lines.append((Span(each[:_OFFSET_DIGITS], "dim"), Span(cells), Span(text, "accent")))
    return lines


def _text(data: bytes, first: int, width: int) -> list[Line]:
    """Return the text, line by line as it came, each with the offset of its first byte."""
    room = max(width - _OFFSET, 10)
    lines: list[Line] = []
    at = 0
    for raw in data.splitlines(keepends=True):
        body = raw.rstrip(b"\r\n")
        for start in range(0, max(len(body), 1), room):
            piece = safe(body[start : start + room], room)
            lines.append((Span(f"{first + at + start:08x} ", "dim"), Span(piece)))
        at += len(raw)
    return lines


def head_lines(peek: PeekReply, width: int) -> list[ByteLine]:
    """Return the heads, in the order of the directions: start lines first, then the fields."""
    lines: list[Line] = []
    for head in peek.heads:
        lines += _head(head, max(width, 20))
    if not lines:
        said = "No head since the recording began: the next exchange of this session has one."
        rows = [(Span(row, "dim"),) for row in wrap(said, max(width, 20))]
        return [ByteLine(index, row, is_ours=True) for index, row in enumerate(rows)]
    return [ByteLine(index, spans) for index, spans in enumerate(lines)]


def _head(head: HeadRow, width: int) -> list[Line]:
    way = Direction(head.direction)
    mark = Span(f"{_MARKS[way]} ", way.value)
    lines: list[Line] = []
    for number, said in enumerate(head.lines):
        for row in wrap(safe(said), width - 2):
            name, colon, value = row.partition(":")
            if number == 0 or not colon:
                lines.append((mark, Span(row, "title" if number == 0 else "")))
            else:
                lines.append((mark, Span(f"{name}:", "accent"), Span(value)))
    if not head.is_whole:
        lines.append((mark, Span("… the rest of this head is not here", "dim")))
    return [*lines, ()]
