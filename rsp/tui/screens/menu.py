"""A menu in the style of the questions: one row for each choice, picked by its key or by enter."""

from collections.abc import Collection, Sequence

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button

from rsp.core.sanitise import safe
from rsp.tui.model.copy_as import Copy
from rsp.tui.model.spans import fit
from rsp.tui.screens.dialog import Choice, Dialog

_TEXT_CELLS = 69
"""What a row has of a box whose text is 72 wide: less the mark of the focus, and two blanks."""
_EDGE_CELLS = 9
"""Border and blanks of the box, the mark of the focus, and the blanks of a button."""

_LABEL_CELLS = 10


class Menu(Dialog):
    """Choices that lose nothing: the first one has the focus, and each shows what it gives."""

    BINDINGS = [  # noqa: RUF012  (Textual declares the type)
        Binding("up", "app.focus_previous", "Previous", show=False),
        Binding("down", "app.focus_next", "Next", show=False),
    ]

    FIRST = "#choice-0"

    def __init__(
        self,
        title: str,
        choices: Sequence[Choice],
        previews: Sequence[str],
        asked_by: Collection[str],
    ) -> None:
        super().__init__(title, [], choices, asked_by)
        self._previews = previews

    def compose(self) -> ComposeResult:
        """Lay out a button for each choice, and Cancel below them."""
        self._settle_keys()
        room = min(_TEXT_CELLS, self.app.size.width * 9 // 10 - _EDGE_CELLS)
        with Vertical(id="dialog", classes="menu") as box:
            box.border_title = Content(self._title)
            for index, (choice, preview) in enumerate(
                zip(self._choices, self._previews, strict=True)
            ):
                yield Button(_row(choice, preview, room), id=f"choice-{index}", classes="menu-row")
            with Horizontal(id="dialog-buttons"):
                yield Button(Content("Cancel  esc"), id="cancel")

    def _lay_out(self) -> None:
        """Its rows are all that it says."""


def _row(choice: Choice, preview: str, room: int) -> Content:
    label = f"  {fit(choice.label, _LABEL_CELLS)} "
    said = fit(safe(preview.partition("\n")[0]), max(room - len(label) - 1, 0))
    return Content.assemble((choice.key, "bold $rsp-accent"), label, (said, "$rsp-muted"))


def copy_menu(what: str, copies: Sequence[Copy]) -> Menu:
    """Ask in which form to copy a row. The answers are the keys of `copies`."""
    choices = [Choice(copy.key, copy.label, copy.key) for copy in copies]
    return Menu(f"Copy {what} as", choices, [copy.text for copy in copies], ("copy_as",))
