"""The Events screen: what happened, live, with the chosen event in full below."""

from collections.abc import Iterable, Sequence

import msgspec
from textual.widget import Widget

from rsp.core.filter import Filter
from rsp.core.replies import EventRow
from rsp.core.sanitise import safe
from rsp.tui.keymap import bindings
from rsp.tui.model.copy_as import Copy, copies_of_event
from rsp.tui.model.event_columns import EVENT_COLUMNS, in_full
from rsp.tui.model.event_log import LEVELS
from rsp.tui.screens.autopsies import AutopsiesScreen
from rsp.tui.screens.filtered import GrowingFrame
from rsp.tui.widgets.filter_bar import FilterBar
from rsp.tui.widgets.lines import Lines
from rsp.tui.widgets.titles import entitle
from rsp.tui.widgets.virtual_table import VirtualTable


class EventsScreen(GrowingFrame):
    """Lists the events, the newest last."""

    BINDINGS = bindings("events")
    TAB = "events"
    WHERE = "events"
    AUTO_FOCUS = "#events"

    def __init__(self) -> None:
        super().__init__()
        self._level = "info"
        self._source = ""
        self._filter: Filter | None = None
        self._follows = True
        self._has_times = True

    def body(self) -> Iterable[Widget]:
        """Lay out the list, its filter and the chosen event."""
        table = VirtualTable[EventRow](EVENT_COLUMNS, lambda row: row.seq, id="events")
        table.add_class("boxed")
        yield table
        yield FilterBar(id="filter")
        yield Lines(id="event", classes="boxed aside")

    @property
    def table(self) -> VirtualTable[EventRow]:
        """The list."""
        return self.query_one("#events", VirtualTable)

    def show_frame(self) -> None:
        """Show the frame, and the events that came since."""
        super().show_frame()
        log = self.shell.model.events
        if not self.stands_still and log.version != self._shown_version:
            self._show()
        self._show_titles()

    def show_body(self) -> None:
        """Show the chosen event in its new size, and the titles."""
        self._show_chosen()
        self._show_titles()

    def _show(self) -> None:
        log = self.shell.model.events
        self.note_shown(log.version, log.last_seq)
        rows = log.chosen(self._level, self._source)
        if self._filter is not None:
            rows = [row for row in rows if self._filter.matches(row)]
        self.table.show(rows)
        if self._follows:
            self.table.action_last()
        self._show_chosen()

    def _show_titles(self) -> None:
        model, table = self.shell.model, self.table
        source = safe(self._source) or "all"
        title = f"Events{self.narrowed} [{len(table.rows):,}]"
        entitle(table, f"{title} · level ≥ {self._level} · source {source}")
        if model.is_frozen:
            said = self.waiting(model.events.last_seq, "events")
        else:
            said = "following the newest" if self._follows else "F follows the newest"
        lost = model.events.dropped
        entitle(table, subtitle=said + (f" · {lost:,} not kept" if lost else ""))

    def _show_chosen(self) -> None:
        box = self.query_one("#event", Lines)
        chosen = self.table.cursor_row
        is_narrow = self._filter is not None or self._source or self._level not in ("debug", "info")
        nothing = "no event matches" if is_narrow else "no event yet"
        entitle(box, f"event {chosen.seq}" if chosen else nothing)
        box.show(in_full(chosen, max(box.content_size.width, 20)) if chosen else [])

    def on_virtual_table_moved(self) -> None:
        """Show the chosen event; away from the end, stop following."""
        table = self.table
        self._follows = table.cursor_index == len(table.rows) - 1
        self._show_chosen()
        self._show_titles()

    def on_virtual_table_opened(self) -> None:
        """Open the session that an event is about."""
        chosen = self.table.cursor_row
        if chosen is not None and chosen.session is not None:
            self.shell.open_session(chosen.session)
        else:
            self.shell.say("This event is not about one session.")

    def action_autopsies(self) -> None:
        """Show how the last sessions ended."""
        _ = self.app.push_screen(AutopsiesScreen())

    def action_level(self) -> None:
        """Show more, or less."""
        self._level = LEVELS[(LEVELS.index(self._level) + 1) % len(LEVELS)]
        self._show()
        self._show_titles()

    def action_source(self) -> None:
        """Show the events of the next source, after the last one those of all."""
        sources = ["", *self.shell.model.events.sources()]
        here = sources.index(self._source) if self._source in sources else 0
        self._source = sources[(here + 1) % len(sources)]
        self._show()
        self._show_titles()

    def action_time(self) -> None:
        """Hide the times, so that more of each message can be seen, or show them."""
        self._has_times = not self._has_times
        columns = [column for column in EVENT_COLUMNS if self._has_times or column.id != "at"]
        self.table.show_columns(columns)

    def action_next_error(self, step: int) -> None:
        """Go to the next warning or error, or to the one before."""
        rows = self.table.rows
        index = self.table.cursor_index + step
        while 0 <= index < len(rows):
            if rows[index].level in ("warn", "error"):
                self.table.move_to(index)
                return
            index += step
        self.shell.say("No more warnings or errors that way.")

    def action_follow(self) -> None:
        """Follow the newest event, or stop."""
        self._follows = not self._follows
        if self._follows:
            self.table.action_last()
        self._show_titles()

    def narrow(self, chosen: Filter | None) -> None:
        """Show only what a filter lets pass."""
        self._filter = chosen
        self._show()
        self._show_titles()

    def copy_text(self) -> tuple[str, str] | None:
        """Return the chosen event as text."""
        chosen = self.table.cursor_row
        if chosen is None:
            return None
        said = f"{chosen.at} {chosen.level} {chosen.source}: {chosen.message}"
        return said, f"event {chosen.seq}"

    def copies(self) -> tuple[str, Sequence[Copy]] | None:
        """Return the forms of the chosen event."""
        chosen = self.table.cursor_row
        return (f"event {chosen.seq}", copies_of_event(chosen)) if chosen else None

    def export_rows(self) -> tuple[str, Sequence[msgspec.Struct]] | None:
        """Return the rows that are shown."""
        return "events", self.table.rows
