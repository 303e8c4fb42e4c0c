"""HTTP/1.0 on either side: no chunks, no keep-alive unless it is said aloud."""

from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import OpenBackend, StartEngine
from tests.behaviour.running import Engine
from tests.behaviour.scripted import Backend
from tests.behaviour.wire import Wire, chunked, digest, head, numbered, request, response


def test_a_chunked_response_is_decoded_and_ends_with_the_connection(
    proxy: Engine, site: Backend
) -> None:
    content = numbered(500_000)
    pieces = [content[at : at + 7777] for at in range(0, len(content), 7777)]
    answer = head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked") + chunked(*pieces)
    site.answer = lambda _: answer
    client = proxy.connect()
    got = client.ask(request("GET", "/", "Connection: keep-alive", version="1.0"))
    assert got.get("Transfer-Encoding") is None
    assert got.get("Connection") == "close"
    assert digest(got.body) == digest(content)
    assert proxy.get().status == 200
    assert site.connections == 1, "the backend connection was fit for another request"


def test_a_client_of_http_1_0_is_closed_after_its_response(proxy: Engine, site: Backend) -> None:
    client = proxy.connect()
    assert client.ask(request(version="1.0")).get("Connection") == "close"
    assert client.read_to_end() == b""


def test_keep_alive_is_honoured_and_said_aloud(proxy: Engine, site: Backend) -> None:
    client = proxy.connect()
    asked = request("GET", "/", "Connection: Keep-Alive", version="1.0")
    for _ in range(3):
        answer = client.ask(asked)
        assert (answer.body, answer.get("Connection")) == (b"hello", "keep-alive")


def test_a_request_of_http_1_0_is_http_1_1_to_the_backend(
    engine: StartEngine, backend: OpenBackend
) -> None:
    site = backend()
    engine(LISTEN + pool(site)).connect().ask(head("GET / HTTP/1.0", "X-Field: 1"))
    asked = site.requests[0]
    assert asked.start_line == "GET / HTTP/1.1"
    # It named none, and many servers refuse an empty one.
    assert asked.get("Host") == site.address
    assert asked.get("Via") == "1.0 rsp"
    assert asked.get("X-Forwarded-Host") is None


def test_a_backend_of_http_1_0_ends_its_response_by_closing(proxy: Engine, site: Backend) -> None:
    content = numbered(200_000)

    def script(wire: Wire) -> None:
        wire.read_request()
        wire.send(head("HTTP/1.0 200 OK", "Content-Type: text/plain"), content)

    site.script = script
    client = proxy.connect()
    answer = client.get()
    assert answer.start_line == "HTTP/1.1 200 OK"
    assert (answer.get("Connection"), answer.get("Via")) == ("close", "1.0 rsp")
    assert digest(answer.body) == digest(content)


def test_a_backend_of_http_1_0_is_not_kept(proxy: Engine, site: Backend) -> None:
    site.answer = lambda _: response("200 OK", b"x").replace(b"HTTP/1.1", b"HTTP/1.0")
    client = proxy.connect()
    assert [client.get().body for _ in range(2)] == [b"x", b"x"]
    assert site.connections == 2


def test_a_backend_of_http_1_0_that_says_keep_alive_is_kept(proxy: Engine, site: Backend) -> None:
    answer = head("HTTP/1.0 200 OK", "Connection: keep-alive", "Content-Length: 1") + b"x"
    site.answer = lambda _: answer
    client = proxy.connect()
    assert [client.get().body for _ in range(2)] == [b"x", b"x"]
    assert site.connections == 1
