"""A terminal that goes away takes its dashboard with it, also where no signal says so."""

import os
import subprocess
import sys
from contextlib import ExitStack

from tests.behaviour.running import Engine
from tests.behaviour.waiting import PATIENCE_S


def test_a_dashboard_ends_with_its_terminal(proxy: Engine, closing: ExitStack) -> None:
    # Not the terminal that it is controlled by: so it gets no SIGHUP.
    master, terminal = os.openpty()
    dashboard = subprocess.Popen(
        [sys.executable, "-m", "rsp", "attach", "--control", str(proxy.control)],
        stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True,
        env=os.environ | {"TERM": "xterm"},
    )  # fmt: skip
    closing.callback(dashboard.kill)
    os.close(terminal)
    seen = b""
    while b"LIVE" not in seen:
        seen += os.read(master, 65536)
    os.close(master)
    assert dashboard.wait(PATIENCE_S) == 129
