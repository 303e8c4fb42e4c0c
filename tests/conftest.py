"""What all tests share: how long hypothesis searches, pairs of sockets, and waiting for a thing."""

import asyncio
import os
import socket
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, settings

SMALLEST_BUFFER_BYTES = 1
"""The kernel rounds it up to the smallest buffer that it allows: a few KiB."""

DEEP_EXAMPLES = 20_000
DEEP_TIMES = 88
"""A deep search for lost bytes has 500,000 cases instead of 5,700."""
_CALM = [HealthCheck.too_slow, HealthCheck.data_too_large]
_PROFILE = os.environ.get("RSP_HYPOTHESIS", "fast")
settings.register_profile("fast", deadline=None, derandomize=True, suppress_health_check=_CALM)
settings.register_profile(
    "deep",
    deadline=None,
    max_examples=DEEP_EXAMPLES,
    suppress_health_check=_CALM,
    print_blob=True,
)
settings.load_profile(_PROFILE)


def fuzz_examples(fast: int) -> int:
    """Return how often a fuzz test runs: `fast` times, or as often as a deep search does."""
    return DEEP_TIMES * fast if _PROFILE == "deep" else fast


@pytest.fixture(scope="session", autouse=True)
def _a_home_without_habits(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let no dashboard of a test, in whatever process, read or write what a person has set."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(home / "state"))
        patch.setenv("XDG_CONFIG_HOME", str(home / "config"))
        yield


async def wait_until(predicate: Callable[[], object], deadline_s: float = 30.0) -> None:
    """Return as soon as `predicate` holds, letting the loop run meanwhile.

    Raises:
        AssertionError: it did not hold within `deadline_s` seconds.
    """
    give_up_s = time.monotonic() + deadline_s
    while not predicate():
        assert time.monotonic() < give_up_s, f"not within {deadline_s:g} s"
        await asyncio.sleep(0.001)


def tiny_pair() -> tuple[socket.socket, socket.socket]:
    """Return two connected, non-blocking sockets with the smallest buffers that there are."""
    pair = socket.socketpair()
    for sock in pair:
        sock.setblocking(False)
        for buffer in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            sock.setsockopt(socket.SOL_SOCKET, buffer, SMALLEST_BUFFER_BYTES)
    return pair


def tcp_pair() -> tuple[socket.socket, socket.socket]:
    """Return the two ends of a TCP connection over loopback, non-blocking."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        far = socket.create_connection(listener.getsockname())
        near, _ = listener.accept()
    near.setblocking(False)
    far.setblocking(False)
    return near, far


class Pairs:
    """Opens pairs of sockets, and remembers them so that none stays open."""

    def __init__(self) -> None:
        self._open: list[socket.socket] = []

    def tcp(self) -> tuple[socket.socket, socket.socket]:
        return self._kept(tcp_pair())

    def tiny(self) -> tuple[socket.socket, socket.socket]:
        return self._kept(tiny_pair())

    def _kept(
        self, pair: tuple[socket.socket, socket.socket]
    ) -> tuple[socket.socket, socket.socket]:
        self._open += pair
        return pair

    def close(self) -> None:
        for sock in self._open:
            sock.close()


def fill(sock: socket.socket) -> bytes:
    """Write into `sock` until its kernel takes nothing more; return what it took."""
    taken = bytearray()
    piece = bytes(range(256))
    while True:
        try:
            count = sock.send(piece)
        except BlockingIOError:
            return bytes(taken)
        taken += piece[:count]


@pytest.fixture
def pairs() -> Iterator[Pairs]:
    """Yield an opener of socket pairs; all of them are closed when the test ends."""
    made = Pairs()
    yield made
    made.close()


@pytest.fixture
def tiny_socketpair(pairs: Pairs) -> tuple[socket.socket, socket.socket]:
    """Return a pair of sockets with tiny buffers: EAGAIN after a few KiB."""
    return pairs.tiny()


@pytest.fixture
def tcp_socketpair(pairs: Pairs) -> tuple[socket.socket, socket.socket]:
    """Return the two ends of a TCP connection: what resets and half-closes need."""
    return pairs.tcp()


@pytest.fixture
def clogged_pair(pairs: Pairs) -> tuple[socket.socket, socket.socket, bytes]:
    """Return a tiny pair whose first socket is full, and the bytes that fill it."""
    near, far = pairs.tiny()
    return near, far, fill(near)
