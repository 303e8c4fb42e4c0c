"""`python -m bench.soak`: floods, slow peers and long traffic; prints a table, ends by itself.

All of it takes about an hour with the peers, 40 minutes without, and `--minutes` more. It is
bounded: every load has an end of its own, goes to 127.0.0.1, and its processes are ended by their
ids.
"""

import argparse
import contextlib
import datetime
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from bench.machine import description, missing_packages, raise_fd_limit
from bench.peers import Proxy, Size, start_backend, start_haproxy, start_nginx, start_rsp
from bench.report import Row, table
from bench.soak.parts import PARTS
from bench.soak.stage import Outcome, Scale, Stage

RESULTS = Path(__file__).parent.parent / "SOAK.md"
FDS = 20_000
SLACK_FDS = 100
"""For listeners, logs and everything else that is no connection."""

BIG_BYTES = 100 << 20
PART_BYTES = 1 << 20
SLOW_BYTES = 40 << 10
"""At 2 KiB a second, 20 s: all are under way for long enough."""

STARTS = {"rsp": start_rsp, "haproxy": start_haproxy, "nginx": start_nginx}
TIMEOUTS = "timeout http-request 10s\n  timeout http-keep-alive 75s"
"""rsp's own allowances."""

OURS = ("lua-attacks", "whole-program", "fuzz")
"""Parts that nobody else has."""

HEADER = (
    "load",
    "proxy",
    "offered",
    "errors",
    "damaged",
    "RSS more, MiB",
    "KiB each",
    "fds before, after",
    "p99 alone, beside (ratio), ms",
    "remark",
)


def numbered(size: int) -> bytes:
    """Return bytes of which no piece can be lost, doubled or moved without a trace."""
    return b"".join(b"%010d." % number for number in range(size // 11 + 1))[:size]


def write_pages(pages: Path) -> None:
    """Write what is downloaded."""
    for name, size in (("big", BIG_BYTES), ("part", PART_BYTES), ("slow", SLOW_BYTES)):
        (pages / name).write_bytes(numbered(size))


def row_of(part: str, proxy: Proxy, outcome: Outcome) -> Row:
    """Return the row of the table."""
    alone_s, beside_s = outcome.p99_s
    ratio = beside_s / alone_s if alone_s else 0.0
    each = f"{outcome.grown_bytes / outcome.each / 1024:.1f}" if outcome.each else "-"
    return (
        part,
        proxy.name,
        outcome.offered,
        f"{outcome.errors:,}",
        outcome.damaged,
        f"{outcome.grown_bytes / 2**20:.1f}",
        each,
        "{:,}, {:,}".format(*outcome.fds),
        f"{alone_s * 1e3:.1f}, {beside_s * 1e3:.1f} ({ratio:.1f})",
        outcome.remark,
    )


def run_one(part: str, name: str, backend: int, directory: Path, options: Scale) -> Row | None:
    """Run one part against one proxy, freshly started; None where it cannot be run."""
    if part in OURS and name != "rsp":
        return None
    size = Size(FDS, FDS - SLACK_FDS, FDS - SLACK_FDS, TIMEOUTS)
    if name == "haproxy":
        size = Size(FDS, FDS, (FDS - SLACK_FDS) * 3 // 4, TIMEOUTS)
    proxy = STARTS[name]("http", backend, directory, size)
    if proxy is None:
        return None
    with proxy.running:
        outcome = PARTS[part](Stage(proxy, directory, directory / "www", options))
    for what, count in outcome.failures.items():
        print(f"  {proxy.name}: {count} x {what}", flush=True)
    return row_of(part, proxy, outcome)


def run(parts: list[str], proxies: list[str], scale: Scale) -> list[Row]:
    """Run the parts, each against each proxy, and return the rows."""
    rows: list[Row] = [HEADER]
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rsp-soak-")))
        running, backend = start_backend(directory, Size(FDS, FDS - SLACK_FDS))
        stack.enter_context(running)
        write_pages(directory / "www")
        for part in parts:
            for name in proxies:
                print(f"… {part}, {name}", flush=True)
                if row := run_one(part, name, backend, directory, scale):
                    rows.append(row)
                    print("  " + " | ".join(row), flush=True)
    return rows


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--only", choices=PARTS, action="append", help="this part (may repeat)")
    parser.add_argument("--proxy", choices=STARTS, action="append", help="this one (may repeat)")
    parser.add_argument("--scale", type=float, default=1.0, help="part of all counts: 0.02 to 1")
    parser.add_argument("--minutes", type=float, default=1.0, help="of mixed traffic; 30 is long")
    parser.add_argument("--write", action="store_true", help="write bench/SOAK.md")
    return parser.parse_args()


def main() -> None:
    """Run the soak; exit with 1 when the machine lacks a tool or fds."""
    options = arguments()
    # Ended from outside, it still ends what it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("soak: ended by SIGTERM"))
    missing = missing_packages()
    if shutil.which("slowhttptest") is None:
        missing.append("slowhttptest")
    if missing:
        raise SystemExit(f"soak: missing tools; try: apt install {' '.join(missing)}")
    fds = raise_fd_limit(FDS)
    if fds < FDS * min(1.0, options.scale):
        raise SystemExit(f"soak: {fds:,} open files are too few; try ulimit -n {FDS}, or --scale")
    day = datetime.datetime.now(datetime.UTC).date().isoformat()
    words = f"{description()}; {day}; scale {options.scale:g}"
    scale = Scale(options.scale, options.minutes)
    rows = run(options.only or list(PARTS), options.proxy or list(STARTS), scale)
    text = f"# Soak\n\n{words}.\n\n{table(rows)}\n"
    print(f"\n{text}")
    if options.write:
        RESULTS.write_text(text)


if __name__ == "__main__":
    main()
