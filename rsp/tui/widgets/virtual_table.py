"""A table of any number of rows that paints only the visible lines whose text has changed."""

from collections.abc import Callable, Hashable, Sequence
from typing import Any, ClassVar, Generic

from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import var
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from rsp.tui.keymap import bindings
from rsp.tui.model.columns import Column, Placed, Row, header_line, place, row_line
from rsp.tui.model.spans import Line, Span, cut, plain
from rsp.tui.widgets.paint import Painter, selected

_PREFIX = 3
"""Cells before the first column: the cursor, the mark, a blank."""
EDGE_COLUMNS = _PREFIX + 3
"""What a table is wider than its rows: border and scroll bar besides."""


class VirtualTable(ScrollView, Generic[Row], can_focus=True, inherit_bindings=False):
    """Rows with a cursor that stays on its row, marks, and columns that are dropped when narrow."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"table--cursor", "table--cursor-away"}
    DEFAULT_CSS = """
    VirtualTable {
        height: 1fr; overflow-x: hidden; scrollbar-size-vertical: 1; scrollbar-gutter: stable;
        & > .table--cursor { background: $rsp-cursor; }
        & > .table--cursor-away { background: $rsp-cursor-away; }
    }
    """
    BINDINGS = bindings("table")

    cursor: var[Hashable | None] = var(None)
    """The key of the row under the cursor."""

    class Opened(Message):
        """`enter`, or a second click on the same row."""

        def __init__(self, table: "VirtualTable[Any]", key: Hashable) -> None:
            super().__init__()
            self.table = table
            self.key = key

        @property
        def control(self) -> "VirtualTable[Any]":
            """The table."""
            return self.table

    class Moved(Message):
        """The cursor is on another row."""

        def __init__(self, table: "VirtualTable[Any]") -> None:
            super().__init__()
            self.table = table

        @property
        def control(self) -> "VirtualTable[Any]":
            """The table."""
            return self.table

    class SortAsked(Message):
        """A click on the title of a column."""

        def __init__(self, table: "VirtualTable[Any]", field: str) -> None:
            super().__init__()
            self.table = table
            self.field = field

        @property
        def control(self) -> "VirtualTable[Any]":
            """The table."""
            return self.table

    def __init__(
        self,
        columns: Sequence[Column[Row]],
        key: Callable[[Row], Hashable],
        id: str,
    ) -> None:
        super().__init__(id=id)
        self.columns = columns
        self._key = key
        self._rows: Sequence[Row] = ()
        self._index: dict[Hashable, int] = {}
        self._placed: list[Placed[Row]] = []
        self._placed_for = -1
        self._painter = Painter(self)
        self._shown: dict[int, Line] = {}
        self._sort: str | None = None
        self._arrow = ""
        self.marks: set[Hashable] = set()
        self.stays_on_top = False
        """Whether the cursor is on the first row until a person moves it."""
        self._is_steered = False
        self.is_faded: Callable[[Row], bool] = lambda _row: False
        """Whether a row is shown dim: it is on its way out."""
        self.unbound: frozenset[str] = frozenset()
        """Actions whose keys the screen needs for something else."""
        self.whole_line: Callable[[Row], Line | None] = lambda _row: None
        """Returns the line of a row that has no cells, such as the title of a group."""

    # -- what is shown

    def show(self, rows: Sequence[Row]) -> None:
        """Show `rows` from now on, in this order. The cursor stays on its row."""
        old_index = self.cursor_index
        self._rows = rows
        self._index = {self._key(row): index for index, row in enumerate(rows)}
        if self.follows_top and rows:
            self.cursor = self._key(rows[0])
        elif self.cursor not in self._index:
            near = min(max(old_index, 0), len(rows) - 1)
            self.cursor = self._key(rows[near]) if rows else None
        height = len(rows) + 1
        if height != self.virtual_size.height:
            self.virtual_size = Size(0, height)
        self.repaint_changed()

    def show_columns(self, columns: Sequence[Column[Row]]) -> None:
        """Show these columns from now on."""
        if list(columns) != list(self.columns):
            self.columns = columns
            self._placed_for = -1
            self.repaint_changed()

    def show_sort(self, field: str | None, arrow: str) -> None:
        """Show which field the rows are sorted by."""
        if (field, arrow) != (self._sort, self._arrow):
            self._sort, self._arrow = field, arrow
            self.repaint_changed()

    def repaint_changed(self) -> None:
        """Paint the visible lines that are no longer what the terminal shows."""
        if not self.is_attached:
            return
        width = self.content_width
        changed = [
            Region(0, y, width, 1)
            for y in range(self.content_height)
            if self._shown.get(y) != self._line(y)
        ]
        if changed:
            self.refresh(*changed)

    @property
    def rows(self) -> Sequence[Row]:
        """The rows, in the order shown."""
        return self._rows

    @property
    def cursor_index(self) -> int:
        """Where the cursor is; -1 when there is no row."""
        return self._index.get(self.cursor, -1)

    @property
    def cursor_row(self) -> Row | None:
        """The row under the cursor."""
        index = self.cursor_index
        return self._rows[index] if index >= 0 else None

    def visible_rows(self) -> Sequence[Row]:
        """Return the rows that are on the screen."""
        top = self.scroll_offset.y
        return self._rows[top : top + max(self.content_height - 1, 0)]

    @property
    def content_width(self) -> int:
        """Cells of a line, without border and scroll bar."""
        return self.scrollable_content_region.width

    @property
    def content_height(self) -> int:
        """Lines that can be seen, the titles among them."""
        return self.scrollable_content_region.height

    # -- lines

    def placed(self) -> list[Placed[Row]]:
        """Return the columns that fit, with their widths."""
        width = self.content_width
        if width != self._placed_for:
            self._placed = place(self.columns, max(width - _PREFIX, 1))
            self._placed_for = width
        return self._placed

    def _line(self, y: int) -> Line:
        if y == 0:
            return (Span(" " * _PREFIX), *header_line(self.placed(), self._sort, self._arrow))
        index = self.scroll_offset.y + y - 1
        if index >= len(self._rows):
            return ()
        return self._row_line(self._rows[index])

    def _row_line(self, row: Row) -> Line:
        key = self._key(row)
        pointer = Span("▌", "accent") if key == self.cursor else Span(" ")
        mark = Span("✓", "accent") if key in self.marks else Span(" ")
        cells = self.whole_line(row) or row_line(self.placed(), row)
        if self.is_faded(row):
            cells = tuple(span._replace(role="dim") for span in cells)
        return (pointer, mark, Span(" "), *cells)

    def render_line(self, y: int) -> Strip:
        """Return line `y` of the screen: the titles, or a row."""
        width = self.content_width
        base = self.visual_style.rich_style
        line = self._shown[y] = self._line(y)
        if not line:
            return Strip.blank(width, base)
        if y > 0 and line[0].text == "▌":
            component = "table--cursor" if self.has_focus else "table--cursor-away"
            base += self.get_component_rich_style(component, partial=True)
        strip = self._painter.strip(cut(line, width), base)
        place_in_text = y if y == 0 else y + self.scroll_offset.y
        selection = self.text_selection
        if selection is not None and (span := selection.get_span(place_in_text)) is not None:
            strip = selected(strip, span, self.screen.get_component_rich_style("screen--selection"))
        return strip.apply_offsets(0, place_in_text)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """Return the selected text."""
        header = header_line(self.placed(), self._sort, self._arrow)
        lines = [" " * _PREFIX + plain(header)]
        lines += [plain(self._row_line(row)).rstrip() for row in self._rows]
        return selection.extract("\n".join(lines)), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        """Show the selection."""
        self.refresh()

    def on_resize(self) -> None:
        """Keep the cursor in sight."""
        self._show_cursor()

    # -- moving

    def watch_cursor(self, old: Hashable | None, new: Hashable | None) -> None:
        """Paint the two lines that a move touches."""
        if old != new and self.is_attached:
            self.repaint_changed()
            self.post_message(self.Moved(self))

    def move_to(self, index: int) -> None:
        """Put the cursor on the row at `index`, or on the nearest one, and show it."""
        if not self._rows:
            return
        index = min(max(index, 0), len(self._rows) - 1)
        self.cursor = self._key(self._rows[index])
        self._show_cursor()

    def _show_cursor(self) -> None:
        index = self.cursor_index
        visible = self.content_height - 1
        top = self.scroll_offset.y
        if index < 0 or visible < 1:
            return
        if index < top:
            self.scroll_to(y=index, animate=False)
        elif index >= top + visible:
            self.scroll_to(y=index - visible + 1, animate=False)

    @property
    def follows_top(self) -> bool:
        """Whether the cursor goes on to the first row whenever there is another one."""
        return self.stays_on_top and not self._is_steered

    def stay(self) -> None:
        """Let the cursor stay on its row from now on."""
        self._is_steered = True

    def action_move(self, rows: int) -> None:
        """Move the cursor by some rows."""
        self._is_steered = True
        self.move_to(self.cursor_index + rows)

    def action_page(self, pages: int) -> None:
        """Move the cursor by some screens."""
        self._is_steered = True
        self.move_to(self.cursor_index + pages * max(self.content_height - 2, 1))

    def action_first(self) -> None:
        """Move the cursor to the first row, and let it stay there where it may."""
        self._is_steered = False
        self.move_to(0)

    def action_top(self) -> None:
        """Move the cursor to the first row, by a letter."""
        self.action_first()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Let the screen have the keys that it needs."""
        return action not in self.unbound

    def action_last(self) -> None:
        """Move the cursor to the last row."""
        self._is_steered = True
        self.move_to(len(self._rows) - 1)

    def action_open(self) -> None:
        """Open the row under the cursor."""
        if self.cursor is not None:
            self.post_message(self.Opened(self, self.cursor))

    def action_sort(self, column_id: str) -> None:
        """Ask to be sorted by a column."""
        for column in self.columns:
            if column.id == column_id and column.sort is not None:
                self.post_message(self.SortAsked(self, column.sort))

    def on_click(self, event: events.Click) -> None:
        """Put the cursor on the row; a second click opens it."""
        at = event.get_content_offset(self)
        if at is None or at.y == 0:
            return
        index = self.scroll_offset.y + at.y - 1
        if index >= len(self._rows):
            return
        self._is_steered = True
        if event.chain > 1:
            self.action_open()
        else:
            self.move_to(index)

    def on_focus(self) -> None:
        """Show that keys go here."""
        self.refresh()

    def on_blur(self) -> None:
        """Show that keys go elsewhere."""
        self.refresh()
