"""The least change of a Lua table's text: a field put behind the others, or taken out.

What is put in looks as its neighbours do: on a line of its own or beside them, indented as they
are, with their separator. Nothing else is touched, to the byte.
"""

from collections.abc import Collection, Iterable, Sequence
from itertools import groupby
from typing import NamedTuple

from rsp.core.linting.lua_words import comment_end
from rsp.core.lua_tables import Field, Table

_INDENT = "  "


class Splice(NamedTuple):
    """The characters from `start` up to `end` become `text`."""

    start: int
    end: int
    text: str


class Overlap(Exception):
    """Two changes of the same characters."""


def spliced(source: str, splices: Iterable[Splice]) -> str:
    """Return `source` with all changes made.

    Raises:
        Overlap: two of them are about the same characters.
    """
    parts, at = [], 0
    for start, end, text in sorted(splices, key=lambda splice: splice[:2]):
        if start < at:
            raise Overlap
        parts += [source[at:start], text]
        at = end
    return "".join([*parts, source[at:]])


def appended(
    source: str, table: Table, items: Sequence[str], leaving: Collection[Field] = ()
) -> list[Splice]:
    """Return what puts `items` behind those fields of `table` that stay, when `leaving` go.

    Together with what `removed` returns for `leaving`.
    """
    if not items:
        return []
    if not table.fields:
        return [_into_empty(source, table, items)]
    staying = [field for field in table.fields if field not in leaving]
    model = staying[-1] if staying else table.fields[-1]
    mark = next((field.separator.text for field in table.fields if field.separator), ",")
    ending = mark if table.fields[-1].separator else ""
    splices = []
    if staying and model.separator is None:
        splices.append(Splice(model.end, model.end, mark))
    next_line = line_of_its_own(source, model)
    if next_line is None:
        text = f"{mark} ".join(items) + ending
        if staying:
            splices.append(Splice(model.past, model.past, f" {text}"))
        else:
            splices.append(_before_closing(source, table, text))
    else:
        before, line_end = indent_at(source, model.start), line_end_of(source)
        lines = [f"{before}{item}{mark}{line_end}" for item in items[:-1]]
        lines.append(f"{before}{items[-1]}{ending}{line_end}")
        splices.append(Splice(next_line, next_line, "".join(lines)))
    return splices


def _into_empty(source: str, table: Table, items: Sequence[str]) -> Splice:
    gap = source[table.opening.end : table.closing.start]
    before = indent_at(source, table.closing.start)
    begin = _line_start(source, table.closing.start)
    if "\n" in gap and begin + len(before) == table.closing.start:
        line_end = line_end_of(source)
        step = "\t" if "\t" in before else _INDENT
        lines = [f"{before}{step}{item},{line_end}" for item in items]
        return Splice(begin, begin, "".join(lines))
    text = ", ".join(items)
    if gap.strip():
        return _before_closing(source, table, text)
    return Splice(table.opening.end, table.closing.start, f" {text} ")


def _before_closing(source: str, table: Table, text: str) -> Splice:
    at = table.closing.start
    return Splice(at, at, f"{text} " if source[at - 1].isspace() else text)


def removed(
    source: str, table: Table, leaving: Collection[Field], *, is_replaced: bool = False
) -> list[Splice]:
    """Return what takes the fields `leaving` out of `table`, each with its line and comment.

    `is_replaced`: others are put behind those that stay.
    """
    splices = []
    previous: Field | None = None
    for (is_leaving, next_line), run in groupby(
        table.fields,
        lambda field: (field in leaving, line_of_its_own(source, field) if field in leaving else 0),
    ):
        fields = list(run)
        if is_leaving:
            start, end = _line_start(source, fields[0].start), next_line
            if end is None:
                start, end = _beside(source, fields, None if is_replaced else previous)
            splices.append(Splice(start, end, ""))
            previous = None
        else:
            previous = fields[-1]
    return splices


def _beside(source: str, fields: Sequence[Field], previous: Field | None) -> tuple[int, int]:
    """Return what goes with fields that share their line; `previous` is one that stays."""
    start, end = fields[0].start, fields[-1].past
    if fields[-1].separator is None and previous is not None and previous.separator is not None:
        mark = previous.separator
        if not source[mark.end : start].strip():
            return mark.start, end
    following = _past_blanks(source, end)
    if source[following : following + 1] in ("", "\r", "\n", "}"):
        return _before_blanks(source, start), end
    return start, following


def line_of_its_own(source: str, field: Field) -> int | None:
    """Return where the line after `field` begins; None when anything but comments shares its."""
    before = source[_line_start(source, field.start) : field.start]
    return _next_line(source, field.past) if not before.strip() else None


def _next_line(source: str, at: int) -> int | None:
    while at < len(source):
        if source[at] == "\n":
            return at + 1
        if source.startswith("--", at):
            at = comment_end(source, at)
        elif source[at].isspace():
            at += 1
        else:
            return None
    return None


def _line_start(source: str, at: int) -> int:
    return source.rfind("\n", 0, at) + 1


def indent_at(source: str, at: int) -> str:
    """Return what stands before the first word of the line of character `at`."""
    begin = _line_start(source, at)
    return source[begin : _past_blanks(source, begin)]


def line_end_of(source: str) -> str:
    """Return how the lines of `source` end."""
    return "\r\n" if "\r\n" in source else "\n"


def _past_blanks(source: str, at: int) -> int:
    while source[at : at + 1] in (" ", "\t"):
        at += 1
    return at


def _before_blanks(source: str, at: int) -> int:
    while source[at - 1 : at] in (" ", "\t"):
        at -= 1
    return at
