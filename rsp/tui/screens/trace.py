"""Why a decision was made, line by line: the text with the lines that ran, and the policy."""

import shlex
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
from textual.widget import Widget

from rsp.core.decision_rows import DecisionRow
from rsp.core.explaining import Explanation
from rsp.core.replies import ConfigSource
from rsp.core.wire import CommandRefused
from rsp.tui.client import EngineGone
from rsp.tui.keymap import bindings
from rsp.tui.model.session_columns import shown
from rsp.tui.model.spans import Line, Span, wrap
from rsp.tui.model.trace_columns import TRACE_COLUMNS
from rsp.tui.model.trace_view import TraceLine, told_lines, trace_lines
from rsp.tui.screens.editing import edit_in
from rsp.tui.screens.frame import Frame
from rsp.tui.widgets.lines import Lines
from rsp.tui.widgets.titles import entitle
from rsp.tui.widgets.virtual_table import VirtualTable


class Asked(NamedTuple):
    """What is to be explained."""

    title: str
    params: dict[str, Any]
    """Of `explain`."""
    command: str
    """The command that tells the same."""


def of_decision(row: DecisionRow) -> Asked:
    """Ask about a recorded decision."""
    asked = f"{row.method or 'tcp'} {row.host}{row.path}"
    title = f"decision {row.seq} · {shown(asked)}"
    return Asked(title, {"decision": row.seq}, f"rsp ctl explain --decision {row.seq}")


def of_request(method: str, url: str, header: str) -> Asked:
    """Ask about a request that nobody sent; `header` is `Name: value`, or empty."""
    headers = [header] if header else []
    words = ["rsp", "ctl", "explain", method, url, *(["-H", header] if header else [])]
    params: dict[str, Any] = {"method": method, "url": url, "header": headers}
    return Asked(f"not sent · {shown(f'{method} {url}')}", params, shlex.join(words))


class TraceScreen(Frame):
    """Shows how one request was routed, or would be. It is asked for once."""

    BINDINGS = bindings("trace")
    TAB = "routing"
    WHERE = "trace"
    AUTO_FOCUS = "#trace"
    FREEZES = False

    def __init__(self, asked: Asked) -> None:
        super().__init__()
        self._asked = asked
        self._answer: Explanation | None = None
        self._path: str | None = None
        self._refusal = ""

    def body(self) -> Iterable[Widget]:
        """Lay out the text and what is said below it."""
        table = VirtualTable[TraceLine](TRACE_COLUMNS, lambda line: line.number, id="trace")
        table.add_class("boxed")
        table.unbound = frozenset({"open"})
        yield table
        yield Lines(id="told", classes="boxed aside")

    @property
    def table(self) -> VirtualTable[TraceLine]:
        """The text."""
        return self.query_one("#trace", VirtualTable)

    def on_mount(self) -> None:
        """Ask for the trace."""
        said = "▸ ran · esc back" if self.shell.model.read_only else "▸ ran · e edits · esc back"
        entitle(self.table, self._asked.title, said)
        self.run_worker(self._ask(), group="trace")

    async def _ask(self) -> None:
        feed = self.shell.feed
        try:
            answer = await feed.command("explain", self._asked.params, Explanation)
            source = await feed.command("config", {}, ConfigSource)
        except (CommandRefused, EngineGone) as error:
            if self._answer is None:
                self._refusal = str(error)
                self.show_body()
        else:
            self.put(answer, source)

    def put(self, answer: Explanation, source: ConfigSource) -> None:
        """Show what the engine answered, the cursor on the line that ran last: it decided."""
        self._answer, self._path = answer, source.path
        lines = trace_lines(answer, source.running) if answer.trace else []
        self.table.show(lines)
        last = answer.trace[-1].line if answer.trace else 0
        at = next((at for at, line in enumerate(lines) if line.number == last), 0)
        # It may have no size yet, and would not scroll there.
        self.call_after_refresh(self.table.move_to, at)
        self._refusal = ""
        self.show_body()

    # -- what is shown

    def show_body(self) -> None:
        """Show what is said of the line under the cursor, and of the decision."""
        box = self.query_one("#told", Lines)
        width = max(box.content_size.width, 20)
        box.show(self._told(width, box.content_size.height))

    def _told(self, width: int, height: int) -> list[Line]:
        if self._refusal:
            return [(Span(row, "bad"),) for row in wrap(f"✗ {shown(self._refusal)}", width)]
        if self._answer is None:
            return [(Span("asking the engine…", "dim"),)]
        return told_lines(self._answer, self.table.cursor_row, width, height)

    def on_virtual_table_moved(self) -> None:
        """Say what the line under the cursor left in the locals."""
        self.show_body()

    # -- acts

    def action_edit_line(self) -> None:
        """Open the file in the person's editor, at the line under the cursor."""
        line = self.table.cursor_row
        if self._path is None:
            self.shell.say("There is no file to edit.")
            return
        if edit_in(self, self._path, line.number if line else 1):
            self.shell.say("ctrl+r says what the change would do, and who would move.")

    def copy_text(self) -> tuple[str, str] | None:
        """Return the command that tells the same."""
        return self._asked.command, "the command that explains it"

    def export_rows(self) -> tuple[str, Sequence[msgspec.Struct]] | None:
        """Return the steps."""
        return ("trace", self._answer.trace) if self._answer else None
