"""What comes before the response (100, 103), and what comes instead of HTTP (upgrade)."""

import pytest

from rsp.core.limits import INTERIM_RESPONSES, READ_BYTES
from tests.behaviour.faulty import wait_for_end
from tests.behaviour.running import Engine, Row
from tests.behaviour.scripted import Backend
from tests.behaviour.waiting import wait_until
from tests.behaviour.wire import Wire, digest, head, numbered, request, response

EXPECTING = head("PUT / HTTP/1.1", "Host: a", "Content-Length: 5", "Expect: 100-continue")
EARLY_HINTS = head("HTTP/1.1 103 Early Hints", "Link: </style.css>; rel=preload")
WEBSOCKET = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: abc"]
SWITCHING = head(
    "HTTP/1.1 101 Switching Protocols",
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Accept: xyz",
)


def test_the_body_waits_for_the_backends_100_continue(proxy: Engine, site: Backend) -> None:
    def script(wire: Wire) -> None:
        asked = wire.read_head()
        assert asked.get("Expect") == "100-continue"
        assert wire.rest_so_far() == b""
        wire.send(head("HTTP/1.1 100 Continue"))
        wire.send(response("200 OK", wire.read(5)))

    site.script = script
    client = proxy.connect()
    client.send(EXPECTING)
    assert client.read_head().status == 100
    client.send(b"hello")
    assert client.read_response().body == b"hello"


def test_a_final_status_instead_of_100_is_passed_on_and_ends_the_connection(
    proxy: Engine, site: Backend
) -> None:
    def script(wire: Wire) -> None:
        wire.read_head()
        wire.send(response("403 Forbidden", b"no"))
        assert wire.read_to_end() == b"", "nothing may follow on this connection"

    site.script = script
    client = proxy.connect()
    client.send(EXPECTING)
    answer = client.read_response()
    assert (answer.status, answer.body, answer.get("Connection")) == (403, b"no", "close")
    assert client.read_to_end() == b""
    client.close()
    assert proxy.get().status == 403
    assert site.connections == 2, "a connection in the middle of a request was used again"


def test_a_final_status_in_the_middle_of_an_upload_reaches_the_client(
    proxy: Engine, site: Backend
) -> None:
    def script(wire: Wire) -> None:
        wire.read_head()
        wire.read(100_000)
        wire.send(response("507 Insufficient Storage", b"full"))
        wire.finish()

    site.script = script
    for _ in range(10):
        client = proxy.connect()
        client.send_what_is_taken(request("PUT", body=numbered(1_000_000)))
        answer = client.read_response()
        assert (answer.status, answer.body) == (507, b"full")


def test_a_100_that_nobody_asked_for_is_dropped(proxy: Engine, site: Backend) -> None:
    site.answer = lambda _: head("HTTP/1.1 100 Continue") + response("200 OK", b"x")
    answer = proxy.get()
    assert (answer.body, answer.interim) == (b"x", [])


def test_early_hints_are_passed_on_each_time(proxy: Engine, site: Backend) -> None:
    site.answer = lambda _: EARLY_HINTS * 2 + response("200 OK", b"x")
    client = proxy.connect()
    for _ in range(2):
        answer = client.get()
        assert [hint.status for hint in answer.interim] == [103, 103]
        assert answer.interim[0].get("Link") == "</style.css>; rel=preload"
        assert answer.body == b"x"


def test_a_client_of_http_1_0_sees_no_interim_response(proxy: Engine, site: Backend) -> None:
    site.answer = lambda _: EARLY_HINTS + response("200 OK", b"x")
    answer = proxy.connect().ask(request(version="1.0"))
    assert (answer.body, answer.interim) == (b"x", [])


@pytest.mark.parametrize("fields", [[], ["Content-Length: 0"]], ids=["no body", "an empty body"])
def test_an_upgraded_connection_is_a_tunnel_both_ways(
    proxy: Engine, site: Backend, fields: list[str]
) -> None:
    content = numbered(1_000_000)

    def script(wire: Wire) -> None:
        asked = wire.read_head()
        assert (asked.get("Upgrade"), asked.get("Connection")) == ("websocket", "Upgrade")
        wire.send(SWITCHING)
        wire.send(wire.read(len(content)))
        wire.send(b"and back: ", wire.read_to_end())

    site.script = script
    client = proxy.connect()
    answer = client.ask(request("GET", "/chat", *WEBSOCKET, *fields))
    assert answer.status == 101
    assert (answer.get("Upgrade"), answer.get("Sec-WebSocket-Accept")) == ("websocket", "xyz")
    assert proxy.row(client)["state"] == "tunnel"
    client.send(content)
    assert digest(client.read(len(content))) == digest(content)
    client.send(b"the end")
    client.finish()
    assert client.read_to_end() == b"and back: the end"
    wait_until(lambda: proxy.row_of(client) is None)


def test_a_tunnel_is_shown_with_its_request_its_route_and_its_bytes(
    proxy: Engine, site: Backend
) -> None:
    def script(wire: Wire) -> None:
        wire.read_request()
        wire.send(response("200 OK", b"a page before it"))
        wire.read_head()
        wire.send(SWITCHING)
        wire.send(wire.read(1000))
        wire.read_to_end()

    site.script = script
    client = proxy.connect()
    assert client.get("/before").body == b"a page before it"
    assert client.ask(request("GET", "/chat", *WEBSOCKET)).status == 101
    client.send(b"x" * 1000)
    assert client.read(1000) == b"x" * 1000
    row = proxy.row(client)
    assert (row["request"]["path"], row["response"]["status"]) == ("/chat", 101)
    assert (row["route"]["backend"], row["response"]["body_bytes"]) == ("default", 1000)
    filtered = proxy.ask("connections", filter="backend:default")["connections"]
    assert [found["id"] for found in filtered] == [row["id"]]
    client.close()
    closed = wait_for_end(proxy, row["id"])
    assert closed["route"]["backend"] == "default"
    last = proxy.last_exchange()
    assert (last["result"], last["request_bytes"], last["response_bytes"]) == ("tunnel", 1000, 1000)


def test_bytes_in_the_same_segment_as_either_head_go_through_the_tunnel(
    proxy: Engine, site: Backend
) -> None:
    def script(wire: Wire) -> None:
        wire.read_head()
        wire.send(SWITCHING + b"backend first;")
        wire.send(b"got:" + wire.read(6))
        wire.read_to_end()

    site.script = script
    client = proxy.connect()
    client.send(request("GET", "/chat", *WEBSOCKET) + b"client")
    assert client.read_head().status == 101
    assert client.read(24) == b"backend first;got:client"


def test_the_end_of_the_backend_ends_the_tunnel(proxy: Engine, site: Backend) -> None:
    def script(wire: Wire) -> None:
        wire.read_head()
        wire.send(SWITCHING, b"bye")

    site.script = script
    client = proxy.connect()
    assert client.ask(request("GET", "/chat", *WEBSOCKET)).status == 101
    assert client.read_to_end() == b"bye"
    client.close()
    wait_until(lambda: proxy.row_of(client) is None)


def test_a_refused_upgrade_is_an_ordinary_response(proxy: Engine, site: Backend) -> None:
    client = proxy.connect()
    assert client.ask(request("GET", "/chat", *WEBSOCKET)).body == b"hello"
    assert client.get().body == b"hello"


@pytest.mark.parametrize("fields", [[], ["Connection: Upgrade", "Upgrade: h2c"]])
def test_a_switch_that_nobody_asked_for_is_a_502(
    proxy: Engine, site: Backend, fields: list[str]
) -> None:
    site.answer = lambda _: SWITCHING
    answer = proxy.get("/", *fields)
    assert answer.status == 502
    assert b"backend default/default" in answer.body


def test_a_flood_of_interim_responses_is_cut_off_as_no_answer(proxy: Engine, site: Backend) -> None:
    def script(wire: Wire) -> None:
        wire.read_request()
        while True:
            wire.send(head("HTTP/1.1 103 C") * 1_000)

    site.script = script
    client = proxy.connect()
    client.send(request())
    answer = client.read_response()
    assert (len(answer.interim), answer.status) == (INTERIM_RESPONSES, 502)
    assert b"more than 256 interim responses and no final one" in answer.body


def test_as_many_interim_responses_as_may_be_are_passed_on(proxy: Engine, site: Backend) -> None:
    site.answer = lambda _: head("HTTP/1.1 103 C") * INTERIM_RESPONSES + response("200 OK", b"x")
    for _ in range(2):
        answer = proxy.get("/")
        assert (len(answer.interim), answer.status) == (INTERIM_RESPONSES, 200)


def test_interim_responses_without_end_stop_at_the_high_water_mark(
    proxy: Engine, site: Backend
) -> None:
    hint = head("HTTP/1.1 103 Early Hints", "Link: </" + "x" * 4000 + ">")

    def script(wire: Wire) -> None:
        wire.read_request()
        while True:
            wire.send(hint * 16)

    site.script = script
    client = proxy.connect(receive_bytes=4096)
    client.send(request())
    row = wait_until(lambda: paused_by_its_sink(proxy, client))
    client.reset()
    wait_until(lambda: proxy.row_of(client) is None)
    peak = proxy.ask("connection", id=row["id"])["client"]["unsent_peak_bytes"]
    assert peak < 2 * row["client"]["high_water_bytes"] + READ_BYTES


def paused_by_its_sink(proxy: Engine, client: Wire) -> Row:
    """Return the row of a session whose backend waits for the client; empty: it does not."""
    row = proxy.row(client)
    return row if row["backend"] and row["backend"]["paused_by"] == ["sink_full"] else {}
