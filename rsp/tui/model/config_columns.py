"""The columns of the Config screen: the text of the file, and what differs."""

from rsp.tui.model.columns import Column
from rsp.tui.model.config_view import DiffLine, SourceLine
from rsp.tui.model.spans import Span

_SIGN_ROLES = {"-": "bad", "+": "good", " ": "", "@": "accent"}


def _number(line: SourceLine, _width: int) -> Span:
    if line.number is None:
        return Span("")
    return Span(str(line.number), "bad" if line.is_wrong else "dim")


def _mark(line: SourceLine, _width: int) -> Span:
    return Span("✗" if line.is_wrong and line.number else "│", "bad" if line.is_wrong else "track")


SOURCE_COLUMNS: tuple[Column[SourceLine], ...] = (
    Column("number", "LINE", 4, _number, ">", keep=100),
    Column("mark", "", 1, _mark, keep=95),
    Column("text", "TEXT", 10, lambda line, _: line.spans, grows_to=400, keep=90),
)
"""Number and text of the file."""


def _diff_text(line: DiffLine, _width: int) -> Span:
    return Span(line.text, _SIGN_ROLES[line.sign])


DIFF_COLUMNS: tuple[Column[DiffLine], ...] = (
    Column(
        "number",
        "LINE",
        4,
        lambda line, _: Span("" if line.number is None else str(line.number), "dim"),
        ">",
        keep=100,
    ),
    Column("sign", "", 1, lambda line, _: Span(line.sign, _SIGN_ROLES[line.sign]), keep=95),
    Column("text", "TEXT", 10, _diff_text, grows_to=400, keep=90),
)
"""What runs (`-`) against what is on disk (`+`)."""
