"""Questions: asked by one key, answered by another; Cancel is what a careless enter gets."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from string import ascii_lowercase

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Button

from rsp.tui.limits import DEAF_S
from rsp.tui.model.spans import Line
from rsp.tui.widgets.lines import Lines


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
    ]

    FIRST = "#cancel"
    """The button that has the focus at first."""

    def __init__(
        self,
        title: str,
        lines: Sequence[Line],
        choices: Sequence[Choice],
        asked_by: Collection[str] = (),
        later: Callable[[], Awaitable[Sequence[Line]]] | None = None,
    ) -> None:
        """`asked_by` are the ids of the keys that ask this: a person may have rebound them.
        `later` is asked for more lines, which are put below once they are there."""
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
            yield self.around(Lines(id="dialog-text"))
            with Horizontal(id="dialog-buttons"):
                yield Button(Content("Cancel  esc"), id="cancel")
                for index, choice in enumerate(self._choices):
                    label = Content(f"{choice.label}  {choice.key}")
                    yield Button(
                        label, id=f"choice-{index}", variant="error" if choice.loses else "primary"
                    )

    def around(self, text: Lines) -> Widget:
        """Return what holds the text: where it may be long, something that scrolls."""
        return text

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
        self._say(self._lines)
        self.query_one(self.FIRST, Button).focus()
        self.set_timer(DEAF_S, self._listen)
        if self._later is not None:
            self.run_worker(self._add(self._later()), group="dialog")

    def _say(self, lines: Sequence[Line]) -> None:
        text = self.query_one("#dialog-text", Lines)
        text.styles.height = len(lines) + 1
        text.show(lines)

    async def _add(self, more: Awaitable[Sequence[Line]]) -> None:
        lines = await more
        if lines and self.is_attached:
            self._say([*self._lines, (), *lines])

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
