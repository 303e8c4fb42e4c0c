"""`rsp demo` without a terminal: it says what it sees, exits 0, and leaves nothing behind."""

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from rsp.demo.routing_users import SPELLINGS, domain_of

TIMEOUT_S = 120


class Demo:
    """A running `rsp demo`; every process of its family carries a mark in its environment."""

    def __init__(self, *arguments: str, terminal: int | None = None) -> None:
        """Start it, without a terminal or on the one whose fd is `terminal`."""
        self._mark = f"RSP_TEST_MARK={uuid.uuid4()}"
        name, _, value = self._mark.partition("=")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "rsp", "demo", *arguments],
            env={**os.environ, name: value, "TERM": "xterm-256color"},
            stdin=subprocess.DEVNULL if terminal is None else terminal,
            stdout=subprocess.PIPE if terminal is None else terminal,
            stderr=subprocess.PIPE if terminal is None else terminal,
            text=True,
        )

    def finish(self) -> str:
        """Wait for its end and return what it printed."""
        said, complained = self.process.communicate(timeout=TIMEOUT_S)
        assert self.process.returncode == 0, said + complained
        assert complained == ""
        return said

    def family(self) -> list[int]:
        """Return the processes that are alive and carry the mark."""
        return [int(path.name) for path in Path("/proc").glob("[0-9]*") if self._is_ours(path)]

    def _is_ours(self, path: Path) -> bool:
        try:
            return self._mark.encode() in (path / "environ").read_bytes()
        except OSError:
            return False


@pytest.fixture
def demos() -> Iterator[list[Demo]]:
    """Demos that are ended with all their family, should the test fail before they end."""
    running: list[Demo] = []
    yield running
    for demo in running:
        for pid in demo.family():
            os.kill(pid, signal.SIGKILL)
        demo.process.communicate(timeout=TIMEOUT_S)


def test_the_plain_demo_prints_the_status_and_leaves_no_process(demos: list[Demo]) -> None:
    demo = Demo("--seconds", "2")
    demos.append(demo)
    said = demo.finish()
    directory = re.search(r"control socket is (\S+)/control.sock", said)
    assert directory is not None, said
    assert "sessions" in said
    assert not os.path.exists(directory[1])
    assert demo.family() == []


def test_slow_write_names_client_and_hole_and_the_cure_leaves_neither(demos: list[Demo]) -> None:
    demo = Demo("slow-write", "--seconds", "0")
    demos.append(demo)
    said = demo.finish()
    assert "is BLOCKED: client not reading: its window is 0" in said
    found = re.search(r"its ledger: ([\d,]+) of 5,242,880 bytes dropped, .* at byte ([\d,]+)", said)
    assert found is not None, said
    assert (
        f"client: {found[1]} of 5,242,880 bytes missing, first bad offset byte {found[2]}" in said
    )
    cured = said.partition("fault removed")[2]
    assert "client: all 5,242,880 bytes" in cured
    assert "5,242,880 bytes in, 0 dropped: balanced" in cured


def test_split_route_tells_who_is_hit_and_that_the_cure_moves_nobody_else(
    demos: list[Demo],
) -> None:
    demo = Demo("split-route", "--seconds", "0")
    demos.append(demo)
    said = demo.finish()
    few, many, cured = re.split(r"  with 9 backends|  after the cure", said)
    names = ", ".join(sorted(domain_of(name).lower() for name in SPELLINGS))
    assert "4 of 12 reloads astray: RedFox, BigOwl, OldElk, WetNewt\n" in few
    assert "audit: 4 names are split" in few
    assert re.search(r"reload --preview: \d+ of \d+ recorded requests would go elsewhere", few)
    assert "4 → 9 backends move 89% of all keys" in few
    assert f"6 of 12 reloads astray: {', '.join(SPELLINGS)}\n" in many
    assert f"audit: 6 names are split: {names}\n" in many
    assert "no lower-case key moves" in many
    assert "0 of 12 reloads astray" in cured
    assert "audit: no split name" in cured


def test_a_killed_demo_takes_everything_with_it(demos: list[Demo]) -> None:
    demo = Demo("--seconds", "600")
    demos.append(demo)
    assert demo.process.stdout is not None
    lines = iter(demo.process.stdout)
    said = next(line for line in lines if "control socket" in line)
    family = demo.family()
    pidfds = [os.pidfd_open(pid) for pid in family]
    demo.process.kill()
    for pidfd in pidfds:
        assert select.select([pidfd], [], [], TIMEOUT_S)[0]
        os.close(pidfd)
    # The demo, its world, the engine, and the process in which that tries changes.
    assert len(family) == 4
    assert demo.family() == []
    assert not os.path.exists(os.path.dirname(said.split()[-1]))


def read_until(terminal: int, wanted: bytes) -> None:
    """Read what is painted on `terminal` until `wanted` has been."""
    painted = b""
    while wanted not in painted:
        assert select.select([terminal], [], [], TIMEOUT_S)[0], f"{wanted!r} was not painted"
        painted = painted[-len(wanted) :] + os.read(terminal, 65536)


def test_on_a_terminal_the_guide_stands_beside_the_blocked_session(demos: list[Demo]) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 35, 120, 0, 0))
    demo = Demo("slow-write", terminal=theirs)
    demos.append(demo)
    os.close(theirs)
    read_until(ours, b"The proxy plays the bug of 2013")
    read_until(ours, b"BLOCKED")
    os.write(ours, b"q")
    drain = threading.Thread(target=read_to_the_end, args=(ours,))
    drain.start()
    demo.process.communicate(timeout=TIMEOUT_S)
    drain.join(TIMEOUT_S)
    assert not drain.is_alive()
    os.close(ours)
    assert demo.process.returncode == 0
    assert demo.family() == []


def read_to_the_end(terminal: int) -> None:
    """Read until nobody holds the other side any more: EIO, by pty(7)."""
    with contextlib.suppress(OSError):
        while os.read(terminal, 65536):
            pass
