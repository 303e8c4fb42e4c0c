"""Listening sockets that a supervisor holds: `listen { fd = 5 }`, and systemd's LISTEN_FDS."""

import signal
import socket
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import OpenBackend, StartEngine
from tests.behaviour.running import run_rsp
from tests.behaviour.traffic import Traffic
from tests.behaviour.waiting import PATIENCE_S
from tests.behaviour.wire import Wire

ENOUGH = 180
"""Requests before, between and after the restarts."""


@pytest.fixture
def held() -> Iterator[socket.socket]:
    """The socket that a supervisor holds."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        yield listener


def handed(sock: socket.socket, settings: str = "") -> str:
    return f"listen {{ fd = {sock.fileno()}, {settings} }}\n"


def port_of(sock: socket.socket) -> int:
    return int(sock.getsockname()[1])


def test_a_socket_that_was_handed_over_is_listened_on(
    engine: StartEngine, backend: OpenBackend, held: socket.socket
) -> None:
    proxy = engine(handed(held) + pool(backend()), hand_over=held.fileno())
    assert proxy.port == port_of(held)
    assert proxy.get().body == b"hello"
    assert proxy.ask("status")["listeners"][0]["address"] == f"127.0.0.1:{port_of(held)}"


def test_it_stays_open_for_whoever_else_holds_it(
    engine: StartEngine, backend: OpenBackend, held: socket.socket
) -> None:
    proxy = engine(handed(held) + pool(backend()), hand_over=held.fileno())
    assert proxy.get().status == 200
    proxy.close()
    with socket.create_connection(held.getsockname(), PATIENCE_S) as waiting:
        held.settimeout(PATIENCE_S)
        accepted, peer = held.accept()
        accepted.close()
        assert peer == waiting.getsockname()


@pytest.mark.parametrize("how", ["fd", "LISTEN_FDS"])
def test_restarts_under_requests_refuse_nobody(
    engine: StartEngine, backend: OpenBackend, held: socket.socket, how: str
) -> None:
    by_address = f'listen {{ address = "127.0.0.1:{port_of(held)}" }}\n'
    is_fd = how == "fd"
    config = (handed(held) if is_fd else by_address) + pool(backend())
    start = partial(
        engine,
        config,
        hand_over=held.fileno() if is_fd else None,
        announce=None if is_fd else held.fileno(),
    )
    engines = [start()]
    # A connection that is kept may be closed when its engine ends; a new one is never refused.
    visitors = Traffic(port_of(held), per_connection=1)
    try:
        for _ in range(3):
            visitors.let_pass(ENOUGH)
            engines.append(start())
            engines[-2].signal(signal.SIGTERM)
            assert engines[-2].wait_for_end() == 0
        visitors.let_pass(ENOUGH)
    finally:
        visitors.stop()
    assert engines[-1].ask("status")["totals"]["accepted"] >= ENOUGH


def test_a_socket_of_systemd_is_found_by_its_address(
    engine: StartEngine, backend: OpenBackend, held: socket.socket
) -> None:
    other = 'listen { address = "127.0.0.1:0" }\n'
    listen = f'listen {{ address = "127.0.0.1:{port_of(held)}" }}\n'
    proxy = engine(other + listen + pool(backend()), announce=held.fileno())
    assert proxy.ports[1] == port_of(held)
    assert proxy.connect(proxy.ports[1]).get().status == 200
    assert "handed over, and no listener" not in proxy.log


def test_every_address_of_ipv6_serves_for_every_address_of_ipv4(
    engine: StartEngine, backend: OpenBackend
) -> None:
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as sock:
        listen = f'listen {{ address = "0.0.0.0:{port_of(sock)}" }}\n'
        proxy = engine(listen + pool(backend()), announce=sock.fileno())
        assert proxy.get().status == 200
        assert proxy.ask("status")["listeners"][0]["address"] == f"[::]:{port_of(sock)}"
        client = proxy.connect()
        assert client.get().status == 200
        assert proxy.row(client)["client"]["address"] == f"127.0.0.1:{client.port}"


def test_a_unix_socket_is_handed_over_and_its_file_stays(
    engine: StartEngine, backend: OpenBackend, directory: Path
) -> None:
    path = directory / "held.sock"
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))
        sock.listen()
        listen = f'listen {{ address = "unix:{path}" }}\n'
        proxy = engine(listen + pool(backend()), announce=sock.fileno())
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            assert Wire(client).get().body == b"hello"
        proxy.close()
        assert path.exists()


def test_a_socket_that_nobody_asked_for_is_named(
    engine: StartEngine, backend: OpenBackend, held: socket.socket
) -> None:
    proxy = engine(LISTEN + pool(backend()), announce=held.fileno())
    assert proxy.wait_for_event(
        f"fd 3 (127.0.0.1:{port_of(held)}) was handed over, and no listener has it"
    )


def test_a_reload_may_give_a_socket_up_and_take_it_again(
    engine: StartEngine, backend: OpenBackend, held: socket.socket
) -> None:
    pools = pool(backend())
    proxy = engine(handed(held) + pools, hand_over=held.fileno())
    config = proxy.directory / "config.lua"
    for text in (LISTEN + pools, handed(held, 'mode = "tcp"') + pools):
        config.write_text(text)
        proxy.ctl("reload")
    row = proxy.ask("status")["listeners"][0]
    assert (row["address"], row["mode"]) == (f"127.0.0.1:{port_of(held)}", "tcp")
    assert proxy.get().body == b"hello"


def test_an_fd_that_is_no_listening_socket_is_refused(directory: Path) -> None:
    config = directory / "config.lua"
    config.write_text("listen { fd = 9 }\n" + pool("127.0.0.1:9"))
    done = run_rsp("serve", str(config), "--control", f"{directory}/c")
    assert done.returncode == 1
    assert "cannot listen on fd 9: this process was not started with a listening socket" in (
        done.stderr
    )
    assert run_rsp("check", str(config)).returncode == 0


def test_the_command_line_replaces_a_socket_too(
    engine: StartEngine, backend: OpenBackend, held: socket.socket
) -> None:
    proxy = engine(handed(held) + pool(backend()), "--listen", "127.0.0.1:0")
    assert proxy.port != port_of(held)
    assert proxy.get().status == 200
