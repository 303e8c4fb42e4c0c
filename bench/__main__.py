"""`python -m bench`: the whole comparison, printed; with `--write` also into bench/RESULTS.md."""

import argparse
import contextlib
import datetime
import tempfile
from pathlib import Path

from bench.contest import WORKS, compare, contestants
from bench.dashboard import measure_dashboard
from bench.machine import description, missing_packages, raise_fd_limit
from bench.memory import Memory, measure_memory
from bench.peers import CONTESTANTS, start_backend, start_rsp
from bench.report import (
    CONTEST_HEADER,
    Row,
    contest_rows,
    dashboard_rows,
    memory_rows,
    preface,
    table,
)

RESULTS = Path(__file__).parent / "RESULTS.md"
ROUNDS, SECONDS = 3, 5
QUICK_ROUNDS, QUICK_SECONDS = 1, 2
PARTS = ("http", "tcp", "memory", "dashboard")


def contest_part(mode: str, backend: int, directory: Path, rounds: int, seconds: int) -> str:
    """Compare all contestants in `mode`."""
    rows: list[Row] = []
    with contestants(mode, backend, directory) as proxies:
        for work in WORKS:
            if work.mode == mode:
                print(f"… {work.name}", flush=True)
                rows += contest_rows(work, compare(work, proxies, rounds, seconds))
    return table([CONTEST_HEADER, *rows])


def memory_part(backend: int, directory: Path) -> str:
    """Measure the memory of each contestant, freshly started, one after the other."""
    print("… memory", flush=True)
    memories: dict[str, Memory] = {}
    for start in CONTESTANTS:
        if proxy := start("http", backend, directory):
            with proxy.running:
                memories[proxy.name] = measure_memory(proxy)
    return table(memory_rows(memories))


def dashboard_part(backend: int, directory: Path, rounds: int, seconds: int) -> str:
    """Measure the dashboard on an engine of its own."""
    print("… dashboard", flush=True)
    proxy = start_rsp("http", backend, directory)
    with proxy.running:
        return table(dashboard_rows(measure_dashboard(proxy, rounds, seconds)))


def run(parts: list[str], rounds: int, seconds: int) -> list[str]:
    """Run the parts that were asked for, in a directory of their own, and return their tables."""
    tables = []
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rsp-bench-")))
        running, backend = start_backend(directory)
        stack.enter_context(running)
        for part in parts:
            match part:
                case "memory":
                    tables.append(memory_part(backend, directory))
                case "dashboard":
                    tables.append(dashboard_part(backend, directory, rounds, seconds))
                case mode:
                    tables.append(contest_part(mode, backend, directory, rounds, seconds))
            print(f"\n{tables[-1]}\n", flush=True)
    return tables


def main() -> None:
    """Run the bench; exit with 1 when the machine lacks a tool."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round of 2 s instead of 3 of 5 s")
    parser.add_argument("--write", action="store_true", help="write bench/RESULTS.md")
    parser.add_argument("--only", choices=PARTS, action="append", help="this part (may repeat)")
    options = parser.parse_args()
    if missing := missing_packages():
        raise SystemExit(f"bench: missing tools; try: apt install {' '.join(missing)}")
    raise_fd_limit()
    rounds, seconds = (QUICK_ROUNDS, QUICK_SECONDS) if options.quick else (ROUNDS, SECONDS)
    day = datetime.datetime.now(datetime.UTC).date().isoformat()
    head = preface(description(), day, rounds, seconds)
    print(head)
    tables = run(options.only or list(PARTS), rounds, seconds)
    if options.write:
        RESULTS.write_text("\n".join([head, *(f"{text}\n" for text in tables)]))


if __name__ == "__main__":
    main()
