"""A block of lines that something else computes; only the changed ones are painted again."""

from collections.abc import Sequence

from textual.geometry import Region
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

from rsp.tui.model.spans import Line, cut, plain
from rsp.tui.widgets.paint import Painter, selected


class Lines(Widget):
    """Shows the lines that it is given, cut to its width. Its height comes from the style sheet."""

    DEFAULT_CSS = "Lines { height: 1; }"

    def __init__(self, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._lines: list[Line] = []
        self._painter = Painter(self)

    def show(self, lines: Sequence[Line]) -> None:
        """Show `lines` from now on."""
        old, self._lines = self._lines, list(lines)
        width = self.content_size.width
        for y in range(max(len(old), len(self._lines))):
            if old[y : y + 1] != self._lines[y : y + 1]:
                self.refresh(Region(0, y, max(width, 1), 1))

    @property
    def lines(self) -> list[Line]:
        """What is shown."""
        return self._lines

    def render_line(self, y: int) -> Strip:
        """Return line `y` of the content."""
        width = self.content_size.width
        base = self.visual_style.rich_style
        if y >= len(self._lines):
            return Strip.blank(width, base)
        strip = self._painter.strip(cut(self._lines[y], width), base)
        selection = self.text_selection
        if selection is not None and (span := selection.get_span(y)) is not None:
            style = self.screen.get_component_rich_style("screen--selection")
            strip = selected(strip, span, style)
        return strip.apply_offsets(0, y)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """Return the selected text."""
        text = "\n".join(plain(line).rstrip() for line in self._lines)
        return selection.extract(text), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        """Show the selection."""
        self.refresh()
