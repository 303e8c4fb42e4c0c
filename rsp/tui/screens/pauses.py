"""Who blocks whom: every pause, by its cause and by whoever holds the others up."""

from collections.abc import Hashable, Iterable, Sequence

import msgspec
from textual.widget import Widget

from rsp.core.pause_tree import PauseGroup, Pauses
from rsp.core.sanitise import json_of, safe
from rsp.core.units import counted
from rsp.tui.feed import Pull
from rsp.tui.limits import SLOW_PULL_S
from rsp.tui.model.pause_lines import PAUSE_COLUMNS, PauseLine, pause_lines
from rsp.tui.model.spans import Span, wrap
from rsp.tui.model.text import UNKNOWN
from rsp.tui.screens.frame import Frame
from rsp.tui.widgets.lines import Lines
from rsp.tui.widgets.titles import entitle
from rsp.tui.widgets.virtual_table import VirtualTable


class PausesScreen(Frame):
    """Shows the tree of pauses, the biggest cause first."""

    TAB = "connections"
    WHERE = "pauses"
    AUTO_FOCUS = "#pauses"

    def __init__(self) -> None:
        super().__init__()
        self._groups: list[PauseGroup] = []
        self._is_answered = False
        self._folded: set[Hashable] = set()

    def body(self) -> Iterable[Widget]:
        """Lay out the tree, and the sentence of the chosen line."""
        table = VirtualTable[PauseLine](PAUSE_COLUMNS, lambda line: line.key, id="pauses")
        table.add_class("boxed")
        table.stays_on_top = True
        yield table
        yield Lines(id="blocker", classes="boxed aside")

    @property
    def table(self) -> VirtualTable[PauseLine]:
        """The tree."""
        return self.query_one("#pauses", VirtualTable)

    def pulls(self) -> Sequence[Pull]:
        """Ask for the pauses once a second; while frozen, until there is something to show."""
        if self.shell.model.is_frozen and self._is_answered:
            return ()
        return [Pull("pauses", Pauses, {}, SLOW_PULL_S)]

    def take(self, pull: Pull, answer: msgspec.Struct) -> None:
        """Show the pauses."""
        if isinstance(answer, Pauses):
            self._is_answered = True
            self._groups = answer.pauses
            self.show_body()

    def show_body(self) -> None:
        """Show the tree as of now, and the sentence of the chosen line."""
        self.table.show(pause_lines(self._groups, self._folded))
        held_up = counted(sum(group.sessions for group in self._groups), "session")
        count = f"[{len(self._groups):,}] · {held_up} held up"
        entitle(
            self.table,
            f"Who blocks whom {count if self._is_answered else UNKNOWN}",
            "enter opens a session, folds the others · esc back",
        )
        self._show_sentence()

    def _show_sentence(self) -> None:
        box, chosen = self.query_one("#blocker", Lines), self.table.cursor_row
        if not self._is_answered:
            entitle(box, UNKNOWN)
            box.show([])
        elif chosen is None:
            entitle(box, "nobody is held up")
            box.show([(Span("Every connection is read. The engine lets everybody in."),)])
        else:
            entitle(box, ("cause", "who holds them up", "who is held up")[chosen.depth])
            rows = wrap(safe(chosen.sentence), max(box.content_size.width, 20))
            box.show([(Span(row),) for row in rows])

    def on_virtual_table_moved(self) -> None:
        """Say the sentence of the chosen line."""
        self._show_sentence()

    def on_virtual_table_opened(self) -> None:
        """Open a session; fold what has others below it, or unfold it."""
        chosen = self.table.cursor_row
        if chosen is None:
            return
        if chosen.leaf is not None:
            self.shell.open_session(chosen.leaf.session)
            return
        self._folded ^= {chosen.key}
        self.show_body()

    def copy_text(self) -> tuple[str, str] | None:
        """Return who is held up as JSON, or the sentence of a line that is no session."""
        chosen = self.table.cursor_row
        if chosen is None:
            return None
        if chosen.leaf is None:
            return chosen.sentence, "the sentence"
        return json_of(chosen.leaf), f"the pause of session {chosen.leaf.session} as JSON"

    def export_rows(self) -> tuple[str, Sequence[msgspec.Struct]] | None:
        """Return the groups, with all that they hold up."""
        return "pauses", self._groups
