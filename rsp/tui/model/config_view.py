"""The configuration as the dashboard shows it: its text, what is wrong with it, what differs."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from rsp.core.generation_rows import Edits
from rsp.core.replies import ConfigSource
from rsp.core.sanitise import safe
from rsp.core.units import counted
from rsp.tui.model.exchange_columns import clock
from rsp.tui.model.lua_spans import lua_lines
from rsp.tui.model.session_columns import shown
from rsp.tui.model.spans import Line, Span, beside, keep_fitting, plain, wrap
from rsp.tui.model.text import UNKNOWN

_PLACE = re.compile(r"^.*?:[0-9]+: ")
_CONTEXT = 3
"""Lines around a difference that are shown as well."""


@dataclass(frozen=True, slots=True)
class SourceLine:
    """A line of the file, or a message that stands below one."""

    key: str
    number: int | None
    """Counted from 1; None for a message."""
    spans: Line
    is_wrong: bool = False


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line that is only in what runs (`-`), only on disk (`+`), or in both."""

    index: int
    sign: str
    number: int | None
    """On disk; for a line that is gone, in what runs."""
    text: str


class ConfigView:
    """What `config` answered last, and how it is to be shown."""

    def __init__(self) -> None:
        self.source: ConfigSource | None = None

    @property
    def name(self) -> str:
        """The file without its folder; empty when there is none."""
        path = self.source.path if self.source else None
        return shown(path.rpartition("/")[2]) if path else ""

    @property
    def text(self) -> str:
        """What the next reload would read: the file; without one, what runs."""
        if self.source is None:
            return ""
        return self.source.running if self.source.on_disk is None else self.source.on_disk

    @property
    def differs(self) -> bool:
        """Whether the file is no longer what runs."""
        return self.source is not None and self.source.on_disk is not None

    @property
    def error(self) -> str:
        """`file:line: message` of what is on disk; empty when it loads."""
        source = self.source
        if source is None or not source.error:
            return ""
        # What stands before the place helps in a log; editors want to read the place first.
        start = source.error.find(f"{source.path}:")
        return source.error[max(start, 0) :]

    @property
    def error_line(self) -> int | None:
        """The line of the error, from 1."""
        return self.source.error_line if self.source else None

    def source_lines(self, width: int) -> list[SourceLine]:
        """Return the text with line numbers; the message stands below the line that is wrong."""
        lines: list[SourceLine] = []
        wrong = self.error_line if self.error else None
        for number, spans in enumerate(lua_lines(self.text), 1):
            lines.append(SourceLine(f"{number}", number, spans, number == wrong))
            if number == wrong:
                message = _message(self.error)
                for index, row in enumerate(wrap(f"✗ {message}", max(width, 20))):
                    said = (Span(row, "bad"),)
                    lines.append(SourceLine(f"{number}.{index}", None, said, True))
        return lines

    def diff_lines(self) -> list[DiffLine]:
        """Return what differs between what runs and what is on disk, with a little around it."""
        if self.source is None or self.source.on_disk is None:
            return []
        return diff(self.source.running.splitlines(), self.source.on_disk.splitlines())

    def facts(self, edits: Edits, width: int) -> list[Line]:
        """Return what runs since when, how the file is, and the live edits on top of it."""
        source = self.source
        if source is None:
            return [(Span(f" {UNKNOWN}", "dim"),)]
        running = (
            Span(" running  ", "dim"),
            Span(f"generation {source.generation}", "strong"),
            Span(f"  loaded at {clock(source.loaded_at)[:8]}", "dim"),
        )
        count = len(edits.edits)
        if count:
            what = f"✎ {counted(count, 'live edit')} on top of the file"
            right: Line = (Span(what, "accent"), Span(" "))
        else:
            right = (Span("no live edits ", "dim"),)
        return [beside(running, right, width), *self._of_disk(width)]

    def _of_disk(self, width: int) -> list[Line]:
        if not self.name:
            return [(Span(" file     ", "dim"), Span("there is none"))]
        head = (Span(" on disk  ", "dim"), Span(f"{self.name}  ", "strong"))
        if self.error:
            first, *rest = wrap(f"✗ {safe(self.error)}", max(width - 12, 20))
            more = [(Span(" " * 10), Span(row, "bad")) for row in rest[:1]]
            return [(Span(" on disk  ", "dim"), Span(first, "bad")), *more]
        if self.differs:
            said = (Span("✎ changed, and it loads", "accent"), Span("  ctrl+r reviews it", "dim"))
            return [(*head, *said)]
        return [(*head, Span("✓ the same as what runs", "good"))]


def _message(error: str) -> str:
    """Return an error without the file and the line, which stand beside it anyway."""
    return safe(_PLACE.sub("", error))


def diff(old: Sequence[str], new: Sequence[str]) -> list[DiffLine]:
    """Return the lines that differ, with their neighbours; gaps are marked by an `@` line."""
    found: list[DiffLine] = []

    def add(sign: str, number: int | None, text: str) -> None:
        found.append(DiffLine(len(found), sign, number, safe(text)))

    for group in SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(_CONTEXT):
        add("@", None, f"line {group[0][3] + 1}")
        for tag, old_from, old_to, new_from, new_to in group:
            if tag == "equal":
                for index in range(new_from, new_to):
                    add(" ", index + 1, new[index])
                continue
            for index in range(old_from, old_to):
                add("-", index + 1, old[index])
            for index in range(new_from, new_to):
                add("+", index + 1, new[index])
    return found


def edit_lines(edits: Edits, width: int) -> list[Line]:
    """Return the live edits, the newest first, and what could be done again."""
    lines: list[Line] = []
    for edit in reversed(edits.edits):
        who = Span(f"  {clock(edit.at)[:8]} {shown(edit.who)}", "dim")
        what = (Span(f" {edit.generation:>4}  ", "dim"), Span(shown(edit.what)))
        lines.append(keep_fitting([(*what, who)], width) or what)
    lines += [(Span("  redo  ", "dim"), Span(shown(edit.what), "dim")) for edit in edits.undone]
    return lines or [(Span(" No live edit: what runs is what the file says.", "dim"),)]


def no_file_lines() -> list[Line]:
    """Return what to do when the engine was started without a file."""
    return [
        (Span("This engine was started with --to: there is no configuration file.", "strong"),),
        (),
        (
            Span("Its backends can be changed all the same: "),
            Span("2", "key"),
            Span(" shows them."),
        ),
        (),
        (Span("For a route function, several pools and reloads, write a file:"),),
        (Span("  rsp init rsp.lua", "accent"), Span("    a commented sample to begin with", "dim")),
        (Span("  rsp run rsp.lua", "accent"), Span("     runs it, with this dashboard", "dim")),
    ]


def line_text(line: SourceLine) -> str:
    """Return the text of a line, as it is copied."""
    return plain(line.spans)
