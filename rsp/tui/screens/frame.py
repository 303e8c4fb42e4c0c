"""The frame that every screen stands in: vitals, alerts, tabs, and the keys at the foot."""

from collections.abc import Iterable, Sequence

import msgspec
from textual.app import ComposeResult
from textual.screen import Screen
from textual.widget import Widget

from rsp.core.replies import Status
from rsp.tui.feed import Pull
from rsp.tui.widgets.lines import Lines


class Frame(Screen[None]):
    """Base of every screen."""

    MODE = ""

    def compose(self) -> ComposeResult:
        yield Lines(id="vitals")
        yield from self.body()

    def body(self) -> Iterable[Widget]:
        return ()

    def pulls(self) -> Sequence[Pull]:
        return ()

    def take(self, pull: Pull, answer: msgspec.Struct) -> None:
        pass

    def show_status(self, status: Status) -> None:
        from rsp.tui.model.spans import line

        self.query_one("#vitals", Lines).show(
            [line(f" rsp pid {status.pid}  sessions {status.sessions}")]
        )
