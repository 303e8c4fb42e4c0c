"""The question whether to write the live edits into the file, with all that would change in it."""

from collections.abc import Callable
from typing import Any

import msgspec

from rsp.core.sanitise import safe
from rsp.core.write_back_rows import WrittenBack
from rsp.tui.model.spans import Line, Span, line
from rsp.tui.screens.dialog import Choice, Dialog
from rsp.tui.screens.shell import Shell

_ROLES = {"+": "good", "-": "bad", "@": "accent"}
_TITLE_CHARACTERS = 40
_MOST_COLUMNS = 1_000
"""As wide as the screen: the lines are those of a file."""


class DiffDialog(Dialog):
    """Asks whether to write, and shows all that would change: it may be wide, and long."""

    MOST_COLUMNS = _MOST_COLUMNS

    def __init__(self, preview: WrittenBack) -> None:
        """The answer is `write`."""
        head, _, *rows = preview.diff.removesuffix("\n").split("\n")
        name = safe(head.removeprefix("--- ").rpartition("/")[2], _TITLE_CHARACTERS)
        asked_by = ("backends.write", "config.write")
        lines: list[Line] = [line(safe(sentence)) for sentence in preview.changed]
        missed = [f"no longer holds: {said}" for said in preview.missed]
        lines += [line(Span(safe(said), "warn")) for said in missed]
        lines.append(())
        lines += [(Span(safe(row), _ROLES.get(row[:1], "")),) for row in rows]
        title = f"Write the live edits into {name}?"
        super().__init__(title, lines, [Choice("y", "Write", "write")], asked_by)


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
