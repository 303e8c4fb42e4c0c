"""Questions: asked by one key, answered by another; Cancel is what a careless enter gets."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from string import ascii_lowercase

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button
from textual.widgets.button import ButtonVariant

from rsp.tui.limits import DEAF_S
from rsp.tui.model.spans import Line, fold
from rsp.tui.widgets.lines import Lines

_MOST_COLUMNS, _LEAST_COLUMNS = 72, 20
"""Of the text, in `dashboard.tcss` as well."""
_FRAME_COLUMNS = 6
"""The border of a question, and the blanks beside its text."""
_AROUND_ROWS = 6
"""Of a screen: the frame of the question with its blank rows, and a row above and below it."""
_BUTTON_COLUMNS = 4
"""What a button is wider than its label, with the blanks before it."""


def text_columns(screen_columns: int, most: int = _MOST_COLUMNS) -> int:
    """Return how wide the text of a question is on a screen."""
    return max(min(screen_columns * 9 // 10 - _FRAME_COLUMNS, most), _LEAST_COLUMNS)


@dataclass(frozen=True, slots=True)
class Choice:
    """One way to answer."""

    key: str
    label: str
    value: str
    loses: bool = False
    """Whether something is lost by it."""


class Dialog(ModalScreen[str | None]):
    """Shows what is at stake and the choices. The answer is None when it was cancelled."""

    BINDINGS = [  # noqa: RUF012  (Textual declares the type)
        Binding("escape", "cancel", "Cancel"),
        Binding("left", "app.focus_previous", "Previous", show=False),
        Binding("right", "app.focus_next", "Next", show=False),
        Binding("down,j", "scroll(1)", "Down", show=False),
        Binding("up,k", "scroll(-1)", "Up", show=False),
        Binding("pagedown", "scroll(10)", "Page down", show=False),
        Binding("pageup", "scroll(-10)", "Page up", show=False),
    ]

    FIRST = "#cancel"
    """The button that has the focus at first."""
    MOST_COLUMNS = _MOST_COLUMNS
    """Of its text."""

    def __init__(
        self,
        title: str,
        lines: Sequence[Line],
        choices: Sequence[Choice],
        asked_by: Collection[str] = (),
        later: Callable[[int], Awaitable[Sequence[Line]]] | None = None,
    ) -> None:
        """`asked_by` are the ids of the keys that ask this: a person may have rebound them.
        `later` is asked for more lines of a width, which are put below once they are there."""
        super().__init__()
        self._title = title
        self._lines = lines
        self._later = later
        self._choices = choices
        self._asked_by = asked_by
        self._asking_keys: frozenset[str] = frozenset()
        self.is_listening = False
        self._is_answered = False

    def compose(self) -> ComposeResult:
        """Lay out the text and the buttons, Cancel first."""
        self._settle_keys()
        with Vertical(id="dialog") as box:
            box.border_title = Content(self._title)
            with VerticalScroll(id="dialog-scroll", can_focus=False):
                yield Lines(id="dialog-text")
            with Vertical(id="dialog-buttons"):
                for row in self._rows_of_buttons():
                    with Horizontal(classes="dialog-row"):
                        yield from row

    def _rows_of_buttons(self) -> list[list[Button]]:
        """Return the buttons, in as many rows as they need: where it is narrow, two."""
        buttons = [Button(Content("Cancel  esc"), id="cancel")]
        for index, choice in enumerate(self._choices):
            label = Content(f"{choice.label}  {choice.key}")
            variant: ButtonVariant = "error" if choice.loses else "primary"
            buttons.append(Button(label, id=f"choice-{index}", variant=variant))
        rows: list[list[Button]] = []
        columns = left = text_columns(self.app.size.width)
        for button in buttons:
            need = len(str(button.label)) + _BUTTON_COLUMNS
            if need > left or not rows:
                rows.append([])
                left = columns
            rows[-1].append(button)
            left -= need
        return rows

    def _settle_keys(self) -> None:
        """Let no key that asks answer, for it repeats while it is held down."""
        below = self.app.screen_stack[-2:-1]
        self._asking_keys = frozenset(
            active.binding.key
            for screen in below
            for active in screen.active_bindings.values()
            if active.binding.id in self._asked_by
        )
        self._choices = other_keys(self._choices, self._asking_keys)

    def on_mount(self) -> None:
        """Be deaf for a moment: what is typed now was meant for the screen below."""
        self.query_one(self.FIRST, Button).focus()
        self.set_timer(DEAF_S, self._listen)
        if self._later is not None:
            columns = text_columns(self.app.size.width)
            self.run_worker(self._add(self._later(columns)), group="dialog")

    def on_resize(self) -> None:
        """Lay the text out anew."""
        self._lay_out()

    def _lay_out(self) -> None:
        """Give the text its lines, and the rows that the screen has for them."""
        text = self.query_one("#dialog-text", Lines)
        width = text_columns(self.app.size.width, self.MOST_COLUMNS)
        lines = [row for each in self._lines for row in fold(each, width)]
        text.styles.height = len(lines) + 1
        room = max(self.app.size.height - _AROUND_ROWS - len(self.query(".dialog-row")), 1)
        self.query_one("#dialog-scroll").styles.height = min(len(lines) + 1, room)
        text.show(lines)

    async def _add(self, more: Awaitable[Sequence[Line]]) -> None:
        lines = await more
        if lines and self.is_attached:
            self._lines = [*self._lines, (), *lines]
            self._lay_out()

    def action_scroll(self, rows: int) -> None:
        """Scroll the text."""
        self.query_one("#dialog-scroll").scroll_relative(y=rows, animate=False)

    def _listen(self) -> None:
        self.is_listening = True

    def on_key(self, event: events.Key) -> None:
        """Answer by a key; never by the one that asked."""
        if not self.is_listening or event.key in self._asking_keys:
            event.stop()
            event.prevent_default()
            return
        for choice in self._choices:
            if choice.key == event.key:
                event.stop()
                self._answer(choice.value)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer by a button."""
        name = event.button.id or ""
        if name == "cancel":
            self._answer(None)
        elif self.is_listening:
            self._answer(self._choices[int(name.removeprefix("choice-"))].value)

    def action_cancel(self) -> None:
        """Leave everything as it is."""
        self._answer(None)

    def _answer(self, value: str | None) -> None:
        """Answer once: a key that is held down comes again before the question is gone, and would
        close the screen below."""
        if not self._is_answered:
            self._is_answered = True
            _ = self.dismiss(value)


def other_keys(choices: Sequence[Choice], taken: Collection[str]) -> list[Choice]:
    """Return the choices; one whose key is taken gets the next letter of its label that is not."""
    used = {*taken, *(choice.key for choice in choices)}
    found: list[Choice] = []
    for choice in choices:
        if choice.key in taken:
            letters = [*choice.label.lower(), *ascii_lowercase]
            key = next(letter for letter in letters if letter.isalpha() and letter not in used)
            used.add(key)
            choice = replace(choice, key=key)
        found.append(choice)
    return found
