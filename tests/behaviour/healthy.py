"""Healthy traffic of many kinds: clients and a backend that do all that they owe, on one loop.

The loop knows for how long it stood still itself: for so long its clients and its backend did.
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator

from tests.behaviour.wire import chunked, digest, head, numbered, response

READ_BYTES = 16384
PAUSE_S = 0.002
"""Of a peer that is slow, and steady."""
PIECES = 8
SIZES = (0, 1, 200, 200, 200, 5_000, 70_000, 400_000)
KINDS = ("whole", "whole", "chunked", "slow", "HEAD", "PUT", "PUT chunked", "PUT slow")
LAST_OF = 10
"""One exchange of so many is the last of its connection."""
BEAT_S = 0.005


class Stream:
    """One end of a connection: reads and writes messages, at once or slowly."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read_head(self) -> list[str]:
        """Return the lines of the next head.

        Raises:
            asyncio.IncompleteReadError: the peer has ended.
        """
        return (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]

    async def read_body(self, lines: list[str], *, is_slow: bool = False) -> bytes:
        """Return the body that the head announces."""
        fields = dict(line.lower().split(": ", 1) for line in lines[1:])
        if "transfer-encoding" not in fields:
            return await self._read(int(fields.get("content-length", "0")), is_slow=is_slow)
        pieces = []
        while size := int(await self._reader.readuntil(b"\r\n"), 16):
            pieces.append(await self._read(size, is_slow=is_slow))
            await self._reader.readexactly(2)
        await self._reader.readexactly(2)
        return b"".join(pieces)

    async def _read(self, count: int, *, is_slow: bool) -> bytes:
        read = bytearray()
        while len(read) < count:
            read += await self._reader.readexactly(min(READ_BYTES, count - len(read)))
            await asyncio.sleep(PAUSE_S if is_slow else 0)
        return bytes(read)

    async def send(self, start: bytes, body: bytes, *, is_slow: bool = False) -> None:
        """Send a message in one piece, or slowly, in several."""
        step = max(1, len(body) // PIECES)
        pieces = [body[at : at + step] for at in range(0, len(body), step)] if is_slow else [body]
        self._writer.write(start)
        for piece in pieces:
            self._writer.write(piece)
            await self._writer.drain()
            await asyncio.sleep(PAUSE_S if is_slow else 0)

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()


def message(start: str, content: bytes, *, is_chunked: bool) -> tuple[bytes, bytes]:
    """Return the head of a message with `content`, and its body as it goes over the wire."""
    if not is_chunked:
        return head(start, "Host: a", f"Content-Length: {len(content)}"), content
    step = max(1, len(content) // PIECES)
    pieces = [content[at : at + step] for at in range(0, len(content), step)]
    return head(start, "Host: a", "Transfer-Encoding: chunked"), chunked(*pieces)


async def _answer(stream: Stream) -> None:
    lines = await stream.read_head()
    method, path, _ = lines[0].split()
    if method == "PUT":
        await stream.send(response("200 OK", digest(await stream.read_body(lines)).encode()), b"")
        return
    _, kind, size = path.split("/")
    start, body = message("HTTP/1.1 200 OK", numbered(int(size)), is_chunked=kind == "chunked")
    await stream.send(start, b"" if method == "HEAD" else body, is_slow=kind == "slow")


@contextlib.asynccontextmanager
async def healthy_backend() -> AsyncIterator[str]:
    """Open a backend for the clients below, and yield its address."""
    talks: list[asyncio.Task[None]] = []
    streams: list[Stream] = []

    async def talk(stream: Stream) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await _answer(stream)
        await stream.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        streams.append(Stream(reader, writer))
        talks.append(asyncio.ensure_future(talk(streams[-1])))

    server = await asyncio.start_server(accept, "127.0.0.1", 0, limit=READ_BYTES, backlog=128)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for stream in streams:
            await stream.close()
        await asyncio.gather(*talks)


async def ask_often(port: int, count: int, chance: random.Random) -> None:
    """Make `count` exchanges, each of a kind and size that chance chooses, and check each."""
    stream: Stream | None = None
    for _ in range(count):
        if stream is None:
            streams = await asyncio.open_connection("127.0.0.1", port, limit=READ_BYTES)
            stream = Stream(*streams)
        await _ask(stream, chance.choice(KINDS), chance.choice(SIZES))
        if not chance.randrange(LAST_OF):
            await stream.close()
            stream = None
    if stream is not None:
        await stream.close()


async def _ask(stream: Stream, kind: str, size: int) -> None:
    page = numbered(size)
    if kind.startswith("PUT"):
        start, body = message("PUT / HTTP/1.1", page, is_chunked="chunked" in kind)
        await stream.send(start, body, is_slow="slow" in kind)
    else:
        method, path = ("HEAD", "whole") if kind == "HEAD" else ("GET", kind)
        await stream.send(head(f"{method} /{path}/{size} HTTP/1.1", "Host: a"), b"")
    lines = await stream.read_head()
    assert lines[0].split()[1] == "200", lines
    if kind == "HEAD":
        return
    body = await stream.read_body(lines, is_slow=kind == "whole")
    assert body == (digest(page).encode() if kind.startswith("PUT") else page)


class Beat:
    """Measures for how long this loop stood still, at worst, in `worst_s` seconds."""

    def __init__(self) -> None:
        self.worst_s = 0.0

    async def run(self) -> None:
        """Measure until cancelled."""
        clock = asyncio.get_running_loop().time
        while True:
            due_s = clock() + BEAT_S
            await asyncio.sleep(BEAT_S)
            self.worst_s = max(self.worst_s, clock() - due_s)
