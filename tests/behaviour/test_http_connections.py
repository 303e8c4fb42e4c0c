"""Keep-alive on both sides: which request goes over which connection, and in what order."""

import threading

import pytest

from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import OpenBackend, StartEngine
from tests.behaviour.running import Engine
from tests.behaviour.scripted import Backend, hold
from tests.behaviour.waiting import wait_until
from tests.behaviour.wire import Message, Wire, request, response


def echo_path(asked: Message) -> bytes:
    return response("200 OK", asked.path.encode())


def test_several_requests_share_one_connection_on_each_side(proxy: Engine, site: Backend) -> None:
    site.answer = echo_path
    client = proxy.connect()
    assert [client.get(f"/{n}").body for n in range(5)] == [b"/%d" % n for n in range(5)]
    assert (len(site.requests), site.connections) == (5, 1)


def test_other_clients_use_the_backend_connection_that_is_idle(
    engine: StartEngine, backend: OpenBackend
) -> None:
    site = backend()
    proxy = engine(to=site)
    for _ in range(3):
        assert proxy.get().status == 200
    assert site.connections == 1
    assert proxy.backend("default", "default")["idle_connections"] == 1


def test_requests_at_the_same_time_have_backend_connections_of_their_own(
    engine: StartEngine, backend: OpenBackend
) -> None:
    release = threading.Event()
    site = backend(hold(release))
    proxy = engine(to=site)
    clients = [proxy.connect() for _ in range(3)]
    for client in clients:
        client.send(request())
    site.wait_for_requests(3)
    release.set()
    assert [client.read_response().body for client in clients] == [b"held"] * 3
    wait_until(lambda: proxy.backend("default", "default")["idle_connections"] == 3)


def test_each_request_of_a_connection_is_routed_on_its_own(
    engine: StartEngine, backend: OpenBackend
) -> None:
    web = backend(answer=lambda _: response("200 OK", b"w"))
    api = backend(answer=lambda _: response("200 OK", b"a"))
    config = f"""{LISTEN}{pool(web)}{pool(api, name="api")}
    function route(request)
      return request.path:sub(1, 5) == "/api/" and "api" or "web"
    end
    """
    proxy = engine(config)
    client = proxy.connect()
    paths = ["/", "/api/1", "/x", "/api/2"]
    assert b"".join(client.get(path).body for path in paths) == b"wawa"
    row = proxy.row(client)
    assert (row["exchanges"], row["state"]) == (4, "idle")


def test_pipelined_requests_are_answered_in_order(proxy: Engine, site: Backend) -> None:
    site.answer = echo_path
    client = proxy.connect()
    client.send(*(request(path=f"/{n}") for n in range(20)))
    assert [client.read_response().body for _ in range(20)] == [b"/%d" % n for n in range(20)]
    assert site.connections == 1


def test_pipelined_requests_with_bodies_keep_to_their_own(proxy: Engine, site: Backend) -> None:
    site.answer = lambda asked: response("200 OK", asked.body + asked.path.encode())
    client = proxy.connect()
    client.send(
        request("PUT", "/a", body=b"one"),
        request("GET", "/b"),
        request("PUT", "/c", "Transfer-Encoding: chunked") + b"3\r\ntwo\r\n0\r\n\r\n",
        request("GET", "/d"),
    )
    answers = [client.read_response().body for _ in range(4)]
    assert answers == [b"one/a", b"/b", b"two/c", b"/d"]


def test_a_request_that_comes_byte_by_byte_is_the_same_request(
    proxy: Engine, site: Backend
) -> None:
    site.answer = lambda asked: response("200 OK", asked.body)
    client = proxy.connect()
    for byte in request("PUT", "/slowly", "X-Field: value", body=b"body"):
        client.send(bytes([byte]))
    assert client.read_response().body == b"body"
    assert site.requests[0].get("X-Field") == "value"


def test_a_response_that_comes_byte_by_byte_is_the_same_response(
    proxy: Engine, site: Backend
) -> None:
    def script(wire: Wire) -> None:
        wire.read_request()
        for byte in response("200 OK", b"body", "X-Field: value"):
            wire.send(bytes([byte]))

    site.script = script
    answer = proxy.get()
    assert (answer.body, answer.get("X-Field")) == (b"body", "value")


def test_connection_close_of_the_client_is_obeyed(proxy: Engine, site: Backend) -> None:
    client = proxy.connect()
    answer = client.get("/", "Connection: close")
    assert answer.get("Connection") == "close"
    assert client.read_to_end() == b""
    assert proxy.get().status == 200
    assert site.connections == 1, "the backend was not asked to close"


def test_connection_close_of_the_backend_is_its_own_affair(proxy: Engine, site: Backend) -> None:
    site.answer = lambda _: response("200 OK", b"bye", "Connection: close")
    client = proxy.connect()
    for _ in range(3):
        answer = client.get()
        assert (answer.body, answer.get("Connection")) == (b"bye", None)
    assert site.connections == 3


def test_a_clients_first_unsafe_request_gets_a_fresh_backend_connection(
    proxy: Engine, site: Backend
) -> None:
    client = proxy.connect()
    client.get()
    client.get()
    assert site.connections == 1
    client.ask(request("POST", "/", body=b"once"))
    assert site.connections == 2
    client.ask(request("POST", "/", body=b"again"))
    client.get()
    assert site.connections == 2


def test_bytes_behind_a_response_cost_the_backend_its_connection(
    proxy: Engine, site: Backend
) -> None:
    smuggled = response("200 OK", b"smuggled")
    site.answer = lambda asked: echo_path(asked) + smuggled
    client = proxy.connect()
    assert [client.get(f"/{n}").body for n in range(3)] == [b"/0", b"/1", b"/2"]
    assert site.connections == 3


def test_an_idle_connection_is_closed_in_its_time(
    engine: StartEngine, backend: OpenBackend
) -> None:
    site = backend()
    limits = "limits { keep_alive_idle_s = 0.5, backend_idle_s = 0.5 }\n"
    proxy = engine(LISTEN + pool(site) + limits)
    client = proxy.connect()
    client.get()
    assert client.read_to_end() == b""
    wait_until(lambda: site.wires[0].is_closed)


@pytest.mark.parametrize("words", ["Connection: keep-alive", "Connection: Keep-Alive, foo"])
def test_keep_alive_said_aloud_changes_nothing(proxy: Engine, site: Backend, words: str) -> None:
    client = proxy.connect()
    assert [client.get("/", words).status for _ in range(2)] == [200, 200]
    assert site.requests[0].get("Connection") is None
