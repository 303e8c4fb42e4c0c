"""`accept_proxy`: whoever is trusted announces its client first, and nobody else may."""

import socket
import struct
from typing import Any

import pytest

from tests.behaviour.configs import pool
from tests.behaviour.conftest import OpenBackend, StartEngine
from tests.behaviour.running import Engine
from tests.behaviour.scripted import Backend, FullPort
from tests.behaviour.waiting import PATIENCE_S, wait_until
from tests.behaviour.wire import Wire, request

V1 = b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 80\r\n"
V1_OF_IPV6 = b"PROXY TCP6 2001:db8::7 2001:db8::1 4711 80\r\n"
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
V2 = (
    SIGNATURE
    + struct.pack("!BBH", 0x21, 0x11, 12 + 5)
    + socket.inet_aton("192.0.2.7")
    + socket.inet_aton("192.0.2.1")
    + struct.pack("!HH", 4711, 80)
    + b"\x02\0\x02ab"
)
LOCAL = SIGNATURE + struct.pack("!BBH", 0x20, 0, 0)

ACCEPTING = 'accept_proxy = { "127.0.0.0/8" }'
STRICT_S = 1.5
QUICK = f"limits {{ proxy_header_s = {STRICT_S} }}\n"


def shared_config(site: Backend) -> str:
    address = 'address = "127.0.0.1:0", '
    trusting = f'listen {{ {address}{ACCEPTING}, trusted_proxies = {{ "192.0.2.0/24" }} }}\n'
    relay = f'listen {{ {address}{ACCEPTING}, mode = "tcp" }}\n'
    strangers = f'listen {{ {address}accept_proxy = {{ "10.0.0.0/8" }} }}\n'
    route = 'function route(request) return "web", { reason = request.client_ip } end\n'
    return trusting + relay + strangers + pool(site) + route + QUICK


def used_bytes(proxy: Engine) -> int:
    return int(proxy.ask("status")["memory"]["used_bytes"])


def end_of_last(proxy: Engine) -> dict[str, Any]:
    """Return what is remembered of the newest session, once it has ended."""
    last = proxy.ask("status")["totals"]["accepted"]
    wait_until(lambda: proxy.ask("connection", id=last)["state"] == "closed")
    return proxy.ask("connection", id=last)


def reset_when_heard(proxy: Engine, sent: bytes) -> dict[str, Any]:
    """Connect, say `sent`, reset once it has been read; return what is remembered of that."""
    wire = proxy.connect()
    wire.send(sent)

    def heard() -> bool:
        rows = proxy.ask("connections")["connections"]
        return any(row["client"]["bytes_in"] == len(sent) for row in rows)

    wait_until(heard)
    wire.reset()
    return dict(end_of_last(proxy)["autopsy"])


@pytest.mark.parametrize("header", [b"", LOCAL, V1], ids=["nothing", "local", "v1"])
def test_who_resets_before_it_asks_for_anything_has_only_looked(
    proxy: Engine, header: bytes
) -> None:
    """Health checks do, with a header (HAProxy) and without one, all day."""
    ended = reset_when_heard(proxy, header)
    assert (ended["code"], ended["reason"]) == ("--", "finished")
    assert ended["sentence"].endswith(": ECONNRESET, before it asked for anything")
    assert proxy.ask("status")["storms"] == []


@pytest.mark.parametrize(
    "sent", [LOCAL[:9], V1 + b"GET / HT"], ids=["half a header", "half a head"]
)
def test_who_resets_in_the_midst_of_asking_is_gone(proxy: Engine, sent: bytes) -> None:
    ended = reset_when_heard(proxy, sent)
    assert (ended["code"], ended["reason"]) == ("CR", "client_gone")


@pytest.mark.parametrize("header", [V1, V2], ids=["v1", "v2"])
def test_the_announced_client_is_the_client_everywhere(
    proxy: Engine, site: Backend, header: bytes
) -> None:
    wire = proxy.connect()
    wire.send(header, request())
    assert wire.read_response().body == b"hello"
    assert site.requests[0].get("X-Forwarded-For") == "192.0.2.7"
    rows = proxy.ask("connections")["connections"]
    assert [row["client"]["address"] for row in rows] == ["192.0.2.7:4711"]
    exchange = proxy.last_exchange()
    assert exchange["client"] == "192.0.2.7:4711"
    assert proxy.ask("decisions", limit=1)["decisions"][0]["reason"] == "192.0.2.7"
    assert proxy.wait_for_event(f"127.0.0.1:{wire.port} speaks for 192.0.2.7:4711")


def test_an_ipv6_client_is_announced_over_ipv4(proxy: Engine, site: Backend) -> None:
    wire = proxy.connect()
    wire.send(V1_OF_IPV6, request())
    assert wire.read_response().status == 200
    assert site.requests[0].get("X-Forwarded-For") == "2001:db8::7"
    rows = proxy.ask("connections")["connections"]
    assert rows[0]["client"]["address"] == "[2001:db8::7]:4711"


def test_trust_is_about_the_announced_client(proxy: Engine, site: Backend) -> None:
    """The one that connected is in no trusted network; the one that it speaks for is."""
    for header, chain in ((V1, "10.1.1.1, 192.0.2.7"), (V1_OF_IPV6, "2001:db8::7")):
        wire = proxy.connect()
        wire.send(header, request("GET", "/", "X-Forwarded-For: 10.1.1.1"))
        assert wire.read_response().status == 200
        assert site.requests[-1].get("X-Forwarded-For") == chain


@pytest.mark.parametrize("header", [LOCAL, b"PROXY UNKNOWN\r\n"], ids=["v2", "v1"])
def test_a_proxy_that_speaks_for_itself_keeps_its_own_address(
    proxy: Engine, site: Backend, header: bytes
) -> None:
    wire = proxy.connect()
    wire.send(header, request())
    assert wire.read_response().status == 200
    assert site.requests[0].get("X-Forwarded-For") == "127.0.0.1"
    assert proxy.row(wire)["state"] == "idle"


@pytest.mark.parametrize("header", [V1, V2], ids=["v1", "v2"])
def test_header_and_request_may_come_a_byte_at_a_time(
    proxy: Engine, site: Backend, header: bytes
) -> None:
    wire = proxy.connect()
    for byte in header + request():
        wire.send(bytes([byte]))
    assert wire.read_response().body == b"hello"
    assert site.requests[0].get("X-Forwarded-For") == "192.0.2.7"


def test_only_the_first_bytes_of_a_connection_announce(proxy: Engine, site: Backend) -> None:
    wire = proxy.connect()
    wire.send(V1, request())
    assert wire.read_response().status == 200
    wire.send(V1, request())
    assert wire.read_response().status == 400
    assert len(site.requests) == 1


@pytest.mark.parametrize("header", [V1, V2], ids=["v1", "v2"])
def test_a_relay_passes_what_stands_behind_the_header(
    proxy: Engine, site: Backend, header: bytes
) -> None:
    got: list[bytes] = []
    site.script = lambda wire: got.append(wire.read_to_end())
    wire = proxy.connect(proxy.ports[1])
    wire.send(header, b"first ")
    wait_until(lambda: site.wires and site.wires[0].received)
    rows = proxy.ask("connections")["connections"]
    assert [row["client"]["address"] for row in rows] == ["192.0.2.7:4711"]
    assert rows[0]["state"] == "streaming"
    wire.send(b"second")
    wire.finish()
    wait_until(lambda: got)
    assert got == [b"first second"]


def test_a_relay_passes_an_end_right_behind_the_first_bytes(proxy: Engine, site: Backend) -> None:
    got: list[bytes] = []
    site.script = lambda wire: got.append(wire.read_to_end())
    for _ in range(20):
        wire = proxy.connect(proxy.ports[1])
        wire.send(V1, b"all there is")
        wire.finish()
    wait_until(lambda: len(got) == 20)
    assert set(got) == {b"all there is"}


def test_parts_of_a_header_and_what_waits_behind_it_count_as_memory(
    engine: StartEngine, full_port: FullPort
) -> None:
    listen = f'listen {{ address = "127.0.0.1:0", mode = "tcp", {ACCEPTING} }}\n'
    proxy = engine(listen + pool(full_port.address) + "limits { connect_s = 60 }\n")
    half, waiting = proxy.connect(), proxy.connect()
    half.send(V1[:20])
    waiting.send(V1, bytes(1000))
    wait_until(lambda: used_bytes(proxy) == 1020)
    half.close()
    wait_until(lambda: used_bytes(proxy) == 1000)


def test_a_relay_may_have_nothing_behind_the_header(proxy: Engine, site: Backend) -> None:
    site.script = lambda wire: wire.send(b"220 welcome\r\n")
    wire = proxy.connect(proxy.ports[1])
    wire.send(V2)
    assert wire.read_to_end() == b"220 welcome\r\n"


@pytest.mark.parametrize("port", [0, 1], ids=["http", "tcp"])
@pytest.mark.parametrize("data", [request(), b"PROXY TCP5 ", SIGNATURE + b"\x11"])
def test_what_is_no_header_closes_the_connection_and_is_told(
    proxy: Engine, site: Backend, port: int, data: bytes
) -> None:
    wire = proxy.connect(proxy.ports[port])
    wire.send(data, b"\r\n")
    assert wire.is_reset()
    assert wire.received == b""
    ended = end_of_last(proxy)
    assert ended["close_reason"] == "bad_proxy_header"
    assert f"127.0.0.1:{wire.port}: the " in str(ended["close_detail"])
    assert proxy.wait_for_event(f"bad_proxy_header, 127.0.0.1:{wire.port}")
    assert site.connections == 0


@pytest.mark.parametrize(
    ("port", "part"), [(0, b""), (0, V1[:-1]), (1, V2[:20])], ids=["nothing", "http v1", "tcp v2"]
)
def test_a_header_that_does_not_come_in_time_closes_the_connection(
    proxy: Engine, site: Backend, port: int, part: bytes
) -> None:
    wire = proxy.connect(proxy.ports[port])
    wire.send(part)
    assert proxy.row(wire)["state"] == "reading_proxy_header"
    assert wire.is_reset()
    ended = end_of_last(proxy)
    assert ended["close_reason"] == "bad_proxy_header"
    assert ended["close_detail"] == (
        f"127.0.0.1:{wire.port}: the client sent no whole PROXY header for {STRICT_S} s"
    )
    assert site.connections == 0


def test_a_connection_without_a_byte_is_a_look_whether_we_are_there(
    proxy: Engine, site: Backend
) -> None:
    wire = proxy.connect()
    wait_until(lambda: proxy.row_of(wire))
    wire.finish()
    assert wire.read_to_end() == b""
    assert end_of_last(proxy)["close_reason"] == "finished"
    assert site.connections == 0


def test_half_a_header_and_an_end_is_a_mistake(proxy: Engine, site: Backend) -> None:
    wire = proxy.connect()
    wire.send(V1[:20])
    wire.finish()
    assert wire.read_to_end() == b""
    ended = end_of_last(proxy)
    assert ended["close_reason"] == "bad_proxy_header"
    assert "it ended inside its PROXY header" in str(ended["close_detail"])
    assert site.connections == 0


def test_a_stranger_announces_nobody(proxy: Engine, site: Backend) -> None:
    wire = proxy.connect(proxy.ports[2])
    wire.send(V1, request())
    assert wire.read_response().status == 400
    assert site.connections == 0
    plain = proxy.connect(proxy.ports[2])
    assert plain.get().status == 200
    assert site.requests[0].get("X-Forwarded-For") == "127.0.0.1"


def test_an_engine_that_stops_waits_for_no_header(
    engine: StartEngine, backend: OpenBackend
) -> None:
    listen = f'listen {{ address = "127.0.0.1:0", {ACCEPTING} }}\n'
    proxy = engine(listen + pool(backend()))
    wire = proxy.connect()
    wire.send(V1[:5])
    proxy.wait_for_state(wire, "reading_proxy_header")
    proxy.ask("stop")
    assert wire.read_to_end() == b""
    assert proxy.process.wait(PATIENCE_S) == 0


@pytest.mark.parametrize("mode", ["http", "tcp"])
def test_an_announced_client_has_no_more_connections_than_any_other(
    engine: StartEngine, backend: OpenBackend, mode: str
) -> None:
    most = f'mode = "{mode}", max_connections_per_client = 1'
    proxy = engine(f'listen {{ address = "127.0.0.1:0", {ACCEPTING}, {most} }}\n' + pool(backend()))

    def ask(client: str) -> Wire:
        wire = proxy.connect()
        wire.send(f"PROXY TCP4 {client} 192.0.2.1 4711 80\r\n".encode(), request())
        return wire

    first, other = ask("192.0.2.7"), ask("192.0.2.8")
    assert [wire.read_response().status for wire in (first, other)] == [200, 200]
    refused = ask("192.0.2.7")
    if mode == "http":
        answer = refused.read_response()
        assert answer.status == 503
        assert b"192.0.2.7 has 1 connections, the most for one client" in answer.body
    else:
        assert refused.is_reset()
    assert end_of_last(proxy)["close_reason"] == "connection_limit"
    assert proxy.ask("status")["listeners"][0]["refused"] == 1
    first.close()
    wait_until(lambda: proxy.ask("status")["sessions"] == 1)
    assert ask("192.0.2.7").read_response().status == 200
