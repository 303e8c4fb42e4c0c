"""A small form: fields that are checked as one types, and what applying them would do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.timer import Timer
from textual.widgets import Button, Input

from rsp.core.sanitise import safe
from rsp.tui.limits import ASK_AFTER_S
from rsp.tui.model.problem import Problem
from rsp.tui.model.spans import Line, Span, wrap
from rsp.tui.screens.shell import Shell
from rsp.tui.widgets.lines import Lines


@dataclass(frozen=True, slots=True)
class Field:
    """One line of a form."""

    id: str
    label: str
    value: str = ""
    hint: str = ""
    """Shown while nothing is typed."""


_EDGE_ROWS = 5
"""Border and blank of the box, and its buttons."""


class Form(ModalScreen[None]):
    """Base of the forms. A subclass says what is wrong, what would happen, and what applying is."""

    BINDINGS = [  # noqa: RUF012  (Textual declares the type)
        Binding("escape", "cancel", "Cancel"),
        Binding("ctrl+s", "apply", "Apply"),
        Binding("down", "app.focus_next", "Next field", show=False),
        Binding("up", "app.focus_previous", "Previous field", show=False),
    ]

    SAID_ROWS = 4
    """Rows below the fields."""

    APPLY = "Apply"
    """The word on the button; empty: there is nothing to apply."""

    FIRST_FIELD = ""
    """Id of the field that has the focus at first; empty: the first one."""

    FOOT = "tab next field · enter apply · esc close"

    def __init__(self, title: str, fields: Sequence[Field]) -> None:
        super().__init__()
        self._title = title
        self._fields = fields
        self._question = 0
        self._pause: Timer | None = None

    # -- what a subclass says

    def problem(self, typed: Mapping[str, str]) -> Problem | None:
        """Return what is wrong with what is typed."""
        raise NotImplementedError

    def effect(self, typed: Mapping[str, str]) -> list[Line]:
        """Return what can be said at once of what is typed, when nothing is wrong with it."""
        return []

    async def ask(self, typed: Mapping[str, str]) -> list[Line] | None:
        """Return what the engine says of it, once the typing pauses; None: it is not asked."""
        return None

    def apply(self, typed: Mapping[str, str]) -> None:
        """Do it."""

    # -- the form itself

    @property
    def shell(self) -> Shell:
        """The app, as far as a screen may use it."""
        return cast(Shell, self.app)

    def compose(self) -> ComposeResult:
        """Lay out the fields, what is said of them, and the buttons."""
        with Vertical(id="form") as box:
            box.border_title = Content(safe(self._title))
            box.border_subtitle = Content(self.FOOT)
            for field in self._fields:
                with Horizontal(classes="form-row"):
                    yield Lines(id=f"label-{field.id}", classes="form-label")
                    yield Input(
                        field.value, field.hint, id=f"field-{field.id}", select_on_focus=True
                    )
                    yield Lines(id=f"sign-{field.id}", classes="form-sign")
            yield Lines(id="form-said")
            with Horizontal(id="form-buttons"):
                yield Button(Content("Close  esc"), id="cancel")
                if self.APPLY:
                    yield Button(Content(f"{self.APPLY}  enter"), id="apply", variant="primary")

    def on_mount(self) -> None:
        """Show the labels, and what is to be said of the values that stand there."""
        self._fit()
        for field in self._fields:
            self.query_one(f"#label-{field.id}", Lines).show([(Span(field.label, "dim"),)])
        for box in self.query(Input):
            box.cursor_blink = False
        if self.FIRST_FIELD:
            self.query_one(f"#field-{self.FIRST_FIELD}").focus()
        self.call_after_refresh(self._look)

    def on_resize(self) -> None:
        """Keep the buttons in sight on a small screen: less is said there."""
        self._fit()

    def _fit(self) -> None:
        room = self.size.height - len(self._fields) - _EDGE_ROWS
        for box in self._said:
            box.styles.height = max(min(self.SAID_ROWS + 1, room), 2)

    @property
    def typed(self) -> dict[str, str]:
        """What stands in the fields, by their ids."""
        return {
            field.id: self.query_one(f"#field-{field.id}", Input).value.strip()
            for field in self._fields
        }

    def on_input_changed(self) -> None:
        """Check what was typed; ask the engine when the typing pauses."""
        self._look()

    def _look(self) -> None:
        typed = self.typed
        found = self.problem(typed)
        for field in self._fields:
            sign = Span(" ✓", "good") if found is None and typed[field.id] else Span("")
            if found is not None and found.field == field.id:
                sign = Span(" ✗", "bad")
            self.query_one(f"#sign-{field.id}", Lines).show([(sign,)])
        self._drop_question()
        if found is not None:
            self.say([(Span(row, "bad"),) for row in wrap(safe(found.text), self.room)])
            return
        self.say(self.effect(typed))
        self._pause = self.set_timer(ASK_AFTER_S, partial(self._ask_engine, self._question, typed))

    def _drop_question(self) -> None:
        self._question += 1
        if self._pause is not None:
            self._pause.stop()

    def _ask_engine(self, question: int, typed: Mapping[str, str]) -> None:
        # A timer that is stopped may have had its turn already.
        if question == self._question:
            self.run_worker(self._asking(question, typed), group="form")

    async def _asking(self, question: int, typed: Mapping[str, str]) -> None:
        said = await self.ask(typed)
        # Whoever typed on in the meantime gets the answer to the newer question.
        if said is not None and question == self._question:
            self.say(said)

    @property
    def room(self) -> int:
        """Cells of a line of what is said."""
        return max([20, *(box.content_size.width for box in self._said)])

    @property
    def _said(self) -> Sequence[Lines]:
        # Nothing is left of it in a form that is being closed, when an answer may still come.
        return [*self.query("#form-said").results(Lines)]

    def say(self, lines: Sequence[Line]) -> None:
        """Show lines below the fields."""
        for box in self._said:
            box.show([(), *lines[: self.SAID_ROWS]])

    def refused(self, reason: str) -> None:
        """Show why the engine did not do it; the form stays, so that it can be tried again."""
        # An answer to what was asked before would take its place.
        self._drop_question()
        self.say([(Span(row, "bad"),) for row in wrap(f"✗ {safe(reason)}", self.room)])

    def on_input_submitted(self) -> None:
        """Apply by `enter`."""
        self.action_apply()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Apply or leave by a button."""
        if event.button.id == "apply":
            self.action_apply()
        else:
            self.action_cancel()

    def action_apply(self) -> None:
        """Apply, unless something is wrong."""
        typed = self.typed
        if self.problem(typed) is None:
            self.apply(typed)

    def action_cancel(self) -> None:
        """Leave everything as it is."""
        _ = self.dismiss()
