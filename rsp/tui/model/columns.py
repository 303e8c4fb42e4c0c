"""Columns of a table: which ones fit, how wide they become, and how a row turns into a line."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from rsp.tui.model.spans import Line, Span, fit, width_of

Row = TypeVar("Row")

GAP = 1
"""Cells between two columns."""


@dataclass(frozen=True, slots=True)
class Column(Generic[Row]):
    """One column of a table."""

    id: str
    title: str
    width: int
    """Cells that it needs at least."""
    cell: Callable[[Row, int], Span | Line]
    """Given the row and the width: the text, which is then cut or padded to the width."""
    align: str = "<"
    grows_to: int = 0
    """Cells that it takes when there is room; 0: it never grows."""
    keep: int = 0
    """Columns with the lowest number are dropped first when they do not all fit."""
    from_width: int = 0
    """Cells that the table must have before this column is shown at all."""
    sort: str | None = None
    """Field that a click on the header sorts by; None: it cannot be sorted by."""


Placed = tuple[Column[Row], int]
"""A column and the width that it got."""


def place(columns: Sequence[Column[Row]], width: int) -> list[Placed[Row]]:
    """Return the columns that fit in `width` cells, in their order, with their widths.

    What is left over goes to the columns that grow, in equal shares.
    """
    kept = [column for column in columns if column.from_width <= width]
    while len(kept) > 1 and _need(kept) > width:
        # Of those that matter least, the rightmost goes first.
        kept.remove(min(reversed(kept), key=lambda column: column.keep))
    widths = {column.id: column.width for column in kept}
    spare = width - _need(kept)
    growing = [column for column in kept if column.grows_to > column.width]
    while spare > 0 and growing:
        for column in list(growing):
            if spare == 0:
                break
            widths[column.id] += 1
            spare -= 1
            if widths[column.id] >= column.grows_to:
                growing.remove(column)
    return [(column, widths[column.id]) for column in kept]


def _need(columns: Sequence[Column[Row]]) -> int:
    return sum(column.width for column in columns) + GAP * (len(columns) - 1)


def header_line(placed: Sequence[Placed[Row]], sort: str | None, arrow: str) -> Line:
    """Return the titles; the sorted column carries the arrow."""
    spans: list[Span] = []
    for column, width in placed:
        if spans:
            spans.append(Span(" " * GAP))
        sorted_by = sort is not None and column.sort == sort
        title = column.title
        if sorted_by:
            title = fit(title, min(len(title), width - 1)) + arrow
        action = f"sort({column.id!r})" if column.sort else ""
        role = "accent" if sorted_by else "heading"
        spans.append(Span(fit(title, width, column.align), role, action))
    return tuple(spans)


def row_line(placed: Sequence[Placed[Row]], row: Row) -> Line:
    """Return one row as a line, exactly as wide as its columns."""
    spans: list[Span] = []
    for column, width in placed:
        if spans:
            spans.append(Span(" " * GAP))
        cell = column.cell(row, width)
        if isinstance(cell, Span):
            spans.append(Span(fit(cell.text, width, column.align), cell.role, cell.action))
        else:
            spans.extend(_pad(cell, width, column.align))
    return tuple(spans)


def _pad(cell: Line, width: int, align: str) -> Line:
    spare = width - width_of(cell)
    if spare <= 0:
        return cell
    pad = Span(" " * spare)
    return (pad, *cell) if align == ">" else (*cell, pad)
