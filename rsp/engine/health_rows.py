"""What a row of a backend says of its health, for whoever looks."""

from itertools import islice

from rsp.core.backends import Backend, Pool
from rsp.core.health import HealthBook
from rsp.core.limits import HEALTH_CHECKS_MARKED, HEALTH_CHECKS_SHOWN, RAMP_STEPS
from rsp.core.replies import BackendRow, CheckRow, PoolRow


def add_health(row: BackendRow, book: HealthBook, backend: Backend, now_s: float) -> BackendRow:
    """Put into `row` what is known of the health of its backend, and return it."""
    chart = book.charts.get(backend.key)
    if chart is None:
        return row
    condition = chart.condition()
    row.health = condition.health.value
    row.health_since_s = max(0.0, now_s - chart.since_s)
    row.health_reason = condition.why
    row.ramp = condition.ramp / RAMP_STEPS
    if chart.term.is_out:
        row.health_reason += f"; back in {max(0.0, chart.term.until_s - now_s):.0f} s"
    record = chart.record
    if record is not None:
        row.flaps = record.flaps(now_s)
        row.advice = record.advice()
        newest = list(islice(reversed(record.checks), HEALTH_CHECKS_MARKED))[::-1]
        row.timeline = "".join(["x" if check.why else "." for check in newest])
        row.checks = [
            CheckRow(now_s - check.at_s, check.took_s, check.why, check.status)
            for check in newest[-HEALTH_CHECKS_SHOWN:]
        ]
    return row


def pool_row(pool: Pool, rows: list[BackendRow]) -> PoolRow:
    """Return the row of a pool with those of its backends."""
    return PoolRow(
        pool.name,
        pool.balance,
        rows,
        pool.host,
        health=str(pool.health or ""),
        eject=str(pool.eject or ""),
        slow_start_s=pool.slow_start_s,
        fallback=pool.fallback,
        sticky=str(pool.sticky) if pool.sticky is not None else None,
    )
