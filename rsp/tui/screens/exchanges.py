"""The last finished exchanges: what already scrolled out of the Connections screen."""

from collections.abc import Iterable, Sequence

import msgspec
from textual.widget import Widget

from rsp.core.exchange_rows import ExchangeRow, Exchanges
from rsp.core.filter import Filter
from rsp.core.sanitise import json_of, safe
from rsp.core.time_budget import budget_sentence
from rsp.tui.feed import Pull
from rsp.tui.keymap import bindings
from rsp.tui.limits import EXCHANGES_SHOWN, SLOW_PULL_S
from rsp.tui.model.budget_text import bar
from rsp.tui.model.copy_as import Copy, address_of, copies_of_exchange
from rsp.tui.model.exchange_columns import EXCHANGE_COLUMNS
from rsp.tui.model.spans import Line, Span, wrap
from rsp.tui.screens.filtered import FilteredFrame
from rsp.tui.widgets.filter_bar import FilterBar
from rsp.tui.widgets.lines import Lines
from rsp.tui.widgets.titles import entitle
from rsp.tui.widgets.virtual_table import VirtualTable


class ExchangesScreen(FilteredFrame):
    """Lists finished exchanges, the newest first."""

    BINDINGS = bindings("exchanges")
    TAB = "connections"
    WHERE = "exchanges"
    AUTO_FOCUS = "#exchanges"

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[ExchangeRow] = []
        self._sentence: str | None = None
        self._filter: Filter | None = None

    def body(self) -> Iterable[Widget]:
        """Lay out the list and its filter."""
        table = VirtualTable[ExchangeRow](EXCHANGE_COLUMNS, lambda row: row.id, id="exchanges")
        table.add_class("boxed")
        table.stays_on_top = True
        yield table
        yield FilterBar(id="filter")
        yield Lines(id="budget", classes="boxed aside")

    @property
    def table(self) -> VirtualTable[ExchangeRow]:
        """The list."""
        return self.query_one("#exchanges", VirtualTable)

    def pulls(self) -> Sequence[Pull]:
        """Ask for the exchanges once a second."""
        if self.shell.model.is_frozen:
            return ()
        return [Pull("exchanges", Exchanges, {"limit": EXCHANGES_SHOWN}, SLOW_PULL_S)]

    def take(self, pull: Pull, answer: msgspec.Struct) -> None:
        """Show the exchanges."""
        if isinstance(answer, Exchanges):
            self._rows, self._sentence = answer.exchanges, answer.sentence
            self.show_body()

    def show_body(self) -> None:
        """Show the exchanges that came last."""
        rows = [row for row in self._rows if self._filter is None or self._filter.matches(row)]
        table = self.table
        table.show(rows)
        entitle(
            table,
            f"Exchanges{self.narrowed} [{len(rows):,}] · the last to end comes first",
            self._said,
        )
        self._show_budget()

    def _show_budget(self) -> None:
        """Show what the slow ones have in common, and where the time of the chosen one went."""
        box, chosen = self.query_one("#budget", Lines), self.table.cursor_row
        width = max(box.content_size.width, 20)
        lines: list[Line] = []
        if self._sentence is not None:
            lines += [(Span(row, "warn"),) for row in wrap(safe(self._sentence), width)]
        if chosen is not None:
            said = budget_sentence(chosen.budget, chosen.backend, chosen.client)
            lines.append(bar(chosen.budget, width))
            lines += [(Span(row),) for row in wrap(safe(said), width)]
        entitle(box, "why it is slow" if self._sentence else "where the time went")
        box.show(lines)

    @property
    def _said(self) -> str:
        follows = "following the newest" if self.table.follows_top else "F follows the newest"
        return f"{follows} · esc back"

    def action_follow(self) -> None:
        """Follow the newest exchange, or stay on the one under the cursor."""
        if self.table.follows_top:
            self.table.stay()
        else:
            self.table.action_first()
        self.show_body()

    def on_virtual_table_moved(self) -> None:
        """Say when the newest is not followed any more."""
        entitle(self.table, subtitle=self._said)
        self._show_budget()

    def on_virtual_table_opened(self) -> None:
        """Open the session of an exchange."""
        chosen = self.table.cursor_row
        if chosen is not None:
            self.shell.open_session(chosen.session)

    def narrow(self, chosen: Filter | None) -> None:
        """Show only what a filter lets pass."""
        self._filter = chosen
        self.show_body()

    def copy_text(self) -> tuple[str, str] | None:
        """Return the row under the cursor as JSON."""
        chosen = self.table.cursor_row
        if chosen is None:
            return None
        return json_of(chosen), f"exchange {chosen.id} as JSON"

    def copies(self) -> tuple[str, Sequence[Copy]] | None:
        """Return the forms of the exchange under the cursor."""
        chosen = self.table.cursor_row
        if chosen is None:
            return None
        model = self.shell.model
        address = address_of(model.backends.pools, chosen.pool, chosen.backend)
        return f"exchange {chosen.id}", copies_of_exchange(chosen, model.listener, address)

    def export_rows(self) -> tuple[str, Sequence[msgspec.Struct]] | None:
        """Return the rows that are shown."""
        return "exchanges", self.table.rows
