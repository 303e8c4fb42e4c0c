"""Bases of the screens whose list has a filter below it."""

from typing import Any

from rsp.core.filter import Filter
from rsp.tui.screens.frame import Frame
from rsp.tui.widgets.filter_bar import FilterBar
from rsp.tui.widgets.virtual_table import VirtualTable


class FilteredFrame(Frame):
    """A frame with a `FilterBar` in its body. A subclass says what its list does with a filter."""

    @property
    def table(self) -> VirtualTable[Any]:
        """The list."""
        raise NotImplementedError

    def focus_list(self) -> None:
        """Give the keys back to the list."""
        self.table.focus()

    def narrow(self, chosen: Filter | None) -> None:
        """Show only what a filter lets pass, or with None everything."""
        raise NotImplementedError

    @property
    def filter_bar(self) -> FilterBar:
        """The line into which a filter is typed."""
        return self.query_one(FilterBar)

    @property
    def narrowed(self) -> str:
        """What the title of the list says of the filter."""
        value = self.filter_bar.in_force
        return f" ({value})" if value else ""

    def action_filter(self) -> None:
        """Let the person type a filter."""
        self.filter_bar.open()

    def filter_by(self, expression: str) -> None:
        """Put a filter into force that was not typed."""
        self.filter_bar.set(expression)
        self.focus_list()

    def on_filter_bar_changed(self, event: FilterBar.Changed) -> None:
        """Filter by what was typed."""
        self.narrow(event.chosen)

    def on_filter_bar_left(self) -> None:
        """Give the keys back to the list."""
        self.focus_list()

    def widen(self) -> bool:
        """Clear the filter."""
        bar = self.filter_bar
        was_open = bar.is_open
        if was_open:
            bar.clear()
            self.focus_list()
        return was_open


class GrowingFrame(FilteredFrame):
    """A frame whose list only grows. While frozen it stands still, and counts what waits behind."""

    def __init__(self) -> None:
        super().__init__()
        self._shown_version = -1
        """Of what is listed; below 0: it has to be listed in any case."""
        self._shown_number = 0
        self._left_frozen_s: float | None = None
        """Which freeze the list showed when another screen came."""

    def on_screen_suspend(self) -> None:
        """Remember which freeze the list shows, if it is frozen."""
        self._left_frozen_s = self.shell.model.frozen_at_s if self.shell.model.is_frozen else None

    def on_screen_resume(self) -> None:
        """A freeze that came meanwhile does not hold a list that is older."""
        if self.shell.model.frozen_at_s != self._left_frozen_s:
            self._shown_version = -1

    @property
    def stands_still(self) -> bool:
        """Whether the list is frozen, and not older than that."""
        return self.shell.model.is_frozen and self._shown_version >= 0

    def note_shown(self, version: int, number: int) -> None:
        """The list is shown as of `version`; `number` is that of its newest row."""
        self._shown_version, self._shown_number = version, number

    def waiting(self, number: int, what: str) -> str:
        """Return how many rows wait behind a frozen list, when `number` is that of the newest."""
        return f"{number - self._shown_number:,} new {what} are waiting: space goes on"
