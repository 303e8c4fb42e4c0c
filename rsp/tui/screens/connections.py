"""The start screen: every session, trouble first, and why the chosen one does what it does."""

from collections.abc import Iterable, Sequence

import msgspec
from textual.widget import Widget

from rsp.core.filter import Filter
from rsp.core.replies import Connections
from rsp.core.sanitise import json_of
from rsp.tui.feed import Pull
from rsp.tui.keymap import bindings
from rsp.tui.model.copy_as import Copy, copies_of_session, try_command
from rsp.tui.model.fault_edit import Scope, scopes_of_session
from rsp.tui.model.preview import preview
from rsp.tui.model.session_columns import SESSION_COLUMNS, shown, state_of
from rsp.tui.model.sessions import Session, SessionList
from rsp.tui.model.sorting import SORT_FIELDS, field_named
from rsp.tui.model.spans import Line, Span
from rsp.tui.screens.breaks import BreaksScreen
from rsp.tui.screens.exchanges import ExchangesScreen
from rsp.tui.screens.filtered import FilteredFrame
from rsp.tui.screens.kernel_share import ask_share
from rsp.tui.screens.pauses import PausesScreen
from rsp.tui.widgets.filter_bar import FilterBar
from rsp.tui.widgets.lines import Lines
from rsp.tui.widgets.titles import entitle
from rsp.tui.widgets.virtual_table import VirtualTable

_NEED_A_SESSION = frozenset({"filter", "sort_by", "reverse", "only_marked", "unmark", "maximise"})
_NEED_A_ROW = frozenset({"close", "pause", "kernel_share", "mark", "follow", "copy_as"})


class ConnectionsScreen(FilteredFrame):
    """Lists the sessions."""

    BINDINGS = bindings("connections")
    TAB = "connections"
    WHERE = "connections"
    AUTO_FOCUS = "#sessions"

    def __init__(self) -> None:
        super().__init__()
        self._follows = False
        self._is_empty = False
        self._has_rows = True

    def body(self) -> Iterable[Widget]:
        """Lay out the list, what stands in for an empty one, the filter and the preview."""
        table = VirtualTable[Session](SESSION_COLUMNS, lambda session: session.id, id="sessions")
        table.is_faded = lambda session: session.closed_at_s is not None
        table.add_class("boxed")
        table.stays_on_top = True
        yield table
        yield Lines(id="nothing", classes="boxed -absent")
        yield FilterBar(id="filter")
        yield Lines(id="preview", classes="boxed aside")

    @property
    def table(self) -> VirtualTable[Session]:
        """The list."""
        return self.query_one("#sessions", VirtualTable)

    @property
    def sessions(self) -> SessionList:
        """What is listed."""
        return self.shell.model.sessions

    # -- what is shown

    def pulls(self) -> Sequence[Pull]:
        """Ask for all sessions, and for the kernel queues of the chosen one."""
        if self.shell.model.is_frozen:
            return ()
        chosen = self.table.cursor_row
        visible = [chosen.id] if chosen and chosen.closed_at_s is None else []
        return [Pull("connections", Connections, {"visible": visible})]

    def take(self, pull: Pull, answer: msgspec.Struct) -> None:
        """Show a snapshot."""
        if not isinstance(answer, Connections) or self.shell.model.is_frozen:
            return
        self.sessions.apply(answer)
        histories = self.shell.model.histories
        for session in self.table.visible_rows():
            if session.closed_at_s is None:
                histories.observe(session.row, self.sessions.now_s)
        self.show_body()

    def show_body(self) -> None:
        """Show the list and the preview as of now."""
        sessions, table = self.sessions, self.table
        rows = sessions.rows()
        wanted = self.shell.model.columns
        table.show_columns([column for column in SESSION_COLUMNS if column.id in wanted])
        table.marks = set(sessions.marks)
        table.show(rows)
        if self._follows:
            table.move_to(table.cursor_index)
        falls = sessions.sort.greatest_first != sessions.reverse
        field = sessions.sort.id
        table.show_sort(field, "↓" if falls else "↑")
        self._show_titles(len(rows), sum(session.closed_at_s is None for session in rows))
        is_empty = not sessions.sessions and self.shell.model.status is not None
        table.set_class(is_empty, "-absent")
        self.query_one("#preview").set_class(is_empty, "-absent")
        if not is_empty and self.focused is None:
            # It was hidden, and so lost the focus.
            table.focus()
        nothing = self.query_one("#nothing", Lines)
        nothing.set_class(not is_empty, "-absent")
        if is_empty:
            entitle(nothing, "Connections")
            nothing.show(self._nothing())
        if (is_empty, bool(rows)) != (self._is_empty, self._has_rows):
            self._is_empty, self._has_rows = is_empty, bool(rows)
            self.refresh_bindings()
        self._show_preview()

    def guide_height(self) -> int:
        """Let the guide begin here: it has more room than elsewhere."""
        return max(super().guide_height(), 4)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Take away the keys that need a session where there is none, or none is listed."""
        if self._is_empty and action in _NEED_A_SESSION:
            return False
        if not self._has_rows and action in _NEED_A_ROW:
            return False
        return super().check_action(action, parameters)

    def _show_titles(self, shown: int, live: int) -> None:
        sessions, table = self.sessions, self.table
        total = f"{sessions.total:,}"
        count = total if live == sessions.total else f"{live:,} of {total}"
        only = " · only the marked" if sessions.only_marked else ""
        title = f"Connections{self.narrowed}{only}"
        entitle(table, f"{title} [{count}] · by {sessions.sort.title}")
        marks = f"{len(sessions.marks)} marked · " if sessions.marks else ""
        top = table.scroll_offset.y
        last = min(top + max(table.content_height - 1, 0), shown)
        rows = f"rows {top + 1} to {last}" if shown else "no rows"
        entitle(table, subtitle=f"{marks}{rows}")

    def _nothing(self) -> list[Line]:
        listener = self.shell.model.listener
        if not listener:
            return [(Span("The engine listens nowhere yet."),)]
        status = self.shell.model.status
        since = "now" if status is not None and status.totals.accepted else "yet"
        return [
            (
                Span(f"No connections {since}.", "strong"),
                Span(f" The proxy listens at {listener}."),
            ),
            (),
            (Span("Try it from another terminal:"),),
            (Span(f"  {try_command(listener)}", "accent"),),
            (),
            (
                Span("y", "key"),
                Span(" copies the command."),
                Span("  E", "key"),
                Span(" shows the exchanges that are over."),
            ),
        ]

    def _show_preview(self) -> None:
        box = self.query_one("#preview", Lines)
        session = self.table.cursor_row
        if session is None:
            entitle(box, "preview")
            bar = self.filter_bar
            said = "No session matches the filter: esc clears it." if bar.value else ""
            if self.sessions.only_marked:
                said = "No marked session is left to show: esc shows the others."
            if not bar.is_readable:
                said = "The filter cannot be read yet; the one before it is still in force."
            box.show([(Span(said),)])
            return
        glyph, word, _ = state_of(session.row)
        request = session.row.request
        asked = f" · {request.method} {request.host}{request.path}" if request else ""
        entitle(box, f"{session.id} {glyph} {word}{shown(asked)}")
        history = self.shell.model.histories.of(session.id)
        size = box.content_size
        box.show(preview(session, history, size.width, size.height))

    def on_virtual_table_moved(self) -> None:
        """Let the preview follow the cursor, and the rows stand still under the finger."""
        self.sessions.hold()
        self._show_preview()

    def on_virtual_table_opened(self, event: VirtualTable.Opened) -> None:
        """Open a session."""
        if isinstance(event.key, int):
            self.shell.open_session(event.key)

    # -- order and choice

    def on_virtual_table_sort_asked(self, event: VirtualTable.SortAsked) -> None:
        """Sort by a column; a second click turns the order round."""
        field = field_named(event.field)
        self.sessions.reverse = self.sessions.sort == field and not self.sessions.reverse
        self.sessions.sort = field
        self._arrange()

    def action_sort_by(self, step: int) -> None:
        """Sort by the next column, or by the one before."""
        here = SORT_FIELDS.index(self.sessions.sort)
        self.sessions.sort = SORT_FIELDS[(here + step) % len(SORT_FIELDS)]
        self.sessions.reverse = False
        self._arrange()

    def action_reverse(self) -> None:
        """Turn the order round."""
        self.sessions.reverse = not self.sessions.reverse
        self._arrange()

    def _arrange(self) -> None:
        self.sessions.arrange()
        self.show_body()

    def action_follow(self) -> None:
        """Keep the session under the cursor in sight, wherever it is sorted to."""
        self._follows = not self._follows
        chosen = self.table.cursor
        self.shell.say(f"Following {chosen}." if self._follows else "Not following any more.")

    def action_mark(self) -> None:
        """Mark the session under the cursor, and go on to the next."""
        chosen = self.table.cursor_row
        if chosen is not None:
            self.sessions.toggle_mark(chosen.id)
            self.table.action_move(1)
            self.show_body()

    def action_only_marked(self) -> None:
        """Show only what is marked, or everything."""
        sessions = self.sessions
        if not (sessions.only_marked or sessions.marks):
            self.shell.say("Nothing is marked: m marks a session.")
            return
        sessions.only_marked = not sessions.only_marked
        self._arrange()

    def widen(self) -> bool:
        """Show the others again, where only the marked ones are shown; else clear the filter."""
        if not self.sessions.only_marked:
            return super().widen()
        self.sessions.only_marked = False
        self._arrange()
        return True

    def action_unmark(self) -> None:
        """Unmark everything."""
        self.sessions.marks.clear()
        self.sessions.only_marked = False
        self._arrange()

    def narrow(self, chosen: Filter | None) -> None:
        """Show only what a filter lets pass."""
        self.sessions.matches = chosen.matches if chosen else None
        self._arrange()

    def on_filter_bar_unreadable(self) -> None:
        """Say below an empty list why it is empty."""
        self._show_preview()

    # -- acts

    def action_exchanges(self) -> None:
        """Show the exchanges that are over."""
        _ = self.app.push_screen(ExchangesScreen())

    def action_breaks(self) -> None:
        """Show the breakpoints."""
        _ = self.app.push_screen(BreaksScreen())

    def action_pauses(self) -> None:
        """Show who blocks whom."""
        _ = self.app.push_screen(PausesScreen())

    def action_pause(self) -> None:
        """Pause the session under the cursor, or let it go on."""
        chosen = self.table.cursor_row
        if chosen is not None:
            self.shell.pause_or_resume(chosen.row)

    def action_kernel_share(self) -> None:
        """Ask how much the kernel may hold unsent for the session under the cursor."""
        chosen = self.table.cursor_row
        if chosen is not None:
            ask_share(self, chosen.row)

    def action_close(self) -> None:
        """Ask whether to close the marked sessions, or the one under the cursor."""
        chosen = self.table.cursor_row
        ids = sorted(self.sessions.marks) or ([chosen.id] if chosen else [])
        if ids:
            self.shell.close_sessions(ids)

    def fault_scopes(self) -> Sequence[Scope]:
        """Return the session under the cursor, and what it belongs to."""
        chosen = self.table.cursor_row
        return scopes_of_session(chosen.row) if chosen is not None else super().fault_scopes()

    def copy_text(self) -> tuple[str, str] | None:
        """Return the row under the cursor as JSON, or the command to try when there is none."""
        chosen = self.table.cursor_row
        if chosen is not None:
            return json_of(chosen.row), f"session {chosen.id} as JSON"
        command = try_command(self.shell.model.listener)
        return (command, "the command") if command and self._is_empty else None

    def copies(self) -> tuple[str, Sequence[Copy]] | None:
        """Return the forms of the session under the cursor."""
        chosen = self.table.cursor_row
        return (f"session {chosen.id}", copies_of_session(chosen.row)) if chosen else None

    def export_rows(self) -> tuple[str, Sequence[msgspec.Struct]] | None:
        """Return the rows that are shown."""
        return "connections", [session.row for session in self.table.rows]
