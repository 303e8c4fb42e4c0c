"""The columns of the Routing screen, and one decision explained."""

import shlex
from collections.abc import Sequence

from rsp.core.audit import Split
from rsp.core.decision_rows import CandidateRow, DecisionRow
from rsp.core.explaining import Explanation
from rsp.core.sanitise import safe
from rsp.core.units import counted
from rsp.tui.model import text
from rsp.tui.model.backend_columns import state_line
from rsp.tui.model.columns import Column
from rsp.tui.model.decisions import Group
from rsp.tui.model.exchange_columns import clock
from rsp.tui.model.session_columns import shown
from rsp.tui.model.spans import Line, Span, cut, fit, keep_fitting, width_of, wrap

_WHOLE_CLOCK = 12
_NAME_CELLS = 20
_SHARE_FIGURE = 4


def _time(row: DecisionRow, width: int) -> Span:
    stamp = clock(row.at)
    return Span(stamp if width >= _WHOLE_CLOCK else stamp[:8], "dim")


def _target(row: DecisionRow, width: int) -> Line:
    if row.backend is None:
        where = Span("✗ ", "bad"), Span(shown(row.pool or "nowhere"), "bad")
    else:
        where = Span("→ ", "dim"), Span(f"{shown(row.pool or '')}/{shown(row.backend)}")
        if width_of(where) > width:
            # Which backend it was says more than the name of their pool.
            where = Span("→ ", "dim"), Span(f"…/{shown(row.backend)}")
    return cut(where, width)


def _key(row: DecisionRow, _width: int) -> Span:
    return Span(text.NOTHING, "dim") if row.key is None else Span(shown(row.key), "accent")


def _reason(row: DecisionRow, _width: int) -> Span:
    return Span(shown(row.error), "bad") if row.error else Span(shown(row.reason), "dim")


def _host(row: DecisionRow, _width: int) -> Span:
    return Span(shown(row.host)) if row.host else Span("no host", "dim")


DECISION_COLUMNS: tuple[Column[DecisionRow], ...] = (
    Column("at", "TIME", 8, _time, grows_to=12, keep=30),
    Column("session", "SESSION", 7, lambda row, _: Span(str(row.session)), ">", keep=20),
    Column("host", "HOST", 14, _host, grows_to=28, keep=80),
    Column("path", "PATH", 12, lambda row, _: Span(shown(row.path)), grows_to=60, keep=70),
    Column("target", "→ BACKEND", 13, _target, grows_to=24, keep=100),
    Column("key", "KEY", 10, _key, grows_to=28, keep=60),
    Column("reason", "REASON", 12, _reason, grows_to=60, keep=40),
)
"""In the order of the screen. Dropped first: SESSION, then TIME, then REASON."""


def _share(group: Group, width: int) -> Line:
    filled, empty = text.gauge(group.share, width - _SHARE_FIGURE - 1)
    return Span(filled, "response"), Span(empty, "track"), Span(" " + text.share(group.share))


def _errors(group: Group, _width: int) -> Span:
    return Span(f"{group.errors:,}", "bad") if group.errors else Span(text.NOTHING, "dim")


def _targets(group: Group, _width: int) -> Span:
    times = "\N{MULTIPLICATION SIGN}"
    parts = [f"{shown(name)} {count:,}{times}" for name, count in group.targets.most_common()]
    return Span("  ".join(parts), "" if len(parts) < 2 else "warn")


GROUP_COLUMNS: tuple[Column[Group], ...] = (
    Column("name", "GROUP", 20, lambda group, _: Span(shown(group.name)), grows_to=60, keep=100),
    Column("count", "COUNT", 6, lambda group, _: Span(f"{group.count:,}"), ">", keep=95),
    Column("share", "SHARE", 12, _share, grows_to=24, keep=80),
    Column("errors", "ERRORS", 6, _errors, ">", keep=70),
    Column("targets", "GOES TO", 20, _targets, grows_to=80, keep=60),
    Column("last", "LAST", 8, lambda group, _: Span(clock(group.last)[:8], "dim"), keep=20),
)
"""In the order of the screen."""


def explained(row: DecisionRow, width: int, height: int) -> list[Line]:
    """Return one decision in at most `height` lines: what was asked, where it went, and why."""
    asked = (
        Span(f"{shown(row.method) or 'tcp'} ", "dim"),
        Span(shown(row.host), "strong"),
        Span(shown(row.path)),
    )
    facts = [
        *_key_part(row.key),
        (Span(f"{row.elapsed_us:.1f} µs", "dim"),),
        (Span(f"generation {row.generation}", "dim"),),
        (Span(f"session {row.session}", "dim"),),
    ]
    head = [asked, *_outcome(row.pool, row.backend, row.reason, row.error, width)]
    head.append(keep_fitting(facts, width, "   "))
    return [*head, *candidate_lines(row.candidates, width, height - len(head))][:height]


def explanation_lines(answer: Explanation, width: int, height: int) -> list[Line]:
    """Return what `explain` answered, in at most `height` lines."""
    head = _outcome(answer.pool, answer.backend, answer.reason, answer.error, width)
    head.append(keep_fitting([*_key_part(answer.key), _generation(answer)], width, "   "))
    return [*head, *candidate_lines(answer.candidates, width, height - len(head))][:height]


def _generation(answer: Explanation) -> Line:
    return (Span(f"generation {answer.generation}", "dim"),)


def _key_part(key: str | None) -> list[Line]:
    if key is None:
        return [(Span("no key", "dim"),)]
    return [(Span("key ", "dim"), Span(f"'{shown(key)}'", "accent"))]


def _outcome(
    pool: str | None, backend: str | None, reason: str, error: str | None, width: int
) -> list[Line]:
    if backend is not None:
        target = f"{shown(pool or '')}/{shown(backend)}"
        why = fit(shown(reason), max(width - len(target) - 5, 1))
        return [(Span("→ ", "dim"), Span(target, "good"), Span(f"   {why}"))]
    said = shown(error or reason)
    return [(Span(piece, "bad"),) for piece in wrap(f"✗ {said}", width)]


def candidate_lines(rows: Sequence[CandidateRow], width: int, height: int) -> list[Line]:
    """Return the candidates with their verdicts in at most `height` lines, the chosen one seen."""
    if not rows or height < 1:
        return []
    kept = sorted(rows, key=lambda row: row.verdict != "chosen") if len(rows) > height else rows
    name_cells = min(max(len(row.name) for row in rows), _NAME_CELLS)
    lines = [cut(_candidate(row, name_cells), width) for row in kept[:height]]
    if len(rows) > height:
        left = len(rows) - height + 1
        # The only line there is has no room for the chosen one.
        said = f"and {left} more, none of them chosen" if height > 1 else f"{left} candidates"
        lines[-1] = (Span(f"  {said}", "dim"),)
    return lines


def _candidate(row: CandidateRow, name_cells: int) -> Line:
    is_chosen = row.verdict == "chosen"
    count = counted(row.sessions, "session")
    return (
        Span("▸ " if is_chosen else "  ", "good"),
        Span(fit(shown(row.name), name_cells), "strong" if is_chosen else ""),
        Span("  "),
        *state_line(row.state),
        Span(f"  weight {row.weight:<3}  {count:<12}  "),
        Span(shown(row.verdict), "good" if is_chosen else "dim"),
    )


def split_lines(splits: Sequence[Split], width: int) -> list[Line]:
    """Return the notice of the first split names, in two lines at most, and how many more."""
    lines: list[Line] = []
    for index, split in enumerate(splits):
        more = len(splits) - index - 1
        said = f"⚠ {safe(split.sentence)}"
        rows = wrap(said, width)
        counted = wrap(f"{said} (and {more} more)", width) if more else rows
        rows = counted if len(counted) == len(rows) else rows
        if lines and len(rows) > 1:
            break
        lines += [(Span(f" {row}" if row is rows[0] else f"   {row}", "warn"),) for row in rows[:2]]
        if len(lines) > 1:
            break
    return lines


def explain_command(row: DecisionRow, config: str | None) -> str:
    """Return the command line that asks where such a request would go; empty for tcp sessions."""
    if not row.method:
        return ""
    program = ["rsp", "explain", config] if config else ["rsp", "ctl", "explain"]
    return shlex.join([*program, row.method, f"http://{row.host}{row.path}"])
