"""The memory rows: at rest, and for each idle keep-alive connection."""

import contextlib
import selectors
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass

from bench.cpu import resident_bytes
from bench.peers import Proxy

CONNECTIONS = 2_000
BATCH = 100
"""Connections opened at once: below every listen backlog."""

REQUEST = b"GET /page HTTP/1.1\r\nHost: bench.example\r\n\r\n"
ANSWER_S = 10.0


@dataclass(frozen=True, slots=True)
class Memory:
    """What one contestant needs."""

    at_rest_bytes: int
    """Before the first connection; shared libraries counted."""
    idle_connection_bytes: float
    """More for each kept-alive connection that had one exchange."""


@contextlib.contextmanager
def idle_connections(port: int, count: int = CONNECTIONS) -> Iterator[list[socket.socket]]:
    """Hold `count` connections open, each after one complete exchange.

    Raises:
        SystemExit: some were not answered.
    """
    with contextlib.ExitStack() as stack:
        held: list[socket.socket] = []
        while len(held) < count:
            opened = [
                stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=ANSWER_S))
                for _ in range(min(BATCH, count - len(held)))
            ]
            held += opened
            for sock in opened:
                sock.sendall(REQUEST)
            _wait_for_answers(opened)
        yield held


def _wait_for_answers(connections: list[socket.socket]) -> None:
    deadline_s = time.monotonic() + ANSWER_S
    received = dict.fromkeys(connections, b"")
    with selectors.DefaultSelector() as selector:
        for sock in connections:
            selector.register(sock, selectors.EVENT_READ, sock)
        while selector.get_map() and time.monotonic() < deadline_s:
            for key, _ in selector.select(1.0):
                piece = key.data.recv(65536)
                received[key.data] += piece
                if not piece or _is_whole(received[key.data]):
                    selector.unregister(key.data)
    unanswered = [sock for sock in connections if not _is_whole(received[sock])]
    if unanswered:
        raise SystemExit(f"bench: {len(unanswered)} connections were not answered in {ANSWER_S} s")


def _is_whole(answer: bytes) -> bool:
    head, blank, body = answer.partition(b"\r\n\r\n")
    return bool(blank) and head.startswith(b"HTTP/1.1 200") and len(body) >= 1024


def measure_memory(proxy: Proxy) -> Memory:
    """Return what `proxy`, freshly started, needs at rest and for each of 2,000 connections."""
    at_rest_bytes = resident_bytes(proxy.running.pid)
    with idle_connections(proxy.port):
        loaded_bytes = resident_bytes(proxy.running.pid)
    return Memory(at_rest_bytes, (loaded_bytes - at_rest_bytes) / CONNECTIONS)
