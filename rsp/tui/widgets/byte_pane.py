"""Lines of bytes that can be scrolled, looked through and copied."""

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Vertical

from rsp.tui.model.peek_lines import BYTE_COLUMNS, ByteLine
from rsp.tui.widgets.find_bar import FindBar
from rsp.tui.widgets.titles import entitle
from rsp.tui.widgets.virtual_table import VirtualTable


class BytePane(Vertical):
    """A table of lines, and the bar to look for something in it."""

    DEFAULT_CSS = "BytePane { height: 1fr; }"

    def compose(self) -> ComposeResult:
        """Lay out the lines above the bar."""
        table = VirtualTable[ByteLine](BYTE_COLUMNS, lambda line: line.index, id="bytes")
        table.add_class("boxed")
        table.unbound = frozenset({"open"})
        yield table
        yield FindBar(id="find-bytes")

    @property
    def table(self) -> VirtualTable[ByteLine]:
        """The lines."""
        return self.query_one("#bytes", VirtualTable)

    @property
    def bar(self) -> FindBar:
        """Where is typed what to look for."""
        return self.query_one(FindBar)

    def show(self, lines: Sequence[ByteLine], title: str, said: str) -> None:
        """Show lines; the focus is theirs when nobody has it."""
        self.table.show(lines)
        entitle(self.table, title, said)
        focused = self.screen.focused
        if focused is None or not focused.display:
            self.table.focus()

    def find(self, step: int) -> None:
        """Go to the next line that has what is looked for."""
        texts = [line.searched for line in self.table.rows]
        index = self.bar.find(texts, max(self.table.cursor_index, 0), step)
        if index is not None:
            self.table.move_to(index)

    def on_find_bar_typed(self) -> None:
        """Go to the first line that has it, from the cursor on."""
        self.find(0)

    def on_filter_bar_left(self) -> None:
        """Give the keys back to the lines."""
        self.table.focus()

    def end_search(self) -> bool:
        """Hide the bar; tell whether it was there."""
        was_open = self.bar.is_open
        if was_open:
            self.bar.clear()
            self.table.focus()
        return was_open
