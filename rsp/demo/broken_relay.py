"""A relay that is broken on purpose, as the first one of 2013 was: it offers bytes to a slow client
and never looks at what the kernel said. It exists to be compared with; nothing else may use it."""

import asyncio
import contextlib
import socket

from rsp.demo.numbers import RELAY_READ_BYTES, RELAY_SEND_BUFFER_BYTES


class BrokenRelay:
    """Listens on a free port of 127.0.0.1 and relays each connection to one backend."""

    def __init__(self, backend: str) -> None:
        host, _, port = backend.rpartition(":")
        self._backend = (host, int(port))
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.setblocking(False)
        self._relays: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> str:
        """`host:port` that clients connect to."""
        host, port = self._listening.getsockname()
        return f"{host}:{port}"

    async def run(self) -> None:
        """Accept until cancelled; then close everything."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                client, _ = await loop.sock_accept(self._listening)
                relay = loop.create_task(self._relay(client))
                self._relays.add(relay)
                relay.add_done_callback(self._relays.discard)
        finally:
            self._listening.close()
            for relay in self._relays:
                relay.cancel()

    async def _relay(self, client: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, RELAY_SEND_BUFFER_BYTES)
        backend = socket.socket()
        backend.setblocking(False)
        with client, backend, contextlib.suppress(ConnectionError):
            await loop.sock_connect(backend, self._backend)
            requests = loop.create_task(_copy(client, backend))
            try:
                await _copy(backend, client)
            finally:
                requests.cancel()


async def _copy(source: socket.socket, sink: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    while data := await loop.sock_recv(source, RELAY_READ_BYTES):
        offer_once(sink, data)


def offer_once(sink: socket.socket, data: bytes) -> None:
    """THE BUG: offer `data` to the kernel once, and look at nothing that it says.

    EAGAIN loses all of `data`, a short write its tail. send(2) says that both are normal.
    """
    with contextlib.suppress(BlockingIOError):
        sink.send(data)
