"""The Config screen: the file with its error, what differs from what runs, the live edits."""

from collections.abc import Iterable, Sequence

import msgspec
from textual.containers import Horizontal
from textual.widget import Widget

from rsp.core.generation_rows import ChangeRow, Edits, OldSessions
from rsp.core.replies import ConfigSource
from rsp.core.units import counted
from rsp.core.wire import CommandRefused
from rsp.tui.client import EngineGone
from rsp.tui.feed import Pull
from rsp.tui.keymap import bindings
from rsp.tui.limits import CONFIG_PULL_S, SLOW_PULL_S, WIDE_COLUMNS
from rsp.tui.model.config_columns import DIFF_COLUMNS, HISTORY_COLUMNS, SOURCE_COLUMNS
from rsp.tui.model.config_view import (
    ConfigView,
    DiffLine,
    SourceLine,
    edit_lines,
    line_text,
    no_file_lines,
)
from rsp.tui.screens.editing import edit_in
from rsp.tui.screens.frame import Frame
from rsp.tui.screens.questions import old_sessions_question
from rsp.tui.widgets.find_bar import FindBar
from rsp.tui.widgets.lines import Lines
from rsp.tui.widgets.titles import entitle
from rsp.tui.widgets.virtual_table import VirtualTable

_SOURCE, _DIFF, _EDITS, _HISTORY = range(4)
_TABS = ("Source", "Diff", "Live edits", "History")
_NEED_A_FILE = frozenset({"edit_file", "validate", "find", "next", "tab"})
"""The actions that have nothing to act on where the engine was started without a file."""


class ConfigScreen(Frame):
    """Shows the configuration. It is changed in the person's own editor, and by a reload."""

    BINDINGS = bindings("config")
    TAB = "config"
    WHERE = "config"
    AUTO_FOCUS = "#source"
    FREEZES = False

    def __init__(self) -> None:
        super().__init__()
        self._view = ConfigView()
        self._edits = Edits([], [])
        self._tab: int | None = None
        """The pane that a person chose; None: the one that has something to say."""
        self._seen: tuple[int, bool] | None = None
        self._error_shown = ""
        self._searched: VirtualTable[SourceLine] | VirtualTable[DiffLine] | None = None
        """The pane in which is looked for what is typed."""

    def body(self) -> Iterable[Widget]:
        """Lay out the facts and the panes."""
        yield Lines(id="config-facts", classes="aside")
        with Horizontal(id="config"):
            source = VirtualTable[SourceLine](SOURCE_COLUMNS, lambda line: line.key, id="source")
            source.add_class("boxed")
            yield source
            diff = VirtualTable[DiffLine](DIFF_COLUMNS, lambda line: line.index, id="diff")
            diff.add_class("boxed")
            # A line of text has nothing behind it.
            source.unbound = diff.unbound = frozenset({"open"})
            yield diff
            yield Lines(id="edits", classes="boxed")
            history = VirtualTable[ChangeRow](
                HISTORY_COLUMNS, lambda change: change.generation, id="history"
            )
            history.add_class("boxed")
            yield history
        yield FindBar(id="find")
        yield Lines(id="nothing", classes="boxed -absent")

    @property
    def source(self) -> VirtualTable[SourceLine]:
        """The text."""
        return self.query_one("#source", VirtualTable)

    @property
    def diff(self) -> VirtualTable[DiffLine]:
        """What differs."""
        return self.query_one("#diff", VirtualTable)

    @property
    def history(self) -> VirtualTable[ChangeRow]:
        """Who made which generation, the newest first."""
        return self.query_one("#history", VirtualTable)

    # -- what is shown

    def pulls(self) -> Sequence[Pull]:
        """Ask for the text now and then, and for the edits."""
        return [
            Pull("config", ConfigSource, every_s=CONFIG_PULL_S),
            Pull("edits", Edits, every_s=SLOW_PULL_S),
        ]

    def take(self, pull: Pull, answer: msgspec.Struct) -> None:
        """Show an answer."""
        if isinstance(answer, ConfigSource):
            self._view.source = answer
        elif isinstance(answer, Edits):
            self._edits = answer
        else:
            return
        self.show_body()

    def show_frame(self) -> None:
        """Show the frame; ask for the text at once when the engine says that it is another one."""
        super().show_frame()
        status = self.shell.model.status
        seen = (status.generation, status.config_changed) if status else None
        if seen != self._seen:
            self._seen = seen
            self.shell.feed.nudge()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Take away the keys that need a file where there is none."""
        if action in _NEED_A_FILE and self.shell.model.has_no_file:
            return False
        return super().check_action(action, parameters)

    def show_body(self) -> None:
        """Show the configuration as of now."""
        view, width = self._view, self.size.width
        facts = self.query_one("#config-facts", Lines)
        lines = view.facts(self._edits, width)
        facts.styles.height = len(lines)
        facts.show(lines)
        has_no_file = self.shell.model.has_no_file
        nothing = self.query_one("#nothing", Lines)
        nothing.set_class(not has_no_file, "-absent")
        self.query_one("#config").set_class(has_no_file, "-absent")
        if has_no_file:
            entitle(nothing, "no configuration file")
            nothing.show(no_file_lines())
            return
        self._show_panes()
        self._show_texts()

    @property
    def _is_wide(self) -> bool:
        """Whether two panes stand side by side."""
        return self.size.width >= WIDE_COLUMNS and not self.has_class("-maximised")

    @property
    def _shown(self) -> set[int]:
        """The panes that are shown: one, or the source with another one beside it."""
        rest = _DIFF if self._view.differs else _EDITS
        if not self._is_wide:
            return {_SOURCE if self._tab is None else self._tab}
        return {_SOURCE, rest if self._tab in (None, _SOURCE) else self._tab or rest}

    def _show_panes(self) -> None:
        shown = self._shown
        edits = self.query_one("#edits", Lines)
        panes: list[Widget] = [self.source, self.diff, edits, self.history]
        for index, pane in enumerate(panes):
            pane.set_class(index not in shown, "-absent")
        if self.focused is None or self.focused.has_class("-absent"):
            alone: dict[int, Widget] = {_DIFF: self.diff, _HISTORY: self.history}
            alone.get(max(shown), self.source).focus()

    def _show_texts(self) -> None:
        view, source, diff = self._view, self.source, self.diff
        source.show(view.source_lines(source.content_width - 12))
        what = "on disk" if view.differs else "running"
        entitle(source, self._title(_SOURCE, f"{view.name} · {what}"))
        changed = view.diff_lines()
        diff.show(changed)
        count = sum(line.sign in "+-" for line in changed)
        differ = f"{count:,} lines differ" if count > 1 else "1 line differs"
        said = f"running → on disk: {differ}" if count else "nothing differs"
        entitle(diff, self._title(_DIFF, said))
        box = self.query_one("#edits", Lines)
        entitle(box, self._title(_EDITS, "Live edits"))
        box.show(edit_lines(self._edits, max(box.content_size.width, 20)))
        changes = self._edits.history
        entitle(
            self.history, self._title(_HISTORY, f"History: {counted(len(changes), 'generation')}")
        )
        self.history.show(changes[::-1])
        if view.error != self._error_shown:
            self._error_shown = view.error
            self._go_to_error()

    def _title(self, tab: int, title: str) -> str:
        if self._is_wide:
            return title
        others = " │ ".join(name for index, name in enumerate(_TABS) if index != tab)
        return f"▐{title}▌ [ ] {others}"

    def _go_to_error(self) -> bool:
        for index, line in enumerate(self.source.rows):
            if line.is_wrong:
                self.source.move_to(index)
                return True
        return False

    # -- acts

    def action_maximise(self) -> None:
        """Give the pane with the focus all the room, or let the other one stand beside it."""
        if self._is_wide:
            self._tab = _DIFF if self.focused is self.diff else _SOURCE
        super().action_maximise()

    def action_tab(self, step: int) -> None:
        """Show the next pane, or the one before."""
        here = next(iter(self._shown - {_SOURCE}), _SOURCE)
        if self._is_wide:
            beside = (_DIFF, _EDITS, _HISTORY)
            self._tab = beside[(beside.index(here) + step) % len(beside)]
        else:
            self._tab = (here + step) % len(_TABS)
        self.show_body()
        self.call_after_refresh(self.show_body)

    def action_find(self) -> None:
        """Let the person type what to look for."""
        if self._shown <= {_EDITS, _HISTORY}:
            self.shell.say("There is no text to look through here: [ and ] go to it.")
            return
        self._searched = self.diff if self.focused is self.diff else self.source
        self.query_one(FindBar).open()

    def on_find_bar_typed(self) -> None:
        """Go to the first line that has it, from the cursor on."""
        self._find(0)

    def on_filter_bar_left(self) -> None:
        """Give the keys back to the text."""
        (self._searched or self.source).focus()

    def widen(self) -> bool:
        """End the search."""
        bar = self.query_one(FindBar)
        was_open = bar.is_open
        if was_open:
            bar.clear()
            self.on_filter_bar_left()
        return was_open

    def _find(self, step: int) -> None:
        pane = self._searched or self.source
        texts = [line.text if isinstance(line, DiffLine) else line_text(line) for line in pane.rows]
        index = self.query_one(FindBar).find(texts, max(pane.cursor_index, 0), step)
        if index is not None:
            pane.move_to(index)

    def action_next(self, step: int) -> None:
        """Go to the next line that has what is looked for; without a search, to the error."""
        if self.query_one(FindBar).value:
            self._find(step)
        elif not self._go_to_error():
            said = self._view.error or "There is no error: what is on disk loads."
            self.shell.say(said)

    def on_virtual_table_opened(self) -> None:
        """Show the sessions that were decided in the generation under the cursor."""
        change = self.history.cursor_row
        if self.focused is self.history and change is not None:
            self.shell.filter_sessions(f"generation={change.generation}")

    def action_old_sessions(self) -> None:
        """Ask what becomes of the sessions that go where an old generation sent them."""

        def looked(found: msgspec.Struct) -> None:
            if not isinstance(found, OldSessions):
                return
            if not found.sessions:
                self.shell.say("No session goes where an old generation sent it.")
                return

            def answered(chosen: str | None) -> None:
                if chosen in ("drain", "close"):
                    self.shell.give("old-sessions", {"before": found.before, chosen: True})

            _ = self.app.push_screen(old_sessions_question(found), answered)

        self.shell.give("old-sessions", {}, looked)

    def action_validate(self) -> None:
        """Ask the engine what it thinks of what is on disk."""
        self.run_worker(self._validate(), group="config")

    async def _validate(self) -> None:
        try:
            answer = await self.shell.feed.command("config", {}, ConfigSource)
        except (CommandRefused, EngineGone) as error:
            self.shell.say(str(error), is_error=True)
            return
        self._view.source = answer
        self.show_body()
        view = self._view
        if answer.path is None:
            self.shell.say("There is no file: what runs was given on the command line.")
        elif view.error:
            self.shell.say(f"{view.error}\nWhat runs is as before.", is_error=True)
        elif view.differs:
            self.shell.say(f"{view.name} loads. ctrl+r says what it would change.")
        else:
            self.shell.say(f"{view.name} is what runs, and it loads.")

    def action_edit_file(self) -> None:
        """Open the file in the person's editor, at the error; afterwards, validate it."""
        source = self._view.source
        if source is None or source.path is None:
            self.shell.say("There is no file to edit: rsp init rsp.lua writes one.")
            return
        chosen = self.source.cursor_row
        here = (chosen.number if chosen else None) or 1
        if edit_in(self, source.path, self._view.error_line or here):
            self.action_validate()

    def copy_text(self) -> tuple[str, str] | None:
        """Return the error; without one, the line under the cursor with its place, or the change
        in the history."""
        if self._view.error and self.focused is not self.history:
            return self._view.error, "the error"
        change, line = self.history.cursor_row, self.source.cursor_row
        if self.focused is self.history and change is not None:
            said = f"generation {change.generation}: {change.what} ({change.who}, {change.at})"
            return said, "the change"
        if line is None:
            return None
        return f"{self._view.name}:{line.number}: {line_text(line)}", "the line"
