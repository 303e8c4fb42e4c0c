"""Full backends, and clients that wait for a place at them."""

import threading
from collections.abc import Callable

from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.running import Engine
from tests.behaviour.scripted import Backend
from tests.behaviour.waiting import PATIENCE_S, wait_until
from tests.behaviour.wire import Message, Wire, request, response

FULL_AT_ONE = ", max_connections = 1"


class Gate:
    """Lets one request after the other through, in the order in which they came."""

    def __init__(self) -> None:
        self.arrived: list[str] = []
        self._free = threading.Semaphore(0)

    def answer(self, message: Message) -> bytes:
        self.arrived.append(message.path)
        assert self._free.acquire(timeout=PATIENCE_S)
        return response("200 OK", message.path.encode())

    def wait_for_arrivals(self, count: int) -> None:
        wait_until(lambda: len(self.arrived) == count)

    def open(self, count: int = 1) -> None:
        self._free.release(count)


def queued(proxy: Engine, pool: str = "web") -> int:
    rows = {row["name"]: row for row in proxy.ask("backends")["pools"]}
    return int(rows[pool]["queued"])


def wait_for_queue(proxy: Engine, count: int) -> None:
    wait_until(lambda: queued(proxy) == count)


def wait_in_line(proxy: Engine, paths: list[str], already: int = 0) -> list[Wire]:
    """Ask for each of `paths`, one after the other, and return when the last one waits."""
    clients = []
    for number, path in enumerate(paths, already + 1):
        client = proxy.connect()
        client.send(request(path=path))
        wait_for_queue(proxy, number)
        clients.append(client)
    return clients


def occupied(proxy: Engine, gate: Gate, count: int = 1, path: str = "/first") -> list[Wire]:
    """Take `count` places, and return who has them."""
    clients = []
    for _ in range(count):
        client = proxy.connect()
        client.send(request(path=path))
        clients.append(client)
    gate.wait_for_arrivals(count)
    return clients


def full(
    engine: Callable[..., Engine], backend: Callable[..., Backend], rules: str = ""
) -> tuple[Engine, Gate]:
    """Return an engine with one backend that is full, and the gate of that; `rules` of its queue
    are those of everybody unless they are given."""
    gate = Gate()
    site = backend(answer=gate.answer)
    settings = f"queue = {{ {rules} }},"
    proxy = engine(LISTEN + pool(site, settings=settings, each=FULL_AT_ONE))
    occupied(proxy, gate)
    return proxy, gate
