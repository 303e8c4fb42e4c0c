"""`unix:/path` on either side, and IPv6 on either side: everything that TCP over IPv4 can do."""

import os
import socket
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import ConnectUnix, OpenBackend, StartEngine
from tests.behaviour.running import Engine, run_rsp
from tests.behaviour.waiting import PATIENCE_S, wait_until
from tests.behaviour.wire import Wire, digest, numbered, request, response

SIZE = 3_000_000


@pytest.fixture
def site(directory: Path) -> str:
    """Where the backend of a test listens."""
    return f"unix:{directory}/site.sock"


@pytest.fixture
def door(directory: Path) -> Path:
    """Where the listener of a test listens."""
    return directory / "door.sock"


def listen_at(path: Path, settings: str = "") -> str:
    return f'listen {{ address = "unix:{path}", {settings} }}\n'


def test_requests_reach_a_backend_at_a_unix_socket(
    engine: StartEngine, backend: OpenBackend, site: str
) -> None:
    opened = backend(host=site)
    proxy = engine(LISTEN + pool(opened))
    client = proxy.connect()
    for _ in range(3):
        assert client.get().body == b"hello"
    assert opened.connections == 1, "an idle one is used again"
    assert proxy.backend("web1")["address"] == site
    assert proxy.backend("web1")["idle_connections"] == 1


@pytest.mark.parametrize("mode", ["http", "tcp"])
def test_bulk_passes_both_ways_between_unix_sockets(
    engine: StartEngine,
    backend: OpenBackend,
    site: str,
    door: Path,
    mode: str,
    connect_unix: ConnectUnix,
) -> None:
    content = numbered(SIZE)
    opened = backend(answer=lambda asked: response("200 OK", asked.body), host=site)
    proxy = engine(listen_at(door, f'mode = "{mode}"') + pool(opened))
    client = connect_unix(door)
    sender = threading.Thread(target=client.send, args=(request("PUT", "/", body=content),))
    sender.start()
    assert digest(client.read_response().body) == digest(content)
    sender.join(PATIENCE_S)
    assert not sender.is_alive()
    client.close()
    assert proxy.ask("status")["listeners"][0]["address"] == f"unix:{door}"


def test_a_slow_reader_of_a_unix_socket_blocks_and_gets_every_byte(
    engine: StartEngine, backend: OpenBackend, door: Path, connect_unix: ConnectUnix
) -> None:
    content = numbered(SIZE)
    opened = backend(answer=lambda _: response("200 OK", content))
    proxy = engine(listen_at(door) + pool(opened))
    client = connect_unix(door)
    client.send(request())

    def blocked() -> object:
        rows = proxy.ask("connections")["connections"]
        return [row for row in rows if row["client"]["blocked_s"] > 0]

    wait_until(blocked)
    row = proxy.ask("connections")["connections"][0]
    assert 0 < row["client"]["unsent_bytes"] <= 2 * 65536
    assert row["client"]["kernel_send_queue_bytes"] > 0
    detail = proxy.ask("connection", id=row["id"])
    assert set(detail["tcp_info"]) <= {"client", "backend"}
    assert detail["tcp_info"].get("client") in ({}, None)
    assert digest(client.read_response().body) == digest(content)


def test_a_half_close_passes_through_unix_sockets(
    engine: StartEngine, backend: OpenBackend, site: str, door: Path, connect_unix: ConnectUnix
) -> None:
    got: list[bytes] = []

    def script(wire: Wire) -> None:
        got.append(wire.read_to_end())
        wire.send(b"answer to ", got[-1])

    opened = backend(script, host=site)
    proxy = engine(listen_at(door, 'mode = "tcp"') + pool(opened))
    client = connect_unix(door)
    client.send(b"everything")
    client.finish()
    assert client.read_to_end() == b"answer to everything"
    client.close()
    wait_until(lambda: proxy.ask("status")["sessions"] == 0)


def close_with_unread_bytes(wire: Wire) -> None:
    """What a RST is between unix sockets: the peer's next call fails with ECONNRESET."""
    assert wire.sock.recv(1, socket.MSG_PEEK)
    wire.close()


def test_a_reset_of_a_client_at_a_unix_socket_reaches_the_backend(
    engine: StartEngine, backend: OpenBackend, door: Path, connect_unix: ConnectUnix
) -> None:
    was_reset: list[bool] = []

    def script(wire: Wire) -> None:
        wire.send(b"unread")
        was_reset.append(wire.is_reset())

    engine(listen_at(door, 'mode = "tcp"') + pool(backend(script)))
    close_with_unread_bytes(connect_unix(door))
    assert wait_until(lambda: was_reset) == [True]


def test_a_reset_of_a_backend_at_a_unix_socket_reaches_the_client(
    engine: StartEngine, backend: OpenBackend, site: str
) -> None:
    def script(wire: Wire) -> None:
        wire.send(b"before")
        close_with_unread_bytes(wire)

    listen = 'listen { address = "127.0.0.1:0", mode = "tcp" }\n'
    client = engine(listen + pool(backend(script, host=site))).connect()
    assert client.read(6) == b"before"
    client.send(b"unread")
    assert client.is_reset()


def test_a_client_at_a_unix_socket_is_shown_by_its_process(
    engine: StartEngine, backend: OpenBackend, door: Path, connect_unix: ConnectUnix
) -> None:
    opened = backend()
    route = 'function route(request) return "web", { reason = request.client_ip } end\n'
    proxy = engine(listen_at(door) + pool(opened, settings="forwarded = true,") + route)
    client = connect_unix(door)
    assert client.get("/", "X-Forwarded-For: 10.1.1.1").status == 200
    row = proxy.ask("connections")["connections"][0]
    assert row["client"]["address"] == f"unix:{os.getpid()}"
    assert row["listener"] == f"unix:{door}"
    assert proxy.last_exchange()["client"] == f"unix:{os.getpid()}"
    assert proxy.ask("decisions", limit=1)["decisions"][0]["reason"] == "unix"
    assert opened.requests[0].get("X-Forwarded-For") == "unix"
    assert opened.requests[0].get("Forwarded") == "for=unknown;host=www.example;proto=http"


def test_whoever_comes_through_a_unix_socket_can_be_trusted(
    engine: StartEngine, backend: OpenBackend, door: Path, connect_unix: ConnectUnix
) -> None:
    opened = backend()
    engine(listen_at(door, 'trusted_proxies = { "unix:" }') + pool(opened))
    assert connect_unix(door).get("/", "X-Forwarded-For: 10.1.1.1").status == 200
    assert opened.requests[0].get("X-Forwarded-For") == "10.1.1.1, unix"


def test_a_proxy_at_a_unix_socket_announces_its_client(
    engine: StartEngine, backend: OpenBackend, door: Path, connect_unix: ConnectUnix
) -> None:
    opened = backend()
    engine(listen_at(door, 'accept_proxy = { "unix:" }') + pool(opened))
    client = connect_unix(door)
    client.send(b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 80\r\n", request())
    assert client.read_response().status == 200
    assert opened.requests[0].get("X-Forwarded-For") == "192.0.2.7"


@pytest.mark.parametrize(
    ("leave", "words"),
    [
        (lambda path: None, "there is no such socket (ENOENT)"),
        (lambda path: path.write_bytes(b""), "refused (ECONNREFUSED)"),
    ],
    ids=["nothing", "a file"],
)
def test_a_backend_that_is_not_there_is_named(
    engine: StartEngine, directory: Path, leave: Callable[[Path], object], words: str
) -> None:
    path = directory / "gone.sock"
    leave(path)
    proxy = engine(LISTEN + pool(f"unix:{path}"))
    assert proxy.get().status == 502
    assert proxy.backend("web1")["last_error"] == f"connecting: {words}"


def test_a_backend_whose_queue_is_full_goes_to_the_next(
    engine: StartEngine, backend: OpenBackend, directory: Path
) -> None:
    path = directory / "full.sock"
    with socket.socket(socket.AF_UNIX) as full, socket.socket(socket.AF_UNIX) as queued:
        full.bind(str(path))
        full.listen(0)
        queued.connect(str(path))
        proxy = engine(LISTEN + pool(f"unix:{path}", backend(), settings='balance = "first",'))
        assert proxy.get().body == b"hello"
        assert proxy.backend("web1")["last_error"] == "connecting: its queue is full (EAGAIN)"


def test_the_host_of_a_backend_at_a_path_is_localhost(
    engine: StartEngine, backend: OpenBackend, site: str
) -> None:
    opened = backend(host=site)
    assert engine(LISTEN + pool(opened, settings='host = "backend",')).get().status == 200
    assert opened.requests[0].get("Host") == "localhost"


def test_the_command_line_takes_paths_on_both_sides(
    backend: OpenBackend, site: str, door: Path, directory: Path, connect_unix: ConnectUnix
) -> None:
    opened = backend(host=site)
    (directory / "engine").mkdir()
    proxy = Engine(
        directory / "engine", "--to", site, "--listen", f"unix:{door}", runtime=directory
    )
    try:
        assert connect_unix(door).get().body == b"hello"
        assert opened.requests[0].get("Host") == "localhost"
        assert proxy.control == directory / "rsp" / "door.sock"
        assert f"Started.  Listening on unix:{door}." in proxy.log
    finally:
        proxy.close()
    assert not door.exists()


def test_a_backend_is_moved_to_a_path_while_it_runs(
    engine: StartEngine, backend: OpenBackend, site: str
) -> None:
    first, second = backend(), backend(host=site, answer=lambda _: response("200 OK", b"moved"))
    proxy = engine(LISTEN + pool(first))
    client = proxy.connect()
    assert client.get().body == b"hello"
    proxy.ctl("backend", "set", "web/web1", "--address", site)
    assert client.get().body == b"moved"
    assert second.connections == 1


def test_what_a_dead_engine_left_is_replaced_and_the_file_goes_at_the_end(
    engine: StartEngine, backend: OpenBackend, door: Path, connect_unix: ConnectUnix
) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(door))
    mask = os.umask(0o027)
    try:
        proxy = engine(listen_at(door) + pool(backend()))
    finally:
        os.umask(mask)
    assert stat.S_IMODE(door.stat().st_mode) == 0o750
    assert connect_unix(door).get().status == 200
    proxy.close()
    assert not door.exists()


def test_a_path_where_somebody_answers_is_left_alone(
    engine: StartEngine,
    backend: OpenBackend,
    door: Path,
    directory: Path,
    connect_unix: ConnectUnix,
) -> None:
    config = listen_at(door) + pool(backend())
    engine(config)
    (directory / "second.lua").write_text(config)
    second = run_rsp("serve", str(directory / "second.lua"), "--control", f"{directory}/c")
    assert second.returncode == 1
    assert f"cannot listen on unix:{door}: somebody answers there" in second.stderr
    assert connect_unix(door).get().status == 200


@pytest.mark.parametrize(
    ("name", "words"),
    [("file", "there is a file that is no socket"), ("none/x.sock", "No such file or directory")],
)
def test_a_path_that_cannot_be_had_says_why(directory: Path, name: str, words: str) -> None:
    (directory / "file").write_bytes(b"keep me")
    config = directory / "config.lua"
    config.write_text(listen_at(directory / name) + pool("127.0.0.1:9"))
    done = run_rsp("serve", str(config), "--control", f"{directory}/c")
    assert done.returncode == 1
    assert f"cannot listen on unix:{directory}/{name}: {words}" in done.stderr
    assert (directory / "file").read_bytes() == b"keep me"


def test_a_file_that_another_engine_made_since_stays(
    engine: StartEngine, backend: OpenBackend, door: Path
) -> None:
    proxy = engine(listen_at(door) + pool(backend()))
    door.unlink()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(door))
        proxy.close()
        assert door.exists()


def test_a_reload_opens_and_closes_unix_listeners(
    engine: StartEngine, backend: OpenBackend, door: Path, connect_unix: ConnectUnix
) -> None:
    pools = pool(backend())
    proxy = engine(LISTEN + pools)
    config = proxy.directory / "config.lua"
    config.write_text(LISTEN + listen_at(door) + pools)
    proxy.ctl("reload")
    client = connect_unix(door)
    assert client.get().status == 200
    config.write_text(LISTEN + pools)
    proxy.ctl("reload")
    assert not door.exists()
    assert client.get().status == 200, "who is in stays in"


# -- IPv6


@pytest.mark.parametrize("mode", ["http", "tcp"])
def test_ipv6_on_both_sides(engine: StartEngine, backend: OpenBackend, mode: str) -> None:
    opened = backend(host="::1")
    listen = f'listen {{ address = "[::1]:0", mode = "{mode}", trusted_proxies = {{ "::1" }} }}\n'
    proxy = engine(listen + pool(opened))
    with socket.create_connection(("::1", proxy.port), PATIENCE_S) as sock:
        client = Wire(sock)
        assert client.get("/", "X-Forwarded-For: 2001:db8::7").body == b"hello"
        row = proxy.ask("connections")["connections"][0]
        assert row["client"]["address"] == f"[::1]:{client.port}"
        assert row["listener"] == f"[::1]:{proxy.port}"
    assert proxy.backend("web1")["address"] == f"[::1]:{opened.port}"
    chain = "2001:db8::7, ::1" if mode == "http" else "2001:db8::7"
    assert opened.requests[0].get("X-Forwarded-For") == chain
