"""The columns of the Backends screen, the line of a pool, and one backend in full."""

from collections.abc import Iterator, Sequence

from rsp.core.replies import BackendRow, PoolRow
from rsp.core.trouble import TroubleRow
from rsp.core.units import counted
from rsp.core.vocabulary import BackendState, Trouble
from rsp.tui.limits import RATE_SAMPLES
from rsp.tui.model import text
from rsp.tui.model.backends import BackendLine, BackendList, PoolLine, TableLine
from rsp.tui.model.columns import Column
from rsp.tui.model.health_text import health_cell, health_lines
from rsp.tui.model.session_columns import shown
from rsp.tui.model.shares import UNWEIGHTED
from rsp.tui.model.spans import Line, Span, keep_fitting, wrap

_STATES: dict[str, tuple[str, str, str]] = {
    BackendState.READY: ("●", "READY", "good"),
    BackendState.DRAIN: ("◐", "DRAIN", "accent"),
    BackendState.MAINT: ("○", "MAINT", "warn"),
}

_SHARE_FIGURE = 4
"""Cells of a percentage."""

_STRIPS = 3
_STRIP_WORDS = 18
"""Cells of the name and the figure beside a strip."""
_HEADROOM = 1.2
"""A steady rate does not fill its strip, so that a rise can be seen."""


def state_line(state: str) -> Line:
    """Return glyph and word of a backend's state."""
    glyph, word, role = _STATES.get(state, ("?", shown(state), ""))
    return Span(glyph, role), Span(" "), Span(word, role)


def _cell(line: TableLine) -> BackendLine:
    """Return the line of a backend: the line of a pool has no cells."""
    assert isinstance(line, BackendLine)
    return line


def _name(line: TableLine, _width: int) -> Span:
    return Span(shown(_cell(line).row.name), "strong")


def _address(line: TableLine, _width: int) -> Span:
    return Span(shown(_cell(line).row.address))


def _state(line: TableLine, _width: int) -> Line:
    return state_line(_cell(line).row.state)


def _health(line: TableLine, _width: int) -> Line:
    return health_cell(_cell(line).pool, _cell(line).row)


def _weight(line: TableLine, _width: int) -> Span:
    return Span(str(_cell(line).row.weight))


def _share(line: TableLine, width: int) -> Line:
    share = _cell(line).share
    filled, empty = text.gauge(share, width - _SHARE_FIGURE - 1)
    figure = Span(" " + text.share(share), "" if share else "dim")
    return Span(filled, "response"), Span(empty, "track"), figure


def _sessions(line: TableLine, _width: int) -> Span:
    row = _cell(line).row
    if not row.max_connections:
        return Span(f"{row.sessions:,}", "" if row.sessions else "dim")
    is_full = row.sessions >= row.max_connections
    return Span(f"{row.sessions}/{row.max_connections}", "warn" if is_full else "")


def _quiet(value: str) -> Span:
    return Span(value, "dim" if value == text.NOTHING else "")


def _new(line: TableLine, _width: int) -> Span:
    return _quiet(text.per_second(_cell(line).past.new_per_s))


def _out(line: TableLine, _width: int) -> Span:
    return _quiet(text.byte_rate(_cell(line).past.out_per_s))


def _failures(line: TableLine, _width: int) -> Span:
    count = _cell(line).row.failures
    return Span(f"{count:,}", "bad") if count else Span(text.NOTHING, "dim")


def _idle(line: TableLine, _width: int) -> Span:
    return Span(f"{_cell(line).row.idle_connections:,}", "dim")


def _edited(line: TableLine, _width: int) -> Span:
    return Span("✎ live", "accent") if _cell(line).row.edited else Span(text.NOTHING, "dim")


def _last_error(line: TableLine, _width: int) -> Span:
    row = _cell(line).row
    return Span(_dated_error(row), "bad") if row.last_error else Span(text.NOTHING, "dim")


def _dated_error(row: BackendRow) -> str:
    """Return why a backend failed last, and when: an old failure may have been cured."""
    age_s = row.last_error_age_s
    ago = "" if age_s is None else f", {text.age(age_s).strip()} ago"
    return f"{shown(row.last_error or '')}{ago}"


HEALTH_COLUMN: Column[TableLine] = Column("health", "HEALTH", 7, _health, keep=97)
"""Shown where a pool says something of health: nothing is known otherwise."""

BACKEND_COLUMNS: tuple[Column[TableLine], ...] = (
    Column("name", "NAME", 8, _name, grows_to=20, keep=100),
    Column("address", "ADDRESS", 15, _address, grows_to=30, keep=78),
    Column("state", "STATE", 7, _state, keep=99),
    HEALTH_COLUMN,
    Column("weight", "W", 3, _weight, ">", keep=98),
    Column("share", "SHARE", 10, _share, grows_to=18, keep=95),
    Column("sessions", "ACT", 5, _sessions, ">", grows_to=9, keep=90),
    Column("new", "NEW/s", 5, _new, ">", grows_to=7, keep=80),
    Column("out", "OUT", 6, _out, ">", keep=75),
    Column("failures", "FAIL", 4, _failures, ">", grows_to=6, keep=60),
    Column("idle", "IDLE", 4, _idle, ">", keep=10),
    Column("edited", "EDITED", 6, _edited, keep=30),
    Column("last_error", "LAST ERROR", 14, _last_error, grows_to=80, keep=20),
)
"""In the order of the screen. Dropped first: IDLE, then LAST ERROR, then EDITED."""


def columns_of(backends: BackendList) -> list[Column[TableLine]]:
    """Return the columns that have something to say of `backends`."""
    return [each for each in BACKEND_COLUMNS if each is not HEALTH_COLUMN or backends.is_watched]


def _extras(pool: PoolRow) -> Iterator[Span]:
    """Yield what a pool has and others do not."""
    if pool.host != "keep":
        yield Span(f"  Host: {shown(pool.host)}", "dim")
    if pool.fallback:
        yield Span(f"  fallback {shown(pool.fallback)}", "dim")
    if pool.sticky is not None:
        yield Span(f"  sticky by {shown(pool.sticky)}", "dim")
    if pool.queue_length is not None:
        role = "warn" if pool.queued else "dim"
        yield Span(f"  queue {pool.queued:,} of {pool.queue_length:,}", role)


def pool_in_full(pool: PoolRow) -> list[Line]:
    """Return what the pane says of a pool: who waits there, and who did."""
    if pool.queue_length is None:
        return [(Span("No queue: a request that finds all backends full is refused.", "dim"),)]
    counts = (
        f"{pool.waited:,} ever waited, {pool.queue_timeouts:,} of them too long; "
        f"{pool.queue_refused:,} found the queue full"
    )
    waiting = f"{pool.queued:,} of {pool.queue_length:,} wait for a place"
    most = f", each for {pool.queue_timeout_s or 0.0:g} s at most"
    return [
        (Span(waiting, "warn" if pool.queued else ""), Span(most, "dim")),
        (Span(counts, "dim"),),
    ]


def pool_title(line: TableLine) -> Line | None:
    """Return the whole line of a pool; None for a backend, which has cells."""
    if not isinstance(line, PoolLine):
        return None
    pool = line.pool
    count = len(pool.backends)
    ready = f"{line.ready} of {count} READY"
    role = "bad" if not line.ready else "warn" if line.ready < count else "good"
    return (
        Span(">>> ", "dim"),
        Span(f"pool {shown(pool.name)}", "title"),
        Span(f"  {shown(pool.balance)}  ", "dim"),
        Span(ready, role),
        *_extras(pool),
    )


def in_full(
    line: BackendLine, width: int, height: int, troubles: Sequence[TroubleRow] = ()
) -> list[Line]:
    """Return what is known of one backend, in at most `height` lines of `width` cells.

    `troubles` are those of all backends.
    """
    row = line.row
    facts, health = _facts(line, width), health_lines(line.pool, row, width)
    # In a low pane there is room for one of them, and most of the facts stand in the table.
    first = [*health, facts] if height <= len(health) else [facts, *health]
    lines = [*first, *_wrong(line, width, troubles)]
    is_stacked = height >= len(lines) + _STRIPS
    spark = width - _STRIP_WORDS if is_stacked else width // _STRIPS - _STRIP_WORDS - 3
    past = line.past
    strips = [
        _strip("sessions", past.sessions, spark, f"{row.sessions:,}"),
        _strip("new", past.new, spark, f"{text.per_second(past.new_per_s)}/s"),
        _strip("out", past.out, spark, text.byte_rate(past.out_per_s)),
    ]
    lines += strips if is_stacked else [keep_fitting(strips, width, "   ")]
    return lines[:height]


def _facts(line: BackendLine, width: int) -> Line:
    row, balance = line.row, line.pool.balance
    unused = f" ({balance} looks at none)" if balance in UNWEIGHTED else ""
    most = f"at most {row.max_connections:,}" if row.max_connections else "any number of sessions"
    parts: list[Line] = [
        state_line(row.state),
        (Span(shown(row.address)),),
        (Span("weight ", "dim"), Span(str(row.weight)), Span(unused, "dim")),
        (Span(most, "dim"),),
        (Span(f"{row.total:,}"), Span(" ever", "dim")),
        (Span(counted(row.failures, "failure"), "bad" if row.failures else "dim"),),
        (Span(f"{row.idle_connections:,} idle", "dim"),),
    ]
    if row.edited:
        parts.insert(3, (Span("✎ differs from the file", "accent"),))
    return keep_fitting(parts, width, "   ")


def _wrong(line: BackendLine, width: int, troubles: Sequence[TroubleRow]) -> list[Line]:
    """Return what is wrong with a backend now, and why it failed last."""
    said = [
        row.sentence
        for row in troubles
        # Failures have their last reason below.
        if row.backend == line.key and row.kind != Trouble.FAILING
    ]
    if line.row.last_error:
        said.append(f"last error: {_dated_error(line.row)}")
    if not said:
        return [(Span("no error yet", "dim"),)]
    return [(Span(piece, "bad"),) for each in said for piece in wrap(shown(each), width)]


def _strip(name: str, samples: Sequence[float], width: int, figure: str) -> Line:
    width = max(min(width, RATE_SAMPLES), 1)
    strip = text.sparkline(samples, width, max(samples, default=0.0) * _HEADROOM)
    return Span(f"{name:<9}", "dim"), Span(strip, "response"), Span(f" {figure:<8}")


def as_lua(line: BackendLine) -> str:
    """Return a backend as the configuration file would have it."""
    row = line.row
    parts = [f'name = "{row.name}"', f'address = "{row.address}"']
    if row.weight != 1:
        parts.append(f"weight = {row.weight}")
    if row.max_connections:
        parts.append(f"max_connections = {row.max_connections}")
    return f"{{ {', '.join(parts)} }},"
