"""The dashboard rows: what a real `rsp attach` in a terminal of its own costs, and what its being
there costs the traffic."""

import contextlib
import fcntl
import json
import os
import pty
import select
import signal
import struct
import sys
import termios
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from bench.contest import puller_on
from bench.cpu import cpu_us
from bench.load import WARM_UP_S, Work, run_wrk
from bench.machine import LOAD_CORE
from bench.memory import idle_connections
from bench.peers import Proxy

ROWS, COLUMNS = 35, 120
"""The size of the terminal."""

FIRST_PAINT_S = 20.0
"""A dashboard that shows no connection within this is broken."""

SETTLE_S = 2.0
"""After the first paint, before CPU is counted."""

SEEN = b"IDLE"
"""On the screen as soon as rows of the Connections screen are."""

WORK = Work("engine under load", "http", "/page", 100)


@dataclass(frozen=True, slots=True)
class DashboardCost:
    """What was measured, with 2,000 live connections."""

    first_paint_s: float
    """From the start of the process to the first row on the terminal."""
    cpu_share: float
    """Of one core, while it shows 2,000 connections that are live and quiet."""
    folds_ms: list[float]
    paints_ms: list[float]
    """For how long each snapshot, and each painting of it, held the dashboard's loop."""
    snapshots_per_s: float
    """How many of them it got in fact."""
    p99s: list["P99s"]
    """One for each round."""


class P99s(NamedTuple):
    """Of the traffic through the engine, in seconds."""

    without: float
    asked: float
    """While it is asked what a dashboard asks: what looking costs the engine."""
    beside: float
    """With a dashboard beside the load, which then waits for its core as well."""


class Terminal:
    """A process on a pseudo-terminal whose output is read and thrown away."""

    def __init__(self, command: list[str]) -> None:
        self._tail = b""
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.sched_setaffinity(0, {LOAD_CORE})
            os.execvpe(command[0], command, {**os.environ, "TERM": "xterm-256color"})
        # Not select(2): it ends at fd 1,023, and the bench holds 2,000 connections.
        self._readable = select.poll()
        self._readable.register(self._fd, select.POLLIN)
        size = struct.pack("HHHH", ROWS, COLUMNS, 0, 0)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, size)

    def read_for(self, seconds: float, until: bytes | None = None) -> bool:
        """Read what it paints, for `seconds` or until `until` is seen; return whether it was."""
        deadline_s = time.monotonic() + seconds
        while (left_s := deadline_s - time.monotonic()) > 0:
            if not self._readable.poll(left_s * 1000):
                break
            try:
                piece = os.read(self._fd, 65536)
            except OSError:
                # EIO: the process has ended, and its terminal with it (pty(7)).
                break
            if until is not None and until in self._tail + piece:
                return True
            self._tail = piece[-len(SEEN) :]
        return False

    def end(self) -> None:
        """Kill it, read what is left, reap it."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._fd)


@contextlib.contextmanager
def attached(control: Path, *command: str) -> Iterator[tuple[Terminal, float]]:
    """Attach a dashboard, or another `command` that shows one; yield its terminal and the seconds
    to its first row.

    Raises:
        SystemExit: no row appeared.
    """
    began_s = time.monotonic()
    attach = ("rsp", "attach", "--control", str(control))
    terminal = Terminal([sys.executable, "-m", *(command or attach)])
    try:
        if not terminal.read_for(FIRST_PAINT_S, until=SEEN):
            raise SystemExit(f"bench: rsp attach showed no connection in {FIRST_PAINT_S} s")
        yield terminal, time.monotonic() - began_s
    finally:
        terminal.end()


def measure_dashboard(proxy: Proxy, rounds: int, seconds: int) -> DashboardCost:
    """Measure the dashboard on the running rsp `proxy`.

    Raises:
        SystemExit: `proxy` has no control socket, or the dashboard shows nothing.
    """
    if proxy.control is None:
        raise SystemExit(f"bench: {proxy.name} has no control socket")
    with idle_connections(proxy.port):
        run_wrk(WORK, proxy, WARM_UP_S)
        with attached(proxy.control):
            pass  # from now on all modules of the dashboard are compiled
        with attached(proxy.control) as (terminal, first_paint_s):
            terminal.read_for(SETTLE_S)
            before_us, before_s = cpu_us(terminal.pid), time.monotonic()
            terminal.read_for(seconds)
            spent_us, spent_s = cpu_us(terminal.pid) - before_us, time.monotonic() - before_s
        frames = measure_frames(proxy.control, seconds)
        p99s = [measure_p99(proxy, proxy.control, seconds) for _ in range(rounds)]
    share = spent_us / 1e6 / spent_s
    at_s = frames["at"]
    rate = (len(at_s) - 1) / (at_s[-1] - at_s[0])
    return DashboardCost(first_paint_s, share, frames["fold"], frames["paint"], rate, p99s)


def measure_frames(control: Path, seconds: int) -> dict[str, list[float]]:
    """Return how many milliseconds each frame of a dashboard took, by its part."""
    found = control.with_suffix(".frames")
    with attached(control, "bench.frames", str(control), str(found)) as (terminal, _):
        terminal.read_for(SETTLE_S + seconds)
    return dict(json.loads(found.read_text()))


def measure_p99(proxy: Proxy, control: Path, seconds: int) -> P99s:
    """Return the p99 of the traffic without a dashboard, and right afterwards with one."""
    without = run_wrk(WORK, proxy, seconds)
    with puller_on(proxy, "--asks-only"):
        asked = run_wrk(WORK, proxy, seconds)
    with attached(control) as (terminal, _):
        terminal.read_for(SETTLE_S)
        return P99s(without.p99_s, asked.p99_s, run_beside(terminal, proxy, seconds))


def run_beside(terminal: Terminal, proxy: Proxy, seconds: int) -> float:
    """Run the load while the terminal is read, and return its p99 in seconds.

    The reading goes on in a thread of its own: a dashboard that nobody reads stands still.
    """
    reading = threading.Thread(target=terminal.read_for, args=(seconds + SETTLE_S,))
    reading.start()
    try:
        return run_wrk(WORK, proxy, seconds).p99_s
    finally:
        reading.join()
