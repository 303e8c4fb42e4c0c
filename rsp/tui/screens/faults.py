"""Faults on purpose: what is in force, what may be added, and the form for one."""

from collections.abc import Mapping, Sequence
from typing import cast

import msgspec
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen

from rsp.core.faults.kinds import KINDS
from rsp.core.faults.rows import FaultAdded, FaultsReply
from rsp.core.sanitise import safe
from rsp.core.wire import CommandRefused
from rsp.tui.client import EngineGone
from rsp.tui.model.fault_edit import (
    DIRECTION,
    FAULT_COLUMNS,
    SCOPE,
    FaultLine,
    Scope,
    default_text,
    fault_lines,
    has_direction,
    hint,
    params,
    problem,
    sentence,
    title_line,
    usable_scopes,
)
from rsp.tui.model.problem import Problem
from rsp.tui.model.spans import Line, Span, wrap
from rsp.tui.screens.form import Field, Form
from rsp.tui.screens.shell import Shell
from rsp.tui.widgets.virtual_table import VirtualTable


class FaultsScreen(ModalScreen[None]):
    """Lists the faults in force, and the kinds that may be added."""

    BINDINGS = [  # noqa: RUF012  (Textual declares the type)
        Binding("escape,q,T,ctrl+q", "close", "Close"),
        Binding("x,delete", "remove", "Remove"),
        Binding("X", "remove_all", "Remove all"),
    ]

    def __init__(self, scopes: Sequence[Scope]) -> None:
        super().__init__()
        self._scopes = scopes
        self._has_chosen = False

    @property
    def shell(self) -> Shell:
        """The app, as far as a screen may use it."""
        return cast(Shell, self.app)

    @property
    def table(self) -> VirtualTable[FaultLine]:
        """The lines."""
        return self.query_one("#faults", VirtualTable)

    @property
    def may_change(self) -> bool:
        """Whether this dashboard may break or mend anything."""
        return not self.shell.model.read_only

    def compose(self) -> ComposeResult:
        """Lay out the box."""
        with Vertical(id="faults-box") as box:
            box.border_title = Content("Faults on purpose")
            keys = "enter add · x remove · X remove all · " if self.may_change else "read-only · "
            box.border_subtitle = Content(f"{keys}esc close")
            table = VirtualTable[FaultLine](FAULT_COLUMNS, lambda line: line.key, id="faults")
            table.whole_line = title_line
            yield table

    def on_mount(self) -> None:
        """Show the lines once the engine has said what is in force."""
        self.table.focus()
        self.run_worker(self._look(), group="faults", exclusive=True)

    async def _look(self) -> None:
        try:
            found = await self.shell.feed.command("fault.list", {}, FaultsReply)
        except (CommandRefused, EngineGone) as error:
            self.shell.say(str(error), is_error=True)
            found = FaultsReply([])
        if not self.is_attached:
            return
        lines = fault_lines(found.faults, may_add=self.may_change)
        self.table.show(lines)
        if not self._has_chosen and len(lines) > 1:
            # Whoever comes here means what is in force, or the first kind, not a title.
            self._has_chosen = True
            self.table.move_to(1 if found.faults else 2)
        elif (line := self.table.cursor_row) is not None and line.title:
            # What was under it is gone, and a title took its place.
            self.table.action_move(1)

    def on_virtual_table_opened(self) -> None:
        """Ask for the values of the kind under the cursor."""
        line = self.table.cursor_row
        if line is not None and line.kind and self.may_change:
            form = FaultForm(line.kind, usable_scopes(line.kind, self._scopes))
            _ = self.app.push_screen(form, lambda _: self._catch_up())

    def _catch_up(self) -> None:
        self.run_worker(self._look(), group="faults", exclusive=True)

    def action_remove(self) -> None:
        """Take the fault under the cursor away."""
        line = self.table.cursor_row
        if line is not None and line.row is not None and self.may_change:
            self._remove(line.row.id)

    def action_remove_all(self) -> None:
        """Take all faults away."""
        if self.may_change:
            self._remove("all")

    def _remove(self, which: int | str) -> None:
        def done(_answer: msgspec.Struct) -> None:
            self.shell.say_change(
                f"fault {which} removed" if which != "all" else "all faults removed"
            )
            self._catch_up()

        self.shell.give("fault.remove", {"id": which}, done)

    def action_close(self) -> None:
        """Go back to the screen below."""
        _ = self.dismiss()


class FaultForm(Form):
    """Asks for the values of one fault, which way, and for whom."""

    APPLY = "Break it"
    SAID_ROWS = 6

    def __init__(self, kind: str, scopes: Sequence[Scope]) -> None:
        self._kind = kind
        self._scopes = scopes
        values = KINDS[kind].values
        fields = [
            Field(name, f"{name} {value.unit}".rstrip(), default_text(value), hint(value))
            for name, value in values.items()
        ]
        if has_direction(KINDS[kind]):
            fields.append(Field(DIRECTION, "Direction", "response", "request or response"))
        words = ", ".join(scope.word for scope in scopes)
        fields.append(Field(SCOPE, "For", scopes[0].word, words))
        super().__init__(f"Add a fault: {kind}", fields)

    def problem(self, typed: Mapping[str, str]) -> Problem | None:
        """Return what keeps it from being added."""
        return problem(self._kind, typed, self._scopes)

    def effect(self, typed: Mapping[str, str]) -> list[Line]:
        """Return what it would do, and what may be typed."""
        said = sentence(self._kind, typed, self._scopes)
        words = ", ".join(f"{scope.word} ({scope.said})" for scope in self._scopes)
        means = [f"{name}: {hint(value)}" for name, value in KINDS[self._kind].values.items()]
        rows = [Span(row, "accent") for row in wrap(safe(said), self.room)]
        rows += [Span(row, "dim") for text in means for row in wrap(text, self.room)]
        rows += [Span(row, "dim") for row in wrap(safe(f"For: {words}"), self.room)]
        return [(row,) for row in rows]

    def apply(self, typed: Mapping[str, str]) -> None:
        """Add it; it is taken back as easily."""

        def done(answer: msgspec.Struct) -> None:
            if isinstance(answer, FaultAdded):
                self.shell.say_change(
                    f"↯ {answer.id}: {answer.sentence} · x in this list removes it"
                )
            if self.is_attached:
                _ = self.dismiss()

        sent = params(self._kind, typed, self._scopes)
        self.shell.give("fault.add", sent, done, self.refused)
