"""The columns of a trace: a mark for each line that ran, the text, and what the line set."""

from rsp.tui.model.columns import Column
from rsp.tui.model.session_columns import shown
from rsp.tui.model.spans import Span
from rsp.tui.model.trace_view import TraceLine

_TIMES = "\N{MULTIPLICATION SIGN}"


def _mark(line: TraceLine, _width: int) -> Span:
    if not line.runs:
        return Span("")
    return Span("▸" if line.runs == 1 else f"▸{line.runs}{_TIMES}", "good")


def _set(line: TraceLine, _width: int) -> Span:
    return Span(shown(line.set), "accent")


TRACE_COLUMNS: tuple[Column[TraceLine], ...] = (
    Column("runs", "RAN", 3, _mark, keep=95),
    Column("number", "LINE", 4, lambda line, _: Span(str(line.number), "dim"), ">", keep=100),
    Column("text", "TEXT", 30, lambda line, _: line.spans, grows_to=70, keep=90),
    Column("set", "SET", 20, _set, grows_to=200, keep=80),
)
"""In the order of the screen."""
