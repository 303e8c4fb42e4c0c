"""toxiproxy's API, asked by its Python client from PyPI as it is, and by hand."""

import json
import socket
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from toxiproxy import Toxiproxy  # type: ignore[import-untyped]
from toxiproxy.api import APIConsumer  # type: ignore[import-untyped]
from toxiproxy.exceptions import (  # type: ignore[import-untyped]
    InvalidToxic,
    NotFound,
    ProxyExists,
)

from rsp.cli.failure import Failure
from rsp.core.limits import CONTROL_CLIENTS
from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import OpenBackend, StartEngine
from tests.behaviour.ports import free_port
from tests.behaviour.proxied import connect, echo, passes
from tests.behaviour.running import Engine, run_rsp
from tests.behaviour.scripted import Backend
from tests.behaviour.waiting import PATIENCE_S, wait_until
from tests.behaviour.wire import Wire

Ask = Callable[..., tuple[int, Any]]


@pytest.fixture
def upstream(backend: OpenBackend) -> Backend:
    return backend(echo)


@pytest.fixture
def proxy(engine: StartEngine, backend: OpenBackend) -> Engine:
    return engine(LISTEN + pool(backend()), "--toxiproxy-api", "127.0.0.1:0")


@pytest.fixture
def port(proxy: Engine) -> int:
    said = proxy.wait_for_event("The toxiproxy API is at http://")
    return int(said.rstrip(".").rpartition(":")[2])


@pytest.fixture
def toxiproxy(port: int) -> Iterator[Toxiproxy]:
    server = Toxiproxy()
    before = APIConsumer.port
    server.update_api_consumer("127.0.0.1", port)
    yield server
    server.reset()
    server.update_api_consumer("127.0.0.1", before)


@pytest.fixture
def ask(port: int) -> Ask:
    def asked(method: str, path: str, said: object = None, **fields: str) -> tuple[int, Any]:
        link = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
        body = said if isinstance(said, str) or said is None else json.dumps(said)
        link.request(method, path, body, fields)
        answer = link.getresponse()
        text = answer.read()
        link.close()
        return answer.status, json.loads(text) if text else None

    return asked


# -- its Python client


def test_a_proxy_is_created_listed_and_destroyed(toxiproxy: Toxiproxy, upstream: Backend) -> None:
    created = toxiproxy.create(upstream=upstream.address, name="echo")
    assert created.enabled
    passes(created.listen)
    with pytest.raises(ProxyExists):
        toxiproxy.create(upstream=upstream.address, name="echo")
    second = toxiproxy.create(upstream=upstream.address, name="a second one")
    assert {"echo", "a second one"} < toxiproxy.proxies().keys()
    assert toxiproxy.get_proxy("echo").upstream == upstream.address
    open_one = connect(created.listen)
    created.destroy()
    assert toxiproxy.get_proxy("echo") is None
    assert open_one.is_reset()
    open_one.close()
    with pytest.raises(ConnectionRefusedError):
        connect(created.listen)
    passes(second.listen)
    with pytest.raises(NotFound):
        created.destroy()


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
def test_latency(toxiproxy: Toxiproxy, upstream: Backend, stream: str) -> None:
    created = toxiproxy.create(upstream=upstream.address, name="echo")
    created.add_toxic(type="latency", stream=stream, attributes={"latency": 300, "jitter": 0})
    assert passes(created.listen) >= 0.3
    toxic = created.get_toxic(f"latency_{stream}")
    assert (toxic.type, toxic.stream, toxic.toxicity) == ("latency", stream, 1)
    assert toxic.attributes == {"latency": 300, "jitter": 0}
    created.destroy_toxic(f"latency_{stream}")
    assert created.toxics() == {}
    passes(created.listen)


def test_timeout_reset_peer_and_limit_data(toxiproxy: Toxiproxy, upstream: Backend) -> None:
    got: list[bytes] = []

    def note(wire: Wire) -> None:
        while piece := wire.sock.recv(1 << 16):
            got.append(piece)
            wire.send(piece)

    upstream.script = note
    created = toxiproxy.create(upstream=upstream.address, name="echo")
    created.add_toxic(type="timeout", attributes={"timeout": 50})
    wire = connect(created.listen)
    assert wire.read_to_end() == b""
    wire.close()
    created.destroy_toxic("timeout_downstream")
    created.add_toxic(type="reset_peer", name="mine", attributes={"timeout": 0})
    wire = connect(created.listen)
    wire.send(b"x")
    assert wire.is_reset()
    wire.close()
    created.destroy_toxic("mine")
    created.add_toxic(type="limit_data", stream="upstream", attributes={"bytes": 3})
    wire = connect(created.listen)
    wire.send(b"hello")
    assert wire.read_to_end() in (b"", b"hel")
    wire.close()
    wait_until(lambda: got[-1:] == [b"hel"])
    with pytest.raises(InvalidToxic):
        created.add_toxic(type="nonsense")
    with pytest.raises(ProxyExists):
        created.add_toxic(type="limit_data", stream="upstream", attributes={"bytes": 3})


def test_a_proxy_is_taken_down_and_up(toxiproxy: Toxiproxy, upstream: Backend) -> None:
    created = toxiproxy.create(upstream=upstream.address, name="echo")
    wire = connect(created.listen)
    with created.down():
        assert wire.is_reset()
        with pytest.raises(ConnectionRefusedError):
            connect(created.listen)
        assert not toxiproxy.get_proxy("echo").enabled
    wire.close()
    passes(created.listen)
    asleep = toxiproxy.create(upstream=upstream.address, name="asleep", enabled=False)
    with pytest.raises(ConnectionRefusedError):
        connect(asleep.listen)
    created.add_toxic(type="timeout")
    toxiproxy.reset()
    passes(created.listen)
    passes(asleep.listen)


def test_populate_and_version(toxiproxy: Toxiproxy, upstream: Backend, port: int) -> None:
    wanted = [
        {"name": name, "upstream": upstream.address, "listen": "127.0.0.1:0"}
        for name in ("one", "two")
    ]
    made = toxiproxy.populate(wanted)
    assert [each.name for each in made] == ["one", "two"]
    for each in made:
        passes(each.listen)
    assert json.loads(toxiproxy.version())["version"].startswith("2.")
    assert toxiproxy.running()


# -- by hand


def test_a_listener_of_the_configuration_is_a_proxy(ask: Ask, proxy: Engine) -> None:
    name = f"127.0.0.1:{proxy.port}"
    status, found = ask("GET", f"/proxies/{name}")
    assert (status, found["name"], found["listen"], found["enabled"]) == (200, name, name, True)
    upstream = proxy.ask("backends")["pools"][0]["backends"][0]["address"]
    assert (found["upstream"], found["toxics"]) == (upstream, [])
    proxy.ask("fault.add", kind="latency", listener=name, direction="request")
    (toxic,) = ask("GET", f"/proxies/{name}/toxics")[1]
    assert (toxic["name"], toxic["stream"]) == ("latency_upstream", "upstream")
    assert ask("DELETE", f"/proxies/{name}")[0] == 400
    assert ask("PATCH", f"/proxies/{name}", {"upstream": "127.0.0.1:1"})[0] == 400
    assert ask("PATCH", f"/proxies/{name}", {"enabled": False})[1]["enabled"] is False
    with pytest.raises(ConnectionRefusedError):
        proxy.connect()
    assert ask("POST", "/reset") == (204, None)
    assert proxy.ask("fault.list")["faults"] == []


def test_a_toxic_changes_while_it_holds(ask: Ask, proxy: Engine, upstream: Backend) -> None:
    body = {"name": "echo", "upstream": upstream.address, "listen": "127.0.0.1:0"}
    status, made = ask("POST", "/proxies", body)
    assert status == 201
    toxic = {"type": "latency", "attributes": {"latency": 3_600_000}, "toxicity": 1}
    assert ask("POST", "/proxies/echo/toxics", toxic)[1]["name"] == "latency_downstream"
    wire = connect(made["listen"])
    wire.send(b"held")
    wait_until(lambda: proxy.row(wire)["client"]["unsent_bytes"] == 4)
    path = "/proxies/echo/toxics/latency_downstream"
    status, changed = ask("PATCH", path, {"attributes": {"jitter": 5}})
    assert changed["attributes"] == {"latency": 3_600_000, "jitter": 5}
    assert proxy.row(wire)["client"]["unsent_bytes"] == 4
    assert ask("POST", path, {"attributes": {"latency": 0, "jitter": 0}})[0] == 200
    assert wire.read(4) == b"held"
    wire.close()
    assert ask("GET", path)[1]["attributes"]["latency"] == 0
    # A reload of the file leaves what was created here.
    assert proxy.ask("reload")["changed"] == []
    passes(made["listen"])
    # It may move; its toxics go with it.
    new = f"127.0.0.1:{free_port()}"
    status, moved = ask("POST", "/proxies/echo", {"listen": new})
    assert (status, moved["listen"], len(moved["toxics"])) == (200, new, 1)
    passes(new)


def test_populate_replaces(ask: Ask, upstream: Backend) -> None:
    wanted = [{"name": "one", "upstream": upstream.address, "listen": "127.0.0.1:0"}]
    status, found = ask("POST", "/populate", wanted)
    assert (status, [each["name"] for each in found["proxies"]]) == (201, ["one"])
    wanted[0]["listen"] = found["proxies"][0]["listen"]
    assert ask("POST", "/populate", wanted)[1] == found
    twice = [*wanted, {"name": "two"}]
    assert ask("POST", "/populate", twice) == (
        400,
        {"error": "missing required field: upstream at proxy 2", "status": 400},
    )


@pytest.mark.parametrize(
    ("method", "path", "said", "status", "error"),
    [
        ("GET", "/proxies/none", None, 404, "proxy not found"),
        ("GET", "/proxies/none/toxics", None, 404, "proxy not found"),
        ("POST", "/proxies", "{", 400, "bad request body"),
        ("POST", "/proxies", '{"more": ' + "[" * 10_000, 400, "bad request body"),
        ("POST", "/proxies", {"upstream": "127.0.0.1:1"}, 400, "missing required field: name"),
        ("POST", "/proxies", {"name": "x" * 256, "upstream": "127.0.0.1:1"}, 400,
         "a name has 255 characters at most"),
        ("POST", "/proxies", {"name": "x"}, 400, "missing required field: upstream"),
        ("POST", "/proxies", {"name": "x", "upstream": "nowhere"}, 400, "bad request body"),
        ("POST", "/proxies", {"name": "x", "upstream": "127.0.0.1:1", "listen": "TAKEN"}, 500,
         "rsp itself has the port, for its listener OURS; choose another port"),
        ("POST", "/proxies/OURS/toxics", {"type": "latency", "stream": "sideways"}, 400,
         "stream was invalid"),
        ("POST", "/proxies/OURS/toxics", {"type": "half_close"}, 400, "invalid toxic type"),
        ("POST", "/proxies/OURS/toxics", {"type": "latency", "attributes": {"latency": -1}}, 400,
         "it takes a number of ms, 0 or more"),
        ("POST", "/proxies/OURS/toxics", {"type": "latency", "toxicity": 2}, 400, "toxicity"),
        ("POST", "/proxies/OURS/toxics", {"type": "latency", "name": "x" * 256}, 400,
         "the name of a fault has 255 characters at most"),
        ("DELETE", "/proxies/OURS/toxics/none", None, 404, "toxic not found"),
        ("PUT", "/proxies", None, 405, "method not allowed"),
        ("GET", "/elsewhere", None, 404, "not found"),
    ],
)  # fmt: skip
def test_what_cannot_be_done(
    ask: Ask, proxy: Engine, method: str, path: str, said: Any, status: int, error: str
) -> None:
    ours = f"127.0.0.1:{proxy.port}"
    if isinstance(said, dict) and said.get("listen") == "TAKEN":
        said = said | {"listen": ours}
    found, body = ask(method, path.replace("OURS", ours), said)
    assert found == status == body["status"]
    assert error.replace("OURS", ours) in body["error"]
    assert list(ask("GET", "/proxies")[1]) == [ours]
    assert proxy.ask("status")["faults"] == 0


def test_a_browser_is_not_answered(ask: Ask) -> None:
    answered = ask("POST", "/reset", None, **{"User-Agent": "Mozilla/5.0"})
    assert answered == (403, {"error": "User agent not allowed", "status": 403})


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0", "192.0.2.1:8474", "8474"])
def test_others_must_not_reach_it(address: str) -> None:
    done = run_rsp("serve", "--to", "127.0.0.1:1", "--toxiproxy-api", address)
    assert done.returncode == 2
    assert "--toxiproxy-api" in done.stderr


def test_what_was_added_here_is_not_written_into_the_file(
    proxy: Engine, toxiproxy: Toxiproxy, upstream: Backend
) -> None:
    toxiproxy.create(name="db", upstream=upstream.address, listen="127.0.0.1:0")
    pool_row = proxy.ask("backends")["pools"][1]
    key = f"{pool_row['name']}/{pool_row['backends'][0]['name']}"
    proxy.ask("backend.set", target="web/web1", weight=3)
    assert proxy.ask("write-back")["written"]
    assert len(proxy.ask("backends")["pools"]) == 2, "it runs on"
    proxy.ask("backend.set", target=key, weight=3)
    with pytest.raises(Failure, match="was added at run time"):
        proxy.ask("write-back")


def test_a_request_without_end_is_not_read_without_end(port: int) -> None:
    with (
        socket.create_connection(("127.0.0.1", port), PATIENCE_S) as asked,
        pytest.raises((BrokenPipeError, ConnectionResetError)),
    ):
        asked.sendall(b"GET /" + b"x" * (100 << 20))


def rewrite(proxy: Engine, more: str) -> str:
    """Put `more` behind what the configuration of `proxy` says, and return what it said."""
    path = Path(proxy.ask("config")["path"])
    before = path.read_text()
    path.write_text(before + more)
    return before


def test_a_pool_of_the_file_never_hides_behind_a_proxy(
    ask: Ask, proxy: Engine, upstream: Backend
) -> None:
    ask("POST", "/proxies", {"name": "api", "upstream": upstream.address})
    rewrite(proxy, pool("127.0.0.1:1", name="api"))
    clash = "pool api is there already: it is that of proxy api, .*; rename the pool, or delete"
    for preview in (True, False):
        with pytest.raises(Failure, match=clash):
            proxy.ask("reload", preview=preview)
    assert proxy.ask("backends")["pools"][1]["backends"][0]["address"] == upstream.address
    assert ask("DELETE", "/proxies/api")[0] == 204
    proxy.ask("reload")
    assert proxy.backend("api1", "api")["address"] == "127.0.0.1:1"
    status, said = ask("POST", "/proxies", {"name": "api", "upstream": upstream.address})
    assert (status, said["error"]) == (409, "proxy already exists: there is a pool api")


def test_nothing_of_a_proxy_goes_while_a_change_is_on_trial(
    ask: Ask, proxy: Engine, upstream: Backend
) -> None:
    made = ask("POST", "/proxies", {"name": "db", "upstream": upstream.address})[1]
    ask("POST", "/proxies/db/toxics", {"type": "latency"})
    wire = connect(made["listen"])
    before = ask("GET", "/proxies")
    proxy.ask("backend.set", target="web/web1", weight=2, confirm=300)
    other = {"name": "other", "upstream": upstream.address}
    for method, path, body in [
        ("DELETE", "/proxies/db", None),
        ("POST", "/proxies/db", {"upstream": "127.0.0.1:1"}),
        ("POST", "/proxies", other),
    ]:
        status, said = ask(method, path, body)
        assert (status, said["error"].partition(" for ")[0]) == (409, "generation 3 is on trial")
    assert ask("GET", "/proxies") == before
    wire.send(b"hello")
    assert wire.read(5) == b"hello"
    proxy.ask("confirm")
    assert ask("DELETE", "/proxies/db") == (204, None)
    assert wire.is_reset()
    assert proxy.ask("fault.list")["faults"] == []
    wire.close()
    assert ask("POST", "/proxies", other)[0] == 201


def test_an_update_wins_or_says_why_it_cannot(
    ask: Ask, proxy: Engine, upstream: Backend, backend: OpenBackend
) -> None:
    ask("POST", "/proxies", {"name": "px", "upstream": upstream.address})
    other, third = backend(echo).address, backend(echo).address
    assert ask("POST", "/proxies/px", {"upstream": other})[1]["upstream"] == other
    proxy.ask("backend.set", target="px/upstream", address=upstream.address)
    proxy.ask("backend.set", target="px/upstream", weight=3)
    refused = "a live edit of px/upstream has the last word on where proxy px sends to: edit that"
    status, said = ask("POST", "/proxies/px", {"upstream": third})
    assert (status, said["error"].startswith(refused)) == (409, True)
    proxy.ask("backend.remove", target="px/upstream")
    assert ask("POST", "/proxies/px", {"upstream": third})[0] == 409
    # It may move meanwhile; a port alone is one of every address.
    status, moved = ask("PATCH", "/proxies/px", {"listen": f":{free_port()}"})
    assert (status, moved["upstream"]) == (200, "")
    assert moved["listen"].startswith("0.0.0.0:")
    proxy.ask("undo")
    assert ask("GET", "/proxies/px")[1]["upstream"] == upstream.address
    passes(moved["listen"].replace("0.0.0.0", "127.0.0.1"))
    assert ask("DELETE", "/proxies/px")[0] == 204
    assert ask("POST", "/proxies", {"name": "px", "upstream": third})[1]["upstream"] == third


def test_who_finds_no_place_is_told_so(proxy: Engine, port: int, ask: Ask) -> None:
    idle = [connect(f"127.0.0.1:{port}") for _ in range(CONTROL_CLIENTS)]
    status, said = ask("POST", "/populate", "x" * 100_000)
    assert (status, said["status"]) == (503, 503)
    assert said["error"].startswith(f"{CONTROL_CLIENTS} clients of this API are connected")
    for wire in idle:
        wire.close()
    wait_until(lambda: ask("GET", "/version")[0] == 200)
