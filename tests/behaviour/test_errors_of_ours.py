"""Every error that the proxy answers itself: its status, its page, and that the client gets it."""

import threading

import pytest

from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import OpenBackend, StartEngine
from tests.behaviour.ports import unused_address
from tests.behaviour.running import Engine
from tests.behaviour.scripted import Backend, FullPort, hold
from tests.behaviour.waiting import wait_until
from tests.behaviour.wire import Message, chunked, head, numbered, request, response

QUICK = """limits {
  client_head_s = 1, client_body_idle_s = 1, client_write_idle_s = 1, connect_s = 1,
  response_head_s = 1, response_idle_s = 1, request_body_bytes = 1000,
}
"""


def shared_config(site: Backend) -> str:
    return LISTEN + pool(site) + QUICK


SECRETS = ["Authorization: Bearer hunter2", "Cookie: session=hunter2"]


def assert_page(answer: Message, status: int, *words: str) -> None:
    """See that an answer is one of our plain pages, and says what it should."""
    body = answer.body.decode()
    assert answer.status == status, body
    assert answer.get("Content-Type") == "text/plain; charset=utf-8"
    assert answer.get("Connection") == "close"
    assert answer.get("Date")
    phrase = answer.start_line.partition(" ")[2]
    assert body.startswith(f"{phrase}\n\nrsp: ")
    for word in words:
        assert word in body
    assert "hunter2" not in body


BAD_REQUESTS = {
    "no-version": (b"GET /\r\n\r\n", 400, "request line"),
    "http-0.9": (b"GET / HTTP/0.9\r\n\r\n", 400, "HTTP/0.9"),
    "http-2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "HTTP/1.1"),
    "no-host": (b"GET / HTTP/1.1\r\n\r\n", 400, "Host"),
    "two-hosts": (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "Host"),
    "bare-lf": (b"GET / HTTP/1.1\nHost: a\n\n", 400, ""),
    "folded": (b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n", 400, "folded"),
    "blank-before-colon": (b"GET / HTTP/1.1\r\nHost: a\r\nX : 1\r\n\r\n", 400, "colon"),
    "nul": (b"GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n", 400, "character"),
    "two-lengths": (
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
        400,
        "Content-Length",
    ),
    "length-and-chunked": (
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"0\r\n\r\n",
        400,
        "Transfer-Encoding",
    ),
    "gzip-coding": (
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        501,
        "chunked",
    ),
    "unknown-method": (b"BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 501, "method"),
    "connect": (b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 405, "CONNECT"),
    "trace": (b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 405, "TRACE"),
    "expectation": (b"GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n", 417, "100-continue"),
    "long-target": (request(path="/" + "x" * 9000), 414, "8192"),
    "long-field": (request("GET", "/", "X: " + "x" * 9000), 431, "8192"),
    "long-body": (request("POST", body=b"x" * 1001), 413, "1000"),
    "tls": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200), 400, 'mode = "tcp"'),
}  # fmt: skip


@pytest.mark.parametrize(("asked", "status", "word"), BAD_REQUESTS.values(), ids=BAD_REQUESTS)
def test_a_bad_request_gets_its_page_and_goes_no_further(
    proxy: Engine, site: Backend, asked: bytes, status: int, word: str
) -> None:
    client = proxy.connect()
    client.send(asked)
    assert_page(client.read_response(), status, word)
    assert client.read_to_end() == b""
    assert site.connections == 0
    assert proxy.get().status == 200


def test_a_request_that_does_not_end_is_a_408(proxy: Engine, site: Backend) -> None:
    client = proxy.connect()
    client.send(b"GET / HTTP/1.1\r\nHo")
    assert_page(client.read_response(), 408, "head", "1 s")


def test_a_client_that_says_nothing_is_closed_without_a_word(proxy: Engine, site: Backend) -> None:
    assert proxy.connect().read_to_end() == b""


def test_a_body_that_does_not_go_on_is_a_408(proxy: Engine, site: Backend) -> None:
    client = proxy.connect()
    client.send(head("POST / HTTP/1.1", "Host: a", "Content-Length: 10"), b"half")
    assert_page(client.read_response(), 408, "body", "1 s")


@pytest.mark.parametrize("body", [b"5\r\nhelloXX", b"zz\r\n", b"5\nhello\r\n0\r\n\r\n"])
def test_a_body_whose_chunks_are_broken_is_a_400(proxy: Engine, site: Backend, body: bytes) -> None:
    client = proxy.connect()
    client.send(request("POST", "/", "Transfer-Encoding: chunked"), body)
    assert_page(client.read_response(), 400, "chunk")
    assert site.requests == [], "a backend took half a body for a whole one"


def test_a_refused_connect_is_a_502_that_names_the_backend(engine: StartEngine) -> None:
    address = unused_address()
    answer = engine(LISTEN + pool(address)).get("/", *SECRETS)
    assert_page(answer, 502, "backend web/web1", address, "refused (ECONNREFUSED)")


def test_nobody_available_is_a_503_that_says_why(engine: StartEngine, backend: OpenBackend) -> None:
    answer = engine(LISTEN + pool(backend(), each=', state = "maint"')).get("/", *SECRETS)
    assert_page(answer, 503, "pool web", "web1 is in maintenance")
    assert answer.get("Retry-After") == "1"


def test_a_connect_that_hangs_is_a_504_that_names_the_backend(
    engine: StartEngine, full_port: FullPort
) -> None:
    answer = engine(LISTEN + pool(full_port.address) + QUICK).get("/", *SECRETS)
    assert_page(answer, 504, "backend web/web1", full_port.address, "timed out after 1 s")


def test_a_backend_that_does_not_answer_is_a_504_that_names_it(
    proxy: Engine, site: Backend
) -> None:
    release = threading.Event()
    site.script = hold(release)
    answer = proxy.get("/", *SECRETS)
    release.set()
    assert_page(answer, 504, "backend web/web1", site.address, "1 s")


def test_an_error_in_answer_to_head_has_no_body(engine: StartEngine) -> None:
    client = engine(LISTEN + pool(unused_address())).connect()
    answer = client.ask(request("HEAD"), method="HEAD")
    assert (answer.status, int(answer.get("Content-Length") or 0) > 0) == (502, True)
    assert client.read_to_end() == b""


@pytest.mark.parametrize(
    ("asked", "status", "row"),
    [
        (
            request("POST", "/up?token=hunter2", body=b"x" * 2000, host="shop.example"),
            413, ("POST", "shop.example", "/up"),
        ),
        (b"HEAD /page HTTP/1.1\r\n\r\n", 400, ("HEAD", "", "/page")),
        (request("HEAD", "/page", "Expect: foo", host="a"), 417, ("HEAD", "a", "/page")),
        (b"\x00\r\n\r\n", 400, ("", "", "")),
    ],
    ids=["too long", "no host", "expectation", "no request"],
)  # fmt: skip
def test_a_refused_request_is_recorded_as_far_as_it_can_be_read(
    proxy: Engine, asked: bytes, status: int, row: tuple[str, str, str]
) -> None:
    client = proxy.connect()
    client.send(asked)
    answer = client.read_to_end()
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    # The answer to HEAD has no body (RFC 9110, 9.3.2).
    assert answer.endswith(b"\r\n\r\n") == (row[0] == "HEAD")
    last = wait_until(lambda: found if (found := proxy.last_exchange())["status"] == status else {})
    assert (last["method"], last["host"], last["path"]) == row


def test_an_error_reaches_a_client_that_is_still_sending(proxy: Engine, site: Backend) -> None:
    """Closing at once would turn into a RST, and take the answer with it."""
    client = proxy.connect()
    client.send(request("POST", body=numbered(3_000_000)))
    assert_page(client.read_response(), 413, "1000")
    client.finish()
    assert client.read_to_end() == b""


def test_a_client_that_never_ends_its_side_is_not_waited_for(
    engine: StartEngine, backend: OpenBackend
) -> None:
    limits = "limits { linger_idle_s = 0.3 }\n"
    proxy = engine(LISTEN + pool(backend()) + limits)
    client = proxy.connect()
    client.send(b"nonsense\r\n\r\n")
    assert client.read_response().status == 400
    proxy.wait_for_event("session 1 closed")


def test_an_error_is_recorded_with_its_reason(engine: StartEngine) -> None:
    address = unused_address()
    proxy = engine(LISTEN + pool(address))
    proxy.get("/x", *SECRETS, host="www.example")
    exchange = proxy.last_exchange()
    assert (exchange["status"], exchange["path"]) == (502, "/x")
    assert "refused" in exchange["result"]
    assert "refused" in proxy.backend("web1")["last_error"]
    assert f"backend web/web1 ({address}): connecting: refused" in proxy.log
    assert "hunter2" not in proxy.log
    assert proxy.ask("status")["totals"]["errors"] == 1


@pytest.mark.parametrize("name", ["no-host", "bare-lf", "long-target", "tls"])
@pytest.mark.parametrize("is_pipelined", [False, True])
def test_a_bad_request_behind_a_good_one_is_answered_too(
    proxy: Engine, site: Backend, name: str, is_pipelined: bool
) -> None:
    asked, status, word = BAD_REQUESTS[name]
    client = proxy.connect()
    if is_pipelined:
        client.send(request(), asked)
        assert client.read_response().body == b"hello"
    else:
        client.get()
        client.send(asked)
    assert_page(client.read_response(), status, word)
    assert client.read_to_end() == b""
    assert len(site.requests) == 1


def test_a_chunked_body_that_is_too_long_is_a_413(proxy: Engine, site: Backend) -> None:
    client = proxy.connect()
    client.send(request("POST", "/", "Transfer-Encoding: chunked"), chunked(b"x" * 800, b"x" * 800))
    assert_page(client.read_response(), 413, "1000")


def test_an_exchange_that_failed_has_no_bytes_of_the_one_before(
    engine: StartEngine, backend: OpenBackend
) -> None:
    route = 'function route(r) return r.path == "/" and "web" or "nowhere" end\n'
    site = backend(answer=lambda _: response("200 OK", b"y" * 300))
    proxy = engine(LISTEN + pool(site) + route)
    client = proxy.connect()
    assert client.ask(request("POST", "/", body=b"x" * 200)).body == b"y" * 300
    client.send(request("GET", "/lost"))
    assert client.read_response().status == 502
    rows = proxy.ask("exchanges")["exchanges"]
    assert [(row["request_bytes"], row["response_bytes"]) for row in rows] == [(0, 0), (200, 300)]
