"""Dashboards are killed, stopped, resized, attached and left: the traffic never notices.

And the other way round: the engine is killed, and a dashboard says so and finds the next one.
RSP_SOAK=1 attaches 200 times and resizes for longer.
"""

import os
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.behaviour.conftest import OpenBackend, StartEngine
from tests.behaviour.paced import load
from tests.behaviour.programs import needs
from tests.behaviour.running import Engine
from tests.behaviour.scale import scaled
from tests.behaviour.terminal import Terminal
from tests.behaviour.waiting import wait_until
from tests.behaviour.wire import Message, numbered, response

pytestmark = [
    needs("tmux", "tmux"),
    pytest.mark.timeout(scaled(180, 1200)),
]

ATTACHED = scaled(2, 200)
RESIZES = scaled(60, 1500)
STOPPED_REQUESTS = scaled(300, 15_000)
SAID_WITHIN_S = 10.0

OpenDashboard = Callable[[Engine], Terminal]


@pytest.fixture
def dashboard(closing: ExitStack, directory: Path) -> OpenDashboard:
    """Attaches dashboards, each in a terminal of its own."""
    number = iter(range(1000))

    def attach(proxy: Engine) -> Terminal:
        name = f"dashboard{next(number)}"
        opened = Terminal(directory, name, "attach", "--control", str(proxy.control))
        closing.callback(opened.close)
        opened.wait_for(f"pid {proxy.pid}")
        return opened

    return attach


def test_dashboards_attach_and_leave_and_nobody_notices(
    engine: StartEngine, backend: OpenBackend, dashboard: OpenDashboard
) -> None:
    proxy = engine(to=backend())
    fds = proxy.fds()
    with load(proxy, rate=200) as flowing:
        for _ in range(ATTACHED):
            screen = dashboard(proxy)
            screen.press("q")
            assert screen.wait_for_end() == 0
            screen.close()
        flowing.let_pass(100)
    proxy.hang_up()
    wait_until(lambda: not proxy.ask("status")["sessions"])
    idle = "idle_connections"
    wait_until(lambda: proxy.fds() <= fds + proxy.backend("default", "default")[idle])


def test_a_storm_of_resizes_costs_no_request(
    engine: StartEngine, backend: OpenBackend, dashboard: OpenDashboard
) -> None:
    proxy = engine(to=backend())
    screen = dashboard(proxy)
    with load(proxy) as flowing:
        for number in range(RESIZES):
            screen.resize(60 + number * 7 % 140, 16 + number * 5 % 40)
        flowing.let_pass(100)
    screen.resize(120, 35)
    screen.wait_for(f"pid {proxy.pid}")
    screen.press("q")
    assert screen.wait_for_end() == 0


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL])
def test_a_dashboard_that_is_stopped_or_killed_costs_no_request(
    engine: StartEngine,
    backend: OpenBackend,
    dashboard: OpenDashboard,
    number: signal.Signals,
) -> None:
    def say_much(_: Message) -> bytes:
        return response("200 OK", numbered(20_000))

    proxy = engine(to=backend(answer=say_much))
    screen = dashboard(proxy)
    pid = screen.pid_of_command()
    with load(proxy) as flowing:
        os.kill(pid, number)
        flowing.let_pass(STOPPED_REQUESTS)
        memory = proxy.memory_bytes()
        flowing.let_pass(STOPPED_REQUESTS)
        assert proxy.memory_bytes() - memory < 8_000_000, "the engine queues for a dead dashboard"
        if number == signal.SIGSTOP:
            os.kill(pid, signal.SIGCONT)
            # Textual takes its terminal anew at SIGCONT: a key of that moment may not be enough.
            wait_until(lambda: screen.has_ended_by("q"))
            assert screen.wait_for_end() == 0


def test_the_engine_dies_and_the_dashboard_says_so_and_finds_the_next_one(
    directory: Path, backend: OpenBackend, dashboard: OpenDashboard, closing: ExitStack
) -> None:
    words = ["--to", backend().url, "--control", str(directory / "c.sock"), "--listen"]
    for name in ("first", "second"):
        (directory / name).mkdir()
    proxy = Engine(directory / "first", *words, "127.0.0.1:0", runtime=directory)
    closing.callback(proxy.kill)
    screen = dashboard(proxy)
    proxy.kill()
    died_s = time.monotonic()
    screen.wait_for("engine gone since")
    assert time.monotonic() - died_s < SAID_WITHIN_S
    assert "Traceback" not in screen.screen
    # The killed one could not clean up: its socket and its port are taken over as they are.
    address = f"127.0.0.1:{proxy.port}"
    next_one = Engine(directory / "second", *words, address, runtime=directory)
    closing.callback(next_one.close)
    screen.wait_for(f"pid {next_one.pid}")
    assert "engine gone" not in screen.screen
    assert next_one.get().status == 200
