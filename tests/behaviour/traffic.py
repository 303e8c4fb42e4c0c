"""Clients that ask without a pause while a test changes things, and remember every failure."""

import itertools
import socket
import threading

from tests.behaviour.waiting import PATIENCE_S, wait_until
from tests.behaviour.wire import Truncated, Wire

CLIENTS = 3
REQUESTS_PER_CONNECTION = 7


class Traffic:
    """Some clients at once, each with one connection after the other, some requests on each."""

    def __init__(self, port: int, *, per_connection: int = REQUESTS_PER_CONNECTION) -> None:
        self.failures: list[str] = []
        self._port = port
        self._per_connection = per_connection
        self._answers = itertools.count()
        self.answered = 0
        """Requests answered so far, well or badly."""
        self._is_ending = threading.Event()
        self._threads = [threading.Thread(target=self._ask_on) for _ in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    def _ask_on(self) -> None:
        while not self._is_ending.is_set():
            try:
                with socket.create_connection(("127.0.0.1", self._port), PATIENCE_S) as sock:
                    self._ask_on_one(Wire(sock))
            except (OSError, Truncated) as error:
                self.failures.append(repr(error))
                return

    def _ask_on_one(self, wire: Wire) -> None:
        for number in range(1, self._per_connection + 1):
            if self._is_ending.is_set():
                return
            is_last = number == self._per_connection
            answer = wire.get(f"/{number}", *(["Connection: close"] if is_last else []))
            if answer.status != 200:
                self.failures.append(f"{answer.start_line}: {answer.body.decode()}")
            self.answered = next(self._answers) + 1

    def let_pass(self, count: int = 40) -> None:
        """Return when `count` more requests were answered."""
        enough = self.answered + count
        wait_until(lambda: self.answered >= enough or self.failures)
        assert self.failures == []

    def stop(self) -> None:
        """End all clients; not one of their requests may have failed."""
        self._is_ending.set()
        for thread in self._threads:
            thread.join(PATIENCE_S)
            assert not thread.is_alive()
        assert self.failures == []
