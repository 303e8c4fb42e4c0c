"""Base of the screens that list what is over, the newest first, the chosen one in full below."""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import msgspec
from textual.widget import Widget

from rsp.core.filter import Filter
from rsp.core.sanitise import json_of
from rsp.tui.feed import Pull
from rsp.tui.model.columns import Column
from rsp.tui.model.spans import Line
from rsp.tui.model.text import UNKNOWN
from rsp.tui.screens.filtered import FilteredFrame
from rsp.tui.widgets.filter_bar import FilterBar
from rsp.tui.widgets.lines import Lines
from rsp.tui.widgets.titles import entitle
from rsp.tui.widgets.virtual_table import VirtualTable


class NewestFirst(FilteredFrame):
    """A list of rows that each belong to a session. A subclass says which, and how one is shown."""

    AUTO_FOCUS = "#newest"
    COLUMNS: ClassVar[Sequence[Column[Any]]]
    ASKED: ClassVar[Pull]
    """What is asked for, again and again."""
    NAME: ClassVar[str]
    """Of one row, in words."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[Any] = []
        self._filter: Filter | None = None
        self._is_answered = False

    def rows_of(self, answer: Any) -> list[Any]:
        """Return the rows of an answer."""
        raise NotImplementedError

    def session_of(self, row: Any) -> int:
        """Return the session that a row is about."""
        raise NotImplementedError

    def chosen_lines(self, row: Any, width: int) -> tuple[str, list[Line]]:
        """Return the title and the lines of the box below; `row` is None when there is none."""
        raise NotImplementedError

    def body(self) -> Iterable[Widget]:
        """Lay out the list, its filter and the chosen row."""
        table = VirtualTable[Any](self.COLUMNS, lambda row: row.id, id="newest")
        table.add_class("boxed")
        table.stays_on_top = True
        yield table
        yield FilterBar(id="filter")
        yield Lines(id="chosen", classes="boxed aside")

    @property
    def table(self) -> VirtualTable[Any]:
        """The list."""
        return self.query_one("#newest", VirtualTable)

    def pulls(self) -> Sequence[Pull]:
        """Ask for the rows once a second; while frozen, until there is something to show."""
        return () if self.shell.model.is_frozen and self._is_answered else [self.ASKED]

    def take(self, pull: Pull, answer: msgspec.Struct) -> None:
        """Show the rows."""
        if isinstance(answer, self.ASKED.answer):
            self._is_answered = True
            self.rows = self.rows_of(answer)
            self.show_body()

    def show_body(self) -> None:
        """Show the rows that came last."""
        rows = [row for row in self.rows if self._filter is None or self._filter.matches(row)]
        self.table.show(rows)
        name = f"{self.NAME.capitalize()}s"
        entitle(
            self.table,
            f"{name}{self.narrowed} [{len(rows):,}] · the last to end comes first"
            if self._is_answered
            else f"{name} {UNKNOWN}",
            self._said,
        )
        self._show_chosen()

    def _show_chosen(self) -> None:
        box = self.query_one("#chosen", Lines)
        title, lines = self.chosen_lines(self.table.cursor_row, max(box.content_size.width, 20))
        entitle(box, title)
        box.show(lines)

    @property
    def _said(self) -> str:
        follows = "following the newest" if self.table.follows_top else "F follows the newest"
        return f"{follows} · esc back"

    def action_follow(self) -> None:
        """Follow the newest row, or stay on the one under the cursor."""
        if self.table.follows_top:
            self.table.stay()
        else:
            self.table.action_first()
        self.show_body()

    def on_virtual_table_moved(self) -> None:
        """Show the chosen row, and say when the newest is not followed any more."""
        entitle(self.table, subtitle=self._said)
        self._show_chosen()

    def on_virtual_table_opened(self) -> None:
        """Open the session of a row."""
        chosen = self.table.cursor_row
        if chosen is not None:
            self.shell.open_session(self.session_of(chosen))

    def narrow(self, chosen: Filter | None) -> None:
        """Show only what a filter lets pass."""
        self._filter = chosen
        self.show_body()

    def copy_text(self) -> tuple[str, str] | None:
        """Return the row under the cursor as JSON."""
        chosen = self.table.cursor_row
        if chosen is None:
            return None
        return json_of(chosen), f"{self.NAME} {chosen.id} as JSON"

    def export_rows(self) -> tuple[str, Sequence[msgspec.Struct]] | None:
        """Return the rows that are shown."""
        return f"{self.NAME}s", self.table.rows
