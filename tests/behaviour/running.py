"""A running `rsp serve`: a process of its own, asked through its control socket and its port."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from rsp.cli.failure import Failure
from rsp.cli.link import Link
from tests.behaviour.waiting import PATIENCE_S, wait_until
from tests.behaviour.wire import Message, Wire

Row = dict[str, Any]

ANNOUNCE = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ |= {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
os.execv(sys.argv[2], sys.argv[2:])
"""
"""What systemd does before it starts a service that has a socket."""

RSP = [sys.executable, "-m", "rsp"]


def run_rsp(*arguments: str, patience_s: float = 60.0) -> "subprocess.CompletedProcess[str]":
    """Run `rsp` to its end, and return what it said."""
    return subprocess.run(
        [*RSP, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=patience_s,
        check=False,
    )


class Engine:
    """Starts when made; `close` ends it and looks whether it had anything to hide."""

    def __init__(
        self,
        directory: Path,
        *arguments: str,
        fds: int | None = None,
        runtime: Path | None = None,
        hand_over: int | None = None,
        announce: int | None = None,
        before: Sequence[str] = (),
    ) -> None:
        """Start `rsp serve` with `arguments`, and return when it lets clients in.

        `fds` limits its open files. It inherits the fd `hand_over`; the fd `announce` as its fd 3,
        of which LISTEN_FDS tells it, as systemd would. `before` is a command that runs it. With
        `runtime` the control socket is at its usual place in that directory, otherwise in
        `directory`.
        """
        self.directory = directory
        self._log = directory / "log"
        self._opened: list[Wire] = []
        command = [*RSP, "serve", *arguments]
        # Live edits are kept here: no engine of another test picks them up.
        environment = os.environ | {"XDG_STATE_HOME": str(directory / "state")}
        if runtime is None:
            command += ["--control", str(directory / "control.sock")]
        else:
            environment["XDG_RUNTIME_DIR"] = str(runtime)
        if fds is not None:
            command = ["sh", "-c", f'ulimit -n {fds}; exec "$@"', "sh", *command]
        if announce is not None:
            command = [sys.executable, "-c", ANNOUNCE, str(announce), *command]
        command = [*before, *command]
        self._inherited = [fd for fd in (hand_over, announce) if fd is not None]
        self.control = self._start(command, environment)
        self.link = Link(self.control)
        self.ports = [self._port(row["address"]) for row in self.ask("status")["listeners"]]
        self.port = self.ports[0]

    def _start(self, command: list[str], environment: dict[str, str]) -> Path:
        ready, ready_write = os.pipe()
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, "--log-level", "debug", "--ready-fd", str(ready_write)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                pass_fds=[ready_write, *self._inherited],
                env=environment,
            )
        os.close(ready_write)
        with os.fdopen(ready, "rb") as pipe:
            control = pipe.read()
        if not control:
            self.process.wait(PATIENCE_S)
            raise AssertionError(f"rsp serve did not start; it said:\n{self.log}")
        return Path(os.fsdecode(control))

    @staticmethod
    def _port(address: str) -> int:
        return 0 if address.startswith("unix:") else int(address.rpartition(":")[2])

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def log(self) -> str:
        """Everything that it wrote to stderr."""
        return self._log.read_text()

    # -- as a client

    def connect(self, port: int | None = None, *, receive_bytes: int | None = None) -> Wire:
        """Return a new connection to a listener, the first one unless said otherwise.

        `receive_bytes` is the size of the client's own receive buffer.
        """
        sock = socket.socket()
        if receive_bytes is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        return self._connect(sock, ("127.0.0.1", port or self.port))

    def _connect(self, sock: socket.socket, address: tuple[str, int] | str) -> Wire:
        sock.settimeout(PATIENCE_S)
        try:
            sock.connect(address)
        except OSError:
            sock.close()
            raise
        wire = Wire(sock)
        self._opened.append(wire)
        return wire

    def get(self, path: str = "/", *fields: str, host: str = "www.example") -> Message:
        """Ask for `path` on a connection of its own."""
        wire = self.connect()
        try:
            return wire.get(path, *fields, host=host)
        finally:
            wire.close()

    def hang_up(self) -> None:
        """Close every connection to it."""
        while self._opened:
            self._opened.pop().close()

    # -- as an operator

    def ask(self, method: str, **params: Any) -> Row:
        """Give a command on the control socket and return its result."""
        return msgspec.json.decode(self.link.ask_raw(method, params), type=dict[str, Any])

    def connect_control(self) -> Wire:
        """Return a new connection to the control socket."""
        return self._connect(socket.socket(socket.AF_UNIX), str(self.control))

    def ctl(self, *words: str) -> Row:
        """Run `rsp ctl --json`, which must succeed, and return what it printed."""
        done = self.run_ctl("--json", *words)
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))

    def run_ctl(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run `rsp ctl` for this engine and return what it said."""
        return run_rsp("ctl", "--control", str(self.control), *words)

    def row_of(self, wire: Wire) -> Row | None:
        """Return the row of the session of one client; None when there is none (any more)."""
        rows = self.ask("connections")["connections"]
        ours = [row for row in rows if row["client"]["address"] == f"127.0.0.1:{wire.port}"]
        return ours[0] if ours else None

    def row(self, wire: Wire) -> Row:
        """Return the row of a client's session, which must be there."""
        return wait_until(lambda: self.row_of(wire) or {})

    def wait_for_state(self, wire: Wire, state: str) -> Row:
        """Return the row of a client's session once it is in `state`."""
        return wait_until(lambda: row if (row := self.row(wire))["state"] == state else {})

    def events(self) -> list[str]:
        """Return the sentences of all events."""
        return [row["message"] for row in self.ask("events")["events"]]

    def wait_for_event(self, part: str) -> str:
        """Return the first event with `part` in its sentence, once there is one."""
        return wait_until(lambda: next((line for line in self.events() if part in line), ""))

    def last_exchange(self) -> Row:
        """Return the exchange that finished last."""
        return dict(self.ask("exchanges", limit=1)["exchanges"][0])

    def backend(self, name: str, pool: str = "web") -> Row:
        """Return the row of one backend."""
        pools = {row["name"]: row for row in self.ask("backends")["pools"]}
        return next(dict(row) for row in pools[pool]["backends"] if row["name"] == name)

    # -- as the machine

    def memory_bytes(self) -> int:
        """Return its resident set."""
        return int(self.proc_status()["VmRSS"].split()[0]) * 1024

    def proc_status(self) -> dict[str, str]:
        """Return the lines of its /proc/PID/status by their names."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}

    def cpu_s(self) -> float:
        """Return the processor time that it has used so far; the kernel counts in 10 ms."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        # utime and stime are fields 14 and 15 of the line (proc(5)), 12 and 13 behind the name.
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def wait_for_calm(self) -> None:
        """Return when it has used less than a third of one processor for a second."""
        wait_until(lambda: self._busy_share() < 1 / 3)

    def _busy_share(self) -> float:
        begun_cpu_s, begun_s = self.cpu_s(), time.monotonic()
        time.sleep(1.0)
        return (self.cpu_s() - begun_cpu_s) / (time.monotonic() - begun_s)

    def fds(self) -> int:
        """Return how many fds it has open."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    @contextlib.contextmanager
    def standing_still(self) -> Iterator[None]:
        """Let it stand still meanwhile: what happens in this block, it meets at once afterwards."""
        self.signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.signal(signal.SIGCONT)

    def wait_for_end(self) -> int:
        """Return its exit status, once it has ended."""
        return self.process.wait(PATIENCE_S)

    def kill(self) -> None:
        """Let it die without a word: SIGKILL."""
        self.hang_up()
        self.process.kill()
        self.process.wait()
        self.link.close()

    def close(self) -> None:
        """End it, however far it is, and see that it ended well and met no bug of its own."""
        self.hang_up()
        with contextlib.suppress(Failure):
            self.ask("stop", drain=0)
        self.link.close()
        try:
            status = self.wait_for_end()
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        assert status == 0, f"rsp serve ended with {status}; its log:\n{self.log}"
        assert "a bug of ours" not in self.log, self.log
        assert "Traceback" not in self.log, self.log
