"""What a screen may ask of the app: this much and no more, so that screens do not know the app."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from rsp.core.replies import ConnectionRow
from rsp.tui.feed import Feed
from rsp.tui.model.dashboard import Model
from rsp.tui.model.sessions import Session


class TabLike(Protocol):
    """What the tab bar needs to know of a tab."""

    @property
    def number(self) -> str:
        """The key that leads there."""

    @property
    def mode(self) -> str:
        """The mode it stands for."""

    @property
    def title(self) -> str:
        """Its name."""

    @property
    def short(self) -> str:
        """Its name where there is little room."""


class Shell(Protocol):
    """The app, as the screens see it."""

    model: Model
    feed: Feed
    guide: Sequence[str]
    guide_is_hidden: bool
    tabs: Sequence[TabLike]

    def say(self, message: str, *, is_error: bool = False) -> None:
        """Show a short notice."""

    def say_change(self, message: str) -> None:
        """Show what was changed, in place of the notice before."""

    def copy(self, text: str, what: str) -> None:
        """Put text on the clipboard, and say so."""

    def export(self, what: str, rows: Sequence[msgspec.Struct]) -> None:
        """Save rows as JSON in the current directory, and say where."""

    def give(
        self,
        method: str,
        params: Mapping[str, Any] | Callable[[], Mapping[str, Any] | None],
        done: Callable[[msgspec.Struct], None] | None = None,
        refused: Callable[[str], None] | None = None,
    ) -> None:
        """Give the engine a command; a refusal is shown. A function is asked for the parameters
        when it is the command's turn, and nothing is sent when it returns None."""

    def open_session(self, session_id: int) -> None:
        """Show one session."""

    def filter_sessions(self, expression: str) -> None:
        """Show the sessions that a filter lets pass."""

    def show_backend(self, key: str) -> None:
        """Show the backend `pool/name` on its screen."""

    def close_sessions(self, ids: Sequence[int], seen: Sequence[Session] = ()) -> None:
        """Ask whether to close sessions, then do it; `seen` are newer than the list's."""

    def pause_or_resume(self, row: ConnectionRow) -> None:
        """Pause a session, or let it go on."""

    def action_leave(self) -> None:
        """Leave the dashboard, after asking where there is something to ask."""
