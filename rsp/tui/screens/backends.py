"""The Backends screen: every pool, what its backends get and do, and the live edits of them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from textual.widget import Widget

from rsp.core.backends import WEIGHT_MAX
from rsp.core.generation_rows import Edits
from rsp.core.replies import BackendRow, Backends, Changed
from rsp.tui.commanding import hint
from rsp.tui.feed import Pull
from rsp.tui.keymap import bindings
from rsp.tui.limits import DEAF_S, SLOW_PULL_S
from rsp.tui.model.backend_columns import (
    BACKEND_COLUMNS,
    as_lua,
    columns_of,
    in_full,
    pool_in_full,
    pool_title,
)
from rsp.tui.model.backends import BackendLine, BackendList, PoolLine, TableLine
from rsp.tui.model.copy_as import Copy, copies_of_backend
from rsp.tui.model.differs import differs_line
from rsp.tui.model.fault_edit import Scope, scopes_of_backend
from rsp.tui.model.session_columns import shown
from rsp.tui.screens.backend_form import AddForm, EditForm
from rsp.tui.screens.backend_questions import remove_question, state_question
from rsp.tui.screens.frame import Frame
from rsp.tui.widgets.lines import Lines
from rsp.tui.widgets.titles import entitle
from rsp.tui.widgets.virtual_table import VirtualTable

Wanted = Callable[[BackendRow], Mapping[str, Any] | None]
"""Given a backend as it is when the edit's turn comes: what to set; None sets nothing."""


class BackendsScreen(Frame):
    """Lists pools and backends."""

    BINDINGS = bindings("backends")
    TAB = "backends"
    WHERE = "backends"
    AUTO_FOCUS = "#backends"

    def __init__(self) -> None:
        super().__init__()
        self._edits = Edits([], [])
        self._refusals = 0
        self._has_chosen = False
        self._is_deaf = False

    def body(self) -> Iterable[Widget]:
        """Lay out the table, the line about the file, and the chosen backend."""
        table = VirtualTable[TableLine](BACKEND_COLUMNS, lambda line: line.key, id="backends")
        table.whole_line = pool_title
        table.add_class("boxed")
        yield table
        yield Lines(id="differs", classes="-absent")
        yield Lines(id="backend", classes="boxed aside")

    @property
    def table(self) -> VirtualTable[TableLine]:
        """The table."""
        return self.query_one("#backends", VirtualTable)

    @property
    def backends(self) -> BackendList:
        """What is listed."""
        return self.shell.model.backends

    # -- what is shown

    def pulls(self) -> Sequence[Pull]:
        """Ask for the table as often as the eye follows, and for the edits now and then."""
        return [Pull("backends", Backends), Pull("edits", Edits, every_s=SLOW_PULL_S)]

    def take(self, pull: Pull, answer: msgspec.Struct) -> None:
        """Show an answer."""
        if isinstance(answer, Edits):
            self._edits = answer
        if isinstance(answer, Edits | Backends):
            self.show_body()
        if isinstance(form := self.app.screen, EditForm):
            form.follow()

    def show_body(self) -> None:
        """Show the table and the pane as of now."""
        table = self.table
        lines = self.backends.lines()
        table.show_columns(columns_of(self.backends))
        table.show(lines)
        if not self._has_chosen and len(lines) > 1:
            # The first line is the title of a pool; whoever comes here means a backend.
            self._has_chosen = True
            table.move_to(1)
        count = len(self.backends.rows)
        pools = len(self.backends.pools)
        said = f"Backends [{count}]" + (f" in {pools} pools" if pools > 1 else "")
        entitle(table, said, f"generation {self.backends.generation or '?'}")
        self._show_differs()
        self._show_chosen()

    def _show_differs(self) -> None:
        said = differs_line(self._edits, self.shell.model, self.size.width)
        bar = self.query_one("#differs", Lines)
        bar.set_class(not said, "-absent")
        bar.show([said])

    def _show_chosen(self) -> None:
        box = self.query_one("#backend", Lines)
        chosen = self.table.cursor_row
        if isinstance(chosen, BackendLine):
            entitle(box, shown(chosen.key))
            size, status = box.content_size, self.shell.model.status
            troubles = status.troubles if status is not None else ()
            box.show(in_full(chosen, size.width, size.height, troubles))
            return
        entitle(box, f"pool {shown(chosen.pool.name)}" if chosen else "no backend")
        box.show(pool_in_full(chosen.pool) if chosen else [])

    def choose(self, key: str) -> None:
        """Put the cursor on the backend `pool/name`."""
        self.show_body()
        for index, line in enumerate(self.table.rows):
            if line.key == key:
                self._has_chosen = True
                self.table.move_to(index)
                return
        self.shell.say(f"There is no backend {key}.")

    def on_virtual_table_moved(self) -> None:
        """Let the pane follow the cursor."""
        self._show_chosen()

    def on_virtual_table_opened(self) -> None:
        """Show the connections of this backend, or of this pool."""
        line = self.table.cursor_row
        if isinstance(line, PoolLine):
            self.shell.filter_sessions(f"pool:{line.pool.name}")
        elif line is not None:
            is_only = len(self.backends.keys_named(line.row.name)) == 1
            pool = "" if is_only else f"pool:{line.pool.name} "
            self.shell.filter_sessions(f"{pool}backend:{line.row.name}")

    # -- edits

    @property
    def chosen(self) -> BackendLine | None:
        """The backend under the cursor; says so when there is none."""
        line = self.table.cursor_row
        if isinstance(line, BackendLine):
            return line
        self.shell.say("Put the cursor on a backend first.")
        return None

    def _set(self, key: str, wanted: Wanted, seen: int | None = None) -> None:
        """Change a backend. What it is changed to is decided when the edit's turn comes; against
        which generation as well, unless the person was asked and saw `seen`."""
        if self._is_deaf:
            return
        refusals = self._refusals
        values: dict[str, Any] = {}

        def params() -> Mapping[str, Any] | None:
            row = self.backends.row(key)
            # What was pressed before a refusal was seen was meant for another table.
            if row is None or refusals != self._refusals:
                return None
            values.update(wanted(row) or {})
            return {"target": key, "if_generation": seen or self.backends.generation, **values}

        def done(answer: msgspec.Struct) -> None:
            if isinstance(answer, Changed):
                self._applied(key, answer, values)

        self.shell.give("backend.set", params, done, self._refused)

    def _refused(self, _reason: str) -> None:
        self._refusals += 1
        # A finger that repeats a key does not read what the engine has just said.
        self._is_deaf = True
        self.set_timer(DEAF_S, self._listen)
        # A frozen table would stay the one that the engine has just refused.
        if self.shell.model.is_frozen:
            self.shell.model.freeze()

    def _listen(self) -> None:
        self._is_deaf = False

    def _applied(self, key: str, answer: Changed, values: Mapping[str, Any]) -> None:
        is_new = answer.generation != self.backends.generation
        said = "\n".join(answer.changed) or "Nothing changed."
        self.shell.say_change(said + hint("backend.set", answer) if is_new else said)
        self.backends.note_edit(key, answer.generation, **values)
        self.show_body()

    def action_weigh(self, step: int) -> None:
        """Give the backend a little more weight, or a little less."""
        line = self.chosen
        if line is None:
            return

        def wanted(row: BackendRow) -> Mapping[str, Any]:
            return {"weight": min(max(row.weight + step, 0), WEIGHT_MAX)}

        self._set(line.key, wanted)

    def action_exact_weight(self) -> None:
        """Ask for the exact weight."""
        if (line := self.chosen) is not None:
            _ = self.app.push_screen(EditForm(line, self.backends, self._applied, only_weight=True))

    def action_add_backend(self) -> None:
        """Ask for a new backend of this pool."""
        line = self.table.cursor_row
        if line is None:
            self.shell.say("There is no pool to add a backend to.")
            return
        _ = self.app.push_screen(AddForm(line.pool, self.backends, self._applied))

    def action_edit_backend(self) -> None:
        """Ask for another address, weight or limit."""
        if (line := self.chosen) is not None:
            _ = self.app.push_screen(
                EditForm(line, self.backends, self._applied, only_weight=False)
            )

    def action_backend_state(self) -> None:
        """Ask for the state."""
        line = self.chosen
        if line is None:
            return

        seen = self.backends.generation

        def answered(state: str | None) -> None:
            if state is not None:
                # The answer is to what was shown, whatever somebody else changes meanwhile.
                self._set(line.key, lambda _row: {"state": state}, seen)

        _ = self.app.push_screen(state_question(line, self.shell), answered)

    def action_remove_backend(self) -> None:
        """Ask whether to remove the backend now or once it is idle."""
        line = self.chosen
        if line is None:
            return
        seen = self.backends.generation

        def answered(when: str | None) -> None:
            if when is None:
                return
            params: dict[str, Any] = {"target": line.key, "if_generation": seen}
            if when == "idle":
                params["when_idle"] = True
            self.shell.give("backend.remove", params, refused=self._refused)

        _ = self.app.push_screen(remove_question(line, self.shell), answered)

    def fault_scopes(self) -> Sequence[Scope]:
        """Return the backend under the cursor, and its pool."""
        line = self.table.cursor_row
        if line is None:
            return super().fault_scopes()
        backend = line.row.name if isinstance(line, BackendLine) else ""
        return scopes_of_backend(line.pool.name, backend)

    # -- what leaves the screen

    def copy_text(self) -> tuple[str, str] | None:
        """Return the backend under the cursor as the configuration file would have it."""
        line = self.table.cursor_row
        if not isinstance(line, BackendLine):
            return None
        return as_lua(line), f"{line.key} as a line of Lua"

    def copies(self) -> tuple[str, Sequence[Copy]] | None:
        """Return the forms of the backend under the cursor."""
        line = self.table.cursor_row
        if not isinstance(line, BackendLine):
            return None
        return shown(line.key), copies_of_backend(line)

    def export_rows(self) -> tuple[str, Sequence[msgspec.Struct]] | None:
        """Return every pool."""
        return "backends", self.backends.pools
