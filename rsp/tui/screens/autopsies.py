"""How the last sessions ended: a code, a sentence, and what both sides looked like."""

from rsp.core.autopsy import Autopsies, AutopsyRow
from rsp.tui.feed import Pull
from rsp.tui.keymap import bindings
from rsp.tui.limits import AUTOPSIES_SHOWN, SLOW_PULL_S
from rsp.tui.model.autopsy_text import AUTOPSY_COLUMNS, in_full
from rsp.tui.model.spans import Line, Span
from rsp.tui.screens.newest_first import NewestFirst


class AutopsiesScreen(NewestFirst):
    """Lists the sessions that are over."""

    BINDINGS = bindings("autopsies")
    TAB = "events"
    WHERE = "autopsies"
    COLUMNS = AUTOPSY_COLUMNS
    ASKED = Pull("autopsies", Autopsies, {"limit": AUTOPSIES_SHOWN}, SLOW_PULL_S)
    NAME = "ending"

    def rows_of(self, answer: Autopsies) -> list[AutopsyRow]:
        """Return the endings."""
        return answer.autopsies

    def session_of(self, row: AutopsyRow) -> int:
        """Return the session that ended."""
        return row.id

    def chosen_lines(self, row: AutopsyRow | None, width: int) -> tuple[str, list[Line]]:
        """Return the chosen ending in full."""
        if row is None and self.rows:
            return "no ending matches", [(Span("esc clears the filter."),)]
        if row is None:
            return "no session is over yet", [(Span("Endings are listed here as they happen."),)]
        return f"session {row.id}", in_full(row, width)
