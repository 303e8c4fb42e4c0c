"""What the parts of the soak share: a proxy under load, its helpers, and what is measured of it."""

import contextlib
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.cpu import family, resident_bytes
from bench.machine import LOAD_CORE
from bench.peers import Proxy
from bench.processes import Running

READY_S = 120.0
"""A crowd that is not there after this will not come."""

SETTLE_S = 90.0
"""Idle backend connections and refused clients are gone after this; their fds too."""

SAMPLE_S = 1.0


@dataclass(frozen=True, slots=True)
class Scale:
    """How much of everything: 1.0 is the whole soak."""

    factor: float = 1.0
    minutes: float = 1.0
    """Of mixed traffic."""

    def count(self, whole: int) -> int:
        """Return a number of clients."""
        return max(10, int(whole * self.factor))

    def seconds(self, whole: float) -> float:
        """Return a time; below 5 s there would be nothing to see."""
        return max(5.0, whole * min(1.0, self.factor))


@dataclass(frozen=True, slots=True)
class Stage:
    """One proxy, freshly started, with the pages behind it."""

    proxy: Proxy
    directory: Path
    pages: Path
    scale: Scale


@dataclass
class Outcome:
    """What one part found out about one proxy."""

    offered: str
    errors: int = 0
    damaged: str = "-"
    """Downloads that were not what was sent, of how many."""
    grown_bytes: int = 0
    """The most resident memory while the load was on, less what it was before."""
    each: int = 0
    """Connections that the growth is for; 0: it is for none in particular."""
    fds: tuple[int, int] = (0, 0)
    """Before, and when the load was gone."""
    p99_s: tuple[float, float] = (0.0, 0.0)
    """Of the live traffic: alone, and beside the load."""
    remark: str = ""
    failures: dict[str, int] = field(default_factory=dict)


class Helper:
    """A process of ours that makes load; ends with the block, by itself or by its id."""

    def __init__(self, stage: Stage, module: str, *arguments: object) -> None:
        self._log = stage.directory / f"{module.rpartition('.')[2]}-{time.monotonic_ns()}.log"
        words = [sys.executable, "-m", module, *(str(word) for word in arguments)]
        self._running = Running(words, LOAD_CORE, self._log)

    def wait_until_ready(self) -> None:
        """Return when it has said so.

        Raises:
            SystemExit: it ended, or did not in time; with what it said.
        """
        ends_s = time.monotonic() + READY_S
        while "ready" not in self._said():
            if self._running.process.poll() is not None or time.monotonic() > ends_s:
                raise SystemExit(f"soak: the load did not come up:\n{self._said()[-1500:]}")
            time.sleep(0.05)

    def result(self, patience_s: float) -> dict[str, Any]:
        """Return what it printed at its end.

        Raises:
            SystemExit: it failed, with what it said; also `TimeoutExpired`.
        """
        status = self._running.process.wait(patience_s)
        lines = self._said().splitlines()
        if status or not lines:
            raise SystemExit(f"soak: the load ended with {status}:\n{self._said()[-1500:]}")
        return dict(json.loads(lines[-1]))

    def _said(self) -> str:
        return self._log.read_text(errors="replace")

    def __enter__(self) -> "Helper":
        """Hold it for the length of a block."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it, if it has not ended by itself."""
        self._running.end()


def open_fds(pid: int) -> int:
    """Return how many fds a process and its descendants have open."""
    return sum(len(os.listdir(f"/proc/{member}/fd")) for member in family(pid))


class Meter:
    """Watches memory and fds of a proxy while the load is on."""

    def __init__(self, proxy: Proxy) -> None:
        self._pid = proxy.running.pid
        self.fds_before = open_fds(self._pid)
        self.before_bytes = self.most_bytes = resident_bytes(self._pid)
        self.series: list[tuple[float, int]] = []
        """Resident bytes, with the seconds since the start."""
        self.fd_series: list[tuple[float, int]] = []
        """Open fds, likewise."""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def _watch(self) -> None:
        started_s = time.monotonic()
        while not self._over.wait(SAMPLE_S):
            with contextlib.suppress(OSError):
                now_bytes = resident_bytes(self._pid)
                self.most_bytes = max(self.most_bytes, now_bytes)
                at_s = time.monotonic() - started_s
                self.series.append((at_s, now_bytes))
                self.fd_series.append((at_s, open_fds(self._pid)))

    def stop(self) -> None:
        """Watch no more."""
        self._over.set()
        self._thread.join()

    def rid_of_s(self) -> float | None:
        """Return after how long the proxy had closed nine tenths of what it had open at most.

        None: it had not. slowhttptest does not notice that its slow readers were reset.
        """
        most_at_s, most = max(self.fd_series, key=lambda seen: seen[1], default=(0.0, 0))
        left = self.fds_before + (most - self.fds_before) // 10
        gone = [at_s for at_s, count in self.fd_series if at_s > most_at_s and count <= left]
        return gone[0] if gone else None

    def slope_bytes_per_s(self) -> float:
        """Return how fast memory grew in the second half of the time: least squares."""
        half = self.series[len(self.series) // 2 :]
        if len(half) < 2:
            return 0.0
        mean_s = sum(at_s for at_s, _ in half) / len(half)
        mean_bytes = sum(size for _, size in half) / len(half)
        over = sum((at_s - mean_s) * (size - mean_bytes) for at_s, size in half)
        return over / max(sum((at_s - mean_s) ** 2 for at_s, _ in half), 1e-9)

    def fds_after(self) -> int:
        """Return the open fds once they are back to what they were, or when they do not get so."""
        ends_s = time.monotonic() + SETTLE_S
        while (count := open_fds(self._pid)) > self.fds_before and time.monotonic() < ends_s:
            time.sleep(0.5)
        return count


def live(stage: Stage, seconds: float, *more: object) -> Helper:
    """Start ordinary clients at 100 requests a second."""
    words = ("--seconds", f"{seconds:.1f}", *more)
    return Helper(stage, "bench.soak.live", stage.proxy.port, *words)


def crowd(stage: Stage, kind: str, count: int, seconds: float, *more: object) -> Helper:
    """Start a crowd of clients."""
    words = ("--count", count, "--seconds", f"{seconds:.1f}", *more)
    return Helper(stage, "bench.soak.crowd", kind, stage.proxy.port, *words)


@contextlib.contextmanager
def measured(stage: Stage, outcome: Outcome, baseline_s: float) -> Iterator[Meter]:
    """Measure the live traffic alone, then memory and fds around the block."""
    with live(stage, baseline_s) as alone:
        before = alone.result(baseline_s + READY_S)
    note_live(outcome, before, is_before=True)
    meter = Meter(stage.proxy)
    try:
        yield meter
    finally:
        meter.stop()
    outcome.grown_bytes = meter.most_bytes - meter.before_bytes
    outcome.fds = (meter.fds_before, meter.fds_after())


def note_live(outcome: Outcome, seen: dict[str, Any], *, is_before: bool = False) -> None:
    """Take over what live traffic has seen."""
    outcome.errors += int(seen["errors"])
    for what, count in seen["failures"].items():
        outcome.failures[what] = outcome.failures.get(what, 0) + count
    alone_s, beside_s = outcome.p99_s
    p99_s = float(seen["p99_s"])
    outcome.p99_s = (p99_s, beside_s) if is_before else (alone_s, p99_s)
