"""Bugs that real proxies had, played on purpose; each with the same traffic in health beside it."""

import subprocess
import threading

from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import OpenBackend, StartEngine
from tests.behaviour.running import Engine, Row
from tests.behaviour.waiting import PATIENCE_S, wait_until
from tests.behaviour.wire import Message, Wire, chunked, head, numbered, request, response

MIB = 1 << 20
CHUNK_BYTES = 64 * 1024
PAGE = numbered(3 * MIB)
ONE, TWO = response("200 OK", b"one"), response("200 OK", b"two")
TCP = 'listen { address = "127.0.0.1:0", mode = "tcp" }\n'


def answer(_: Message) -> bytes:
    return response("200 OK", PAGE, "Connection: close")


def first_difference(sent: bytes, got: bytes) -> int | None:
    """Return where `got` stops being `sent`; None when it never does."""
    if got == sent:
        return None
    low, high = 0, min(len(sent), len(got))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if sent[:middle] == got[:middle] else (low, middle - 1)
    return low


def books(proxy: Engine, session: int) -> Row:
    """Return the books of the response, once the session is over."""
    detail = wait_until(
        lambda: row if (row := proxy.ask("connection", id=session))["state"] == "closed" else {}
    )
    return dict(detail["ledger"]["response"])


def books_so_far(proxy: Engine, session: int) -> Row:
    """Return the books of the response of a session that goes on."""
    return dict(proxy.ask("connection", id=session)["ledger"]["response"])


def late_reader(proxy: Engine, path: str) -> tuple[Wire, int]:
    """Return a client that has asked and reads nothing until the backend has sent all it has."""
    client = proxy.connect(receive_bytes=16384)
    client.send(request("GET", path, "Connection: close"))
    session = proxy.row(client)["id"]
    return client, session


def backend_has_ended(proxy: Engine, session: int) -> bool:
    row = proxy.ask("connection", id=session)
    return row["backend"] is None or row["state"] in ("draining", "closing", "closed")


def test_lost_on_eagain_is_in_the_books_to_the_byte(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(LISTEN + pool(backend(answer=answer)))
    number = proxy.ctl("fault", "add", "lose_on_eagain")["id"]
    assert proxy.ask("status")["faults"] == 1
    client, session = late_reader(proxy, "/")
    wait_until(lambda: backend_has_ended(proxy, session))
    client.read_head()
    got = client.read_to_end()
    flow = books(proxy, session)
    assert flow["in"] == len(PAGE)
    assert flow["dropped"] == len(PAGE) - len(got) > 0
    assert flow["out"] == len(got)
    assert flow["first_divergence"] == first_difference(PAGE, got)
    assert not flow["balanced"]
    assert proxy.ctl("fault", "list")["faults"][0]["touched"] == 1
    proxy.ctl("fault", "remove", str(number))
    client, session = late_reader(proxy, "/")
    client.read_head()
    assert client.read_to_end() == PAGE
    flow = books(proxy, session)
    assert (flow["dropped"], flow["first_divergence"], flow["balanced"]) == (0, None, True)


def test_who_does_not_read_is_named_where_nothing_waits(
    engine: StartEngine, backend: OpenBackend
) -> None:
    released = threading.Event()

    def script(wire: Wire) -> None:
        wire.read_head()
        wire.send(head("HTTP/1.1 200 OK", f"Content-Length: {2 * len(PAGE)}"), PAGE)
        assert released.wait(PATIENCE_S)
        wire.send(PAGE)

    proxy = engine(LISTEN + pool(backend(script)))
    proxy.ask("fault.add", kind="lose_on_eagain")
    client, session = late_reader(proxy, "/")
    stall = wait_until(lambda: proxy.ask("connection", id=session)["client"]["stall"] or {})
    assert (stall["cause"], stall["unsent_bytes"]) == ("peer_not_reading", 0)
    # Looking while nothing leaves must not decide where it differs: what leaves next does.
    client.read_head()
    got = client.read(len(PAGE) - books_so_far(proxy, session)["dropped"])
    released.set()
    got += client.read_to_end()
    flow = books(proxy, session)
    assert flow["dropped"] == 2 * len(PAGE) - len(got)
    assert flow["first_divergence"] == first_difference(2 * PAGE, got)


CURL_SAYS = ("Problem (3) in the Chunked-Encoded data", "Malformed encoding found in chunked-en")
"""What curl says of a chunk that does not end where its size line said, before and since 7.84."""


def test_a_hole_in_a_chunked_body_is_what_curl_complains_of(
    engine: StartEngine, backend: OpenBackend
) -> None:
    has_enough = threading.Event()

    def script(wire: Wire) -> None:
        wire.read_head()
        wire.send(head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked"))
        # More than all kernels hold of a reader that takes its time, and then a trickle.
        for at in range(0, 5 * len(PAGE), CHUNK_BYTES):
            wire.send(chunked(*[PAGE[at % len(PAGE) :][:CHUNK_BYTES]])[:-5])
        while not has_enough.wait(0.01):
            wire.send(chunked(b"more")[:-5])
        wire.send(b"0\r\n\r\n")

    proxy = engine(LISTEN + pool(backend(script)))

    def curl() -> "subprocess.CompletedProcess[bytes]":
        command = ["curl", "--silent", "--show-error", "--limit-rate", "10M"]
        url = f"http://127.0.0.1:{proxy.port}/"
        return subprocess.run([*command, url], capture_output=True, timeout=PATIENCE_S, check=False)

    proxy.ask("fault.add", kind="lose_on_eagain")
    done = curl()
    has_enough.set()
    said = done.stderr.decode()
    assert said.startswith("curl: (56) ")
    assert any(words in said for words in CURL_SAYS), said
    proxy.ask("fault.remove", id="all")
    done = curl()
    assert (done.stderr, len(done.stdout)) == (b"", 5 * len(PAGE))


def test_lost_on_eagain_in_tcp_mode(engine: StartEngine, backend: OpenBackend) -> None:
    def script(wire: Wire) -> None:
        wire.read(1)
        wire.send(PAGE)

    proxy = engine(TCP + pool(backend(script)))
    client = proxy.connect(receive_bytes=16384)
    session = proxy.row(client)["id"]
    # For a session that is there already.
    proxy.ask("fault.add", kind="lose_on_eagain", session=session)
    client.send(b"x")
    wait_until(lambda: proxy.ask("connection", id=session)["half_closed"] == "backend")
    got = client.read_to_end()
    client.close()
    flow = books(proxy, session)
    assert flow["in"] == len(PAGE)
    assert flow["dropped"] == len(PAGE) - len(got) > 0
    assert flow["first_divergence"] == first_difference(PAGE, got)


def test_lost_on_a_short_write(engine: StartEngine, backend: OpenBackend) -> None:
    proxy = engine(LISTEN + pool(backend(answer=answer)))
    proxy.ask("fault.add", kind="lose_on_short_write")
    client, session = late_reader(proxy, "/")
    wait_until(lambda: proxy.row(client)["client"]["short_writes"] > 0)
    client.read_head()
    got = client.read_to_end()
    flow = books(proxy, session)
    assert flow["dropped"] == len(PAGE) - len(got) > 0
    assert flow["first_divergence"] == first_difference(PAGE, got)


def test_a_half_close_that_is_taken_for_the_end(engine: StartEngine, backend: OpenBackend) -> None:
    proxy = engine(LISTEN + pool(backend(answer=answer)))

    def ask() -> bytes:
        client = proxy.connect()
        client.send(head("GET / HTTP/1.0"))
        client.finish()
        return client.read_to_end()

    assert ask().endswith(PAGE[-100:])
    proxy.ask("fault.add", kind="rdhup_is_close")
    assert ask() == b""
    session = proxy.ask("status")["totals"]["accepted"]
    detail = wait_until(
        lambda: row if (row := proxy.ask("connection", id=session))["state"] == "closed" else {}
    )
    assert detail["close_reason"] == "injected"
    assert "rdhup_is_close" in detail["close_detail"]


def test_a_buffer_without_a_bound(engine: StartEngine, backend: OpenBackend) -> None:
    proxy = engine(LISTEN + pool(backend(answer=answer)))
    proxy.ask("fault.add", kind="unbounded")
    client, session = late_reader(proxy, "/")
    row = wait_until(
        lambda: row if (row := proxy.row(client))["client"]["unsent_bytes"] > MIB else {}
    )
    assert row["id"] == session
    client.read_head()
    assert client.read_to_end() == PAGE
    assert books(proxy, session)["balanced"]


def test_one_read_for_each_edge(engine: StartEngine, backend: OpenBackend) -> None:
    proxy = engine(LISTEN + pool(backend(answer=answer)))
    number = proxy.ask("fault.add", kind="read_once")["id"]
    client = proxy.connect()
    client.send(request("GET", "/", "Connection: close"))
    # The kernel holds what the missed edge was for, and nobody reads it.
    session = proxy.row(client)["id"]
    wait_until(
        lambda: (
            proxy.ask("connections", visible=[session])["connections"][0]["backend"] or {}
        ).get("kernel_receive_queue_bytes")
    )
    proxy.ask("fault.remove", id=number)
    client.read_head()
    assert client.read_to_end() == PAGE


def test_a_close_that_does_not_wait(engine: StartEngine, backend: OpenBackend) -> None:
    proxy = engine(LISTEN + pool(backend(answer=answer)))
    # So slow that most is still here when the backend has sent all.
    proxy.ask("fault.add", kind="bandwidth", values={"rate": 100})
    proxy.ask("fault.add", kind="close_without_drain")
    client, session = late_reader(proxy, "/")
    assert client.read_head().status == 200
    got = client.read_to_end()
    assert len(got) < len(PAGE)
    flow = books(proxy, session)
    assert flow["dropped"] == len(PAGE) - len(got)
    assert flow["first_divergence"] == len(got)


def test_the_case_of_a_host_decides(engine: StartEngine, backend: OpenBackend) -> None:
    sites = [backend(answer=lambda _: ONE), backend(answer=lambda _: TWO)]
    config = (
        LISTEN
        + pool(sites[0], name="lower")
        + pool(sites[1], name="other")
        + 'function route(r)\n  if r.host == "ironhand.example" then return "lower" end\n'
        '  return "other"\nend\n'
    )
    proxy = engine(config)
    assert proxy.get(host="IronHand.example").body == b"one"
    number = proxy.ask("fault.add", kind="case_sensitive_route")["id"]
    assert proxy.get(host="IronHand.example").body == b"two"
    assert proxy.get(host="ironhand.example").body == b"one"
    proxy.ask("fault.remove", id=number)
    assert proxy.get(host="IronHand.example").body == b"one"
