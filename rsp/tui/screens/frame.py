"""The frame that every screen stands in: vitals, alerts, tabs, the guide, the keys at the foot."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import msgspec
from textual.app import ComposeResult
from textual.binding import Binding
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input

from rsp.core.sanitise import safe
from rsp.tui.feed import Pull
from rsp.tui.key import Key, written
from rsp.tui.keymap import KEYS, bindings, mutating_actions
from rsp.tui.limits import LOW_ROWS, MIN_COLUMNS, MIN_ROWS, NARROW_COLUMNS, ROOMY_ROWS
from rsp.tui.model import text
from rsp.tui.model.alerts import alert_line
from rsp.tui.model.copy_as import Copy
from rsp.tui.model.fault_edit import EVERYTHING, Scope
from rsp.tui.model.spans import Line, Span, beside, fit, line, width_of, wrap
from rsp.tui.model.text import UNKNOWN
from rsp.tui.screens.faults import FaultsScreen
from rsp.tui.screens.menu import copy_menu
from rsp.tui.screens.shell import Shell
from rsp.tui.widgets.lines import Lines
from rsp.tui.widgets.titles import entitle

_MUTATING = mutating_actions()
_GUIDE_SHARE = 5
"""The lines of the guide are at most one row in this many."""
_DONE = "✓"
"""What a step of the guide ends with when it is done."""
_RESULT = "→"
"""What a line begins with that tells what was measured."""


class Frame(Screen[None]):
    """Base of every screen with a tab. A subclass fills in the body and what it wants pulled."""

    BINDINGS = bindings("everywhere")

    TAB = ""
    """The mode whose tab is lit while this screen is shown."""

    WHERE = ""
    """Its name in the keymap."""

    FREEZES = True
    """Whether its lists stand still, and show it, while the dashboard is frozen."""

    def compose(self) -> ComposeResult:
        """Lay out the frame around the body."""
        yield Lines(id="too-small")
        yield Lines(id="vitals")
        yield Lines(id="alerts")
        yield Lines(id="tabs")
        yield from self.body()
        yield Lines(id="guide")
        yield Lines(id="keys")

    # -- what a subclass says

    def body(self) -> Iterable[Widget]:
        """Return the widgets between the tabs and the foot."""
        raise NotImplementedError

    def pulls(self) -> Sequence[Pull]:
        """Return what the screen wants to have pulled."""
        return ()

    def take(self, pull: Pull, answer: msgspec.Struct) -> None:
        """Show an answer."""

    def refused(self, pull: Pull, reason: str) -> None:
        """Show that the engine refuses a pull."""
        self.shell.say(reason, is_error=True)

    def show_body(self) -> None:
        """Show the body as of now: the screen came back, or its parts have another size."""

    def copy_text(self) -> tuple[str, str] | None:
        """Return what `y` copies and the words for it; None when there is nothing."""
        return None

    def widen(self) -> bool:
        """Take back what narrows the list, such as a filter; tell whether there was something."""
        return False

    def fault_scopes(self) -> Sequence[Scope]:
        """Return whom a fault that is asked for here may be for, the narrowest first."""
        return (EVERYTHING,)

    def copies(self) -> tuple[str, Sequence[Copy]] | None:
        """Return the words for the chosen row and its forms for `Y`; None when there is none."""
        return None

    def export_rows(self) -> tuple[str, Sequence[msgspec.Struct]] | None:
        """Return the word for the rows that `ctrl+s` saves, and the rows."""
        return None

    # -- the frame itself

    @property
    def is_laid_out(self) -> bool:
        """Whether its widgets are there: not before it is mounted, nor while the app ends."""
        return self.is_mounted and bool(self.query("#keys"))

    @property
    def shell(self) -> Shell:
        """The app, as far as a screen may use it."""
        return cast(Shell, self.app)

    def on_mount(self) -> None:
        """Keep the keys at the foot right."""
        self.bindings_updated_signal.subscribe(self, self._show_keys)

    def on_screen_resume(self) -> None:
        """Catch up with what happened while another screen was shown."""
        self.show_frame()
        self._show_body()
        self._show_keys(self)
        self.shell.feed.nudge()

    def on_screen_suspend(self) -> None:
        """Take the keys away that are silent while a question is open."""
        if self.is_laid_out:
            self._show_keys(self)

    def on_resize(self) -> None:
        """Lay everything out anew."""
        # Textual calls the handlers of each class of a screen: a subclass has `show_body`, or what
        # is done here would be done twice.
        self._lay_out()

    def _lay_out(self) -> None:
        if not self.is_laid_out:
            return
        size = self.size
        too_small = size.width < MIN_COLUMNS or size.height < MIN_ROWS
        self.set_class(too_small, "-too-small")
        self.set_class(size.width < NARROW_COLUMNS, "-narrow")
        self.set_class(size.height >= ROOMY_ROWS, "-roomy")
        self.set_class(size.height < LOW_ROWS, "-low")
        needs = f" need {MIN_COLUMNS}×{MIN_ROWS}, have {size.width}×{size.height}; q leaves"  # noqa: RUF001
        self.query_one("#too-small", Lines).show([(Span(needs, "warn"),)])
        self.show_frame()
        self._show_keys(self)
        self.call_after_refresh(self._show_body)

    def _show_body(self) -> None:
        if self.is_laid_out:
            self.show_body()

    def show_frame(self) -> None:
        """Show the header as of now."""
        model = self.shell.model
        width = self.size.width
        self.set_class(model.is_frozen and self.FREEZES, "-frozen")
        vitals = model.vitals.lines(width, self._state())
        if model.lost_since:
            said = f" ✕ engine gone since {model.lost_since}, trying again: {model.lost_reason} "
            vitals[1] = line(Span(safe(said), "shout"))
        self.query_one("#vitals", Lines).show(vitals)
        alerts = model.alerts.now()
        tabs = self._tabs()
        if self.has_class("-roomy"):
            calm = "what stands below came last" if model.lost_since else "all quiet"
            quiet = (Span(calm, "dim"),)
            said_line = alert_line(alerts, width - 2, is_short=False) or quiet
            self.query_one("#alerts", Lines).show([(Span(" "), *said_line)])
        else:
            room = width - width_of(tabs) - 3
            tabs = beside(tabs, (*alert_line(alerts, room, is_short=True), Span(" ")), width)
        self.query_one("#tabs", Lines).show([tabs])
        self._show_guide()

    def _state(self) -> Line:
        model = self.shell.model
        parts = []
        if model.read_only:
            parts.append(Span("read-only  ", "dim"))
        if model.lost_since:
            parts.append(Span("✕ GONE", "bad"))
        elif model.is_frozen:
            parts.append(Span(f" ‖ FROZEN {text.age(model.frozen_for_s)} ", "chosen", "app.freeze"))
        elif model.status is None:
            parts.append(Span(f"◌ {UNKNOWN}", "dim"))
        else:
            parts.append(Span(f"● LIVE {self.shell.feed.pulls_per_s}Hz", "good", "app.freeze"))
        return (*parts, Span(" "))

    def _tabs(self) -> Line:
        spans = [Span(" ")]
        for tab in self.shell.tabs:
            name = tab.short if self.has_class("-narrow") else tab.title
            role = "chosen" if tab.mode == self.TAB else "dim"
            spans += [Span(f" {tab.number} {name} ", role, f"app.go('{tab.mode}')"), Span(" ")]
        return tuple(spans)

    def _show_guide(self) -> None:
        guide = self.query_one("#guide", Lines)
        steps = self.shell.guide
        is_absent = not steps or self.shell.guide_is_hidden
        guide.set_class(is_absent, "-absent")
        self.set_class(not is_absent, "-guided")
        if is_absent:
            self._keep_notices_off(0)
            return
        width = max(self.size.width - 4, 10)
        lines = [line(Span(row)) for row in guide_rows(steps, width, self.guide_height())]
        entitle(guide, self._guide_title())
        guide.styles.height = len(lines) + 2
        guide.show(lines)
        self._keep_notices_off(len(lines) + 2)

    def _guide_title(self) -> str:
        """Name the key that hides the guide, unless another one has taken its place here."""
        for active in self.active_bindings.values():
            if active.binding.id == "guide":
                return f"guide · {written(active.binding.key)} hides it"
        return "guide"

    def _keep_notices_off(self, guide_rows: int) -> None:
        """Let notices stand above the foot and the guide: they must not cover what it says."""
        foot = 2 if self.has_class("-roomy") else 1
        for rack in self.query("ToastRack"):
            rack.styles.margin = (0, 0, foot + guide_rows, 0)

    def guide_height(self) -> int:
        """Return how many lines the guide may have: where there is little room, the next step and
        what was measured, which may need two."""
        return self.size.height // _GUIDE_SHARE if self.has_class("-roomy") else 3

    def _show_keys(self, _screen: Screen[Any]) -> None:
        foot = self.query_one("#keys", Lines)
        rows = 2 if self.has_class("-roomy") else 1
        foot.styles.height = rows
        foot.show(key_lines(self._live_keys(), self.size.width, rows))

    def _live_keys(self) -> list[tuple[str, str, str, str]]:
        """Return id, key, label and action of the bindings that work now, in the keymap's order."""
        if self.app.screen.is_modal:
            return []
        if isinstance(self.focused, Input):
            # What is typed goes there: the other keys are silent.
            return [("", "enter", "Done", ""), ("", "esc", "Clear", "back")]
        live: dict[str, Binding] = {}
        for active in self.active_bindings.values():
            if active.enabled and active.binding.id:
                # Of several keys for one act, the first one is written.
                live.setdefault(active.binding.id, active.binding)
        return [
            (key.id, written_pair(key, live), self._label(key), key.action)
            for key in KEYS
            if key.label and key.id in live
        ]

    def _label(self, key: Key) -> str:
        # A question over it changes nothing of what the key does here.
        is_top = self.app.screen_stack[0] is self
        if key.id == "maximise" and self.has_class("-maximised"):
            return "Restore"
        return "Leave" if key.id == "back_or_quit" and is_top else key.label

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Take away what changes the engine from a dashboard that only looks."""
        if action == "copy_as":
            return type(self).copies is not Frame.copies
        if action == "maximise":
            # Where nothing stands beside the list, it has all the room.
            return bool(self.query(".aside")) and not self.has_class("-low")
        return not (action in _MUTATING and self.shell.model.read_only)

    # -- keys of every screen

    def action_copy(self) -> None:
        """Copy the selected text, or the row under the cursor."""
        selected = self.get_selected_text()
        if selected:
            self.shell.copy(selected, "the selected text")
            return
        chosen = self.copy_text()
        if chosen is None:
            self.shell.say("There is nothing to copy here yet.")
        else:
            self.shell.copy(*chosen)

    def action_copy_as(self) -> None:
        """Ask in which form to copy the row under the cursor."""
        chosen = self.copies()
        if chosen is None:
            self.shell.say("There is no row here to copy.")
            return
        what, copies = chosen

        def answered(key: str | None) -> None:
            for copy in copies:
                if copy.key == key:
                    self.shell.copy(copy.text, f"{what} as {copy.label}")

        _ = self.app.push_screen(copy_menu(what, copies), answered)

    def action_faults(self) -> None:
        """Show what may be broken here, and what is."""
        _ = self.app.push_screen(FaultsScreen(self.fault_scopes()))

    def action_export(self) -> None:
        """Save the rows that are shown."""
        chosen = self.export_rows()
        if chosen is None:
            self.shell.say("This screen has no rows to save.")
        else:
            self.shell.export(*chosen)

    def action_maximise(self) -> None:
        """Give the list all the room, or give the panes beside it theirs again."""
        self.toggle_class("-maximised")
        self.call_after_refresh(self._lay_out)

    def action_back(self) -> None:
        """Show everything again, step by step; then go back to the screen below."""
        if self.widen():
            return
        if self.has_class("-maximised"):
            self.action_maximise()
        elif len(self.app.screen_stack) > 1:
            _ = self.dismiss()

    def action_back_or_quit(self) -> None:
        """Go back; from the top, leave."""
        if len(self.app.screen_stack) > 1:
            _ = self.dismiss()
        else:
            self.shell.action_leave()


def written_pair(key: Key, live: Mapping[str, Binding]) -> str:
    """Return how the key line writes a key that works now, beside the one of the opposite."""
    found = [live[name] for name in (key.id, key.pair) if name in live]
    return " ".join(binding.key_display or written(binding.key) for binding in found)


def guide_rows(steps: Sequence[str], width: int, height: int) -> list[str]:
    """Return the guide in at most `height` rows: what is passed makes room for the next step and
    for the last thing that was measured, which stands there whole."""
    done = [
        number
        for number, step in enumerate(steps)
        if step.endswith(_DONE) and not step.startswith(_RESULT)
    ]
    results = [number for number, step in enumerate(steps) if step.startswith(_RESULT)]
    last_done = max(done, default=0)
    coming = [number for number in range(last_done + 1, len(steps)) if number not in results]
    passed = [number for number in range(1, last_done + 1) if number not in results]
    left = {number: wrap(safe(step), width) for number, step in enumerate(steps)}
    for number in [*passed[:-1], 0, *passed[-1:], *reversed(coming[1:]), *results]:
        if sum(map(len, left.values())) > height and len(left) > 1:
            del left[number]
    shown: list[str] = []
    for rows in left.values():
        room = height - len(shown)
        if 0 < room < len(rows):
            rows = [*rows[: room - 1], fit(f"{rows[room - 1]} …", width).rstrip()]
        shown += rows[:room]
    return shown


def key_lines(keys: Sequence[tuple[str, str, str, str]], width: int, rows: int) -> list[Line]:
    """Return the keys in `rows` lines; the last ones, help and the way out, always fit."""
    last = [key for key in keys if key[0] in ("freeze", "palette", "help", "back_or_quit")]
    first = [key for key in keys if key not in last]
    lines: list[Line] = []
    for row in range(rows):
        tail = _joined(last) if row == rows - 1 else ()
        room = width - 2 - (width_of(tail) + 2 if tail else 0)
        taken: list[tuple[str, str, str, str]] = []
        while first and width_of(_joined([*taken, first[0]])) <= room:
            taken.append(first.pop(0))
        head = _joined(taken)
        gap = (Span("  "),) if head and tail else ()
        lines.append((Span(" "), *head, *gap, *tail))
    return lines


def _joined(keys: Sequence[tuple[str, str, str, str]]) -> Line:
    spans: list[Span] = []
    for _, name, label, action in keys:
        if spans:
            spans.append(Span("  "))
        spans += [Span(name, "key", action), Span(f" {label}", "", action)]
    return tuple(spans)
