"""The dashboard: wires the feed to the screens. It knows no layout and no format."""

from collections.abc import Sequence
from typing import ClassVar, Literal

import msgspec
from textual.app import App

from rsp.core.replies import Status
from rsp.tui.feed import Feed, Pull
from rsp.tui.screens.connections import ConnectionsScreen
from rsp.tui.screens.frame import Frame

LeaveChoice = Literal["stop", "leave"]


class Dashboard(App[LeaveChoice]):
    """The app."""

    MODES: ClassVar = {"connections": ConnectionsScreen}
    ENABLE_COMMAND_PALETTE = False

    def __init__(
        self,
        control_path: str,
        *,
        read_only: bool,
        engine_is_child: bool,
        guide: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self.feed = Feed(control_path, self)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return {"rsp-cursor": "#223", "rsp-cursor-away": "#222"}

    async def on_mount(self) -> None:
        await self.switch_mode("connections")
        self.run_worker(self.feed.pull_for_ever())

    def wanted(self) -> list[Pull]:
        screen = self.screen
        return [Pull("status", Status), *(screen.pulls() if isinstance(screen, Frame) else ())]

    def take(self, pull: Pull, answer: msgspec.Struct) -> None:
        screen = self.screen
        if isinstance(screen, Frame) and screen.is_mounted:
            if isinstance(answer, Status):
                screen.show_status(answer)
            else:
                screen.take(pull, answer)

    def refused(self, pull: Pull, reason: str) -> None:
        pass

    def engine_lost(self, reason: str) -> None:
        pass


def run_dashboard(
    control_path: str, *, read_only: bool, engine_is_child: bool, guide: Sequence[str] = ()
) -> LeaveChoice:
    """Show the dashboard of the engine at `control_path` until the person leaves."""
    return (
        Dashboard(
            control_path, read_only=read_only, engine_is_child=engine_is_child, guide=guide
        ).run()
        or "leave"
    )
