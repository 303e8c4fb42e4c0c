"""`rsp run` and `rsp attach` in a real terminal: start, look, leave, come back, stop."""

import os
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from rsp.cli import run
from rsp.cli.failure import Failure
from rsp.cli.link import Link
from rsp.core.replies import Status
from tests.behaviour.conftest import OpenBackend
from tests.behaviour.programs import needs
from tests.behaviour.running import run_rsp
from tests.behaviour.terminal import Terminal
from tests.behaviour.waiting import wait_until

pytestmark = needs("tmux", "tmux")

OpenTerminal = Callable[..., Terminal]


@pytest.fixture
def terminal(closing: ExitStack, directory: Path) -> OpenTerminal:
    """Opens terminals; all of them see the same place for control sockets."""
    number = iter(range(100))

    def open_one(*arguments: str) -> Terminal:
        opened = Terminal(directory, f"terminal{next(number)}", *arguments)
        closing.callback(opened.close)
        return opened

    return open_one


@pytest.fixture
def control(closing: ExitStack, directory: Path) -> Path:
    """Where the engine of `rsp run` is told to have its control socket; it is ended afterwards."""
    path = directory / "c.sock"

    def end() -> None:
        with suppress(Failure), Link(path) as link:
            link.ask_raw("stop", {"drain": 0})
            pid = link.ask("status", Status).pid
            wait_until(lambda: not is_running(pid))

    closing.callback(end)
    return path


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return state != "Z"


def run_arguments(address: str, control: Path) -> list[str]:
    return ["run", "--to", f"http://{address}", "--listen", "127.0.0.1:0",
            "--control", str(control)]  # fmt: skip


def status_of(control: Path) -> Status:
    with Link(control) as link:
        return link.ask("status", Status)


def test_run_shows_the_dashboard_and_stopping_ends_the_engine(
    terminal: OpenTerminal, backend: OpenBackend, control: Path
) -> None:
    screen = terminal(*run_arguments(backend().address, control))
    screen.wait_for("Connections")
    pid = status_of(control).pid
    assert screen.leave("s") == 0
    wait_until(lambda: not is_running(pid))
    assert not control.exists()


def test_an_engine_that_is_left_runs_on_and_can_be_attached_to(
    terminal: OpenTerminal, backend: OpenBackend, control: Path
) -> None:
    screen = terminal(*run_arguments(backend().address, control))
    screen.wait_for("Connections")
    before = status_of(control)
    assert screen.leave("l") == 0
    screen.wait_for("The engine runs on")
    again = terminal("attach", "--control", str(control))
    again.wait_for(f"pid {before.pid}")
    again.press("q")
    assert again.wait_for_end() == 0
    assert status_of(control).pid == before.pid


def test_the_size_is_that_of_the_terminal_whatever_is_exported(
    terminal: OpenTerminal,
    backend: OpenBackend,
    control: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("LINES", "10")
    # With so little room it would only say what it needs.
    terminal(*run_arguments(backend().address, control)).wait_for("1 Connections")


def test_the_engine_logs_to_a_file_beside_its_socket(
    terminal: OpenTerminal, backend: OpenBackend, control: Path
) -> None:
    terminal(*run_arguments(backend().address, control)).wait_for("Connections")
    log = status_of(control).log
    assert log == str(control.with_suffix(".log"))
    assert "Started.  Listening on port" in Path(log).read_text()


def test_the_end_of_the_engine_is_shown_and_not_thrown(
    terminal: OpenTerminal, backend: OpenBackend, control: Path
) -> None:
    screen = terminal(*run_arguments(backend().address, control))
    screen.wait_for("Connections")
    os.kill(status_of(control).pid, 9)
    seen = screen.wait_for("engine")
    assert "Traceback" not in seen
    wait_until(lambda: "LIVE" not in screen.screen)


def test_a_port_that_another_rsp_serves_is_offered_for_attaching(
    terminal: OpenTerminal, backend: OpenBackend, control: Path, directory: Path
) -> None:
    address = backend().address
    first = terminal("run", "--to", f"http://{address}", "--listen", "127.0.0.1:0")
    first.wait_for("Connections")
    sockets = wait_until(lambda: list((directory / "rsp").glob("*.sock")))
    port = sockets[0].stem
    second = terminal("run", "--to", f"http://{address}", "--listen", f"127.0.0.1:{port}")
    second.wait_for("Attach to it?")
    second.press("y", "Enter")
    second.wait_for("Connections")
    second.press("q")
    assert second.wait_for_end() == 0
    assert first.leave("s") == 0


def test_an_engine_that_cannot_start_says_why_in_the_terminal(
    terminal: OpenTerminal, control: Path
) -> None:
    screen = terminal("run", "--to", "http://no.such.host.invalid:80", "--control", str(control))
    screen.wait_for("does not resolve")
    assert screen.wait_for_end() == 1


def test_without_a_terminal_attach_says_what_else_there_is() -> None:
    done = run_rsp("attach", "--control", "/nonexistent/c.sock")
    assert (done.returncode, done.stdout) == (3, "")
    assert "no engine at" in done.stderr


def test_an_engine_whose_dashboard_was_broken_off_before_it_was_there_ends(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(directory))

    def broken_off(*_: object, **__: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "show", broken_off)
    words = ["--to", "http://127.0.0.1:1", "--listen", "127.0.0.1:0", "--state", "none"]
    child, path = run.start_engine(words)
    with pytest.raises(KeyboardInterrupt):
        run._show_and_end(child, path)
    assert child.poll() == 0
    assert not path.exists()
