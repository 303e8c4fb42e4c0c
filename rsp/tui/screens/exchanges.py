"""The last finished exchanges: what already scrolled out of the Connections screen."""

from collections.abc import Sequence

from rsp.core.exchange_rows import ExchangeRow, Exchanges
from rsp.core.sanitise import safe
from rsp.core.time_budget import budget_sentence
from rsp.tui.feed import Pull
from rsp.tui.keymap import bindings
from rsp.tui.limits import EXCHANGES_SHOWN, SLOW_PULL_S
from rsp.tui.model.budget_text import bar
from rsp.tui.model.copy_as import Copy, address_of, copies_of_exchange
from rsp.tui.model.exchange_columns import EXCHANGE_COLUMNS
from rsp.tui.model.spans import Line, Span, wrap
from rsp.tui.screens.newest_first import NewestFirst


class ExchangesScreen(NewestFirst):
    """Lists finished exchanges."""

    BINDINGS = bindings("exchanges")
    TAB = "connections"
    WHERE = "exchanges"
    COLUMNS = EXCHANGE_COLUMNS
    ASKED = Pull("exchanges", Exchanges, {"limit": EXCHANGES_SHOWN}, SLOW_PULL_S)
    NAME = "exchange"

    def __init__(self) -> None:
        super().__init__()
        self._sentence: str | None = None

    def rows_of(self, answer: Exchanges) -> list[ExchangeRow]:
        """Return the exchanges, and remember what the slow ones have in common."""
        self._sentence = answer.sentence
        return answer.exchanges

    def session_of(self, row: ExchangeRow) -> int:
        """Return the session of an exchange."""
        return row.session

    def chosen_lines(self, row: ExchangeRow | None, width: int) -> tuple[str, list[Line]]:
        """Return what the slow ones have in common, and where the time of the chosen one went."""
        lines: list[Line] = []
        if self._sentence is not None:
            lines += [(Span(part, "warn"),) for part in wrap(safe(self._sentence), width)]
        if row is not None:
            said = budget_sentence(row.budget, row.backend, row.client)
            lines.append(bar(row.budget, width))
            lines += [(Span(part),) for part in wrap(safe(said), width)]
        if not self._sentence:
            return "where the time went", lines
        # The engine judges them all: the filter is ours.
        about = ": all exchanges, not only those of the filter" if self.narrowed else ""
        return f"why it is slow{about}", lines

    def copies(self) -> tuple[str, Sequence[Copy]] | None:
        """Return the forms of the exchange under the cursor."""
        chosen = self.table.cursor_row
        if chosen is None:
            return None
        model = self.shell.model
        address = address_of(model.backends.pools, chosen.pool, chosen.backend)
        return f"exchange {chosen.id}", copies_of_exchange(chosen, model.listener, address)
