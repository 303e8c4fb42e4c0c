"""The start screen: every session, trouble first."""

from collections.abc import Iterable, Sequence

import msgspec
from textual.widget import Widget

from rsp.core.replies import Connections
from rsp.tui.feed import Pull
from rsp.tui.model.session_columns import SESSION_COLUMNS
from rsp.tui.model.sessions import Session, SessionList
from rsp.tui.screens.frame import Frame
from rsp.tui.widgets.virtual_table import VirtualTable


class ConnectionsScreen(Frame):
    """Lists the sessions."""

    def __init__(self) -> None:
        super().__init__()
        self.list = SessionList()

    def body(self) -> Iterable[Widget]:
        yield VirtualTable[Session](SESSION_COLUMNS, lambda s: s.id, id="sessions")

    def pulls(self) -> Sequence[Pull]:
        return [Pull("connections", Connections)]

    def take(self, pull: Pull, answer: msgspec.Struct) -> None:
        if isinstance(answer, Connections):
            self.list.apply(answer)
            self.query_one(VirtualTable).show(self.list.rows())
