"""Rows in columns, as plain text that a terminal does not obey."""

from collections.abc import Sequence

from rsp.core.sanitise import safe

_NAMING = frozenset({"ID", "SEQ", "SESSION", "GEN"})
"""Numbers that name something, and are given to commands: without commas."""
_CELL_CHARACTERS = 60
"""A cell of a table shows at most this much; `--json` has all of it."""
_LAST_CHARACTERS = 300
"""One of the last column, which moves no other: often it is a sentence."""


def as_table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return rows below their titles, in columns."""
    room = [_CELL_CHARACTERS] * (len(head) - 1) + [_LAST_CHARACTERS]
    cells = [
        [safe(_cell(title, cell), most) for title, cell, most in zip(head, row, room, strict=True)]
        for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(head, *cells, strict=True)]
    is_number = [
        bool(rows) and all(isinstance(row[i], int | float) for row in rows)
        for i in range(len(head))
    ]
    lines = []
    for row in (head, *cells):
        parts = [
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(row, widths, is_number, strict=True)
        ]
        lines.append("  ".join(parts).rstrip())
    return "\n".join(lines)


def _cell(title: str, cell: object) -> str:
    return str(cell) if title in _NAMING and cell is not None else shown(cell)


def shown(cell: object) -> str:
    """Return a value as people read it: `-` for none, commas in large numbers."""
    if cell is None:
        return "-"
    if isinstance(cell, float):
        return f"{cell:.3f}"
    if isinstance(cell, int) and not isinstance(cell, bool):
        return f"{cell:,}"
    return str(cell)
