"""The line below a text into which is typed what to look for in it."""

from collections.abc import Sequence

from textual.message import Message

from rsp.tui.model.spans import Span
from rsp.tui.widgets.filter_bar import FilterBar


class FindBar(FilterBar):
    """Opened, cleared and left like the bar of a filter; what is typed is text and no filter."""

    class Typed(Message):
        """Something else is looked for."""

    def judge(self, text: str) -> None:
        """Let the screen look for it."""
        self.post_message(self.Typed())

    def find(self, lines: Sequence[str], here: int, step: int) -> int | None:
        """Return the index of the next line that has the text, whatever the case, and say how many
        have it. `here` is the last one to be looked at; with step 0 it is the first."""
        wanted = self.value.casefold()
        found = [index for index, text in enumerate(lines) if wanted in text.casefold()]
        if not wanted or not found:
            self.say(Span(" ✗ nowhere", "bad") if wanted else Span(" any part of a line", "dim"))
            return None
        if step < 0:
            index = max((one for one in found if one < here), default=found[-1])
        else:
            first = here + step
            index = min((one for one in found if one >= first), default=found[0])
        self.say(Span(f" {found.index(index) + 1} of {len(found)}", "good"))
        return index
