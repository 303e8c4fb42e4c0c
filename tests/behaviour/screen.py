"""The dashboard on a terminal of our own."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

from tests.behaviour.running import RSP, Engine
from tests.behaviour.waiting import PATIENCE_S


class Screen:
    """`rsp attach` on a terminal of our own, whose every byte is kept."""

    def __init__(self, engine: Engine) -> None:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 45, 200, 0, 0))
        self._ours = os.fdopen(ours, "r+b", buffering=0)
        self.raw = b""
        self.process = subprocess.Popen(
            [*RSP, "attach", "--control", str(engine.control)],
            stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
            env=os.environ | {"TERM": "xterm-256color"},
        )  # fmt: skip
        os.close(theirs)

    def read_until(self, text: str) -> None:
        """Read until `text` was written since the last look, wherever attributes change in it."""
        seen, ends_s = b"", time.monotonic() + PATIENCE_S
        wanted = "".join(text.split())
        while wanted not in plain(seen):
            assert time.monotonic() < ends_s, f"{text!r} was not shown, but {plain(seen)!r}"
            if select.select([self._ours], [], [], 0.1)[0]:
                seen += os.read(self._ours.fileno(), 65_536)
        self.raw += seen

    def press(self, keys: bytes) -> None:
        os.write(self._ours.fileno(), keys)

    def hang_up(self) -> None:
        """Take the terminal away. It is not the one that the dashboard is controlled by, so no
        signal says so."""
        self._ours.close()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.hang_up()


def plain(raw: bytes) -> str:
    """Return what was written, without the sequences of the dashboard and without blanks."""
    return "".join(re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", raw).decode("utf-8", "replace").split())
