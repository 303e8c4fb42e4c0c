"""The line below a list into which a filter is typed; it says at once whether it can be read."""

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input

from rsp.core.filter import Filter, FilterError, parse_filter
from rsp.tui.model.spans import Span
from rsp.tui.widgets.lines import Lines


class FilterBar(Horizontal):
    """Hidden until it is opened; stays in sight for as long as its filter is in force."""

    DEFAULT_CSS = """
    FilterBar {
        height: 1; display: none;
        &.-open { display: block; }
        & > .filter-sign { width: 3; }
        & > Input { width: 1fr; height: 1; border: none; padding: 0; background: $surface; }
        & > Input.-unreadable { color: $rsp-error; }
        & > .filter-verdict { width: 1fr; }
    }
    """

    in_force = ""
    """The filter by which is chosen: the last text that could be read."""

    class Changed(Message):
        """Another filter is in force; None lets everything pass."""

        def __init__(self, chosen: Filter | None) -> None:
            super().__init__()
            self.chosen = chosen

    class Unreadable(Message):
        """What is typed is no filter; the one before it is still in force."""

    class Left(Message):
        """The person is done with typing."""

    def compose(self) -> ComposeResult:
        """Lay out the sign, the field and what is to be said of it."""
        yield Lines(classes="filter-sign")
        yield Input(select_on_focus=False)
        yield Lines(classes="filter-verdict")

    def on_mount(self) -> None:
        """Show the sign."""
        self.query_one(".filter-sign", Lines).show([(Span(" / ", "key"),)])
        self.query_one(Input).cursor_blink = False

    @property
    def value(self) -> str:
        """The filter as it is typed."""
        return self.query_one(Input).value

    @property
    def is_open(self) -> bool:
        """Whether it can be seen."""
        return self.has_class("-open")

    @property
    def is_readable(self) -> bool:
        """Whether what is typed is a filter."""
        return not self.query_one(Input).has_class("-unreadable")

    def open(self) -> None:
        """Show it, and let the person type."""
        self.add_class("-open")
        self.query_one(Input).focus()

    def set(self, text: str) -> None:
        """Put a filter into force that was not typed here."""
        self.add_class("-open")
        self.query_one(Input).value = text

    def clear(self) -> None:
        """Let everything pass, and hide."""
        self.query_one(Input).value = ""
        self.remove_class("-open")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Try the new text."""
        event.stop()
        self.judge(event.value)

    def judge(self, text: str) -> None:
        """Put the text into force as a filter; what cannot be read changes nothing."""
        try:
            chosen = parse_filter(text) if text.strip() else None
        except FilterError as error:
            self.query_one(Input).add_class("-unreadable")
            self.say(Span(f" ✗ {error}", "bad"))
            self.post_message(self.Unreadable())
            return
        self.in_force = text.strip()
        self.query_one(Input).remove_class("-unreadable")
        self.say(Span(" ✓", "good") if chosen else Span(" word  state:blocked  fill>50%", "dim"))
        self.post_message(self.Changed(chosen))

    def say(self, verdict: Span) -> None:
        """Show what is to be said of the text, beside it."""
        self.query_one(".filter-verdict", Lines).show([(verdict,)])

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go back to the list; an empty filter hides the line."""
        event.stop()
        if not event.value.strip():
            self.clear()
        self.post_message(self.Left())
