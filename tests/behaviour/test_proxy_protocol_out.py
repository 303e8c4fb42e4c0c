"""`send_proxy`: a backend is told of the client first; HAProxy and nginx say what they heard."""

import socket
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import OpenBackend, StartEngine
from tests.behaviour.ports import unused_address
from tests.behaviour.programs import needs
from tests.behaviour.real_haproxy import TELL, HAProxy
from tests.behaviour.real_nginx import Nginx
from tests.behaviour.waiting import PATIENCE_S, wait_until
from tests.behaviour.wire import Wire, request, response

LISTEN_TCP = 'listen { address = "127.0.0.1:0", mode = "tcp" }\n'
V1 = 'send_proxy = "v1",'


needs_haproxy = needs("haproxy", "haproxy")
needs_nginx = needs("nginx", "nginx-light")
both_versions = pytest.mark.parametrize("version", ["v1", "v2"])

StartHAProxy = Callable[..., HAProxy]


@pytest.fixture
def haproxy(closing: ExitStack, directory: Path) -> StartHAProxy:
    """Starts HAProxy, with what it binds and what it does."""

    def start(bind: str, rules: str, *, mode: str = "http") -> HAProxy:
        started = HAProxy(directory / "haproxy", bind, rules, mode=mode)
        closing.callback(started.close)
        return started

    return start


def answer_announced(wire: Wire) -> None:
    """Answer each request with the PROXY line of its connection."""
    line = wire.read_to(b"\r\n")
    while True:
        wire.read_request()
        wire.send(response("200 OK", line))


@needs_haproxy
@both_versions
@pytest.mark.parametrize("listen", [LISTEN, LISTEN_TCP], ids=["http", "tcp"])
def test_haproxy_understands(
    engine: StartEngine, haproxy: StartHAProxy, listen: str, version: str
) -> None:
    site = haproxy("127.0.0.1:{port} accept-proxy", TELL)
    proxy = engine(listen + pool(site.address, settings=f'send_proxy = "{version}",'))
    client = proxy.connect()
    for _ in range(3):
        assert client.get().body.decode() == f"127.0.0.1 {client.port} 127.0.0.1"


@needs_haproxy
@both_versions
def test_haproxy_understands_ipv6(engine: StartEngine, haproxy: StartHAProxy, version: str) -> None:
    site = haproxy("127.0.0.1:{port} accept-proxy", TELL)
    listen = 'listen { address = "[::1]:0" }\n'
    proxy = engine(listen + pool(site.address, settings=f'send_proxy = "{version}",'))
    with socket.create_connection(("::1", proxy.port), PATIENCE_S) as sock:
        client = Wire(sock)
        assert client.get().body.decode() == f"::1 {client.port} ::1"


@needs_haproxy
@both_versions
def test_a_client_that_was_announced_to_us_is_announced_on(
    engine: StartEngine, haproxy: StartHAProxy, version: str
) -> None:
    site = haproxy("127.0.0.1:{port} accept-proxy", TELL)
    listen = 'listen { address = "127.0.0.1:0", accept_proxy = { "127.0.0.1" } }\n'
    proxy = engine(listen + pool(site.address, settings=f'send_proxy = "{version}",'))
    client = proxy.connect()
    client.send(b"PROXY TCP6 2001:db8::7 2001:db8::1 4711 80\r\n", request())
    assert client.read_response().body == b"2001:db8::7 4711 ::ffff:127.0.0.1"


@needs_haproxy
@pytest.mark.parametrize("word", ["send-proxy", "send-proxy-v2"])
@pytest.mark.parametrize("mode", ["http", "tcp"])
def test_haproxy_in_front_announces_its_client(
    engine: StartEngine, backend: OpenBackend, haproxy: StartHAProxy, mode: str, word: str
) -> None:
    site = backend()
    listen = (
        f'listen {{ address = "127.0.0.1:0", mode = "{mode}", accept_proxy = {{ "127.0.0.1" }} }}\n'
    )
    proxy = engine(listen + pool(site))
    rules = f"  default_backend ours\nbackend ours\n  server a 127.0.0.1:{proxy.port} {word}"
    front = haproxy("127.0.0.1:{port}", rules, mode="tcp")
    client = proxy.connect(front.port)
    assert client.get().body == b"hello"
    rows = proxy.ask("connections")["connections"]
    assert f"127.0.0.1:{client.port}" in [row["client"]["address"] for row in rows]


@needs_nginx
@both_versions
@pytest.mark.parametrize("listen", [LISTEN, LISTEN_TCP], ids=["http", "tcp"])
def test_nginx_understands(
    engine: StartEngine, closing: ExitStack, directory: Path, listen: str, version: str
) -> None:
    nginx = Nginx(directory / "nginx", "proxy_protocol")
    closing.callback(nginx.close)
    (nginx.pages / "index.html").write_bytes(b"front")
    proxy = engine(listen + pool(nginx.address, settings=f'send_proxy = "{version}",'))
    client = proxy.connect()
    for _ in range(2):
        assert client.get("/index.html").body == b"front"
    heard = wait_until(lambda: lines if len(lines := nginx.access_log()) == 2 else [])
    assert [line[2:] for line in heard] == [
        ["/index.html", "200", "127.0.0.1", str(client.port), "127.0.0.1"]
    ] * 2


def test_a_connection_that_carries_one_client_is_never_used_for_another(
    engine: StartEngine, backend: OpenBackend
) -> None:
    site = backend(answer_announced)
    proxy = engine(LISTEN + pool(site, settings=V1))
    clients = [proxy.connect() for _ in range(3)]
    for _ in range(3):
        for client in clients:
            assert f" {client.port} " in client.get().body.decode()
    assert proxy.backend("web1")["idle_connections"] == 0
    assert site.connections == 9


def test_the_header_goes_first_also_at_the_second_backend(
    engine: StartEngine, backend: OpenBackend
) -> None:
    site = backend(answer_announced)
    pools = pool(unused_address(), site, settings=f'balance = "first", {V1}')
    proxy = engine(LISTEN + pools)
    client = proxy.connect()
    assert (
        client.get().body.decode()
        == f"PROXY TCP4 127.0.0.1 127.0.0.1 {client.port} {proxy.port}\r\n"
    )


def test_an_upload_goes_behind_the_header(engine: StartEngine, backend: OpenBackend) -> None:
    site = backend(answer_announced)
    client = engine(LISTEN + pool(site, settings=V1)).connect()
    answer = client.ask(request("POST", "/", body=b"x" * 300_000))
    assert answer.body.startswith(b"PROXY TCP4 ")


def test_idle_connections_end_when_a_reload_asks_for_the_header(
    engine: StartEngine, backend: OpenBackend
) -> None:
    site = backend()
    proxy = engine(LISTEN + pool(site))
    client = proxy.connect()
    assert client.get().status == 200
    assert proxy.backend("web1")["idle_connections"] == 1
    site.script = answer_announced
    (proxy.directory / "config.lua").write_text(LISTEN + pool(site, settings=V1))
    proxy.ctl("reload")
    assert proxy.backend("web1")["idle_connections"] == 0
    assert f" {client.port} " in client.get().body.decode()
    site.script = site.serve
    (proxy.directory / "config.lua").write_text(LISTEN + pool(site))
    proxy.ctl("reload")
    assert client.get().body == b"hello"
    assert proxy.backend("web1")["idle_connections"] == 1


def test_forwarded_is_written_where_a_pool_wants_it(
    engine: StartEngine, backend: OpenBackend
) -> None:
    site, other = backend(), backend()
    route = 'function route(r) return r.path == "/plain" and "plain" or "web" end\n'
    pools = pool(site, settings="forwarded = true,") + pool(other, name="plain")
    proxy = engine(LISTEN + pools + route)
    client = proxy.connect()
    for path in ("/", "/plain", "/"):
        assert client.get(path, "Forwarded: for=10.1.1.1", host="www.example:80").status == 200
    own = 'for=127.0.0.1;host="www.example:80";proto=http'
    assert [asked.get("Forwarded") for asked in site.requests] == [own, own]
    assert site.requests[0].get("X-Forwarded-For") == "127.0.0.1"
    assert other.requests[0].get("Forwarded") is None


def test_forwarded_of_a_trusted_proxy_is_appended_to(
    engine: StartEngine, backend: OpenBackend
) -> None:
    site = backend()
    listen = 'listen { address = "127.0.0.1:0", trusted_proxies = { "127.0.0.1" } }\n'
    proxy = engine(listen + pool(site, settings="forwarded = true,"))
    proxy.get("/", 'Forwarded: for="[2001:db8::7]"')
    chain = 'for="[2001:db8::7]", for=127.0.0.1;host=www.example;proto=http'
    assert site.requests[0].get("Forwarded") == chain
