"""The columns of the Exchanges screen."""

from rsp.core.exchange_rows import ExchangeRow
from rsp.tui.model import text
from rsp.tui.model.budget_text import bar, longest
from rsp.tui.model.columns import Column
from rsp.tui.model.session_columns import shown
from rsp.tui.model.spans import Line, Span, fit

_BAR_CELLS = 10


def clock(stamp: str) -> str:
    """Return the time of day of an ISO time stamp, to the millisecond."""
    return shown(stamp.partition("T")[2][:12].rstrip("Z") or stamp)


def _status(row: ExchangeRow, _width: int) -> Span:
    if row.status is None:
        return Span(text.NOTHING, "dim")
    role = "bad" if row.status >= 500 else "warn" if row.status >= 400 else ""
    return Span(str(row.status), role)


def _result(row: ExchangeRow, _width: int) -> Span:
    if row.result == "complete":
        return Span("complete", "dim")
    return Span(shown(row.result), "warn")


def _time(row: ExchangeRow, width: int) -> Line:
    cells = min(_BAR_CELLS, width)
    words = longest(row.budget)
    return *bar(row.budget, cells), Span(fit(f" {words}", width - cells), "dim")


EXCHANGE_COLUMNS: tuple[Column[ExchangeRow], ...] = (
    Column("at", "BEGAN", 12, lambda row, _: Span(clock(row.at), "dim"), keep=40),
    Column("session", "SESSION", 7, lambda row, _: Span(str(row.session)), ">", keep=60),
    Column("client", "CLIENT", 15, lambda row, _: Span(shown(row.client)), grows_to=21, keep=20),
    Column("method", "METHOD", 6, lambda row, _: Span(shown(row.method), "dim"), keep=80),
    Column("host", "HOST", 14, lambda row, _: Span(shown(row.host)), grows_to=28, keep=30),
    Column("path", "PATH", 14, lambda row, _: Span(shown(row.path)), grows_to=70, keep=90),
    Column("status", "ST", 3, _status, ">", keep=95),
    Column(
        "backend",
        "BACK",
        6,
        lambda row, _: Span(shown(row.backend or text.NOTHING)),
        grows_to=12,
        keep=70,
    ),
    Column("ttfb", "TTFB", 6, lambda row, _: Span(text.duration(row.first_byte_s)), ">", keep=25),
    Column("took", "TOOK", 6, lambda row, _: Span(text.duration(row.duration_s)), ">", keep=75),
    Column("time", "TIME WENT", 10, _time, grows_to=44, keep=28, from_width=110),
    Column("size", "SIZE", 5, lambda row, _: Span(text.size(row.response_bytes)), ">", keep=50),
    Column("result", "RESULT", 12, _result, grows_to=32, keep=65),
)
"""In the order of the screen."""
