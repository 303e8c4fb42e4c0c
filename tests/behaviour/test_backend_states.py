"""Ready, draining, in maintenance, full, without weight: who gets the next request."""

import threading
from collections import Counter

import pytest

from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import OpenBackend, StartEngine
from tests.behaviour.scripted import hold
from tests.behaviour.waiting import wait_until
from tests.behaviour.wire import request

NAMED = 'function route(request) return "web/" .. request.path:sub(2) end\n'


def test_round_robin_gives_everybody_their_turn(engine: StartEngine, backend: OpenBackend) -> None:
    sites = [backend() for _ in range(3)]
    client = engine(LISTEN + pool(*sites)).connect()
    for _ in range(9):
        client.get()
    assert [len(site.requests) for site in sites] == [3, 3, 3]


def test_weights_are_shares(engine: StartEngine, backend: OpenBackend) -> None:
    sites = [backend() for _ in range(2)]
    proxy = engine(LISTEN + pool(*sites))
    proxy.ask("backend.set", target="web/web2", weight=3)
    client = proxy.connect()
    for _ in range(12):
        client.get()
    assert [len(site.requests) for site in sites] == [3, 9]


@pytest.mark.parametrize("change", [{"state": "drain"}, {"state": "maint"}, {"weight": 0}])
def test_a_backend_that_is_out_gets_nothing_new(
    engine: StartEngine, backend: OpenBackend, change: dict[str, object]
) -> None:
    sites = [backend() for _ in range(2)]
    proxy = engine(LISTEN + pool(*sites))
    client = proxy.connect()
    client.get()
    client.get()
    proxy.ask("backend.set", target="web/web1", **change)
    for _ in range(6):
        client.get()
    assert [len(site.requests) for site in sites] == [1, 7]


def test_draining_closes_what_is_idle_and_lets_the_rest_end(
    engine: StartEngine, backend: OpenBackend
) -> None:
    release = threading.Event()
    site, other = backend(), backend()
    proxy = engine(LISTEN + pool(site, other, settings='balance = "first",'))
    proxy.get()
    site.script = hold(release)
    busy = proxy.connect()
    busy.send(request("POST", body=b"x"))
    site.wait_for_requests(2)
    proxy.ask("backend.set", target="web/web1", state="drain")
    wait_until(lambda: site.wires[0].is_closed)
    assert proxy.backend("web1")["sessions"] == 1
    assert proxy.get().body == b"hello"
    assert len(other.requests) == 1
    release.set()
    assert busy.read_response().body == b"held"
    wait_until(lambda: proxy.backend("web1")["sessions"] == 0)
    assert proxy.backend("web1")["idle_connections"] == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"state": "drain"}, "backend web/web1, named by route, is draining"),
        ({"state": "maint"}, "backend web/web1, named by route, is in maintenance"),
        ({"max_connections": 1}, "backend web/web1, named by route, is full (1 of 1)"),
    ],
)
def test_a_named_backend_that_is_out_is_a_503_that_says_which(
    engine: StartEngine, backend: OpenBackend, change: dict[str, object], words: str
) -> None:
    release = threading.Event()
    site, other = backend(hold(release)), backend()
    proxy = engine(LISTEN + pool(site, other) + NAMED)
    busy = proxy.connect()
    busy.send(request(path="/web1"))
    site.wait_for_requests(1)
    proxy.ask("backend.set", target="web/web1", **change)
    answer = proxy.get("/web1")
    assert (answer.status, other.requests) == (503, [])
    assert words in answer.body.decode()
    release.set()
    assert busy.read_response().body == b"held"


def test_a_named_backend_without_weight_is_reached(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(LISTEN + pool(backend(), each=", weight = 0") + NAMED)
    assert proxy.get("/web1").status == 200


def test_a_full_backend_is_passed_by_and_a_full_pool_is_a_503(
    engine: StartEngine, backend: OpenBackend
) -> None:
    release = threading.Event()
    sites = [backend(hold(release)) for _ in range(2)]
    each = ", max_connections = 2"
    proxy = engine(LISTEN + pool(*sites, settings='balance = "first",', each=each))
    clients = [proxy.connect() for _ in range(4)]
    for client in clients:
        client.send(request())
        proxy.wait_for_state(client, "streaming")
    wait_until(lambda: [site.connections for site in sites] == [2, 2])
    answer = proxy.get()
    assert answer.status == 503
    assert "web1 is full (2 of 2), web2 is full (2 of 2)" in answer.body.decode()
    release.set()
    assert [client.read_response().body for client in clients] == [b"held"] * 4
    wait_until(lambda: proxy.backend("web1")["sessions"] == 0)


def test_least_connections_prefers_who_has_nothing_to_do(
    engine: StartEngine, backend: OpenBackend
) -> None:
    release = threading.Event()
    sites = [backend(hold(release)) for _ in range(2)]
    proxy = engine(LISTEN + pool(*sites, settings='balance = "least_connections",'))
    busy = proxy.connect()
    busy.send(request())
    wait_until(lambda: sum(site.connections for site in sites) == 1)
    idle = next(site for site in sites if not site.connections)
    idle.script = idle.serve
    for _ in range(5):
        assert proxy.get().body == b"hello"
    assert len(idle.requests) == 5
    release.set()
    busy.read_response()


def test_a_key_stays_with_its_backend_while_others_come_and_go(
    engine: StartEngine, backend: OpenBackend
) -> None:
    sites = [backend() for _ in range(3)]
    proxy = engine(LISTEN + pool(*sites, settings='balance = "hash",'))
    hosts = [f"site{number}.example" for number in range(30)]

    def placed() -> dict[str, str]:
        for host in hosts:
            proxy.get(host=host)
        rows = proxy.ask("decisions", limit=len(hosts))["decisions"]
        return {row["host"]: row["backend"] for row in rows}

    before = placed()
    assert len(Counter(before.values())) == 3
    proxy.ask("backend.set", target="web/web3", state="drain")
    after = placed()
    assert all(after[host] == at for host, at in before.items() if at != "web3")
    proxy.ask("backend.set", target="web/web3", state="ready")
    assert placed() == before
