"""Breakpoints: those in force, how often each was hit, and who stands there."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from textual.widget import Widget

from rsp.core.breaks.expression import BadBreak, parse_break
from rsp.core.breaks.rows import BreakRow, BreaksReply
from rsp.core.sanitise import json_of
from rsp.tui.feed import Pull
from rsp.tui.keymap import bindings
from rsp.tui.model.columns import Column
from rsp.tui.model.problem import Problem
from rsp.tui.model.session_columns import shown
from rsp.tui.model.spans import Line, Span, wrap
from rsp.tui.model.text import UNKNOWN
from rsp.tui.screens.form import Field, Form
from rsp.tui.screens.frame import Frame
from rsp.tui.widgets.lines import Lines
from rsp.tui.widgets.titles import entitle
from rsp.tui.widgets.virtual_table import VirtualTable

_EXAMPLES = (
    "client.eagain_writes>3    the kernel of a client took nothing for the fourth time",
    "backend rst               a backend resets; any half-close, client eof, …",
    "client.unsent_bytes>1M    any filter over the row of a session, when it becomes true",
    "first-byte                the backend has begun to answer; nothing of it is read yet",
    "route!=last               the request goes to another backend than the one before",
)


def _stopped(row: BreakRow, _width: int) -> Span:
    listed = ", ".join(map(str, row.stopped))
    return Span(listed, "warn") if listed else Span("nobody", "dim")


def _goes_on(row: BreakRow, _width: int) -> Span:
    after_s = row.goes_on_after_s
    return Span("when you say so") if after_s is None else Span(f"after {after_s:g} s")


BREAK_COLUMNS: list[Column[BreakRow]] = [
    Column("id", "ID", 4, lambda row, _width: Span(str(row.id)), ">"),
    Column("stops_at", "STOPS AT", 26, lambda row, _width: Span(shown(row.expression)),
           grows_to=60, keep=9),
    Column("hits", "HITS", 6, lambda row, _width: Span(f"{row.hits:,}"), ">"),
    Column("goes_on", "GOES ON", 15, _goes_on, keep=1),
    Column("stopped", "STOPPED NOW", 14, _stopped, grows_to=60, keep=2),
]  # fmt: skip


class BreaksScreen(Frame):
    """Lists the breakpoints."""

    BINDINGS = bindings("breaks")
    TAB = "connections"
    WHERE = "breaks"
    AUTO_FOCUS = "#breaks"
    FREEZES = False

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[BreakRow] | None = None
        """None: the engine has not said yet."""

    def body(self) -> Iterable[Widget]:
        """Lay out the list, and what a breakpoint may be."""
        table = VirtualTable[BreakRow](BREAK_COLUMNS, lambda row: row.id, id="breaks")
        table.add_class("boxed")
        yield table
        yield Lines(id="examples", classes="boxed aside")

    @property
    def table(self) -> VirtualTable[BreakRow]:
        """The list."""
        return self.query_one("#breaks", VirtualTable)

    def pulls(self) -> Sequence[Pull]:
        """Ask for the breakpoints."""
        return [Pull("break.list", BreaksReply)]

    def take(self, pull: Pull, answer: msgspec.Struct) -> None:
        """Show the breakpoints."""
        if isinstance(answer, BreaksReply):
            self._rows = answer.breakpoints
            self.show_body()

    def show_body(self) -> None:
        """Show the list as of now."""
        self.table.show(self._rows or [])
        entitle(
            self.table,
            f"Breakpoints {UNKNOWN if self._rows is None else f'[{len(self._rows)}]'}",
            "enter opens the first session that stands there · esc back",
        )
        box = self.query_one("#examples", Lines)
        entitle(box, "a session stops at")
        box.show([(Span(each),) for each in _EXAMPLES])

    def on_virtual_table_opened(self) -> None:
        """Open the first session that stands there."""
        chosen = self.table.cursor_row
        if chosen is not None and chosen.stopped:
            self.shell.open_session(chosen.stopped[0])
        else:
            self.shell.say("Nobody stands there now.")

    def action_add(self) -> None:
        """Ask for a breakpoint."""
        _ = self.app.push_screen(BreakForm())

    def action_remove(self) -> None:
        """Remove the chosen breakpoint."""
        chosen = self.table.cursor_row
        if chosen is not None:
            self.shell.give("break.remove", {"id": chosen.id})

    def action_go_on(self) -> None:
        """Let all stopped sessions go on."""
        self.shell.give("continue", {"all": True})

    def copy_text(self) -> tuple[str, str] | None:
        """Return the chosen breakpoint as JSON."""
        chosen = self.table.cursor_row
        return (json_of(chosen), f"breakpoint {chosen.id} as JSON") if chosen else None

    def export_rows(self) -> tuple[str, Sequence[msgspec.Struct]] | None:
        """Return the breakpoints."""
        return "breakpoints", self._rows or []


class BreakForm(Form):
    """Asks what to stop at."""

    APPLY = "Add"

    def __init__(self) -> None:
        super().__init__(
            "Add a breakpoint", [Field("expression", "Stop at", "", "client.eagain_writes>3")]
        )

    def problem(self, typed: Mapping[str, str]) -> Problem | None:
        """Return why nobody could wait for this."""
        try:
            parse_break(typed["expression"])
        except BadBreak as error:
            return Problem("expression", str(error))
        return None

    def effect(self, typed: Mapping[str, str]) -> list[Line]:
        """Say what comes of it."""
        said = "A session stops there, both ways; the others run on. Without a word it goes on by "
        return [(Span(row, "dim"),) for row in wrap(f"{said}itself after 60 s.", self.room)]

    def apply(self, typed: Mapping[str, str]) -> None:
        """Add it."""
        params = {"expression": typed["expression"]}
        self.shell.give("break.add", params, refused=self.refused)
        _ = self.dismiss()
