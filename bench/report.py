"""Turns results into a table that people read; the same text is printed and committed."""

from collections.abc import Sequence
from statistics import median

from bench.contest import Rounds
from bench.dashboard import DashboardCost
from bench.load import Work
from bench.memory import CONNECTIONS, Memory

REFERENCE = "HAProxy"
"""The contestant that the ratios are to."""

Row = Sequence[str]

CONTEST_HEADER = (
    "work",
    "proxy",
    "CPU µs",
    "ratio to HAProxy (min, median, max)",
    "rate /s",
    "p50 ms",
    "p99 ms",
    "errors",
)


def table(rows: Sequence[Row]) -> str:
    """Return `rows`, of which the first is the header, as an aligned Markdown table."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def contest_rows(work: Work, rounds: Rounds) -> list[Row]:
    """Return one row for each contestant: medians over the rounds, ratios within each round."""
    unit = "per MB" if work.is_bulk else "per request"
    rows: list[Row] = []
    for name, results in rounds.items():
        costs = [result.cost_us(work) for result in results]
        rates = [
            result.read_bytes / 1e6 * result.requests_per_s / max(result.requests, 1)
            if work.is_bulk
            else result.requests_per_s
            for result in results
        ]
        rows.append(
            (
                work.name,
                name,
                f"{median(costs):.1f} {unit}",
                ratios(work, rounds, name),
                f"{median(rates):,.0f}{' MB' if work.is_bulk else ''}",
                f"{median(result.p50_s for result in results) * 1e3:.2f}",
                f"{median(result.p99_s for result in results) * 1e3:.2f}",
                str(sum(result.errors for result in results)),
            )
        )
    return rows


def ratios(work: Work, rounds: Rounds, name: str) -> str:
    """Return how `name` compares with HAProxy in CPU, round by round: min, median, max."""
    if name == REFERENCE:
        return "1"
    pairs = zip(rounds[name], rounds[REFERENCE], strict=True)
    return spread([one.cost_us(work) / max(other.cost_us(work), 1e-9) for one, other in pairs])


def spread(found: list[float]) -> str:
    """Return the least, the middle and the largest of some ratios."""
    return f"{min(found):.2f}, {median(found):.2f}, {max(found):.2f}"


def memory_rows(memories: dict[str, Memory]) -> list[Row]:
    """Return the memory table."""
    rows: list[Row] = [
        ("proxy", "RSS at rest, MiB", f"KiB per idle connection ({CONNECTIONS:,} of them)")
    ]
    for name, memory in memories.items():
        at_rest, each = memory.at_rest_bytes / 2**20, memory.idle_connection_bytes / 1024
        rows.append((name, f"{at_rest:.1f}", f"{each:.2f}"))
    return rows


def dashboard_rows(cost: DashboardCost) -> list[Row]:
    """Return the dashboard table."""
    without = median(round_.without for round_ in cost.p99s)
    asked = [round_.asked / round_.without for round_ in cost.p99s]
    beside = [round_.beside / round_.without for round_ in cost.p99s]
    rate = cost.snapshots_per_s
    live = f"with {CONNECTIONS:,} live connections"
    return [
        ("dashboard", "figure"),
        (f"first paint after `rsp attach`, {live}", f"{cost.first_paint_s:.2f} s"),
        (f"snapshots a second that it gets of the 5 it asks for, {live}", f"{rate:.1f}"),
        (f"CPU share of one core meanwhile, {live}", f"{cost.cpu_share:.0%}"),
        (f"a frame: folding the snapshot, p50 and p95, {live}", percentiles(cost.folds_ms)),
        (f"a frame: painting what changed, p50 and p95, {live}", percentiles(cost.paints_ms)),
        ("p99 of the traffic without a dashboard (median)", f"{without * 1e3:.2f} ms"),
        ("ratio to it while the engine is asked what one asks (min, median, max)", spread(asked)),
        (
            "ratio to it with one that shares the core of the load (min, median, max)",
            spread(beside),
        ),
    ]


def percentiles(found_ms: list[float]) -> str:
    """Return the middle one and the 95th of a hundred."""
    ordered = sorted(found_ms)
    return f"{median(ordered):.1f} ms, {ordered[len(ordered) * 95 // 100]:.1f} ms"


def preface(machine: str, day: str, rounds: int, seconds: int) -> str:
    """Return what a reader of the tables has to know."""
    return f"""\
# Results

{machine}; {day}; rounds: {rounds}, interleaved, each run {seconds} s.

The proxy under test has core 0 to itself; wrk, the nginx behind the proxies and the dashboard
share core 1. CPU is user and system time of the proxy, its children included, from /proc (ticks
of 10 ms). rsp runs with all its counters on and one headless dashboard attached
(`bench/puller.py`, 5 snapshots a second); the rows of the dashboard itself are measured with the
real one on a terminal of 120 x 35. Figures are medians over the rounds; a ratio is taken within
each round. The proxies log nothing.

wrk sends the same head in every request, and nginx answers with the same one within a second: rsp
recognises both. Where every request and every response had other fields, each exchange would cost
it some 7 µs more (the parts timed one by one, on this machine).

Which Python it is counts for as much as anything here: PYTHONS.md.
What floods, slow peers and half an hour of traffic do (`make soak`) stands in SOAK.md.
"""
