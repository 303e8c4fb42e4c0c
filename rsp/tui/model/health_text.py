"""The health of a backend in words and marks: its cell, its sentence, and its last checks.

Every mark can be told from the others without colour.
"""

from rsp.core.replies import BackendRow, CheckRow, PoolRow
from rsp.core.vocabulary import Health
from rsp.tui.model import text
from rsp.tui.model.session_columns import shown
from rsp.tui.model.spans import Line, Span, keep_fitting, wrap

_HEALTHS: dict[str, tuple[str, str, str]] = {
    Health.UNKNOWN: ("?", "?", "dim"),
    Health.UP: ("✓", "up", "good"),
    Health.DOWN: ("✗", "down", "bad"),
    Health.EJECTED: ("⊘", "eject", "warn"),
}

_GOOD_MARK, _BAD_MARK = Span("·", "good"), Span("✗", "bad")
"""Of one check."""
_OUT = (Health.DOWN, Health.EJECTED)
_TITLE = 9
"""Cells of the titles at the left."""
_MARKS_FIGURE = 26
"""Cells of what is said of the newest check."""


def is_out(row: BackendRow) -> bool:
    """Tell whether a backend gets nothing, whatever people want."""
    return row.health in _OUT


def is_watched(pool: PoolRow) -> bool:
    """Tell whether anything is known of the health of the backends of `pool`."""
    return bool(pool.health or pool.eject or pool.slow_start_s)


def health_cell(pool: PoolRow, row: BackendRow) -> Line:
    """Return mark and word; while it starts slowly, the share of its weight."""
    if not is_watched(pool):
        return (Span(text.NOTHING, "dim"),)
    glyph, word, role = _HEALTHS.get(row.health, ("?", shown(row.health), ""))
    if row.ramp < 1:
        return Span("↗", "accent"), Span(f" {row.ramp:.0%}", "accent")
    return Span(glyph, role), Span(f" {word}" if word != glyph else "", role)


def health_lines(pool: PoolRow, row: BackendRow, width: int) -> list[Line]:
    """Return what is known of the health of one backend; nothing where nobody looks."""
    if not is_watched(pool):
        return []
    lines = [_sentence(pool, row, width)]
    if row.checks:
        lines.append(_timeline(row.timeline, row.checks[-1], width))
    lines += [(Span(piece, "accent"),) for piece in wrap(_advised(row), width) if piece]
    return lines


def _sentence(pool: PoolRow, row: BackendRow, width: int) -> Line:
    glyph, _, role = _HEALTHS.get(row.health, ("?", "", ""))
    said = f"{glyph} {shown(row.health)} for {text.age(row.health_since_s).strip()}"
    if row.health_reason:
        said += f": {shown(row.health_reason)}"
    parts: list[Line] = [(Span(said, role),)]
    if row.ramp < 1:
        parts.append((Span(f"starts slowly: {row.ramp:.0%} of its weight", "accent"),))
    if row.flaps:
        changes = "1 change" if row.flaps == 1 else f"{row.flaps:,} changes"
        parts.append((Span(f"{changes} in an hour", "warn"),))
    parts += [(Span(shown(rule), "dim"),) for rule in (pool.health, pool.eject) if rule]
    title = Span(f"{'health':<{_TITLE}}", "dim")
    return title, *keep_fitting(parts, width - _TITLE, "   ")


def _advised(row: BackendRow) -> str:
    return f"calmer with {shown(row.advice)}" if row.advice else ""


def _timeline(marks: str, newest: CheckRow, width: int) -> Line:
    """Return a mark for each of the last checks, the newest at the right."""
    room = max(width - _TITLE - _MARKS_FIGURE, 1)
    said = f" {text.duration(newest.ago_s)} ago, took {text.duration(newest.took_s)}"
    return (
        Span(f"{'checks':<{_TITLE}}", "dim"),
        *(_GOOD_MARK if mark == "." else _BAD_MARK for mark in marks[-room:]),
        Span(said, "dim"),
    )


def trouble_of(pool: PoolRow) -> int:
    """Return how many of `pool` are down or ejected: more of it stands further up."""
    return sum(is_out(row) for row in pool.backends)
