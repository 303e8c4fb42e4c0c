"""The slow write: a peer that does not read stops its source, is seen, and loses nothing."""

import hashlib
import threading

from tests.behaviour.conftest import OpenBackend, StartEngine
from tests.behaviour.running import Engine, Row
from tests.behaviour.waiting import PATIENCE_S, wait_until
from tests.behaviour.wire import Wire, chunked, digest, head, numbered, request, response

KIB = 1024
MIB = 1024 * KIB
BLOCK = numbered(MIB)
BIG_MIB = 512
ONE_READ_BYTES = 64 * KIB
FLAT_BYTES = 10 * MIB
SMALL_BUFFER_BYTES = 16 * KIB


def big_page(wire: Wire) -> None:
    """Send 512 MiB as fast as they are taken; anything else but `/big` gets a small page."""
    while True:
        if wire.read_request().path != "/big":
            wire.send(response("200 OK", b"small"))
            continue
        wire.send(head("HTTP/1.1 200 OK", f"Content-Length: {BIG_MIB * MIB}"))
        wire.sock.settimeout(150)
        for _ in range(BIG_MIB):
            wire.send(BLOCK)


def read_big_page(client: Wire) -> tuple[int, str]:
    """Return the size and the hash of the body, part of which may have come with its head."""
    content = hashlib.sha256(client.rest_so_far())
    total = len(client.rest_so_far())
    piece = bytearray(MIB)
    while total < BIG_MIB * MIB and (count := client.sock.recv_into(piece)):
        content.update(memoryview(piece)[:count])
        total += count
    return total, content.hexdigest()


def expected_hash() -> str:
    content = hashlib.sha256()
    for _ in range(BIG_MIB):
        content.update(BLOCK)
    return content.hexdigest()


def blocked_row(engine: Engine, client: Wire, side: str) -> Row:
    """Return the row of a session once one side of it is seen to block and to hold its fill."""

    def look() -> Row:
        row = engine.row(client)
        peer = row[side]
        is_full = peer and peer["unsent_bytes"] >= peer["high_water_bytes"]
        return row if is_full and peer["blocked_s"] > 0 else {}

    return wait_until(look)


def assert_stalled(row: Row, sink: str, source: str) -> None:
    """See that a row shows the stall with its evidence."""
    assert row["state"] == "streaming"
    assert row[sink]["eagain_writes"] > 0
    assert row[sink]["high_water_bytes"] == 64 * KIB
    assert 0 < row[sink]["unsent_bytes"] <= 64 * KIB + ONE_READ_BYTES
    assert row[sink]["unsent_peak_bytes"] <= 64 * KIB + ONE_READ_BYTES
    assert row[sink]["kernel_send_queue_bytes"] > 0
    assert "sink_full" in row[source]["paused_by"]


def test_a_client_that_stalls_is_seen_bounded_and_served_to_the_end(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(to=backend(big_page))
    assert proxy.get().body == b"small"
    base_bytes = proxy.memory_bytes()
    client = proxy.connect(receive_bytes=SMALL_BUFFER_BYTES)
    client.send(request(path="/big"))
    assert client.read_head().status == 200
    assert_stalled(blocked_row(proxy, client, "client"), "client", "backend")
    status = proxy.ask("status")
    assert status["blocked"] == 1
    assert 0 < status["unsent_bytes"] <= 2 * (64 * KIB + ONE_READ_BYTES)
    found = proxy.ctl("connections", "--filter", "client.eagain_writes>0 state:streaming")
    assert len(found["connections"]) == 1

    assert [proxy.get().body for _ in range(20)] == [b"small"] * 20
    assert proxy.memory_bytes() - base_bytes < FLAT_BYTES

    assert read_big_page(client) == (BIG_MIB * MIB, expected_hash())
    assert proxy.memory_bytes() - base_bytes < FLAT_BYTES
    row = proxy.wait_for_state(client, "idle")
    assert row["client"]["unsent_bytes"] == 0
    assert row["client"]["blocked_total_s"] > 0


def test_a_backend_that_stalls_stops_the_upload_and_loses_nothing(
    engine: StartEngine, backend: OpenBackend
) -> None:
    size = 32 * MIB
    read_on = threading.Event()

    def script(wire: Wire) -> None:
        wire.read_head()
        assert read_on.wait(PATIENCE_S)
        wire.send(response("200 OK", digest(wire.read(size)).encode()))

    proxy = engine(to=backend(script))
    base_bytes = proxy.memory_bytes()
    content = numbered(size)
    client = proxy.connect()
    sender = threading.Thread(target=client.send, args=(request("PUT", body=content),))
    sender.start()
    assert_stalled(blocked_row(proxy, client, "backend"), "backend", "client")
    assert proxy.memory_bytes() - base_bytes < FLAT_BYTES
    read_on.set()
    assert client.read_response().body.decode() == digest(content)
    sender.join(PATIENCE_S)
    assert not sender.is_alive()
    assert proxy.memory_bytes() - base_bytes < FLAT_BYTES


def test_64_slow_clients_get_every_byte(engine: StartEngine, backend: OpenBackend) -> None:
    size = 2 * MIB
    pages = [numbered(size, seed) for seed in range(8)]
    site = backend(answer=lambda asked: response("200 OK", pages[int(asked.path[1:])]))
    proxy = engine(to=site)
    clients = [proxy.connect(receive_bytes=SMALL_BUFFER_BYTES) for _ in range(64)]
    for number, client in enumerate(clients):
        client.send(request(path=f"/{number % 8}"))
    wait_until(lambda: proxy.ask("status")["blocked"] == 64)
    assert proxy.ask("status")["totals"]["eagain_writes"] >= 64
    heads = [client.read_head() for client in clients]
    assert {answer.get("Content-Length") for answer in heads} == {str(size)}
    # Everybody reads a little, in turns, so that all of them stay slow until the end.
    for at in range(0, size, 64 * KIB):
        for number, client in enumerate(clients):
            piece = client.read(64 * KIB)
            assert piece == pages[number % 8][at : at + 64 * KIB], (number, at)
    rows = proxy.ask("connections")["connections"]
    assert max(row["client"]["unsent_peak_bytes"] for row in rows) <= 64 * KIB + ONE_READ_BYTES
    assert min(row["client"]["eagain_writes"] for row in rows) > 0


def test_a_chunked_page_for_a_slow_client_misses_no_chunk(
    engine: StartEngine, backend: OpenBackend
) -> None:
    """The bug that this program grew out of: pages with a hole in their middle."""
    content = numbered(5 * MIB)
    body = chunked(*(content[at : at + 7_001] for at in range(0, len(content), 7_001)))
    site = backend(answer=lambda _: head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked") + body)
    proxy = engine(to=site)
    client = proxy.connect(receive_bytes=4 * KIB)
    client.send(request())
    assert_stalled(blocked_row(proxy, client, "client"), "client", "backend")
    assert digest(client.read_response().body) == digest(content)
    assert client.get().status == 200
    assert site.connections == 1


def test_a_client_that_asks_and_never_reads_is_not_answered_without_end(
    engine: StartEngine, backend: OpenBackend
) -> None:
    count = 3_000
    site = backend(answer=lambda asked: response("200 OK", asked.path.encode() * 800))
    proxy = engine(to=site)
    client = proxy.connect(receive_bytes=SMALL_BUFFER_BYTES)
    asked = b"".join(request(path=f"/{number:04}") for number in range(count))
    sender = threading.Thread(target=client.send, args=(asked,))
    sender.start()
    row = blocked_row(proxy, client, "client")
    assert row["client"]["unsent_bytes"] <= 64 * KIB + ONE_READ_BYTES
    wait_until(lambda: proxy.row(client)["client"]["paused_by"] == ["pipelined"])
    assert len(site.requests) < count / 2
    for number in range(count):
        assert client.read_response().body == b"/%04d" % number * 800
    sender.join(PATIENCE_S)
    assert not sender.is_alive()
    assert site.connections == 1


def test_the_counters_of_a_session_are_the_bytes_on_its_wires(
    engine: StartEngine, backend: OpenBackend
) -> None:
    site = backend(answer=lambda asked: response("200 OK", numbered(300_000)))
    proxy = engine(to=site)
    client = proxy.connect()
    asked = request("PUT", body=numbered(200_000))
    client.ask(asked)
    client.get()
    row = proxy.wait_for_state(client, "idle")
    sent = len(asked) + len(request())
    assert row["client"]["bytes_in"] == sent
    assert row["client"]["bytes_out"] == len(client.received)
    totals = proxy.ask("status")["totals"]
    assert totals["backend_bytes_out"] == sum(len(wire.received) for wire in site.wires)
    assert totals["exchanges"] == 2
