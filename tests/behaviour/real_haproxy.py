"""Debian's HAProxy as a backend that wants a PROXY header, or as the proxy in front of ours."""

import subprocess
from pathlib import Path

from tests.behaviour.ports import accepts, free_port
from tests.behaviour.waiting import PATIENCE_S, wait_until

CONFIG = """\
global
  log stderr format raw local0
defaults
  timeout connect 5s
  timeout client 10s
  timeout server 10s
  mode {mode}
frontend entrance
  bind {bind}
{rules}
"""
TELL = """\
  http-request return status 200 content-type text/plain lf-string "%[src] %[src_port] %[dst]"
"""


class HAProxy:
    """A running HAProxy. `close` ends it."""

    def __init__(self, directory: Path, bind: str, rules: str, *, mode: str = "http") -> None:
        """Start it with one frontend; `bind` may hold `{port}`."""
        directory.mkdir()
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        config = directory / "haproxy.cfg"
        bound = bind.format(port=self.port)
        config.write_text(CONFIG.format(bind=bound, rules=rules, mode=mode))
        self._log = directory / "log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                ["haproxy", "-db", "-f", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        wait_until(self._accepts)

    def _accepts(self) -> bool:
        assert self.process.poll() is None, self._log.read_text()
        return accepts(self.port)

    def close(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.wait(PATIENCE_S)
