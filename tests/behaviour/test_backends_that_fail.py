"""Backends that refuse, hang, reset, lie or die: what the client gets, and who is asked instead."""

import itertools
import threading
from collections.abc import Callable

import pytest

from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import OpenBackend, StartEngine
from tests.behaviour.ports import unused_address
from tests.behaviour.running import Engine
from tests.behaviour.scripted import Backend, FullPort, Script
from tests.behaviour.waiting import PATIENCE_S, wait_until
from tests.behaviour.wire import Truncated, Wire, head, numbered, request, response


def shared_config(site: Backend) -> str:
    return LISTEN + pool(site)


def test_a_backend_that_refuses_costs_nobody_a_request(
    engine: StartEngine, backend: OpenBackend
) -> None:
    dead, site = unused_address(), backend()
    proxy = engine(LISTEN + pool(dead, site))
    assert [proxy.get().status for _ in range(10)] == [200] * 10
    client = proxy.connect()
    content = numbered(500_000)
    assert client.ask(request("POST", body=content)).status == 200
    assert client.ask(request("POST", body=content)).status == 200
    assert [asked.body for asked in site.requests if asked.method == "POST"] == [content] * 2
    assert f"backend web/web1 ({dead}): connecting: refused (ECONNREFUSED)" in proxy.log
    assert proxy.backend("web1")["failures"] > 0


def test_the_decisions_tell_of_every_backend_that_was_tried(
    engine: StartEngine, backend: OpenBackend
) -> None:
    settings = 'balance = "first",'
    proxy = engine(LISTEN + pool(unused_address(), backend(), settings=settings))
    proxy.get("/x")
    tried, found = proxy.ask("decisions")["decisions"]
    assert (tried["backend"], found["backend"]) == ("web1", "web2")
    assert [row["verdict"] for row in found["candidates"]] == ["tried before", "chosen"]


def test_when_all_refuse_the_answer_names_the_last_one(engine: StartEngine) -> None:
    addresses = [unused_address() for _ in range(2)]
    answer = engine(LISTEN + pool(*addresses, settings='balance = "first",')).get()
    assert answer.status == 502
    assert f"backend web/web2 ({addresses[1]}), connecting: refused" in answer.body.decode()


def test_no_more_backends_are_tried_than_the_limit_says(
    engine: StartEngine, backend: OpenBackend
) -> None:
    dead = [unused_address() for _ in range(3)]
    pools = pool(*dead, backend(), settings='balance = "first",')
    proxy = engine(LISTEN + pools + "limits { connect_tries = 3 }\n")
    assert proxy.get().status == 502
    assert len(proxy.ask("decisions")["decisions"]) == 3


def test_a_connect_that_hangs_goes_to_the_next_backend(
    engine: StartEngine, backend: OpenBackend, full_port: FullPort
) -> None:
    settings = 'balance = "first",'
    limits = "limits { connect_s = 0.5 }\n"
    proxy = engine(LISTEN + pool(full_port.address, backend(), settings=settings) + limits)
    assert proxy.get().status == 200
    proxy.wait_for_event("timed out after 0.5 s")


def test_after_a_hanging_connect_the_next_backend_has_its_whole_allowance(
    engine: StartEngine, open_full_port: Callable[[], FullPort]
) -> None:
    black_hole, far_away = open_full_port(), open_full_port()
    settings = 'balance = "first",'
    limits = "limits { connect_s = 2 }\n"
    pools = pool(black_hole.address, far_away.address, settings=settings)
    proxy = engine(LISTEN + pools + limits)
    client = proxy.connect()
    client.send(request())
    proxy.wait_for_event("timed out after 2 s")
    far_away.answer_late()
    assert client.read_response().body == b"late"


def test_a_backend_that_route_names_is_not_replaced(
    engine: StartEngine, backend: OpenBackend
) -> None:
    site = backend()
    route = 'function route(request) return "web/web1" end\n'
    assert engine(LISTEN + pool(unused_address(), site) + route).get().status == 502
    assert site.requests == []


def saying(*pieces: bytes, ending: Callable[[Wire], None] = Wire.close) -> Script:
    """Return a script that reads a request, says something and ends."""

    def script(wire: Wire) -> None:
        wire.read_request()
        wire.send(*pieces)
        ending(wire)

    return script


CHUNKED = head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked")
NO_RESPONSES = {
    "closes": (saying(), "closed the connection without a response"),
    "resets": (saying(ending=Wire.reset), "reset the connection (ECONNRESET)"),
    "half a head": (saying(b"HTTP/1.1 200 OK\r\nContent-"), "without a response"),
    "garbage": (saying(b"\0\1\2 what?\r\n\r\n"), "no valid response"),
    "another protocol": (saying(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), "no valid response"),
    "tls alert": (saying(b"\x15\x03\x01\x00\x02\x02\x46" + b"\r\n\r\n"), "no valid response"),
    "two framings": (
        saying(head("HTTP/1.1 200 OK", "Content-Length: 3", "Transfer-Encoding: chunked") + b"abc"),
        "no valid response",
    ),
    "two lengths": (
        saying(head("HTTP/1.1 200 OK", "Content-Length: 3", "Content-Length: 4") + b"abcd"),
        "no valid response",
    ),
    "endless head": (saying(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 10_000), "no valid response"),
    "folded field": (saying(head("HTTP/1.1 200 OK", "X: 1", " 2")), "no valid response"),
    "bad chunk": (saying(CHUNKED + b"4\r\nhalf\r\nxyz\r\n\r\n"), "no valid response"),
}  # fmt: skip


@pytest.mark.parametrize(("script", "words"), NO_RESPONSES.values(), ids=NO_RESPONSES)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_is_no_response_is_a_502_that_names_the_backend(
    proxy: Engine, site: Backend, script: Script, words: str, method: str
) -> None:
    site.script = script
    answer = proxy.connect().ask(request(method, body=b"once" if method == "POST" else None))
    assert answer.status == 502
    assert "backend web/web1" in answer.body.decode()
    assert words in answer.body.decode()
    assert site.connections == 1
    assert words in proxy.backend("web1")["last_error"]


TRUNCATED = {
    "length": head("HTTP/1.1 200 OK", "Content-Length: 100000") + numbered(60_000),
    "chunked, inside": CHUNKED + b"64\r\nhalf",
    "chunked, between": CHUNKED + b"4\r\nhalf\r\n",
    "bad chunk": CHUNKED + b"30d40\r\n" + numbered(200_000) + b"\r\nxyz\r\n\r\n",
}


@pytest.mark.parametrize("answer", TRUNCATED.values(), ids=TRUNCATED)
@pytest.mark.parametrize("ending", [Wire.close, Wire.reset], ids=["closes", "resets"])
def test_a_truncated_response_is_seen_to_be_truncated(
    proxy: Engine, site: Backend, answer: bytes, ending: Callable[[Wire], None]
) -> None:
    site.script = saying(answer, ending=ending)
    client = proxy.connect()
    client.send(request())
    with pytest.raises((Truncated, ConnectionResetError)):
        client.read_response()
    client.close()
    wait_until(lambda: proxy.row_of(client) is None)
    exchange = proxy.last_exchange()
    assert exchange["status"] == 200
    assert exchange["result"].startswith(("backend_gone: ", "bad_response: "))


def test_a_response_without_a_length_that_is_reset_is_reset_for_the_client(
    proxy: Engine, site: Backend
) -> None:
    has_begun = threading.Event()

    def script(wire: Wire) -> None:
        wire.read_request()
        wire.send(head("HTTP/1.1 200 OK"), b"some of it")
        assert has_begun.wait(PATIENCE_S)
        wire.reset()

    site.script = script
    client = proxy.connect()
    client.send(request())
    client.read_to(b"some of it")
    has_begun.set()
    assert client.is_reset()


def stale(*, ending: Callable[[Wire], None], every_time: bool = False) -> Script:
    """Return a script that answers one request of a connection, and fails at the second one.

    The first connection is for a request that may be sent on it; later ones go on for ever,
    unless they fail `every_time`.
    """
    connections = itertools.count()

    def script(wire: Wire) -> None:
        is_first = next(connections) == 0
        for number in itertools.count():
            wire.read_request()
            if number and (is_first or every_time):
                ending(wire)
                return
            wire.send(response("200 OK", b"fine"))

    return script


def sent(site_wires: list[Wire], path: bytes) -> int:
    """Return how often a request for `path` has reached the backend."""
    return sum(bytes(wire.received).count(b" " + path + b" ") for wire in site_wires)


@pytest.mark.parametrize("ending", [Wire.close, Wire.reset], ids=["FIN", "RST"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])
def test_an_idempotent_request_on_a_dead_connection_is_sent_once_more(
    proxy: Engine, site: Backend, method: str, ending: Callable[[Wire], None]
) -> None:
    site.script = stale(ending=ending)
    client = proxy.connect()
    assert client.get().status == 200
    answer = client.ask(request(method, "/again"), method=method)
    assert answer.status == 200
    assert (site.connections, sent(site.wires, b"/again")) == (2, 2)


@pytest.mark.parametrize("ending", [Wire.close, Wire.reset], ids=["FIN", "RST"])
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_an_unsafe_request_is_never_sent_twice(
    proxy: Engine, site: Backend, method: str, ending: Callable[[Wire], None]
) -> None:
    site.script = stale(ending=ending)
    client = proxy.connect()
    assert client.ask(request(method, "/first", body=b"1")).status == 200
    answer = client.ask(request(method, "/second", body=b"2"))
    assert answer.status == 502
    assert (site.connections, sent(site.wires, b"/second")) == (1, 1)


def test_a_connection_that_died_while_idle_is_not_used(proxy: Engine, site: Backend) -> None:
    site.script = saying(response("200 OK", b"once"))
    client = proxy.connect()
    for count in range(1, 6):
        assert client.ask(request("POST", body=b"x")).body == b"once"
        wait_until(lambda: proxy.backend("web1")["idle_connections"] == 0)
        assert site.connections == count


def test_after_one_byte_of_a_response_nothing_is_sent_again(proxy: Engine, site: Backend) -> None:
    def end_inside_the_head(wire: Wire) -> None:
        wire.send(b"HTTP/1.1 2")
        wire.close()

    site.script = stale(ending=end_inside_the_head)
    client = proxy.connect()
    client.get()
    assert client.get("/again").status == 502
    assert sent(site.wires, b"/again") == 1


def test_after_an_interim_response_nothing_is_sent_again(proxy: Engine, site: Backend) -> None:
    def hint_and_end(wire: Wire) -> None:
        wire.send(head("HTTP/1.1 103 Early Hints", "Link: </x>"))
        wire.finish()

    site.script = stale(ending=hint_and_end)
    client = proxy.connect()
    client.get()
    answer = client.get("/again")
    assert ([hint.status for hint in answer.interim], answer.status) == ([103], 502)
    assert sent(site.wires, b"/again") == 1


def test_a_backend_that_comes_back_is_used_again(engine: StartEngine, backend: OpenBackend) -> None:
    site = backend()
    proxy = engine(LISTEN + pool(site))
    assert proxy.get().status == 200
    site.refuse()
    for wire in site.wires:
        wire.finish()
    wait_until(lambda: proxy.backend("web1")["idle_connections"] == 0)
    assert proxy.get().status == 502
    site.listen_again()
    assert proxy.get().status == 200
