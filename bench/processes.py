"""Processes that the bench starts, each on its core; each is ended by its id."""

import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

START_S = 15.0
"""A server that does not accept within this has failed to start."""

STOP_S = 5.0
"""A process that has not ended this long after SIGTERM is killed."""


class Running:
    """A process pinned to one core; a context manager that ends it."""

    def __init__(self, command: Sequence[str], core: int, log: Path) -> None:
        self.name = Path(command[0]).name
        self._log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                ["taskset", "-c", str(core), *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    @property
    def pid(self) -> int:
        """Its id: `taskset` becomes the command it starts."""
        return self.process.pid

    def wait_for_port(self, port: int) -> None:
        """Return when it accepts connections at `port`.

        Raises:
            SystemExit: it ended, or does not accept; with what it said.
        """
        deadline_s = time.monotonic() + START_S
        while time.monotonic() < deadline_s and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        said = self._log.read_text(errors="replace")[-1500:]
        self.end()
        raise SystemExit(f"bench: {self.name} does not accept at port {port}; it said:\n{said}")

    def end(self) -> None:
        """Terminate it, kill it if it does not go, and reap it."""
        self.process.terminate()
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __enter__(self) -> "Running":
        """Hold it for the length of a block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it."""
        self.end()
