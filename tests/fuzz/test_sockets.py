"""The same over real sockets with tiny buffers and a real poller: the kernel cuts as it likes."""

import asyncio
import socket
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from rsp.core.buffer import AfterUnsent
from rsp.core.limits import READ_BYTES
from rsp.core.vocabulary import Direction, PauseReason, Side
from rsp.engine.connection import Connection
from rsp.engine.pipe import Pipe
from rsp.engine.poller import Poller
from tests.conftest import Pairs, fuzz_examples, wait_until
from tests.engine.fakes import SMALL

LENGTHS = st.one_of(st.integers(0, 2000), st.integers(10_000, 100_000))
HOLDS = (PauseReason.OPERATOR, PauseReason.BREAKPOINT)


class Passer:
    """Owns a client and a backend connection, and passes everything, as a tunnel does."""

    def __init__(self, poller: Poller, client: socket.socket, backend: socket.socket) -> None:
        self.client = Connection(poller, client, "client", Side.CLIENT, SMALL)
        self.backend = Connection(poller, backend, "backend", Side.BACKEND, SMALL)
        self.pipes = (Pipe(Direction.REQUEST), Pipe(Direction.RESPONSE))
        self.most_unsent = 0
        for pipe, source, sink in zip(
            self.pipes, self.connections(), reversed(self.connections()), strict=True
        ):
            pipe.source, pipe.sink = source, sink
            pipe.open()
        for connection in self.connections():
            connection.start(self, is_connected=True)

    def connections(self) -> tuple[Connection, Connection]:
        return self.client, self.backend

    def _pipe_from(self, connection: Connection) -> Pipe:
        return self.pipes[connection is self.backend]

    def on_bytes(self, connection: Connection, view: memoryview) -> None:
        pipe = self._pipe_from(connection)
        pipe.feed(view)
        self.most_unsent = max(self.most_unsent, len(pipe.sink.unsent))

    def on_bulk(self, connection: Connection) -> int:
        pipe = self._pipe_from(connection)
        count = pipe.splice(SMALL)
        self.most_unsent = max(self.most_unsent, len(pipe.sink.unsent))
        return count

    def on_eof(self, connection: Connection) -> None:
        self._pipe_from(connection).sink.finish(AfterUnsent.SHUT_WRITE)

    def on_gone(self, connection: Connection, reason: str) -> None:
        raise AssertionError(f"{connection} is gone: {reason}")

    def on_room(self, connection: Connection) -> None:
        other = self.backend if connection is self.client else self.client
        other.resume(PauseReason.SINK_FULL)

    def on_sent(self, connection: Connection) -> None:
        """Nothing waits for it."""

    def on_connected(self, connection: Connection) -> None:
        """It was connected from the beginning."""

    def on_connect_failed(self, connection: Connection, reason: str) -> None:
        """It was connected from the beginning."""

    def on_bug(self, error: Exception) -> None:
        raise error


class Peer:
    """One far end: writes what it has in pieces, says FIN, and reads as it likes."""

    def __init__(self, sock: socket.socket, stream: bytes, draw: Random) -> None:
        self.sock = sock
        self.left = memoryview(stream)
        self.got = bytearray()
        self.is_shut = False
        self.has_end = False
        self._draw = draw

    def act(self) -> None:
        """Write or read a piece of some length, or do nothing this time."""
        size = self._draw.choice([0, 1, 100, 3000, 100_000])
        if self._draw.random() < 0.5:
            self._write(size)
        else:
            self._read(size)

    def _write(self, size: int) -> None:
        if self.left:
            try:
                self.left = self.left[self.sock.send(self.left[:size]) :] if size else self.left
            except BlockingIOError:
                return
        elif not self.is_shut:
            self.is_shut = True
            self.sock.shutdown(socket.SHUT_WR)

    def _read(self, size: int) -> None:
        try:
            piece = self.sock.recv(size) if size else b""
        except BlockingIOError:
            return
        self.got += piece
        self.has_end = self.has_end or bool(size and not piece)


async def pass_both_ways(request: bytes, response: bytes, draw: Random) -> None:
    pairs = Pairs()
    poller = Poller(asyncio.get_running_loop())
    client_near, client_far = pairs.tiny()
    backend_near, backend_far = draw.choice([pairs.tiny, pairs.tcp])()
    passer = Passer(poller, client_near, backend_near)
    peers = (Peer(client_far, request, draw), Peer(backend_far, response, draw))

    def step() -> bool:
        for peer in peers * 4:
            peer.act()
        connection = draw.choice(passer.connections())
        if draw.random() < 0.05:
            connection.pause(draw.choice(HOLDS))
        elif draw.random() < 0.3:
            for reason in HOLDS:
                connection.resume(reason)
        return all(peer.has_end for peer in peers)

    try:
        await wait_until(step, 30.0)
        assert bytes(peers[1].got) == request
        assert bytes(peers[0].got) == response
        assert passer.client.bytes_in == passer.backend.bytes_out == len(request)
        assert passer.backend.bytes_in == passer.client.bytes_out == len(response)
        assert passer.most_unsent <= SMALL.high_water_bytes + READ_BYTES
        global eagain_writes
        eagain_writes += passer.client.eagain_writes + passer.backend.eagain_writes
        assert passer.client.blocked_since_s == passer.backend.blocked_since_s == 0.0
    finally:
        for connection in passer.connections():
            connection.close()
        poller.close()
        pairs.close()


eagain_writes = 0
"""Of all runs: that it is above zero proves that the buffers were small enough to matter."""


@settings(max_examples=fuzz_examples(200))
@given(LENGTHS, LENGTHS, st.integers(0, 10_000))
def test_what_comes_out_is_what_went_in_both_ways(
    request_bytes: int, response_bytes: int, seed: int
) -> None:
    draw = Random(seed)
    request, response = draw.randbytes(request_bytes), draw.randbytes(response_bytes)
    asyncio.run(pass_both_ways(request, response, draw))


def test_the_kernel_had_said_eagain_on_the_way() -> None:
    if not eagain_writes:
        test_what_comes_out_is_what_went_in_both_ways()
    assert eagain_writes > 0
