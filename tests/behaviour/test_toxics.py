"""Every toxic on a tcp session, both ways: what is held comes later, and nothing is lost."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.faulty import WAYS, add, both_ways, wait_for_end
from tests.behaviour.running import Engine, Row
from tests.behaviour.scripted import Backend
from tests.behaviour.waiting import PATIENCE_S, wait_until
from tests.behaviour.wire import (
    Wire,
    numbered,
)

MIB = 1 << 20
PAGE = numbered(MIB)
TCP = 'listen { address = "127.0.0.1:0", mode = "tcp" }\n'


def shared_config(site: Backend) -> str:
    return LISTEN + TCP + pool(site)


@dataclass
class Tunnel:
    """A tcp session: a client, a backend, and the engine between them."""

    proxy: Engine
    client: Wire
    server: Wire
    id: int

    def ends(self, way: str) -> tuple[Wire, Wire]:
        """Return who sends, and who gets it."""
        return (self.client, self.server) if way == "request" else (self.server, self.client)

    def sink(self, way: str) -> Row:
        """Return the row of the connection that a direction leaves by."""
        row = self.proxy.ask("connection", id=self.id)
        return dict(row["backend" if way == "request" else "client"] or {})

    def flow(self, way: str) -> Row:
        """Return the books of a direction."""
        return dict(self.proxy.ask("connection", id=self.id)["ledger"][way])

    def wait_for_end(self) -> Row:
        return wait_for_end(self.proxy, self.id)


@pytest.fixture
def done(site: Backend) -> Iterator[threading.Event]:
    """Until this is set, connections to the backend are for the test to use."""
    event = threading.Event()

    def script(wire: Wire) -> None:
        assert event.wait(PATIENCE_S)

    site.script = script
    yield event
    event.set()


@pytest.fixture
def tunnel(proxy: Engine, site: Backend, done: threading.Event) -> Tunnel:
    client = proxy.connect(proxy.ports[1])
    server = site.wait_for_connections(1)[-1]
    return Tunnel(proxy, client, server, proxy.row(client)["id"])


@both_ways
def test_latency(tunnel: Tunnel, way: str) -> None:
    add(tunnel.proxy, "latency", way, latency=300)
    sender, receiver = tunnel.ends(way)
    began_s = time.monotonic()
    sender.send(PAGE)
    # It is a long path, and no slow one: all of it is on its way before the first byte arrives.
    assert receiver.read(1) == PAGE[:1]
    assert time.monotonic() - began_s >= 0.3
    assert receiver.read(MIB - 1) == PAGE[1:]
    assert tunnel.sink(way)["unsent_peak_bytes"] > 8 * 65536
    assert tunnel.flow(way)["balanced"]
    # The FIN comes behind the bytes.
    sender.send(b"last")
    sender.finish()
    assert receiver.read_to_end() == b"last"


@both_ways
def test_bandwidth(tunnel: Tunnel, way: str) -> None:
    add(tunnel.proxy, "bandwidth", way, rate=2000)
    sender, receiver = tunnel.ends(way)
    began_s = time.monotonic()
    sender.send(PAGE)
    assert receiver.read(MIB) == PAGE
    # All but the first burst has had to wait.
    assert time.monotonic() - began_s >= (MIB - 200_000) / 2e6
    assert tunnel.flow(way)["balanced"]


def test_a_quiet_connection_with_every_toxic_costs_nothing(tunnel: Tunnel) -> None:
    for way in WAYS:
        for kind in ("latency", "bandwidth", "slicer", "slow_close"):
            add(tunnel.proxy, kind, way)
    tunnel.client.send(b"x")
    assert tunnel.server.read(1) == b"x"
    for side in ("client", "backend"):
        before = tunnel.proxy.ask("connection", id=tunnel.id)[side]["wakeups"]
        time.sleep(0.3)
        after = tunnel.proxy.ask("connection", id=tunnel.id)[side]["wakeups"]
        assert after - before <= 5


@both_ways
def test_slow_close(tunnel: Tunnel, way: str) -> None:
    add(tunnel.proxy, "slow_close", way, delay=300)
    sender, receiver = tunnel.ends(way)
    began_s = time.monotonic()
    sender.send(b"all of it")
    sender.finish()
    assert receiver.read(9) == b"all of it"
    assert receiver.read_to_end() == b""
    assert time.monotonic() - began_s >= 0.3


@both_ways
def test_a_timeout_closes_though_nothing_was_ever_sent(tunnel: Tunnel, way: str) -> None:
    add(tunnel.proxy, "timeout", way, timeout=100)
    assert tunnel.client.read_to_end() == b""
    tunnel.client.close()
    row = tunnel.wait_for_end()
    assert row["close_reason"] == "injected"
    assert "(timeout)" in row["close_detail"]


@both_ways
def test_a_timeout_of_0_holds_until_it_is_removed(tunnel: Tunnel, way: str) -> None:
    number = add(tunnel.proxy, "timeout", way)
    sender, receiver = tunnel.ends(way)
    sender.send(PAGE[:1000])
    stall = wait_until(lambda: tunnel.sink(way)["stall"])
    assert stall["cause"] == "injected"
    assert stall["sentence"].startswith(f"the fault {number} (timeout) holds back what ")
    sink = tunnel.sink(way)
    # The kernel would take it: nobody is blocked.
    assert (sink["blocked_total_s"], sink["eagain_writes"], sink["unsent_bytes"]) == (0, 0, 1000)
    flow = tunnel.flow(way)
    assert (flow["unsent"], flow["balanced"]) == (1000, True)
    assert tunnel.proxy.ask("status")["memory"]["used_bytes"] >= 1000
    tunnel.proxy.ask("fault.remove", id=number)
    assert receiver.read(1000) == PAGE[:1000]
    assert tunnel.sink(way)["stall"] is None


@both_ways
def test_reset_peer(tunnel: Tunnel, way: str) -> None:
    add(tunnel.proxy, "reset_peer", way)
    sender, _ = tunnel.ends(way)
    sender.send(b"x")
    assert tunnel.client.is_reset()
    assert tunnel.server.is_reset()
    assert tunnel.wait_for_end()["close_reason"] == "injected"


@both_ways
def test_slicer(tunnel: Tunnel, way: str) -> None:
    add(tunnel.proxy, "slicer", way, average_size=100, size_variation=20, delay=1000)
    tunnel.proxy.ask("watch", id=tunnel.id)
    sender, receiver = tunnel.ends(way)
    sender.send(PAGE[:5000])
    assert receiver.read(5000) == PAGE[:5000]
    calls = tunnel.proxy.ask("connection", id=tunnel.id)["calls"]
    sizes = [
        call["got_bytes"] for call in calls if call["call"] == "send" and call["direction"] == way
    ]
    assert sum(sizes) == 5000
    assert all(80 <= size <= 120 for size in sizes[:-1])


@both_ways
def test_limit_data(tunnel: Tunnel, way: str) -> None:
    sender, receiver = tunnel.ends(way)
    add(tunnel.proxy, "limit_data", way, bytes=700)
    sender.send(PAGE[:600])
    assert receiver.read(600) == PAGE[:600]
    sender.send(PAGE[600:1000])
    assert receiver.read_to_end() == PAGE[600:700]
    tunnel.client.close()
    assert tunnel.wait_for_end()["close_reason"] == "injected"


@both_ways
def test_half_close(tunnel: Tunnel, way: str) -> None:
    sender, receiver = tunnel.ends(way)
    number = add(tunnel.proxy, "half_close", way, bytes=10)
    sender.send(PAGE[:1000])
    assert receiver.read_to_end() == PAGE[:10]
    # The other way goes on, and goes on when the fault is gone, which FIN cannot be.
    receiver.send(b"still here")
    assert sender.read(10) == b"still here"
    tunnel.proxy.ask("fault.remove", id=number)
    sender.send(PAGE[:1000])
    receiver.send(b"and now")
    assert sender.read(7) == b"and now"
    flow = wait_until(lambda: flow if (flow := tunnel.flow(way))["in"] == 2000 else {})
    assert (flow["out"], flow["dropped"], flow["first_divergence"]) == (10, 1990, 10)


@both_ways
def test_reads_that_stall(tunnel: Tunnel, way: str) -> None:
    sender, receiver = tunnel.ends(way)
    number = add(tunnel.proxy, "stall_reads", way, session=tunnel.id)
    sender.send(b"held")
    source = "client" if way == "request" else "backend"
    row = tunnel.proxy.ask("connection", id=tunnel.id)
    assert row[source]["paused_by"] == ["injected"]
    assert row[source]["stall"]["cause"] == "injected"
    assert "the fault stall_reads keeps it" in row[source]["pause"]["sentence"]
    (group,) = tunnel.proxy.ask("pauses")["pauses"]
    assert (group["cause"], group["holder"]) == ("injected", "a fault")
    receiver.send(b"the other way")
    assert sender.read(13) == b"the other way"
    tunnel.proxy.ask("fault.remove", id=number)
    assert receiver.read(4) == b"held"
    add(tunnel.proxy, "stall_reads", way, seconds=0.2)
    began_s = time.monotonic()
    sender.send(b"late")
    assert receiver.read(4) == b"late"
    assert time.monotonic() - began_s >= 0.15


def test_two_stalls_end_each_for_itself(tunnel: Tunnel) -> None:
    add(tunnel.proxy, "stall_reads", seconds=0.05)
    number = add(tunnel.proxy, "stall_reads")
    first = wait_until(lambda: tunnel.proxy.ask("fault.list")["faults"])
    assert len(first) == 2
    tunnel.server.send(b"held")
    time.sleep(0.2)
    row = tunnel.proxy.ask("connection", id=tunnel.id)
    assert (row["backend"]["paused_by"], row["backend"]["bytes_in"]) == (["injected"], 0)
    tunnel.proxy.ask("fault.remove", id=number)
    assert tunnel.client.read(4) == b"held"
