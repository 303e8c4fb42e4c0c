"""The dashboard: wires the feed to the model and the screens. It knows no layout and no format."""

import gc
import os
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, ClassVar, Literal

import msgspec
from textual.command import CommandPalette

from rsp.core.audit import Split
from rsp.core.decision_rows import Decisions
from rsp.core.replies import Backends, ConnectionRow, Events, Status
from rsp.core.sanitise import safe
from rsp.tui.changing import ChangingApp
from rsp.tui.clipboard import TooMuchToCopy, osc_52
from rsp.tui.commanding import Commander, Order, Params
from rsp.tui.commands import commands_of
from rsp.tui.crash import write_report
from rsp.tui.export import SaveFailed, save_rows
from rsp.tui.feed import Feed, Pull
from rsp.tui.keymap import bindings_of, mutating_actions
from rsp.tui.limits import DECISIONS_GLANCE, GC_THRESHOLDS, SLOW_PULL_S
from rsp.tui.model.dashboard import Model
from rsp.tui.model.decisions import filter_for_split
from rsp.tui.model.sessions import Session
from rsp.tui.palette import Command, CommandPaletteSource
from rsp.tui.preferences import Preferences
from rsp.tui.screens.backends import BackendsScreen
from rsp.tui.screens.connections import ConnectionsScreen
from rsp.tui.screens.detail import DetailScreen
from rsp.tui.screens.help import HelpScreen, help_keys
from rsp.tui.screens.questions import (
    close_question,
    leave_question,
    stop_question,
)
from rsp.tui.screens.routing import RoutingScreen
from rsp.tui.screens.shell import TabLike
from rsp.tui.screens.tabs import TAB_KEYS, TABS
from rsp.tui.screens.write_back import ask_write_back

LeaveChoice = Literal["stop", "leave"]

_MUTATING = mutating_actions()
_NEED_A_FILE = frozenset({"reload", "write_back"})
"""The actions that have nothing to act on where the engine was started without a file."""


class NoTerminal(Exception):
    """There is no terminal that the dashboard could use. The text says what to do instead."""


class DashboardCrashed(Exception):
    """The dashboard met a bug of its own. The text says where the report is."""


class Dashboard(ChangingApp[LeaveChoice]):
    """The app: one model, one feed, and a stack of screens for each tab."""

    TITLE = "rsp"
    CSS_PATH = "dashboard.tcss"
    ENABLE_COMMAND_PALETTE = False
    MODES: ClassVar = {tab.mode: tab.screen for tab in TABS}
    DEFAULT_MODE = TABS[0].mode
    BINDINGS: ClassVar = bindings_of(TAB_KEYS)
    animation_level = "none"

    def __init__(
        self,
        control_path: str,
        *,
        read_only: bool,
        engine_is_child: bool,
        guide: Sequence[str] = (),
        clock: Callable[[], datetime] = datetime.now,
        preferences: Preferences | None = None,
    ) -> None:
        super().__init__(preferences or Preferences())
        self.model = Model(read_only=read_only)
        self.feed = Feed(control_path, self)
        self.guide = guide
        self.guide_is_hidden = False
        self.tabs: Sequence[TabLike] = TABS
        self._engine_is_child = engine_is_child
        self._clock = clock
        self._commander = Commander(self)
        self._said_change = self._is_leaving = False
        self.crash = ""

    # -- beginning and end

    def on_mount(self) -> None:
        """Start to pull."""
        self.run_worker(self.feed.pull_for_ever(), group="pull")
        self.run_worker(self.feed.follow_events(), group="events")

    def on_unmount(self) -> None:
        """Hang up."""
        self.feed.close()

    def _fatal_error(self) -> None:
        self.crash = f"The dashboard crashed. The report is in {write_report(self._exception)}"
        self._close_messages_no_wait()

    # -- the feed

    def wanted(self) -> Sequence[Pull]:
        """Return what is to be pulled now."""
        frame = self.frame
        glance = {"since": self.model.decisions.since, "limit": DECISIONS_GLANCE}
        mine = [
            Pull("status", Status),
            Pull("backends", Backends, every_s=SLOW_PULL_S),
            Pull("decisions", Decisions, glance, SLOW_PULL_S),
        ]
        wanted = frame.pulls() if frame else ()
        faster = {pull.method for pull in wanted}
        return [*(pull for pull in mine if pull.method not in faster), *wanted]

    def take(self, pull: Pull, answer: msgspec.Struct) -> None:
        """Fold one answer into the model, and let the screen show it."""
        model, frame = self.model, self.frame
        model.lost_since = ""
        with self.batch_update():
            model.take(answer)
            if frame is not None:
                frame.take(pull, answer)
                if isinstance(answer, Status | Events):
                    frame.show_frame()

    def refused(self, pull: Pull, reason: str) -> None:
        """Let the screen say that the engine refuses what it asked for."""
        if (frame := self.frame) is not None:
            frame.refused(pull, reason)

    def engine_lost(self, reason: str) -> None:
        """Say since when there is no engine."""
        if not self.model.lost_since:
            self.model.lost_since = self._clock().strftime("%H:%M:%S")
        self.model.lost_reason = reason
        self.show_frame()

    # -- what screens ask for

    def say(self, message: str, *, is_error: bool = False) -> None:
        """Show a short notice."""
        said = "\n".join(safe(row) for row in message.split("\n"))
        self._said_change = False
        self.notify(said, severity="error" if is_error else "information", markup=False)

    def copy(self, text: str, what: str) -> None:
        """Put text on the terminal's clipboard, and say so."""
        clean = "\n".join(safe(row, len(row)) for row in text.split("\n"))
        try:
            sequence = osc_52(clean, os.environ)
        except TooMuchToCopy as error:
            self.say(str(error), is_error=True)
            return
        self._clipboard = clean
        if self._driver is not None:
            self._driver.write(sequence)
        self.say(f"Copied {what}.")

    def copy_to_clipboard(self, text: str) -> None:
        """Copy what the mouse selected, by the same way as `y`."""
        self.copy(text, "the selected text")

    def export(self, what: str, rows: Sequence[msgspec.Struct]) -> None:
        """Save rows as JSON in the current directory, and say where."""
        try:
            self.say(save_rows(what, rows, self._clock()))
        except SaveFailed as error:
            self.say(str(error), is_error=True)

    def say_change(self, message: str) -> None:
        """Show what was changed, in place of the change before: many edits make no pile."""
        if self._said_change:
            self.clear_notifications()
        self.say(message)
        self._said_change = True

    def give(
        self,
        method: str,
        params: Params | Callable[[], Params | None],
        done: Callable[[msgspec.Struct], None] | None = None,
        refused: Callable[[str], None] | None = None,
    ) -> None:
        """Give the engine a command; a refusal is shown, and so is what was done.

        Edits take turns; `params` may be a function, which is asked when the turn comes.
        """
        order = Order(method, params, done, refused)
        self.run_worker(self._commander.carry_out(order), group="commands")

    def open_session(self, session_id: int) -> None:
        """Show one session, on the stack of the Connections tab; esc leads back to the present."""
        self.run_worker(self._open_session(session_id), group="screens")

    async def _open_session(self, session_id: int) -> None:
        came_from = self.current_mode
        await self.switch_mode(ConnectionsScreen.TAB)
        await self.push_screen(DetailScreen(session_id), lambda _: self.action_go(came_from))

    def pause_or_resume(self, row: ConnectionRow) -> None:
        """Pause a session, or let it go on when a person paused it."""
        is_paused = any(side and "operator" in side.paused_by for side in (row.client, row.backend))
        self.give("resume" if is_paused else "pause", {"id": row.id})

    def close_sessions(self, ids: Sequence[int], seen: Sequence[Session] = ()) -> None:
        """Ask whether and how to close sessions, then do it; `seen` are newer than the list's."""
        known = self.model.sessions.sessions | {session.id: session for session in seen}
        sessions = [known[session_id] for session_id in ids if session_id in known]
        over = {session.id for session in sessions if session.closed_at_s is not None}
        ids = [session_id for session_id in ids if session_id not in over]
        if not ids:
            self.say("It is closed already." if len(over) == 1 else "They are closed already.")
            return
        sessions = [session for session in sessions if session.id not in over]

        def answered(answer: str | None) -> None:
            for session_id in ids if answer else ():
                self.give("close", {"id": session_id, "reset": answer == "reset"})

        _ = self.push_screen(close_question(sessions, ids), answered)

    def filter_sessions(self, expression: str) -> None:
        """Show the sessions that a filter lets pass."""
        self.run_worker(self._filter_sessions(expression), group="screens")

    async def _filter_sessions(self, expression: str) -> None:
        await self.switch_mode(ConnectionsScreen.TAB)
        while not isinstance(self.screen, ConnectionsScreen):
            await self.pop_screen()
        self.screen.filter_by(expression)

    def show_backend(self, key: str) -> None:
        """Show the backend `pool/name` on its screen."""
        self.run_worker(self._show_backend(key), group="screens")

    async def _show_backend(self, key: str) -> None:
        await self.switch_mode(BackendsScreen.TAB)
        if isinstance(self.screen, BackendsScreen):
            self.screen.choose(key)

    def stop_engine(self) -> None:
        """Ask, then stop the engine."""

        def answered(answer: str | None) -> None:
            if answer == "stop":
                self.give("stop", {})

        _ = self.push_screen(stop_question(self.model.status), answered)

    def commands(self) -> Sequence[Command]:
        """Return the commands of the palette."""
        return commands_of(self)

    # -- keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Take away what changes the engine from a dashboard that only looks, and everything from
        one that is being left."""
        if action == "guide":
            return bool(self.guide)
        if action in _NEED_A_FILE and self.model.has_no_file:
            return False
        return not (self._is_leaving or (action in _MUTATING and self.model.read_only))

    def action_go(self, mode: str) -> None:
        """Show a tab."""
        if mode in self.MODES:
            self.run_worker(self._go(mode), group="screens")

    async def _go(self, mode: str) -> None:
        await self.switch_mode(mode)

    def action_show_blocked(self) -> None:
        """Show the sessions that are blocked."""
        self.filter_sessions("state:blocked")

    def action_show_faults(self) -> None:
        """Show the faults that are in force."""
        if (frame := self.frame) is not None and self.screen is frame:
            frame.action_faults()

    def action_show_stopped(self) -> None:
        """Show the session that was stopped first."""
        first = self.model.status.breaks.first if self.model.status is not None else None
        if first is None:
            self.say("No session is stopped at a breakpoint.")
        else:
            self.open_session(first)

    def action_show_split(self) -> None:
        """Show the two decisions that sent one name to two backends."""
        if self.model.decisions.splits:
            self.run_worker(self._show_split(self.model.decisions.splits[0]), group="screens")
        else:
            self.say("Every spelling of a name went the same way, as far as is known here.")

    async def _show_split(self, split: Split) -> None:
        await self.switch_mode(RoutingScreen.TAB)
        if isinstance(self.screen, RoutingScreen):
            self.screen.filter_bar.set(filter_for_split(split))

    def action_freeze(self) -> None:
        """Freeze the lists, or let them go on."""
        self.model.freeze()
        self.show_frame()
        self.feed.nudge()

    def action_write_back(self) -> None:
        """Show what the file would say of the live edits; write it when the person agrees."""
        ask_write_back(self, self.push_screen)

    def action_header(self) -> None:
        """Hide the header, or show it."""
        for name in ("#vitals", "#alerts"):
            self.screen.query(name).toggle_class("-hidden")

    def action_guide(self) -> None:
        """Hide the guide, or show it."""
        self.guide_is_hidden = not self.guide_is_hidden
        self.show_frame()

    def exit(self, *arguments: Any, **options: Any) -> None:
        """Leave. Keys that were pressed behind the one that leaves are for nobody."""
        self._is_leaving = True
        super().exit(*arguments, **options)

    def action_palette(self) -> None:
        """Let the person give a command by name."""
        _ = self.push_screen(
            CommandPalette(
                providers=[CommandPaletteSource],
                placeholder="a command: go 41 · filter state:blocked · settings",
            )
        )

    def action_help(self) -> None:
        """Show every key that works on this screen."""
        frame = self.frame
        if frame is not None and self.screen is frame:
            _ = self.push_screen(HelpScreen(frame.WHERE, help_keys(frame)))

    async def action_quit(self) -> None:
        """Leave: the same question for `ctrl+q` and `q`."""
        self.action_leave()

    def action_leave(self) -> None:
        """Leave; where the engine is ours, and is there, ask what becomes of it."""
        if not self._engine_is_child or self.model.lost_since:
            self.exit("leave")
            return

        def answered(answer: str | None) -> None:
            if answer in ("stop", "leave"):
                self.exit("stop" if answer == "stop" else "leave")

        _ = self.push_screen(leave_question(self.model.status), answered)


def run_dashboard(
    control_path: str, *, read_only: bool, engine_is_child: bool, guide: Sequence[str] = ()
) -> LeaveChoice:
    """Show the dashboard of the engine at `control_path` until the person leaves it.

    Returns "stop" when the engine is to be stopped by whoever started it, else "leave". The
    lines of `guide` stand in a panel that a key hides.

    Raises:
        NoTerminal: the output is not a terminal that can show it.
        DashboardCrashed: it met a bug of its own.
    """
    if not sys.stdout.isatty() or os.environ.get("TERM", "dumb") == "dumb":
        raise NoTerminal(
            "the dashboard needs a terminal; without one, use: rsp ctl status, rsp ctl connections"
        )
    for name in ("COLUMNS", "LINES"):
        # Where they are exported they would be its size, whatever the terminal is made to be.
        os.environ.pop(name, None)
    dashboard = Dashboard(
        control_path,
        read_only=read_only,
        engine_is_child=engine_is_child,
        guide=guide,
        preferences=Preferences.of(os.environ),
    )
    # What was imported stays for good, and a snapshot is many objects that no cycle holds.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    choice = dashboard.run()
    if dashboard.crash:
        raise DashboardCrashed(dashboard.crash)
    return choice or "leave"
