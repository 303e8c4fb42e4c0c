"""The control socket: what `ctl` promises to scripts, and what a bad client of it cannot do."""

import contextlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from rsp.cli.failure import Failure
from rsp.cli.link import Link
from rsp.core.limits import CONTROL_CLIENTS
from rsp.core.wire import CommandRefused, encode_error
from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import OpenBackend, StartEngine, StartTraffic
from tests.behaviour.running import Engine, run_rsp
from tests.behaviour.scripted import Backend
from tests.behaviour.waiting import PATIENCE_S, wait_until
from tests.behaviour.wire import Wire, head, numbered, request

MIB = 1 << 20
FLAT_BYTES = 10 * MIB


def control_client(proxy: Engine, closing: ExitStack) -> socket.socket:
    """Return a connection to the control socket that `closing` closes."""
    wire = proxy.connect_control()
    closing.callback(wire.close)
    return wire.sock


def read_line(sock: socket.socket) -> dict[str, object]:
    with sock.makefile("rb") as lines:
        return dict(json.loads(lines.readline()))


def test_the_bytes_of_a_backend_grow_while_a_download_lasts(proxy: Engine, site: Backend) -> None:
    content, go_on = numbered(MIB), threading.Event()

    def script(wire: Wire) -> None:
        wire.read_request()
        wire.send(head("HTTP/1.1 200 OK", f"Content-Length: {2 * MIB}"), content)
        assert go_on.wait(PATIENCE_S)
        wire.send(content)

    def bytes_in() -> int:
        return int(proxy.ctl("backends")["pools"][0]["backends"][0]["bytes_in"])

    site.script = script
    before_bytes = bytes_in()
    client = proxy.connect()
    client.send(request())
    client.read_head()
    assert client.read(MIB) == content
    head_bytes = len(client.received) - MIB
    assert MIB < bytes_in() - before_bytes < MIB + 2 * head_bytes
    go_on.set()
    assert client.read(MIB) == content
    assert 2 * MIB < bytes_in() - before_bytes < 2 * MIB + 2 * head_bytes


@pytest.mark.parametrize(
    "words",
    [
        ["ctl", "--json", "--control", "{}", "status"],
        ["ctl", "--control", "{}", "status", "--json"],
        ["ctl", "status", "--json", "--control", "{}"],
        ["ctl", "--json", "status", "--control", "{}"],
    ],
)
def test_json_and_control_stand_before_or_after_the_command(
    proxy: Engine, words: list[str]
) -> None:
    done = run_rsp(*(word.format(proxy.control) for word in words))
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["pid"] == proxy.pid


def test_without_json_the_answer_is_for_people(proxy: Engine, site: Backend) -> None:
    proxy.get()
    for words in (["status"], ["backends"], ["exchanges"], ["decisions"], ["connections"]):
        done = proxy.run_ctl(*words)
        assert (done.returncode, done.stderr) == (0, "")
        assert not done.stdout.startswith("{")


def test_a_refusal_is_status_1_on_stderr_and_nothing_on_stdout(proxy: Engine) -> None:
    for words in (["connection", "999"], ["pause", "999"], ["connections", "--filter", "fd>x"]):
        done = proxy.run_ctl("--json", *words)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.strip()


@pytest.mark.parametrize(
    "words",
    [["no-such-command"], ["connection"], ["connection", "x"], ["status", "--no-such-option"]],
)
def test_wrong_usage_is_status_2(proxy: Engine, words: list[str]) -> None:
    assert proxy.run_ctl(*words).returncode == 2


def test_no_engine_is_status_3(tmp_path: Path) -> None:
    done = run_rsp("ctl", "--control", str(tmp_path / "none.sock"), "status")
    assert (done.returncode, done.stdout) == (3, "")
    assert f"no engine at {tmp_path}/none.sock" in done.stderr


def test_ctl_finds_the_only_engine_and_lists_several(
    directory: Path, closing: ExitStack, site: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(directory))
    assert run_rsp("ctl", "status").returncode == 3
    engines = []
    for name in ("one", "two"):
        (directory / name).mkdir()
        words = ["--to", site.url, "--listen", "127.0.0.1:0"]
        engines.append(Engine(directory / name, *words, runtime=directory))
        closing.callback(engines[-1].close)
        if name == "one":
            found = run_rsp("ctl", "status", "--json")
            assert json.loads(found.stdout)["pid"] == engines[0].pid
    several = run_rsp("ctl", "status")
    assert several.returncode == 2
    assert all(f"--control {engine.control}" in several.stderr for engine in engines)


def test_only_its_user_can_open_it(directory: Path, closing: ExitStack, site: Backend) -> None:
    words = ["--to", site.url, "--listen", "127.0.0.1:0"]
    proxy = Engine(directory, *words, runtime=directory)
    closing.callback(proxy.close)
    assert proxy.control == directory / "rsp" / f"{proxy.port}.sock"
    assert stat.S_IMODE(proxy.control.stat().st_mode) == 0o600
    assert stat.S_IMODE(proxy.control.parent.stat().st_mode) == 0o700


NOBODY = 65534
ASK = """
import os, socket, sys
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
sock = socket.socket(socket.AF_UNIX)
try:
    sock.connect(sys.argv[1])
except OSError as error:
    sys.exit(error.strerror)
try:
    sock.sendall(b'{"id": 1, "method": "stop"}\\n')
except BrokenPipeError:
    pass  # it has hung up already; what it said is here all the same
print(sock.makefile().readline())
"""


def test_what_an_engine_said_before_it_hung_up_is_told(directory: Path) -> None:
    """It refuses whoever it does not know at once: the command may find nobody there."""
    path = directory / "refusing.sock"
    with socket.socket(socket.AF_UNIX) as refusing:
        refusing.bind(str(path))
        refusing.listen()
        with Link(path) as link:
            refused, _ = refusing.accept()
            refused.sendall(encode_error(None, CommandRefused("you are somebody else")))
            refused.close()
            with pytest.raises(Failure, match="you are somebody else"):
                link.ask_raw("status", {})


def ask_as_nobody(control: Path) -> str:
    """Tell the engine to stop as another user, and return what that one sees."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", ASK, str(control)],
        capture_output=True, text=True, check=False, timeout=PATIENCE_S,
    )  # fmt: skip
    return done.stdout + done.stderr


@pytest.mark.capability("root: only root can be somebody else")
@pytest.mark.skipif(os.getuid() != 0, reason="only root can start a process of another user")
def test_another_user_is_refused_by_the_kernel_and_by_the_engine(
    engine: StartEngine, backend: OpenBackend, traffic: StartTraffic
) -> None:
    proxy = engine(LISTEN + pool(backend()))
    flowing = traffic(proxy)
    os.chmod(proxy.directory.parent, 0o755)
    assert ask_as_nobody(proxy.control).strip() == "Permission denied"
    # Somebody has opened the socket to all: the engine looks for itself who is there.
    os.chmod(proxy.control, 0o666)
    told = ask_as_nobody(proxy.control)
    assert f"this engine belongs to uid 0; you are uid {NOBODY}. Run rsp as that user" in told
    flowing.let_pass()
    assert proxy.ctl("status")["draining"] is False


def test_clients_that_end_in_the_midst_of_a_line_or_of_an_answer_cost_nothing(
    engine: StartEngine, backend: OpenBackend, traffic: StartTraffic
) -> None:
    proxy = engine(LISTEN + pool(backend()))
    flowing = traffic(proxy)
    base = proxy.fds()
    for number in range(100):
        with ExitStack() as once:
            sock = control_client(proxy, once)
            line = b'{"id": 1, "method": "events", "params": {"wait_s": 60, "since": 10000000}}\n'
            sock.sendall(line if number % 2 else line[:20])
            if number % 3:
                sock.shutdown(socket.SHUT_WR)
    flowing.let_pass()
    wait_until(lambda: proxy.run_ctl("status").returncode == 0)
    wait_until(lambda: proxy.fds() < base + 10)


def test_who_hangs_up_while_waiting_for_an_event_leaves_his_place_at_once(
    proxy: Engine, site: Backend
) -> None:
    """A dashboard that is left does so each time; there are places for 64."""
    line = b'{"id": 1, "method": "events", "params": {"wait_s": 60, "since": 10000000}}\n'
    for _ in range(3):
        for _ in range(50):
            with ExitStack() as once:
                control_client(proxy, once).sendall(line)
        assert proxy.run_ctl("status").returncode == 0


def test_a_command_that_finds_no_place_says_who_has_them(proxy: Engine) -> None:
    with ExitStack() as crowd:
        # `proxy` itself has one.
        for _ in range(CONTROL_CLIENTS - 1):
            control_client(proxy, crowd)
        done = proxy.run_ctl("status")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{CONTROL_CLIENTS} control clients are connected" in done.stderr
    wait_until(lambda: proxy.run_ctl("status").returncode == 0)


def test_a_directory_that_others_can_use_is_refused(directory: Path, site: Backend) -> None:
    (directory / "rsp").mkdir(mode=0o755)
    words = ["--to", site.url, "--listen", "127.0.0.1:0"]
    with pytest.raises(AssertionError, match="is not a directory that only you can use"):
        Engine(directory, *words, runtime=directory)


def test_a_socket_that_a_killed_engine_left_is_replaced_and_a_live_one_is_not(
    directory: Path, closing: ExitStack, site: Backend
) -> None:
    words = ["--to", site.url, "--listen", "127.0.0.1:0"]
    killed = Engine(directory, *words)
    killed.signal(signal.SIGKILL)
    killed.wait_for_end()
    killed.link.close()
    assert killed.control.exists()
    proxy = Engine(directory, *words)
    closing.callback(proxy.close)
    done = run_rsp("serve", *words, "--control", str(proxy.control))
    assert done.returncode == 1
    assert f"another engine answers at {proxy.control}" in done.stderr
    assert proxy.ask("status")["pid"] == proxy.pid


def test_a_client_that_never_reads_costs_traffic_nothing(
    engine: StartEngine, backend: OpenBackend, traffic: StartTraffic, closing: ExitStack
) -> None:
    proxy = engine(LISTEN + pool(backend()))
    flowing = traffic(proxy)
    flowing.let_pass(300)
    base_bytes = proxy.memory_bytes()
    line = b'{"jsonrpc": "2.0", "id": 1, "method": "decisions"}\n'
    deaf = [control_client(proxy, closing) for _ in range(20)]
    for sock in deaf:
        sock.setblocking(False)
        sent = sock.send(line * 2_000)
        assert sent > len(line)
    flowing.let_pass(100)
    assert proxy.memory_bytes() - base_bytes < 4 * FLAT_BYTES
    assert proxy.ctl("status")["pid"] == proxy.pid


GARBAGE = {
    "bytes": bytes(range(256)) * 10 + b"\n",
    "no json": b"GET / HTTP/1.1\r\n\r\n",
    "no object": b"[1, 2]\n",
    "no method": b'{"id": 1}\n',
    "wrong types": b'{"id": 1, "method": 7, "params": "x"}\n',
    "unknown": b'{"id": 1, "method": "explode"}\n',
    "unknown parameter": b'{"id": 1, "method": "status", "params": {"x": 1}}\n',
    "deep": b'{"method":"a","params":{"a":' + b"[" * 30_000 + b"\n",
    "invalid utf-8": b'{"id": 1, "method": "\xff"}\n',
}


@pytest.mark.parametrize("line", GARBAGE.values(), ids=GARBAGE)
def test_garbage_is_answered_by_a_refusal_and_the_next_line_is_read(
    proxy: Engine, closing: ExitStack, line: bytes
) -> None:
    sock = control_client(proxy, closing)
    sock.sendall(line)
    assert "error" in read_line(sock)
    other = control_client(proxy, closing)
    other.sendall(b'{"jsonrpc": "2.0", "id": 7, "method": "edits"}\n')
    assert read_line(other)["id"] == 7


def test_a_line_that_is_too_long_ends_its_client_and_nobody_else(
    engine: StartEngine, backend: OpenBackend, traffic: StartTraffic, closing: ExitStack
) -> None:
    proxy = engine(LISTEN + pool(backend()))
    flowing = traffic(proxy)
    base_bytes = proxy.memory_bytes()
    sock = control_client(proxy, closing)
    with pytest.raises(ConnectionError):
        sock.sendall(b"x" * 10 * MIB)
    assert proxy.memory_bytes() - base_bytes < FLAT_BYTES
    flowing.let_pass()
    assert proxy.ctl("status")["pid"] == proxy.pid


def test_a_thousand_clients_of_the_control_socket_do_no_harm(
    engine: StartEngine, backend: OpenBackend, traffic: StartTraffic, closing: ExitStack
) -> None:
    proxy = engine(LISTEN + pool(backend()))
    flowing = traffic(proxy)
    base = proxy.fds()
    with ExitStack() as crowd:
        for _ in range(1000):
            # A full queue, or a closed door: not everybody need be let in.
            with contextlib.suppress(BlockingIOError, ConnectionError):
                control_client(proxy, crowd).send(b'{"half": ')
        flowing.let_pass()
        assert proxy.fds() < base + 200
    wait_until(lambda: proxy.run_ctl("status").returncode == 0)


def test_each_command_takes_json_and_means_it(proxy: Engine, tmp_path: Path) -> None:
    assert json.loads(proxy.run_ctl("continue", "--all", "--json").stdout) == {
        "done": "no session was stopped"
    }
    proxy.get()
    file = tmp_path / "decisions.jsonl"
    done = proxy.run_ctl("--json", "decisions", "--export", str(file))
    written = len(file.read_text().splitlines())
    assert written
    assert json.loads(done.stdout) == {"file": str(file), "decisions": written}


def test_a_preview_says_that_nothing_was_done(proxy: Engine) -> None:
    said = proxy.run_ctl("backend", "add", "default", "more", "127.0.0.1:1", "--preview").stdout
    assert said.startswith("Nothing was done. It would do this:\n")
    assert proxy.ask("status")["generation"] == 1


@pytest.mark.parametrize(
    "words",
    [
        ["continue"],
        ["continue", "--all", "1"],
        ["break", "add", "first-byte", "--hold", "--for", "5"],
        ["pending", "1", "--at", "3"],
    ],
)
def test_what_contradicts_itself_is_wrong_usage(proxy: Engine, words: list[str]) -> None:
    assert proxy.run_ctl(*words).returncode == 2
