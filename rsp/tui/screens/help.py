"""Help: every key that works on the screen below, found by typing, and what the words mean."""

from collections.abc import Sequence
from typing import Any

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widgets import Input

from rsp.tui.key import written
from rsp.tui.keymap import BY_ID
from rsp.tui.model.help_text import HelpKey, help_lines
from rsp.tui.widgets.lines import Lines


def help_keys(screen: Screen[Any]) -> list[HelpKey]:
    """Return the keys that work on a screen now: the tabs first, then in the keymap's order."""
    tooltips: dict[str, str] = {}
    names: dict[str, list[str]] = {}
    for active in screen.active_bindings.values():
        name = active.binding.id
        if active.enabled and name:
            tooltips[name] = active.binding.tooltip
            names.setdefault(name, []).append(written(active.binding.key))
    tabs = sorted(name for name in names if name not in BY_ID)
    return [
        HelpKey(
            " ".join(names[name]),
            tooltips[name],
            BY_ID[name].where if name in BY_ID else "everywhere",
        )
        for name in [*tabs, *BY_ID]
        if name in names
    ]


class HelpScreen(ModalScreen[None]):
    """Lists keys; typing narrows the list."""

    BINDINGS = [  # noqa: RUF012  (Textual declares the type)
        Binding("escape,f1,ctrl+q", "close", "Close"),
        Binding("down", "scroll(1)", "Down", show=False),
        Binding("up", "scroll(-1)", "Up", show=False),
        Binding("pagedown", "scroll(10)", "Page down", show=False),
        Binding("pageup", "scroll(-10)", "Page up", show=False),
    ]

    def __init__(self, title: str, keys: Sequence[HelpKey]) -> None:
        super().__init__()
        self._title = title
        self._keys = keys

    def compose(self) -> ComposeResult:
        """Lay out the search line and the list."""
        with Vertical(id="help") as box:
            box.border_title = Content(f"Help: {self._title}")
            box.border_subtitle = Content("type to search · ↓ ↑ scroll · esc closes")
            yield Input(placeholder="search the keys and the words", id="help-search")
            with VerticalScroll(id="help-scroll", can_focus=False):
                yield Lines(id="help-text")

    def on_mount(self) -> None:
        """Show everything, and listen for what to look for."""
        search = self.query_one(Input)
        search.cursor_blink = False
        search.focus()
        self.call_after_refresh(self._show)

    def on_resize(self) -> None:
        """Lay the text out anew."""
        self.call_after_refresh(self._show)

    def on_input_changed(self) -> None:
        """Narrow the list."""
        self._show()

    def _show(self) -> None:
        text = self.query_one("#help-text", Lines)
        width = max(text.content_size.width, 20)
        lines = help_lines(self._keys, self.query_one(Input).value, width)
        text.styles.height = len(lines)
        text.show(lines)

    def action_scroll(self, rows: int) -> None:
        """Scroll the list."""
        self.query_one("#help-scroll", VerticalScroll).scroll_relative(y=rows, animate=False)

    def action_close(self) -> None:
        """Go back to the screen below."""
        _ = self.dismiss()
