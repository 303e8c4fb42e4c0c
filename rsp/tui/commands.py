"""The table of the palette's commands: each name, its argument, and what it does."""

from collections.abc import Callable
from typing import Protocol

from rsp.tui.backend_commands import backend_commands
from rsp.tui.fault_commands import fault_commands
from rsp.tui.palette import Command
from rsp.tui.screens.shell import Shell


class Commandable(Shell, Protocol):
    """The app, as the commands use it."""

    def action_go(self, mode: str) -> None:
        """Show a tab."""

    def action_show_stopped(self) -> None:
        """Show the session that was stopped first."""

    def action_show_split(self) -> None:
        """Show the two decisions that sent one name two ways."""

    def action_freeze(self) -> None:
        """Freeze the lists, or let them go on."""

    def action_reload(self) -> None:
        """Check and reload the configuration."""

    def action_write_back(self) -> None:
        """Write the live edits into the file."""

    def action_undo(self) -> None:
        """Take back the last edit."""

    def action_redo(self) -> None:
        """Do it again."""

    def action_confirm(self) -> None:
        """Keep what is on trial."""

    def action_help(self) -> None:
        """Show the keys."""

    def action_header(self) -> None:
        """Hide the header, or show it."""

    def action_guide(self) -> None:
        """Hide the guide, or show it."""

    def action_settings(self) -> None:
        """Show the settings."""

    def filter_sessions(self, expression: str) -> None:
        """Show the sessions that a filter lets pass."""

    def stop_engine(self) -> None:
        """Ask, then stop the engine."""


def commands_of(app: Commandable) -> list[Command]:
    """Return every command that makes sense now; none that mutates in a read-only dashboard."""
    commands = [*_session_commands(app), *_engine_commands(app), *_screen_commands(app)]
    return [command for command in commands if not (command.mutates and app.model.read_only)]


def _engine_commands(app: Commandable) -> list[Command]:
    return [
        *backend_commands(app),
        *fault_commands(app),
        Command("freeze", "", "Freeze the lists, or let them go on", lambda _: app.action_freeze()),
        Command(
            "split",
            "",
            "The two decisions that sent one name two ways",
            lambda _: app.action_show_split(),
        ),
        Command(
            "write-back",
            "",
            "Write the live edits into the file",
            lambda _: app.action_write_back(),
            True,
        ),
        Command("undo", "", "Undo the last edit or reload", lambda _: app.action_undo(), True),
        Command("redo", "", "Do again what was undone", lambda _: app.action_redo(), True),
        Command("confirm", "", "Keep the change on trial", lambda _: app.action_confirm(), True),
        Command(
            "reload",
            "",
            "Check the configuration, then reload it",
            lambda _: app.action_reload(),
            True,
        ),
        Command("stop", "", "Stop the engine, after asking", lambda _: app.stop_engine(), True),
    ]


def _screen_commands(app: Commandable) -> list[Command]:
    commands = [
        Command("header", "", "Hide the header, or show it", lambda _: app.action_header()),
        Command("help", "", "Every key of this screen", lambda _: app.action_help()),
        Command("settings", "", "Theme, refresh rate, columns", lambda _: app.action_settings()),
        Command("leave", "", "Leave the dashboard", lambda _: app.action_leave()),
    ]
    if app.guide:
        commands.append(
            Command("guide", "", "Hide the guide, or show it", lambda _: app.action_guide())
        )
    commands += [
        Command(tab.title.lower(), "", f"The {tab.title} screen", _going(app, tab.mode))
        for tab in app.tabs
    ]
    return commands


def _session_commands(app: Commandable) -> list[Command]:
    return [
        Command("go", "ID", "Show one session", _with_id(app, app.open_session)),
        Command("filter", "EXPRESSION", "Show only some sessions", app.filter_sessions),
        Command(
            "pause", "ID [request|response]", "Stop reading a session", _pausing(app, "pause"), True
        ),
        Command(
            "resume", "ID [request|response]", "Read a session again", _pausing(app, "resume"), True
        ),
        Command(
            "break",
            "EXPRESSION",
            "Stop sessions at an event, or when a filter becomes true",
            lambda said: app.give("break.add", {"expression": said}),
            True,
        ),
        Command(
            "continue",
            "ID",
            "Let a stopped session go on",
            _with_id(app, lambda number: app.give("continue", {"id": number})),
            True,
        ),
        Command("stopped", "", "The session stopped first", lambda _: app.action_show_stopped()),
        Command(
            "kill",
            "ID",
            "Close a session, after asking",
            _with_id(app, lambda number: app.close_sessions([number])),
            True,
        ),
        Command(
            "watch",
            "ID",
            "Record the calls of a session",
            _with_id(app, lambda number: app.give("watch", {"id": number})),
            True,
        ),
        Command(
            "unwatch",
            "ID",
            "Stop recording a session",
            _with_id(app, lambda number: app.give("watch", {"id": number, "off": True})),
            True,
        ),
    ]


def _going(app: Commandable, mode: str) -> Callable[[str], None]:
    return lambda _: app.action_go(mode)


def _with_id(app: Commandable, act: Callable[[int], None]) -> Callable[[str], None]:
    def run(argument: str) -> None:
        if argument.isascii() and argument.isdigit():
            act(int(argument))
        else:
            app.say("Give the id of a session: the number in the first column.", is_error=True)

    return run


def _pausing(app: Commandable, method: str) -> Callable[[str], None]:
    def run(argument: str) -> None:
        number, _, direction = argument.partition(" ")
        params: dict[str, object] = {}
        if direction:
            params["direction"] = direction
        give = _with_id(app, lambda session_id: app.give(method, {"id": session_id, **params}))
        give(number)

    return run
