"""Runs wrk for a while against one proxy and reads what it says."""

import re
import subprocess
from dataclasses import dataclass

from bench.cpu import cpu_us
from bench.machine import LOAD_CORE
from bench.peers import Proxy

SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
BYTES = {"B": 1, "KB": 2**10, "MB": 2**20, "GB": 2**30, "TB": 2**40}
"""Units as wrk prints them."""

WARM_UP_S = 1
"""A run before the first round, not counted: connections to the backend open, code gets warm."""


@dataclass(frozen=True, slots=True)
class Work:
    """What is asked of every contestant."""

    name: str
    mode: str
    """`http` or `tcp`."""
    path: str
    connections: int
    is_new_connection_each: bool = False
    is_bulk: bool = False
    """Whether the cost is counted for each MB instead of each request."""


@dataclass(frozen=True, slots=True)
class Result:
    """One run of one contestant."""

    requests: int
    requests_per_s: float
    read_bytes: int
    cpu_us: int
    """Of the proxy, its children included."""
    p50_s: float
    p99_s: float
    errors: int
    """Socket errors, timeouts, and answers that were not 2xx or 3xx."""

    def cost_us(self, work: Work) -> float:
        """Return CPU microseconds per request, or per MB (10^6 bytes) of bulk."""
        units = self.read_bytes / 1e6 if work.is_bulk else self.requests
        return self.cpu_us / max(units, 1)


def run_wrk(work: Work, proxy: Proxy, seconds: int) -> Result:
    """Do `work` through `proxy` for `seconds`.

    Raises:
        SystemExit: wrk failed; with what it said.
    """
    command = ["taskset", "-c", str(LOAD_CORE), "wrk", "--latency", "-t1", f"-c{work.connections}"]
    command += [f"-d{seconds}s", "--timeout", "10s"]
    if work.is_new_connection_each:
        command += ["-H", "Connection: close"]
    before_us = cpu_us(proxy.running.pid)
    url = f"http://127.0.0.1:{proxy.port}{work.path}"
    run = subprocess.run([*command, url], capture_output=True, text=True, check=False)
    spent_us = cpu_us(proxy.running.pid) - before_us
    if run.returncode:
        raise SystemExit(f"bench: wrk against {proxy.name}: {run.stderr or run.stdout}")
    return parse_wrk(run.stdout, spent_us)


def parse_wrk(text: str, spent_us: int) -> Result:
    """Return the figures of wrk's report; `spent_us` is what the proxy used meanwhile."""
    total = re.search(r"(\d+) requests in \S+, ([\d.]+)([KMGT]?B) read", text)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
    if total is None or rate is None:
        raise SystemExit(f"bench: wrk said something unexpected:\n{text}")
    return Result(
        requests=int(total[1]),
        requests_per_s=float(rate[1]),
        read_bytes=int(float(total[2]) * BYTES[total[3]]),
        cpu_us=spent_us,
        p50_s=_percentile(text, "50%"),
        p99_s=_percentile(text, "99%"),
        errors=_errors(text),
    )


def _percentile(text: str, name: str) -> float:
    found = re.search(rf"^\s+{name}\s+([\d.]+)(us|ms|s|m|h)\s*$", text, re.MULTILINE)
    return float(found[1]) * SECONDS[found[2]] if found else 0.0


def _errors(text: str) -> int:
    sockets = re.search(r"connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    counts = [*(sockets.groups() if sockets else ()), *(refused.groups() if refused else ())]
    return sum(map(int, counts))
