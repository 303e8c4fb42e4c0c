"""The columns of the timeline: one line is one system call."""

from dataclasses import dataclass

from rsp.core.evidence import CallRow
from rsp.tui.model import text
from rsp.tui.model.columns import Column
from rsp.tui.model.session_columns import shown
from rsp.tui.model.spans import Span

_ARROWS = {"request": "C→B", "response": "B→C"}


@dataclass(frozen=True, slots=True)
class Call:
    """A recorded call with its place in the recording, which is its name on the screen."""

    index: int
    row: CallRow


def _direction(call: Call, _width: int) -> Span:
    way = call.row.direction
    return Span(_ARROWS.get(way, shown(way)), way if way in _ARROWS else "")


def _got(call: Call, _width: int) -> Span:
    got = call.row.got_bytes
    if got is None:
        return Span(text.NOTHING, "dim")
    is_short = call.row.call == "send" and got < call.row.wanted_bytes
    return Span(f"{got:,}", "warn" if is_short else "")


def _error(call: Call, _width: int) -> Span:
    if call.row.error is None:
        return Span(text.NOTHING, "dim")
    return Span(shown(call.row.error), "warn" if call.row.error == "EAGAIN" else "bad")


def _wanted(call: Call, _width: int) -> Span:
    wanted = call.row.wanted_bytes
    return Span(f"{wanted:,}") if wanted else Span(text.NOTHING, "dim")


CALL_COLUMNS: tuple[Column[Call], ...] = (
    Column("at", "TIME s", 9, lambda call, _: Span(f"{call.row.at_s:.4f}", "dim"), ">", keep=50),
    Column("fd", "FD", 4, lambda call, _: Span(str(call.row.fd)), ">", keep=60),
    Column("direction", "DIR", 3, _direction, keep=70),
    Column("call", "CALL", 8, lambda call, _: Span(shown(call.row.call)), keep=100),
    Column("wanted", "WANTED", 9, _wanted, ">", keep=80),
    Column("got", "GOT", 9, _got, ">", keep=95),
    Column("error", "ERROR", 10, _error, keep=90),
    Column("unsent", "UNSENT", 9, lambda call, _: Span(f"{call.row.unsent_bytes:,}"), ">", keep=85),
    Column(
        "note", "NOTE", 10, lambda call, _: Span(shown(call.row.note), "dim"), grows_to=80, keep=40
    ),
)
"""In the order of the screen."""
