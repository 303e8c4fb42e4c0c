"""Stalls on a real path: TCP that loses packets, is slow, or is far away, and who is at fault.

The rules of `rsp/core/stall.py` were found out here. A client that reads all it gets is never said
not to read, whatever the path does to its window.
"""

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import OpenBackend, StartEngine
from tests.behaviour.running import Engine, Row
from tests.behaviour.scripted import Backend
from tests.behaviour.slow_path import FAR, NEAR, SlowPath, has_paths
from tests.behaviour.waiting import PATIENCE_S, wait_until
from tests.behaviour.wire import Message, Wire, digest, numbered, request, response

pytestmark = [
    pytest.mark.capability("network namespaces, TUN devices"),
    pytest.mark.skipif(
        not has_paths(), reason="no network namespace, no /dev/net/tun, or no ip of iproute2 here"
    ),
]

PAGE = numbered(2 << 20)
FAR_S = 0.1
"""A delay each way: a round trip is longer than it takes to call somebody stalled."""
SLOW_BYTES_PER_S = 200_000
SMALL_BYTES = 16384
OF_THE_PATH = {"path_loss", "path_congestion"}
"""On a busy machine the path may stand still for so long that its packets are taken for lost."""


@pytest.fixture
def path(closing: ExitStack) -> SlowPath:
    return closing.enter_context(SlowPath())


@pytest.fixture
def proxy(path: SlowPath, engine: StartEngine, backend: OpenBackend) -> Engine:
    """An engine at this end of the path, whose backend is near."""
    site = backend(answer=lambda _: response("200 OK", PAGE))
    return engine(f'listen {{ address = "{NEAR}:0" }}\n' + pool(site))


def far_client(proxy: Engine, closing: ExitStack, receive_bytes: int | None = None) -> Wire:
    """Return a client at the far end, once its session is there."""
    sock = closing.enter_context(socket.socket())
    if receive_bytes is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    sock.settimeout(PATIENCE_S)
    sock.connect((FAR, proxy.port))
    wait_until(lambda: proxy.ask("connections")["connections"])
    return Wire(sock)


@contextlib.contextmanager
def reading(client: Wire, path: SlowPath) -> Iterator[None]:
    """Let `client` read as fast as it can; in the end the path is good again, and all has come."""
    answers: list[Message] = []
    reader = threading.Thread(target=lambda: answers.append(client.read_response()))
    reader.start()
    try:
        yield
    finally:
        path.mend()
        reader.join(PATIENCE_S)
    assert digest(answers[0].body) == digest(PAGE)


def stalls(proxy: Engine, side: str = "client") -> list[Row]:
    """Return the stalls so far, the newest first; nobody but `side` is accused."""
    found: list[Row] = proxy.ask("connection", id=1)["stalls"]
    assert {row["side"] for row in found} <= {side}
    return found


def causes(proxy: Engine, side: str = "client") -> set[str]:
    """Return the causes so far; that our own loop was late is nobody's fault here."""
    return {row["cause"] for row in stalls(proxy, side)} - {"engine_busy"}


def wait_for_cause(proxy: Engine, cause: str, side: str = "client") -> Row:
    """Return a stall of that cause, once there is one."""
    return wait_until(
        lambda: next((row for row in stalls(proxy, side) if row["cause"] == cause), {})
    )


def test_a_path_that_loses_everything_is_named(
    proxy: Engine, path: SlowPath, closing: ExitStack
) -> None:
    client = far_client(proxy, closing)
    client.send(request())
    with reading(client, path):
        wait_until(lambda: len(client.received) > len(PAGE) // 8)
        path.lose_every = 1
        stall = wait_for_cause(proxy, "path_loss")
        assert stall["sentence"].startswith("the path to client loses packets: ")
        assert stall["evidence"]["lost"] + stall["evidence"]["retransmitted"] > 0
        assert path.lost > 0
    assert causes(proxy) <= OF_THE_PATH


def test_a_path_that_loses_some_packets_is_named(
    proxy: Engine, path: SlowPath, closing: ExitStack
) -> None:
    path.delay_s, path.lose_every = FAR_S / 2, 5
    client = far_client(proxy, closing)
    client.send(request())
    with reading(client, path):
        wait_for_cause(proxy, "path_loss")
    assert causes(proxy) <= OF_THE_PATH


def test_a_lossy_path_to_a_backend_is_named(
    path: SlowPath, engine: StartEngine, backend: OpenBackend
) -> None:
    site: Backend = backend(host=NEAR)
    proxy = engine(LISTEN + pool(f"{FAR}:{site.port}"))
    client = proxy.connect()
    path.delay_s, path.lose_every = FAR_S / 2, 5
    sender = threading.Thread(target=client.send, args=(request("PUT", body=PAGE),))
    sender.start()
    stall = wait_for_cause(proxy, "path_loss", "backend")
    assert stall["sentence"].startswith("the path to web1 loses packets: ")
    path.mend()
    assert client.read_response().status == 200
    sender.join(PATIENCE_S)
    assert not sender.is_alive()
    assert digest(site.requests[0].body) == digest(PAGE)


def test_a_path_of_little_bandwidth_is_named(
    proxy: Engine, path: SlowPath, closing: ExitStack
) -> None:
    """Its queue makes every window full in the end; who reads is not accused for that."""
    path.bytes_per_s = SLOW_BYTES_PER_S
    client = far_client(proxy, closing)
    client.send(request())
    with reading(client, path):
        wait_until(lambda: len(stalls(proxy)) > 2)
    stall = wait_for_cause(proxy, "path_congestion")
    assert stall["sentence"].startswith("the path to client takes no more: ")
    assert stall["evidence"]["unacked"] > 0
    assert causes(proxy) <= OF_THE_PATH


def test_a_long_path_is_named(proxy: Engine, path: SlowPath, closing: ExitStack) -> None:
    path.delay_s = FAR_S
    client = far_client(proxy, closing)
    client.send(request())
    with reading(client, path):
        stall = wait_for_cause(proxy, "path_congestion")
        assert stall["evidence"]["rtt_us"] >= 2e6 * FAR_S
    assert causes(proxy) <= OF_THE_PATH


def test_a_client_with_a_small_buffer_far_away_reads(
    proxy: Engine, path: SlowPath, closing: ExitStack
) -> None:
    """One window for each round trip is all that it can take: it is not slow, it is far."""
    path.delay_s = FAR_S
    client = far_client(proxy, closing, receive_bytes=SMALL_BYTES)
    client.send(request())
    with reading(client, path):
        wait_until(lambda: len(stalls(proxy)) > 1)
    assert causes(proxy) <= OF_THE_PATH


def test_a_far_client_that_does_not_read_is_named_and_not_the_path(
    proxy: Engine, path: SlowPath, closing: ExitStack
) -> None:
    path.delay_s = FAR_S
    client = far_client(proxy, closing, receive_bytes=SMALL_BYTES)
    client.send(request())
    stall = wait_for_cause(proxy, "peer_not_reading")
    assert stall["evidence"]["snd_wnd_bytes"] < stall["evidence"]["widest_wnd_bytes"]
    path.mend()
    assert digest(client.read_response().body) == digest(PAGE)


def test_a_far_client_that_reads_slowly_is_named_and_not_the_path(
    proxy: Engine, path: SlowPath, closing: ExitStack
) -> None:
    path.delay_s = FAR_S
    client = far_client(proxy, closing, receive_bytes=65536)
    client.send(request())
    is_enough = threading.Event()

    def read_slowly() -> None:
        while not is_enough.wait(0.02):
            client.read(4000)

    reader = threading.Thread(target=read_slowly)
    reader.start()
    try:
        wait_for_cause(proxy, "peer_not_reading")
    finally:
        is_enough.set()
        reader.join(PATIENCE_S)


def test_a_send_buffer_that_is_too_small_for_the_path_is_ours(
    proxy: Engine, path: SlowPath, closing: ExitStack
) -> None:
    path.limit_send_buffers(SMALL_BYTES)
    path.delay_s = FAR_S
    client = far_client(proxy, closing)
    client.send(request())
    with reading(client, path):
        stall = wait_for_cause(proxy, "send_buffer_small")
        assert stall["sentence"].startswith("our send buffer to client is too small: ")
        assert stall["evidence"]["room_bytes"] == SMALL_BYTES
        assert causes(proxy) <= {"send_buffer_small", *OF_THE_PATH}


def test_no_send_buffer_is_too_small_for_a_path_that_has_a_queue(
    proxy: Engine, path: SlowPath, closing: ExitStack
) -> None:
    path.limit_send_buffers(4 * SMALL_BYTES)
    client = far_client(proxy, closing)
    path.bytes_per_s = SLOW_BYTES_PER_S
    client.send(request())
    with reading(client, path):
        wait_until(lambda: len(stalls(proxy)) > 2)
        assert causes(proxy) <= OF_THE_PATH
