"""Text with a meaning: a line is a tuple of spans, and a span names a role, not a colour.

Roles become styles in `widgets/paint.py` alone, so that everything above can be compared, cut to
a width and written to a file without a terminal.
"""

from collections.abc import Iterable
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size


class Span(NamedTuple):
    """A piece of text, its role, and the action that a click on it runs."""

    text: str
    role: str = ""
    action: str = ""


Line = tuple[Span, ...]

ROLES = (
    "dim",
    "strong",
    "accent",
    "good",
    "warn",
    "bad",
    "request",
    "response",
    "title",
    "key",
    "chosen",
    "shout",
    "heading",
    "track",
)
"""Every role that a span may name. The empty role is plain text."""


def fit(text: str, width: int, align: str = "<") -> str:
    """Return `text` in exactly `width` cells: padded, or cut with an ellipsis."""
    length = len(text) if text.isascii() else cell_len(text)
    if length == width:
        return text
    if length < width:
        pad = " " * (width - length)
        return pad + text if align == ">" else text + pad
    if width <= 0:
        return ""
    return set_cell_size(text, width - 1) + "…"


def line(*parts: Span | str) -> Line:
    """Return a line made of spans and plain strings."""
    return tuple(part if isinstance(part, Span) else Span(part) for part in parts)


def width_of(spans: Iterable[Span]) -> int:
    """Return the width of a line in cells."""
    return sum(len(s.text) if s.text.isascii() else cell_len(s.text) for s in spans)


def plain(spans: Iterable[Span]) -> str:
    """Return the text of a line."""
    return "".join(span.text for span in spans)


def cut(spans: Line, width: int) -> Line:
    """Return the line in exactly `width` cells; an ellipsis stands where something is left out."""
    kept: list[Span] = []
    left = width
    for index, span in enumerate(spans):
        length = len(span.text) if span.text.isascii() else cell_len(span.text)
        if length > left:
            if left > 0:
                kept.append(span._replace(text=fit(span.text, left)))
            elif kept and plain(spans[index:]).strip():
                last = kept[-1]
                kept[-1] = last._replace(text=fit(f"{last.text} ", width_of([last])))
            left = 0
            break
        kept.append(span)
        left -= length
    if left > 0:
        kept.append(Span(" " * left))
    return tuple(kept)


def beside(left: Line, right: Line, width: int) -> Line:
    """Return `left` at the left edge and `right` at the right one, `width` cells in all.

    The right part is dropped when both do not fit with a blank between them.
    """
    room = width - width_of(right)
    if width_of(left) + 1 > room:
        return cut(left, width)
    return (*cut(left, room), *right)


def join(parts: Iterable[Line], gap: str = "  ") -> Line:
    """Return several lines as one, with `gap` between them."""
    joined: list[Span] = []
    for part in parts:
        if joined:
            joined.append(Span(gap))
        joined.extend(part)
    return tuple(joined)


def keep_fitting(parts: list[Line], width: int, gap: str = "  ") -> Line:
    """Return as many of `parts`, in their order, as fit in `width` cells."""
    kept: list[Line] = []
    used = 0
    for part in parts:
        need = width_of(part) + (len(gap) if kept else 0)
        if used + need > width:
            break
        kept.append(part)
        used += need
    return join(kept, gap)


def fold(spans: Line, width: int) -> list[Line]:
    """Return a line in lines of at most `width` cells, broken at blanks where there are any.

    Those that go on stand as far in as the line begins.
    """
    if width_of(spans) <= width:
        return [spans]
    text = plain(spans)
    indent = min(len(text) - len(text.lstrip(" ")), max(width - 2, 0) // 2)
    lines: list[Line] = []
    begin = 0
    while begin < len(text) or not lines:
        before = indent if lines else 0
        end = _end_of_row(text, begin, width - before)
        row = _piece(spans, begin, end)
        lines.append((Span(" " * before), *row) if before else row)
        begin = end + 1 if text[end : end + 1] == " " else end
    return lines


def _end_of_row(text: str, begin: int, width: int) -> int:
    """Return where the row that begins at `begin` ends: one character further at the least."""
    left = width
    for end in range(begin, len(text)):
        left -= cell_len(text[end])
        if left < 0:
            break
    else:
        return len(text)
    blank = text.rfind(" ", begin, end + 1)
    is_inside = bool(text[begin : max(blank, begin)].strip(" "))
    return blank if is_inside else max(end, begin + 1)


def _piece(spans: Line, begin: int, end: int) -> Line:
    """Return the spans of the characters from `begin` up to `end`."""
    kept: list[Span] = []
    at = 0
    for span in spans:
        piece = span.text[max(begin - at, 0) : max(end - at, 0)]
        at += len(span.text)
        if piece:
            kept.append(span._replace(text=piece))
    return tuple(kept)


def wrap(text: str, width: int) -> list[str]:
    """Return `text` in lines of at most `width` cells, broken at blanks where there are any."""
    return [plain(row) for part in text.split("\n") for row in fold((Span(part),), width)]
