"""The Routing screen: why each request went where it went, and which names go two ways."""

from collections.abc import Iterable, Sequence

import msgspec
from textual.widget import Widget

from rsp.core.addresses import UNIX_PREFIX
from rsp.core.decision_rows import DecisionRow, Decisions
from rsp.core.filter import Filter
from rsp.core.sanitise import json_of
from rsp.tui.feed import Pull
from rsp.tui.keymap import bindings
from rsp.tui.limits import DECISIONS_BATCH
from rsp.tui.model.copy_as import Copy, address_of, copies_of_decision
from rsp.tui.model.decision_columns import (
    DECISION_COLUMNS,
    GROUP_COLUMNS,
    explain_command,
    explained,
    split_lines,
)
from rsp.tui.model.decisions import GROUPINGS, DecisionLog, Group, filter_for, grouped
from rsp.tui.model.spans import Span
from rsp.tui.screens.filtered import GrowingFrame
from rsp.tui.screens.trace import TraceScreen, of_decision
from rsp.tui.screens.try_route import TryRoute
from rsp.tui.widgets.filter_bar import FilterBar
from rsp.tui.widgets.lines import Lines
from rsp.tui.widgets.titles import entitle
from rsp.tui.widgets.virtual_table import VirtualTable


class RoutingScreen(GrowingFrame):
    """Lists decisions, the newest last, or groups of them."""

    BINDINGS = bindings("routing")
    TAB = "routing"
    WHERE = "routing"
    AUTO_FOCUS = "#decisions"

    def __init__(self) -> None:
        super().__init__()
        self._filter: Filter | None = None
        self._follows = True
        self._by = ""
        """What the decisions are grouped by; empty: they are listed one by one."""

    def body(self) -> Iterable[Widget]:
        """Lay out the notice of split keys, both tables, the filter and the explanation."""
        yield Lines(id="splits", classes="-absent")
        table = VirtualTable[DecisionRow](DECISION_COLUMNS, lambda row: row.seq, id="decisions")
        table.add_class("boxed")
        yield table
        groups = VirtualTable[Group](GROUP_COLUMNS, lambda group: group.name, id="groups")
        groups.add_class("boxed", "-absent")
        # Here `g` groups.
        table.unbound = groups.unbound = frozenset({"top"})
        yield groups
        yield FilterBar(id="filter")
        yield Lines(id="explain", classes="boxed aside")

    @property
    def table(self) -> VirtualTable[DecisionRow]:
        """The list of decisions."""
        return self.query_one("#decisions", VirtualTable)

    @property
    def groups(self) -> VirtualTable[Group]:
        """The list of groups."""
        return self.query_one("#groups", VirtualTable)

    @property
    def decisions(self) -> DecisionLog:
        """What is listed."""
        return self.shell.model.decisions

    # -- what is shown

    def pulls(self) -> Sequence[Pull]:
        """Ask for the newest decisions: also while frozen, for they are counted."""
        return [
            Pull("decisions", Decisions, {"since": self.decisions.since, "limit": DECISIONS_BATCH})
        ]

    def take(self, pull: Pull, answer: msgspec.Struct) -> None:
        """Show what came."""
        is_frozen = self.shell.model.is_frozen
        if isinstance(answer, Decisions) and not is_frozen:
            if self.decisions.version != self._shown_version:
                self.show_list()
            self._show_titles()

    def show_frame(self) -> None:
        """Show the frame and the titles: they count what waits behind a frozen list."""
        super().show_frame()
        self._show_titles()

    def show_body(self) -> None:
        """Show the decisions as of now; a frozen list stays, and is explained in its new size."""
        if self.stands_still:
            self._show_splits()
            self._show_titles()
            self._show_chosen()
        else:
            self.show_list()

    def show_list(self) -> None:
        """Show the decisions as of now, one by one or in groups."""
        self.note_shown(self.decisions.version, self.decisions.since)
        rows: Sequence[DecisionRow] = list(self.decisions.rows)
        if self._filter is not None:
            rows = [row for row in rows if self._filter.matches(row)]
        self.table.set_class(bool(self._by), "-absent")
        self.groups.set_class(not self._by, "-absent")
        if self._by:
            self.groups.show(grouped(rows, self._by))
        else:
            self.table.show(rows)
            if self._follows:
                self.table.action_last()
        self._show_splits()
        self._show_titles()
        self._show_chosen()
        if not self.query_one("#explain", Lines).content_size.height:
            # It was away until now, and has no size before the next layout.
            self.call_after_refresh(self._show_chosen)

    def _show_splits(self) -> None:
        notice = self.query_one("#splits", Lines)
        rows = split_lines(self.decisions.splits, self.size.width - 2)
        notice.set_class(not rows, "-absent")
        notice.styles.height = max(len(rows), 1)
        notice.show(rows)

    def _show_titles(self) -> None:
        model = self.shell.model
        if self._by:
            table: Widget = self.groups
            title = f"Decisions{self.narrowed} by {self._by} [{len(self.groups.rows):,} groups]"
            said = "enter narrows to a group · g the next grouping"
        else:
            table = self.table
            title = f"Decisions{self.narrowed} [{len(self.table.rows):,}]"
            said = "following the newest" if self._follows else "F follows the newest"
        entitle(table, title)
        if model.is_frozen:
            said = self.waiting(self.decisions.since, "decisions")
        lost = f" · {self.decisions.missed:,} too many to show" if self.decisions.missed else ""
        entitle(table, subtitle=said + lost)

    def _show_chosen(self) -> None:
        box = self.query_one("#explain", Lines)
        chosen = None if self._by else self.table.cursor_row
        box.set_class(bool(self._by), "-absent")
        if chosen is None:
            entitle(box, "no decision yet" if self._filter is None else "no decision matches")
            box.show([(Span("t", "key"), Span(" tries a route without traffic."))])
            return
        is_split = self.decisions.split_of(chosen) is not None
        entitle(box, f"decision {chosen.seq}" + (" ⚠ split key" * is_split))
        size = box.content_size
        box.show(explained(chosen, max(size.width, 20), size.height))

    # -- moving

    def on_virtual_table_moved(self) -> None:
        """Explain the chosen decision; away from the end, stop following."""
        if not self._by:
            self._follows = self.table.cursor_index == len(self.table.rows) - 1
            self._show_chosen()
            self._show_titles()

    def on_virtual_table_opened(self) -> None:
        """Explain a decision line by line, or narrow the list to a group."""
        group = self.groups.cursor_row
        if not self._by:
            if (chosen := self._chosen()) is not None:
                _ = self.app.push_screen(TraceScreen(of_decision(chosen)))
        elif group is not None:
            by, self._by = self._by, ""
            self.table.focus()
            self.filter_bar.set(filter_for(by, group.name))
            self.show_list()

    def action_session(self) -> None:
        """Go to the session of the chosen decision."""
        if (chosen := self._chosen()) is not None:
            self.shell.open_session(chosen.session)

    def action_backend(self) -> None:
        """Go to the backend of the chosen decision."""
        chosen = self._chosen()
        if chosen is not None and chosen.backend is not None:
            self.shell.show_backend(f"{chosen.pool}/{chosen.backend}")
        elif chosen is not None:
            self.shell.say("This decision found no backend: the reason says why.")

    def _chosen(self) -> DecisionRow | None:
        chosen = None if self._by else self.table.cursor_row
        if chosen is None:
            self.shell.say("Put the cursor on a decision first.")
        return chosen

    def action_group(self) -> None:
        """Group by the next thing; after the last one, list the decisions again."""
        names = ["", *GROUPINGS]
        self._by = names[(names.index(self._by) + 1) % len(names)]
        self.show_list()
        self.focus_list()

    def action_follow(self) -> None:
        """Follow the newest decision, or stop."""
        self._follows = not self._follows
        if self._follows:
            self.table.action_last()
        self._show_titles()

    def action_try_route(self) -> None:
        """Ask where a made-up request would go, beginning with the chosen decision."""
        chosen = None if self._by else self.table.cursor_row
        method, host, path = "GET", "", "/"
        if chosen is not None and chosen.method:
            method, host, path = chosen.method, chosen.host, chosen.path
        listener = self.shell.model.listener
        if not host and not listener.startswith(UNIX_PREFIX):
            host = listener
        host = host or "www.example.com"
        url = f"http://{host}{path}"
        _ = self.app.push_screen(TryRoute(method, url))

    # -- the filter

    def narrow(self, chosen: Filter | None) -> None:
        """Show only what a filter lets pass."""
        self._filter = chosen
        self.show_list()

    def focus_list(self) -> None:
        """Give the keys back to the list that is shown."""
        (self.groups if self._by else self.table).focus()

    def widen(self) -> bool:
        """Clear the filter; without one, end the grouping."""
        if super().widen():
            return True
        was_grouped = bool(self._by)
        if was_grouped:
            self._by = ""
            self.show_list()
            self.table.focus()
        return was_grouped

    # -- what leaves the screen

    def copy_text(self) -> tuple[str, str] | None:
        """Return the command line that explains such a request; of a tcp session, the JSON."""
        chosen = None if self._by else self.table.cursor_row
        if chosen is None:
            return None
        status = self.shell.model.status
        command = explain_command(chosen, status.config if status else None)
        if command:
            return command, "the command that explains it"
        return json_of(chosen), f"decision {chosen.seq} as JSON"

    def copies(self) -> tuple[str, Sequence[Copy]] | None:
        """Return the forms of the decision under the cursor."""
        chosen = None if self._by else self.table.cursor_row
        if chosen is None:
            return None
        model = self.shell.model
        address = address_of(model.backends.pools, chosen.pool, chosen.backend)
        return f"decision {chosen.seq}", copies_of_decision(chosen, model.listener, address)

    def export_rows(self) -> tuple[str, Sequence[msgspec.Struct]] | None:
        """Return the decisions that are shown."""
        return "decisions", self.table.rows
