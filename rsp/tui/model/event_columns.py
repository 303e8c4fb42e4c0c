"""The columns of the Events screen, and one event in full."""

from rsp.core.replies import EventRow
from rsp.core.sanitise import safe
from rsp.tui.model.columns import Column
from rsp.tui.model.exchange_columns import clock
from rsp.tui.model.session_columns import shown
from rsp.tui.model.spans import Line, Span, wrap

_LEVEL_ROLES = {"debug": "dim", "info": "", "warn": "warn", "error": "bad"}


def _level(row: EventRow, _width: int) -> Span:
    return Span(shown(row.level), _LEVEL_ROLES.get(row.level, ""))


def _session(row: EventRow, _width: int) -> Span:
    return Span(str(row.session)) if row.session is not None else Span("–", "dim")  # noqa: RUF001


def _message(row: EventRow, _width: int) -> Span:
    # The column before says which session it is.
    return Span(shown(row.message.removeprefix(f"session {row.session} ")))


EVENT_COLUMNS: tuple[Column[EventRow], ...] = (
    Column("at", "TIME", 12, lambda row, _: Span(clock(row.at), "dim"), keep=50),
    Column("level", "LEVEL", 5, _level, keep=90),
    Column("source", "SOURCE", 8, lambda row, _: Span(shown(row.source), "dim"), from_width=100),
    Column("session", "SESSION", 7, _session, ">", keep=60),
    Column("message", "MESSAGE", 30, _message, grows_to=400, keep=100),
)
"""In the order of the screen."""


def in_full(row: EventRow, width: int) -> list[Line]:
    """Return the whole message, wrapped, and the fields below it.

    A traceback keeps its lines: each one is made safe for itself.
    """
    role = _LEVEL_ROLES.get(row.level, "")
    lines: list[Line] = []
    for part in row.message.split("\n"):
        lines += [(Span(piece, role),) for piece in wrap(safe(part), width)]
    for name, value in row.fields.items():
        title = f"{safe(str(name), 40)}: "
        said = f"{value:.6g}" if isinstance(value, float) else str(value)
        parts = [safe(part) for part in said.split("\n")]
        first, *rest = wrap("\n".join(parts), max(width - len(title), 10))
        lines.append((Span(title, "dim"), Span(first)))
        lines += [(Span(" " * len(title) + piece),) for piece in rest]
    return lines
