"""The books of a session: what was read of bodies stands on the other side, to the byte."""

import socket

from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import OpenBackend, StartEngine
from tests.behaviour.running import Engine, Row
from tests.behaviour.waiting import wait_until
from tests.behaviour.wire import Message, Wire, chunked, head, numbered, request, response

KIB = 1 << 10
PAGE = numbered(300 * KIB)
CHUNKED = head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked")


def answer(asked: Message) -> bytes:
    if asked.path == "/chunked":
        return CHUNKED + chunked(PAGE[:1000], PAGE[1000:1001], PAGE[1001:5000])
    if asked.path == "/hints":
        return head("HTTP/1.1 103 Early Hints", "Link: </a>") + response("200 OK", b"late")
    return response("200 OK", PAGE if asked.path == "/big" else b"small")


def books(proxy: Engine, session: int, direction: str) -> Row:
    return dict(proxy.ask("connection", id=session)["ledger"][direction])


def assert_balanced(flow: Row, passed: int) -> None:
    assert (flow["in"], flow["out"], flow["unsent"]) == (passed, passed, 0)
    assert (flow["dropped"], flow["balanced"], flow["first_divergence"]) == (0, True, None)


def test_every_kind_of_body_is_in_the_books(engine: StartEngine, backend: OpenBackend) -> None:
    site = backend(answer=answer)
    proxy = engine(LISTEN + pool(site))
    client = proxy.connect()
    session = proxy.row(client)["id"]
    bodies = 0
    for path in ("/", "/big", "/chunked", "/hints", "/big"):
        bodies += len(client.get(path).body)
    client.send(request("HEAD"))
    assert client.read_response("HEAD").status == 200
    client.send(request("PUT", body=PAGE))
    bodies += len(client.read_response().body)
    client.send(head("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked"), chunked(PAGE))
    bodies += len(client.read_response().body)
    request_flow = books(proxy, session, "request")
    assert_balanced(request_flow, 2 * len(PAGE))
    response_flow = books(proxy, session, "response")
    assert_balanced(response_flow, bodies)
    # Everything that the client has got is a body or what is counted beside them.
    row = proxy.ask("connection", id=session)
    assert row["client"]["bytes_out"] == response_flow["out"] + response_flow["head_out"]
    assert row["client"]["bytes_in"] == request_flow["in"] + request_flow["head_in"]
    client.close()
    wait_until(lambda: proxy.ask("connection", id=session)["state"] == "closed")
    assert_balanced(books(proxy, session, "request"), 2 * len(PAGE))
    assert_balanced(books(proxy, session, "response"), bodies)


def test_an_old_client_gets_the_payload_of_chunks(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(LISTEN + pool(backend(answer=answer)))
    client = proxy.connect()
    client.send(request(path="/chunked", version="1.0"))
    assert client.read_response().body == PAGE[:5000]
    client.close()
    wait_until(lambda: proxy.ask("connection", id=1)["state"] == "closed")
    assert_balanced(books(proxy, 1, "response"), 5000)


def test_a_page_of_ours_is_no_body_of_anybody(engine: StartEngine, backend: OpenBackend) -> None:
    proxy = engine(LISTEN + pool(backend()))
    assert proxy.connect().ask(head("GET / HTTP/1.1")).status == 400
    flow = books(proxy, 1, "response")
    assert_balanced(flow, 0)
    assert flow["head_out"] > 0


def test_in_a_relay_every_byte_counts(engine: StartEngine, backend: OpenBackend) -> None:
    def script(wire: Wire) -> None:
        wire.send(b"welcome")
        got.append(wire.read_to_end())
        wire.send(got[0])

    got: list[bytes] = []
    listen = 'listen { address = "127.0.0.1:0", mode = "tcp" }\n'
    proxy = engine(listen + pool(backend(script), settings='send_proxy = "v1",'))
    client = proxy.connect()
    client.send(PAGE)
    client.finish()
    assert len(client.read_to_end()) == 7 + len(got[0])
    wait_until(lambda: proxy.ask("connection", id=1)["state"] == "closed")
    flow = books(proxy, 1, "request")
    assert_balanced(flow, len(PAGE))
    assert got[0].endswith(PAGE)
    assert flow["head_out"] == len(got[0]) - len(PAGE)
    assert_balanced(books(proxy, 1, "response"), 7 + len(got[0]))


def test_what_a_stalled_client_has_not_got_is_unsent(
    engine: StartEngine, backend: OpenBackend
) -> None:
    page = numbered(8 << 20)
    proxy = engine(LISTEN + pool(backend(answer=lambda _: response("200 OK", page))))
    client = proxy.connect(receive_bytes=8 * KIB)
    client.send(request())
    wait_until(lambda: proxy.row(client)["client"]["blocked_s"] > 0.1)
    flow = books(proxy, 1, "response")
    assert flow["unsent"] > 0
    assert flow["in"] == flow["out"] + flow["unsent"]
    assert flow["balanced"]
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, bytes.fromhex("0100000000000000"))
    client.close()
    wait_until(lambda: proxy.ask("connection", id=1)["state"] == "closed")
    # Nobody can have it any more; it was not we who lost it.
    left = books(proxy, 1, "response")
    assert left["in"] == left["out"] + left["unsent"]
    assert left["unsent"] > 0
    assert left["balanced"]


def test_what_a_backend_did_not_want_is_not_lost_here(
    engine: StartEngine, backend: OpenBackend
) -> None:
    def refuse_early(wire: Wire) -> None:
        wire.read_head()
        wire.send(response("413 Content Too Large", b"no"))
        wire.read_to_end()

    proxy = engine(LISTEN + pool(backend(refuse_early)))
    client = proxy.connect()
    client.send(request("POST", "/", f"Content-Length: {len(PAGE)}"), PAGE[:200_000])
    assert client.read_response().status == 413
    client.close()
    wait_until(lambda: proxy.ask("connection", id=1)["state"] == "closed")
    flow = books(proxy, 1, "request")
    assert flow["in"] == flow["out"] + flow["unsent"]
    assert flow["balanced"]


def test_a_request_that_was_sent_twice_stands_once_in_the_books(
    engine: StartEngine, backend: OpenBackend
) -> None:
    """A kept connection that has died is nobody's fault, and nothing is lost by it."""

    def die_of_the_second(wire: Wire) -> None:
        wire.read_request()
        wire.send(response("200 OK", b"first"))
        wire.read_request()
        if len(site.wires) > 1:
            wire.send(response("200 OK", b"again"))
            wire.read_to_end()

    site = backend(die_of_the_second)
    proxy = engine(LISTEN + pool(site))
    client = proxy.connect()
    assert client.get().body == b"first"
    client.send(request("PUT", body=PAGE[:5000]))
    assert client.read_response().body == b"first"
    assert site.connections == 2
    assert client.get().body == b"again"
    assert_balanced(books(proxy, 1, "request"), 5000)
    assert_balanced(books(proxy, 1, "response"), 15)


def test_a_request_that_never_left_takes_nothing_of_the_one_before_out_of_the_books(
    engine: StartEngine, backend: OpenBackend
) -> None:
    site = backend()
    proxy = engine(LISTEN + pool(site))
    client = proxy.connect()
    assert client.ask(request("POST", "/", body=b"x" * 5000)).status == 200
    other = proxy.connect()
    wait_until(lambda: proxy.backend("web1")["idle_connections"] == 1)
    with proxy.standing_still():
        # In this order: the request has its connection, and has not left, when that dies. A batch
        # of one would have sent it.
        client.send(request(path="/2"))
        other.send(request(path="/3"))
        site.wires[0].close()
    assert client.read_response().status == 200
    assert other.read_response().status == 200
    books = proxy.ask("connection", id=proxy.row(client)["id"])["ledger"]["request"]
    assert (books["in"], books["balanced"]) == (5000, True)
