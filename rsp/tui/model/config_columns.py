"""The columns of the Config screen: the text of the file, what differs, and who changed what."""

from rsp.core.generation_rows import ChangeRow
from rsp.core.vocabulary import ChangeKind
from rsp.tui.model.columns import Column
from rsp.tui.model.config_view import DiffLine, SourceLine
from rsp.tui.model.exchange_columns import clock
from rsp.tui.model.session_columns import shown
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


def _kind(change: ChangeRow, _width: int) -> Span:
    return Span(shown(change.kind), "bad" if change.kind == ChangeKind.ROLLBACK else "accent")


HISTORY_COLUMNS: tuple[Column[ChangeRow], ...] = (
    Column("generation", "GEN", 4, lambda row, _: Span(str(row.generation)), ">", keep=100),
    Column("at", "AT", 8, lambda row, _: Span(clock(row.at)[:8], "dim"), keep=60),
    Column("kind", "KIND", 8, _kind, keep=80),
    Column("what", "WHAT", 24, lambda row, _: Span(shown(row.what)), grows_to=120, keep=90),
    Column("who", "WHO", 8, lambda row, _: Span(shown(row.who), "dim"), grows_to=40, keep=40),
)
"""What made each generation."""
