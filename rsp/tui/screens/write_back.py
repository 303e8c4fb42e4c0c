"""The question whether to write the live edits into the file, with all that would change in it."""

from collections.abc import Callable
from typing import Any

import msgspec
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.widget import Widget

from rsp.core.sanitise import safe
from rsp.core.write_back_rows import WrittenBack
from rsp.tui.model.spans import Line, Span, line, wrap
from rsp.tui.screens.dialog import Choice, Dialog
from rsp.tui.screens.shell import Shell
from rsp.tui.widgets.lines import Lines

_ROLES = {"+": "good", "-": "bad", "@": "accent"}
_TITLE_CHARACTERS = 40
_LEAST_COLUMNS = 20
_AROUND_ROWS = 7
"""Of a screen: the frame of the question, its buttons, and a row above and below it."""


class DiffDialog(Dialog):
    """Asks whether to write, and shows all that would change: more than a screen, if need be."""

    BINDINGS = [  # noqa: RUF012  (Textual declares the type)
        Binding("down,j", "scroll(1)", "Down", show=False),
        Binding("up,k", "scroll(-1)", "Up", show=False),
        Binding("pagedown", "scroll(10)", "Page down", show=False),
        Binding("pageup", "scroll(-10)", "Page up", show=False),
    ]

    def __init__(self, preview: WrittenBack) -> None:
        """The answer is `write`."""
        head, _, *rows = preview.diff.removesuffix("\n").split("\n")
        name = safe(head.removeprefix("--- ").rpartition("/")[2], _TITLE_CHARACTERS)
        asked_by = ("backends.write", "config.write")
        title = f"Write the live edits into {name}?"
        super().__init__(title, [], [Choice("y", "Write", "write")], asked_by)
        self._changed = [safe(sentence) for sentence in preview.changed]
        self._rows = [safe(row) for row in rows]

    def around(self, text: Lines) -> Widget:
        """Let the text scroll."""
        return VerticalScroll(text, id="dialog-scroll", can_focus=False)

    def on_mount(self) -> None:
        """Lay out the text once its width is known."""
        self.call_after_refresh(self._lay_out)

    def on_resize(self) -> None:
        """Lay the text out anew."""
        self.call_after_refresh(self._lay_out)

    def _lay_out(self) -> None:
        text = self.query_one("#dialog-text", Lines)
        width = max(text.content_size.width, _LEAST_COLUMNS)
        lines: list[Line] = [line(row) for said in self._changed for row in wrap(said, width)]
        lines.append(())
        for row in self._rows:
            # What changes often stands at the end of a line, so nothing is cut off.
            pieces = [row[at : at + width] for at in range(0, len(row), width)] or [""]
            lines += [(Span(piece, _ROLES.get(row[:1], "")),) for piece in pieces]
        text.styles.height = len(lines) + 1
        room = self.query_one("#dialog-scroll", VerticalScroll)
        room.styles.height = min(len(lines) + 1, max(self.size.height - _AROUND_ROWS, 1))
        text.show(lines)

    def action_scroll(self, rows: int) -> None:
        """Scroll the text."""
        self.query_one("#dialog-scroll", VerticalScroll).scroll_relative(y=rows, animate=False)


def ask_write_back(shell: Shell, push_screen: Callable[..., Any]) -> None:
    """Ask the engine what the file would say; have it written when the person agrees."""

    def previewed(preview: msgspec.Struct) -> None:
        if not isinstance(preview, WrittenBack):
            return
        seen = preview.generation

        def answered(answer: str | None) -> None:
            if answer:
                shell.give("write-back", {"if_generation": seen}, written)

        _ = push_screen(DiffDialog(preview), answered)

    def written(answer: msgspec.Struct) -> None:
        if isinstance(answer, WrittenBack):
            shell.say_change(f"Written. The old text is in {answer.backup}")

    shell.give("write-back", {"preview": True}, previewed)
