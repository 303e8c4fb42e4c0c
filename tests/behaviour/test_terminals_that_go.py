"""A terminal that goes away takes its dashboard with it, also where no signal says so."""

import signal
from contextlib import ExitStack

from tests.behaviour.running import Engine
from tests.behaviour.screen import Screen
from tests.behaviour.waiting import PATIENCE_S


def test_a_dashboard_ends_with_its_terminal(proxy: Engine, closing: ExitStack) -> None:
    screen = Screen(proxy)
    closing.callback(screen.close)
    screen.read_until("LIVE")
    screen.hang_up()
    assert screen.process.wait(PATIENCE_S) == 128 + signal.SIGHUP
