"""`mode = "tcp"`: bytes as they come, a half-close as one, a reset as one."""

import socket
import threading

import pytest

from tests.behaviour.configs import pool
from tests.behaviour.conftest import OpenBackend, StartEngine
from tests.behaviour.ports import unused_address
from tests.behaviour.running import Engine
from tests.behaviour.scripted import Backend, FullPort
from tests.behaviour.waiting import PATIENCE_S, wait_until
from tests.behaviour.wire import Wire, digest, numbered

LISTEN_TCP = 'listen { address = "127.0.0.1:0", mode = "tcp" }\n'
SIZE = 5_000_000


def shared_config(site: Backend) -> str:
    return LISTEN_TCP + pool(site)


def echo(wire: Wire) -> None:
    """Send everything back, and end when the peer has ended."""
    while piece := wire.sock.recv(65536):
        wire.send(piece)


def test_bytes_pass_both_ways_whatever_they_are(proxy: Engine, site: Backend) -> None:
    site.script = echo
    client = proxy.connect()
    for piece in (b"\0", b"GET / HTTP/9.9\r\n\r\n", bytes(range(256)), b"\r\n\r\n"):
        client.send(piece)
        assert client.read(len(piece)) == piece
    row = proxy.row(client)
    assert (row["state"], row["request"], row["exchanges"]) == ("streaming", None, 0)
    assert (row["route"]["pool"], row["route"]["backend"]) == ("web", "web1")
    assert row["client"]["bytes_in"] == row["backend"]["bytes_out"] == len(client.received)


def test_a_backend_that_speaks_first_is_heard(proxy: Engine, site: Backend) -> None:
    site.script = lambda wire: wire.send(b"220 welcome\r\n")
    assert proxy.connect().read_to_end() == b"220 welcome\r\n"


def test_five_megabytes_each_way_at_once_arrive_whole(proxy: Engine, site: Backend) -> None:
    content = numbered(SIZE)
    site.script = echo
    client = proxy.connect()
    sender = threading.Thread(target=client.send, args=(content,))
    sender.start()
    assert digest(client.read(SIZE)) == digest(content)
    sender.join(PATIENCE_S)
    assert not sender.is_alive()


def test_a_slow_client_of_a_relay_gets_every_byte(proxy: Engine, site: Backend) -> None:
    content = numbered(SIZE)
    site.script = lambda wire: wire.send(content)
    client = proxy.connect(receive_bytes=4096)
    wait_until(lambda: proxy.row(client)["client"]["blocked_s"] > 0)
    row = proxy.row(client)
    assert 0 < row["client"]["unsent_bytes"] <= 2 * 65536
    assert row["backend"]["paused_by"] == ["sink_full"]
    assert digest(client.read_to_end()) == digest(content)


def test_a_client_that_has_said_everything_still_gets_its_answer(
    proxy: Engine, site: Backend
) -> None:
    content = numbered(SIZE)

    def script(wire: Wire) -> None:
        asked = wire.read_to_end()
        wire.send(asked, content)

    site.script = script
    client = proxy.connect()
    client.send(b"asked;")
    client.finish()
    assert wait_until(lambda: proxy.row(client)["half_closed"]) == "client"
    assert digest(client.read_to_end()) == digest(b"asked;" + content)
    client.close()
    wait_until(lambda: proxy.row_of(client) is None)


def test_a_backend_that_has_said_everything_still_gets_the_rest(
    proxy: Engine, site: Backend
) -> None:
    content = numbered(SIZE)
    got: list[bytes] = []

    def script(wire: Wire) -> None:
        wire.send(b"that is all")
        wire.finish()
        got.append(wire.read_to_end())

    site.script = script
    client = proxy.connect()
    assert client.read_to_end() == b"that is all"
    assert wait_until(lambda: proxy.row(client)["half_closed"]) == "backend"
    client.send(content)
    client.finish()
    wait_until(lambda: got)
    assert digest(got[0]) == digest(content)
    client.close()
    wait_until(lambda: proxy.row_of(client) is None)


def test_a_reset_of_the_client_reaches_the_backend(proxy: Engine, site: Backend) -> None:
    was_reset: list[bool] = []
    site.script = lambda wire: was_reset.append(wire.is_reset())
    client = proxy.connect()
    client.send(b"hello")
    wait_until(lambda: site.wires and site.wires[0].received)
    client.reset()
    wait_until(lambda: was_reset)
    assert was_reset == [True]


def test_a_reset_of_the_backend_reaches_the_client_behind_its_bytes(
    proxy: Engine, site: Backend
) -> None:
    def script(wire: Wire) -> None:
        wire.send(b"before")
        wire.read(1)
        wire.reset()

    site.script = script
    client = proxy.connect()
    assert client.read(6) == b"before"
    client.send(b"x")
    assert client.is_reset()


def test_an_answer_with_a_reset_right_behind_it_arrives_whole(proxy: Engine, site: Backend) -> None:
    answer = b"answer" * 100

    def answer_and_leave_the_rest(wire: Wire) -> None:
        # Closed with unread bytes: the kernel says RST where it would have said FIN.
        wire.sock.recv(1000)
        wire.send(answer)
        wire.close()

    site.script = answer_and_leave_the_rest
    for _ in range(10):
        client = proxy.connect()
        client.send(bytes(3000))
        assert client.read(len(answer)) == answer
        assert client.is_reset()


def test_an_urgent_byte_in_bulk_stops_nothing(proxy: Engine, site: Backend) -> None:
    content = numbered(SIZE)

    def send_with_a_mark(wire: Wire) -> None:
        wire.send(content)
        wire.sock.send(b"!", socket.MSG_OOB)
        wire.send(content)

    site.script = send_with_a_mark
    client = proxy.connect()
    assert digest(client.read_to_end()) == digest(content + content)


def test_a_refused_connect_goes_to_the_next_backend(
    engine: StartEngine, backend: OpenBackend, full_port: FullPort
) -> None:
    site = backend(echo)
    pools = pool(unused_address(), full_port.address, site, settings='balance = "first",')
    proxy = engine(LISTEN_TCP + pools + "limits { connect_s = 0.5 }\n")
    client = proxy.connect()
    client.send(b"said before anybody was there")
    assert client.read(29) == b"said before anybody was there"
    assert proxy.backend("web1")["failures"] == 1
    assert proxy.backend("web2")["last_error"] == "connecting: timed out after 0.5 s"


def test_when_all_refuse_the_client_is_reset(engine: StartEngine) -> None:
    proxy = engine(LISTEN_TCP + pool(unused_address(), unused_address()))
    # The reset may come as early as the connect.
    with pytest.raises(ConnectionResetError):
        proxy.connect().read_to_end()
    assert "refused (ECONNREFUSED)" in proxy.log


def test_a_silent_relay_is_ended_in_its_time(engine: StartEngine, backend: OpenBackend) -> None:
    limits = "limits { tunnel_idle_s = 1 }\n"
    client = engine(LISTEN_TCP + pool(backend(echo)) + limits).connect()
    client.send(b"x")
    assert client.read_to_end() == b"x"


def test_each_listener_has_its_own_mode_and_pool(engine: StartEngine, backend: OpenBackend) -> None:
    listen = 'listen { address = "127.0.0.1:0" }\n'
    relay = 'listen { address = "127.0.0.2:0", mode = "tcp", pool = "raw" }\n'
    proxy = engine(listen + relay + pool(backend()) + pool(backend(echo), name="raw"))
    assert proxy.get().body == b"hello"
    with socket.create_connection(("127.0.0.2", proxy.ports[1]), PATIENCE_S) as sock:
        wire = Wire(sock)
        wire.send(b"no HTTP at all")
        assert wire.read(14) == b"no HTTP at all"


def test_a_drained_backend_keeps_its_relays_and_gets_no_new_ones(
    engine: StartEngine, backend: OpenBackend
) -> None:
    site, other = backend(echo), backend(echo)
    proxy = engine(LISTEN_TCP + pool(site, other, settings='balance = "first",'))
    client = proxy.connect()
    client.send(b"x")
    assert client.read(1) == b"x"
    proxy.ctl("backend", "set", "web/web1", "--state", "drain")
    late = proxy.connect()
    late.send(b"y")
    assert late.read(1) == b"y"
    client.send(b"z")
    assert client.read(1) == b"z"
    assert (site.connections, other.connections) == (1, 1)


def test_two_listeners_may_both_leave_their_port_to_the_kernel(
    engine: StartEngine, backend: OpenBackend
) -> None:
    listen = 'listen { address = "127.0.0.1:0" }\n'
    relay = 'listen { address = "127.0.0.1:0", mode = "tcp", pool = "raw" }\n'
    proxy = engine(listen + relay + pool(backend()) + pool(backend(echo), name="raw"))
    assert len(set(proxy.ports)) == 2
    assert proxy.get().body == b"hello"
    client = proxy.connect(proxy.ports[1])
    client.send(b"no HTTP at all")
    assert client.read(14) == b"no HTTP at all"
