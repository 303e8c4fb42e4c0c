"""The rows that compare: the same work for every contestant, in interleaved rounds."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.load import WARM_UP_S, Result, Work, run_wrk
from bench.machine import LOAD_CORE
from bench.peers import CONTESTANTS, Proxy
from bench.processes import Running

WORKS = (
    Work("HTTP, keep-alive, 1 KiB", "http", "/page", 100),
    Work("HTTP, new connection each, 1 KiB", "http", "/page", 100, is_new_connection_each=True),
    Work("HTTP, 10 MB responses", "http", "/bulk", 8, is_bulk=True),
    Work("TCP, keep-alive, 1 KiB", "tcp", "/page", 100),
    Work("TCP, new connection each, 1 KiB", "tcp", "/page", 100, is_new_connection_each=True),
    Work("TCP, 10 MB responses", "tcp", "/bulk", 8, is_bulk=True),
)

Rounds = dict[str, list[Result]]
"""Results by contestant, one for each round."""


@contextlib.contextmanager
def contestants(mode: str, backend: int, directory: Path) -> Iterator[list[Proxy]]:
    """Start every proxy that can do `mode`; end them all at the end of the block."""
    with contextlib.ExitStack() as stack:
        proxies = []
        for start in CONTESTANTS:
            if proxy := start(mode, backend, directory):
                stack.enter_context(proxy.running)
                proxies.append(proxy)
        yield proxies


@contextlib.contextmanager
def puller_on(proxy: Proxy, *options: str) -> Iterator[None]:
    """Attach one headless dashboard to `proxy`, if it has a control socket."""
    if proxy.control is None:
        yield
        return
    command = [sys.executable, "-m", "bench.puller", str(proxy.control), *options]
    log = proxy.control.with_suffix(".puller")
    with Running(command, LOAD_CORE, log) as puller:
        yield
        if puller.process.poll() is not None:
            raise SystemExit(f"bench: the dashboard ended early:\n{log.read_text()}")


def compare(work: Work, proxies: list[Proxy], rounds: int, seconds: int) -> Rounds:
    """Measure every proxy once in each round, in turn."""
    results: Rounds = {proxy.name: [] for proxy in proxies}
    for proxy in proxies:
        run_wrk(work, proxy, WARM_UP_S)
    for _ in range(rounds):
        for proxy in proxies:
            with puller_on(proxy):
                results[proxy.name].append(run_wrk(work, proxy, seconds))
    return results
