"""The last minute of one side as a stack: what waits here, over what its kernel holds.

Each level has a glyph of its own, so that it can be told from the others without colour.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise

from rsp.core.evidence import SampleRow
from rsp.tui.limits import HISTORY_S, SAMPLE_HOLD_S
from rsp.tui.model import text
from rsp.tui.model.spans import Line, Span, fit, keep_fitting, line

HERE, KERNEL, FLIGHT = "█", "▓", "·"
_NOTHING = "▁"
KERNEL_ROLE, FLIGHT_ROLE = "accent", "dim"

_TITLE = 8
"""Cells of what stands at the left of each line."""

_WORDS = {"E": "EAGAIN", "p": "pause", "r": "resume", "s": "short"}
"""The marks, in the order in which one of them stands for several in the same cell."""


def level_lines(
    samples: Sequence[SampleRow], size: tuple[int, int], role: str, totals: tuple[int, int]
) -> list[Line]:
    """Return the stack of a minute, the marks below it, and what the marks mean.

    `size`: cells and lines; `role` is the colour of what waits here; `totals`: EAGAINs and short
    writes since the counters began. The newest is at the right.
    """
    width, height = size
    cells = max(min(width - _TITLE - 1, round(HISTORY_S)), 4)
    marks = marks_of(samples, cells)
    below: list[Line] = [line(Span(fit("marks", _TITLE), "dim"), " ", Span(marks, "warn"))]
    below.append(_legend(marks, totals, width))
    rows = height - len(below)
    if rows < 2:
        return below[: max(height, 0)]
    return [*_chart(samples, (cells, rows), role), *below]


def _chart(samples: Sequence[SampleRow], size: tuple[int, int], role: str) -> list[Line]:
    cells, rows = size
    columns = columns_of(samples, cells)
    top = max((_held(column) for column in columns if column is not None), default=0)
    stacks = [_stack(column, top, rows) for column in columns]
    roles = {HERE: role, KERNEL: KERNEL_ROLE, FLIGHT: FLIGHT_ROLE, _NOTHING: "track", " ": ""}
    lines: list[Line] = []
    for row in range(rows):
        label = f"{text.size(top):>{_TITLE}}" if row == 0 else ""
        if row == rows - 1:
            label = f"{HISTORY_S:.0f} s{0:>4}"
        glyphs = (stack[rows - 1 - row] for stack in stacks)
        runs = [Span("".join(run), roles[glyph]) for glyph, run in groupby(glyphs)]
        lines.append((Span(fit(label, _TITLE), "dim"), Span("┤", "track"), *runs))
    return lines


def _levels(row: SampleRow) -> tuple[int, int, int]:
    return row.in_flight_bytes or 0, row.kernel_unsent_bytes or 0, row.unsent_bytes


def _held(row: SampleRow) -> int:
    return sum(_levels(row))


def _stack(column: SampleRow | None, top: int, rows: int) -> str:
    """Return one column, the lowest cell first. What is there at all has a cell if there is one."""
    if column is None:
        return " " * rows
    held = _held(column)
    if not held:
        return _NOTHING + " " * (rows - 1)
    count = max(1, round(held / top * rows))
    heights = _heights([level / held * count for level in _levels(column)], count)
    glyphs = zip((FLIGHT, KERNEL, HERE), heights, strict=True)
    return "".join(glyph * height for glyph, height in glyphs) + " " * (rows - count)


def _heights(shares: list[float], count: int) -> list[int]:
    """Return whole cells for shares of them, `count` in all."""
    least = 1 if count >= sum(share > 0 for share in shares) else 0
    heights = [max(int(share), least) if share else 0 for share in shares]
    while sum(heights) < count:
        rests = [share - height for share, height in zip(shares, heights, strict=True)]
        heights[rests.index(max(rests))] += 1
    while sum(heights) > count:
        heights[heights.index(max(heights))] -= 1
    return heights


def columns_of(samples: Sequence[SampleRow], cells: int) -> list[SampleRow | None]:
    """Return the fullest sample of each piece of a minute; of one without any, the one before.

    None where there is none that is not too old: it is not known.
    """
    columns: list[SampleRow | None] = [None] * cells
    for index, row in _placed(samples, cells):
        kept = columns[index]
        if kept is None or _held(row) >= _held(kept):
            columns[index] = row
    step_s = HISTORY_S / cells
    last: SampleRow | None = None
    for index, column in enumerate(columns):
        ends_s = samples[-1].at_s - (cells - 1 - index) * step_s if samples else 0.0
        if column is None and last is not None and ends_s - last.at_s <= SAMPLE_HOLD_S:
            columns[index] = last
        last = column or last
    return columns


def _placed(samples: Sequence[SampleRow], cells: int) -> Iterator[tuple[int, SampleRow]]:
    step_s = HISTORY_S / cells
    for row in samples:
        back = int((samples[-1].at_s - row.at_s) / step_s)
        if back < cells:
            yield cells - 1 - back, row


def marks_of(samples: Sequence[SampleRow], cells: int) -> str:
    """Return one cell for each piece of a minute: E, p, r, s or a blank."""
    found: list[set[str]] = [set() for _ in range(cells)]
    places = {id(row): index for index, row in _placed(samples, cells)}
    for before, row in pairwise(samples):
        if id(row) in places:
            found[places[id(row)]] |= _happened(before, row)
    return "".join(next((mark for mark in _WORDS if mark in marks), " ") for marks in found)


def _happened(before: SampleRow, row: SampleRow) -> set[str]:
    has_paused = (row.paused_at_s or 0.0) > before.at_s
    happened = {
        "E": row.eagain_writes > before.eagain_writes,
        "p": has_paused,
        "r": (before.paused or has_paused) and not row.paused,
        "s": row.short_writes > before.short_writes,
    }
    return {mark for mark, has_happened in happened.items() if has_happened}


def _legend(marks: str, totals: tuple[int, int], width: int) -> Line:
    """Return what the marks mean, those that are there first, with how often it ever happened."""
    counts = {"E": totals[0], "s": totals[1]}
    parts: list[Line] = []
    for mark in sorted("Espr", key=lambda mark: mark not in marks and not counts.get(mark)):
        count = f"{counts[mark]:,} " if mark in counts else ""
        parts.append((Span(mark, "warn"), Span(f" {count}{_WORDS[mark]}", "dim")))
    return keep_fitting(parts, width)
