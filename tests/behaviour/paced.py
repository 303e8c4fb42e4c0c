"""Clients that ask at a fixed rate, and show each answer to whoever wants to judge it."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

from tests.behaviour.running import Engine
from tests.behaviour.waiting import PATIENCE_S, wait_until
from tests.behaviour.wire import Message, Truncated, Wire

CLIENTS = 10
REQUESTS_PER_CONNECTION = 20

Judge = Callable[[Message], str]
"""Return what is wrong with an answer; nothing when all is well."""


def is_ok(answer: Message) -> str:
    """Judge by the status alone."""
    return "" if answer.status == 200 else f"{answer.start_line}: {answer.body.decode()}"


class Paced:
    """Ten clients that together ask `rate` times a second, on kept and on new connections."""

    def __init__(self, port: int, *, rate: int, judge: Callable[[], Judge] = lambda: is_ok) -> None:
        """`judge` is called before each request, and what it returns after the answer."""
        self.failures: list[str] = []
        self.counts = [0] * CLIENTS
        self._port = port
        self._judge = judge
        self._pause_s = CLIENTS / rate
        self._is_ending = threading.Event()
        self._threads = [
            threading.Thread(target=self._ask_on, args=(number,)) for number in range(CLIENTS)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def answered(self) -> int:
        """Requests answered so far, well or badly."""
        return sum(self.counts)

    def _ask_on(self, number: int) -> None:
        next_s = time.monotonic() + self._pause_s * number / CLIENTS
        while not self._is_ending.is_set():
            try:
                with socket.create_connection(("127.0.0.1", self._port), PATIENCE_S) as sock:
                    next_s = self._ask_on_one(Wire(sock), number, next_s)
            except (OSError, Truncated) as error:
                self.failures.append(repr(error))

    def _ask_on_one(self, wire: Wire, number: int, next_s: float) -> float:
        for _ in range(REQUESTS_PER_CONNECTION):
            # The pace is the load; nothing is synchronised by it.
            if self._is_ending.wait(max(0.0, next_s - time.monotonic())):
                break
            next_s += self._pause_s
            judge = self._judge()
            wrong = judge(wire.get("/paced"))
            if wrong:
                self.failures.append(wrong)
            self.counts[number] += 1
        return next_s

    def let_pass(self, count: int) -> None:
        """Return when `count` more requests were answered."""
        enough = self.answered + count
        due_s = count * self._pause_s / CLIENTS
        wait_until(lambda: self.answered >= enough or self.failures, PATIENCE_S + 2 * due_s)
        assert self.failures == []

    def stop(self) -> None:
        """End all clients; not one of their requests may have failed."""
        self._is_ending.set()
        for thread in self._threads:
            thread.join(PATIENCE_S)
            assert not thread.is_alive()
        assert self.failures == []


@contextlib.contextmanager
def load(
    proxy: Engine, *, rate: int = 500, judge: Callable[[], Judge] = lambda: is_ok
) -> Iterator[Paced]:
    """Keep a load on `proxy` while the block runs; none of its requests may fail."""
    flowing = Paced(proxy.port, rate=rate, judge=judge)
    try:
        yield flowing
    finally:
        flowing.stop()
