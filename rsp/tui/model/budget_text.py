"""The budget of an exchange's time, as a bar that needs no colour and as words."""

from collections.abc import Sequence

from rsp.core.evidence import PartRow
from rsp.core.sanitise import safe
from rsp.core.time_budget import PART_WORDS, duration_of
from rsp.core.units import spoken
from rsp.core.vocabulary import BudgetPart as Part
from rsp.tui.model import text
from rsp.tui.model.session_columns import shown
from rsp.tui.model.spans import Line, Span, fit

_GLYPHS: dict[str, str] = {
    Part.PIPELINED: "p",
    Part.QUEUE: "q",
    Part.HEAD_WAIT: "h",
    Part.LUA: "L",
    Part.FAILED_TRIES: "x",
    Part.CONNECT: "c",
    Part.UPLOAD: "u",
    Part.BACKEND_THINK: "▓",
    Part.TRANSFER: "═",
    Part.BLOCKED: "■",
    Part.KERNEL_DRAIN: "k",
    Part.HELD: "‖",
    Part.INJECTED: "i",
    Part.LOOP_LAG: "!",
}
_ROLES: dict[str, str] = {
    Part.BACKEND_THINK: "request",
    Part.TRANSFER: "response",
    Part.BLOCKED: "warn",
    Part.HELD: "accent",
    Part.INJECTED: "accent",
    Part.LOOP_LAG: "bad",
    Part.FAILED_TRIES: "bad",
}
_TITLE = 34
_FIGURE = 9


def bar(parts: Sequence[PartRow], width: int) -> Line:
    """Return the parts as one bar of exactly `width` cells, in the order in which they passed.

    A part that would have less than half a cell has none: the words name it.
    """
    spans: list[Span] = []
    passed, at = 0.0, 0
    for row in parts:
        if row.share is None:
            continue
        passed += row.share
        end = min(round(passed * width), width)
        if end > at:
            spans.append(Span(_glyph(row) * (end - at), _role(row)))
        at = max(at, end)
    return (*spans, Span(" " * (width - at))) if at < width else tuple(spans)


def _glyph(row: PartRow) -> str:
    return _GLYPHS.get(row.part, "?")


def _role(row: PartRow) -> str:
    return _ROLES.get(row.part, "dim")


def _words(row: PartRow) -> str:
    """Return a part in words; one that only a newer engine knows by its name."""
    return PART_WORDS.get(row.part) or shown(row.part)


def longest(parts: Sequence[PartRow]) -> str:
    """Return the longest part in words, with its share; empty when none took any time."""
    known = [row for row in parts if row.share]
    if not known:
        return ""
    top = max(known, key=lambda row: row.share or 0.0)
    return f"{_words(top)} {text.share(top.share or 0.0).strip()}"


def budget_lines(parts: Sequence[PartRow], backend: str | None, width: int) -> list[Line]:
    """Return the budget of the present exchange: the bar, and a line for each part."""
    if not parts:
        return [(Span("No exchange at this moment: E on Connections lists those before.", "dim"),)]
    lines: list[Line] = [bar(parts, max(width, 10)), ()]
    for row in parts:
        whom = f" on {safe(backend)}" if backend and row.part == Part.BACKEND_THINK else ""
        title = Span(fit(f"{_words(row)}{whom}", _TITLE))
        if row.s is None or row.share is None:
            figures = Span(fit("unknown", _FIGURE, ">"), "dim")
        else:
            figures = Span(f"{fit(spoken(row.s), _FIGURE, '>')}  {text.share(row.share)}")
        lines.append((Span(f"{_glyph(row)}  ", _role(row)), title, figures))
    total = fit(spoken(duration_of(parts)), _FIGURE, ">")
    lines.append(
        (Span("   "), Span(fit("so far", _TITLE), "dim"), Span(f"{total}  100%", "strong"))
    )
    return lines
