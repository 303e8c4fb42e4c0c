"""The clients of the plain demo: one coroutine per kind of client, each for ever.

A client whose connection ends badly (that is part of the show) comes back a moment later.
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable

from rsp.demo.numbers import (
    BLOCK_BYTES,
    DOWNLOAD_MIB,
    DOWNLOAD_PAUSE_S,
    DOWNLOAD_READ_BYTES,
    DOWNLOADS,
    ECHO_LINES,
    ECHO_PAUSE_S,
    ECHO_TALKERS,
    HEAD_BYTES,
    KEEP_ALIVE_CLIENTS,
    KEEP_ALIVE_PAUSE_S,
    KEEP_ALIVE_REQUESTS,
    QUICK_CLIENTS,
    QUICK_PAUSE_S,
    RETRY_PAUSE_S,
    SLOW_READ_BYTES,
    SLOW_READ_PAUSE_S,
    SLOW_READER_STAYS_S,
    SLOW_READERS,
    SLOW_RECEIVE_BUFFER_BYTES,
    TICK_FOLLOWERS,
    UPLOAD_BYTES,
    UPLOAD_PAUSE_S,
    UPLOADS,
)
from rsp.demo.pages import BLOCK
from rsp.demo.plain_http import chunk, drop_body, head_bytes, read_body, read_head
from rsp.demo.slow_client import open_slow

Client = Callable[[str], Awaitable[None]]
"""Visits the proxy at an address, once or for a while; may raise what the connection raises."""

WEB = "www.example"
FILES = "files.example"

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@contextlib.asynccontextmanager
async def connected(address: str, receive_buffer_bytes: int = 0) -> AsyncIterator[Stream]:
    """Connect to `host:port`; the connection is closed at the end of the block."""
    if receive_buffer_bytes:
        reader, writer = await open_slow(address, receive_buffer_bytes)
    else:
        host, _, port = address.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port), limit=2 * HEAD_BYTES)
    try:
        yield reader, writer
    finally:
        writer.close()


async def ask(stream: Stream, method: str, path: str, host: str, **fields: object) -> str | None:
    """Send a request without a body, read the whole answer, and return the name of the site
    that gave it (None when it was the proxy's own)."""
    reader, writer = stream
    writer.write(head_bytes(f"{method} {path} HTTP/1.1", host=host, **fields))
    head = await read_head(reader)
    if head is None:
        raise ConnectionResetError
    if method != "HEAD":
        await drop_body(reader, head)
    return head.fields.get("served-by")


async def quick(address: str) -> None:
    """One request on a connection of its own."""
    path = random.choice(("/", "/", "/page/news", "/page/about", "/missing", "/flaky"))
    async with connected(address) as stream:
        await ask(stream, "GET", path, WEB, connection="close")
    await asyncio.sleep(random.uniform(*QUICK_PAUSE_S))


async def keep_alive(address: str) -> None:
    """Many requests on one connection, with pauses, some of them for slow answers."""
    async with connected(address) as stream:
        for _ in range(KEEP_ALIVE_REQUESTS):
            method = random.choice(("GET", "GET", "GET", "HEAD", "POST"))
            path = random.choices(("/page/menu", "/slow"), (12, 1))[0]
            fields = {"content_length": 0} if method == "POST" else {}
            await ask(stream, method, path, random.choice((WEB, "WWW.Example")), **fields)
            await asyncio.sleep(random.uniform(*KEEP_ALIVE_PAUSE_S))


async def upload(address: str) -> None:
    """Send 2 MiB, with a length or in chunks."""
    in_chunks = bool(random.randrange(2))
    framing = {"transfer_encoding": "chunked"} if in_chunks else {"content_length": UPLOAD_BYTES}
    async with connected(address) as (reader, writer):
        writer.write(head_bytes("PUT /upload HTTP/1.1", host=FILES, **framing))
        for _ in range(UPLOAD_BYTES // BLOCK_BYTES):
            writer.write(chunk(BLOCK) if in_chunks else BLOCK)
            await writer.drain()
            await asyncio.sleep(UPLOAD_PAUSE_S)
        writer.write(chunk(b"") if in_chunks else b"")
        if head := await read_head(reader):
            await drop_body(reader, head)


async def read_slowly(address: str) -> None:
    """Take a big file at a few KiB a second; leave long before its end."""
    pause_s = random.uniform(*SLOW_READ_PAUSE_S)
    async with connected(address, SLOW_RECEIVE_BUFFER_BYTES) as (reader, writer):
        writer.write(head_bytes("GET /big/10 HTTP/1.1", host=FILES))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(random.uniform(*SLOW_READER_STAYS_S)):
                if head := await read_head(reader):
                    async for _ in read_body(reader, head, SLOW_READ_BYTES):
                        await asyncio.sleep(pause_s)


async def download(address: str) -> None:
    """Take a big file at a good pace."""
    async with connected(address) as (reader, writer):
        size_mib = random.choice(DOWNLOAD_MIB)
        writer.write(head_bytes(f"GET /big/{size_mib} HTTP/1.1", host=FILES))
        if head := await read_head(reader):
            async for _ in read_body(reader, head, DOWNLOAD_READ_BYTES):
                await asyncio.sleep(DOWNLOAD_PAUSE_S)


async def follow_ticks(address: str) -> None:
    """Read a chunked stream to its end."""
    async with connected(address) as stream:
        await ask(stream, "GET", "/ticks", WEB)


async def talk_to_echo(address: str) -> None:
    """Upgrade the connection, and send lines that come back."""
    async with connected(address) as (reader, writer):
        upgrade = {"connection": "Upgrade", "upgrade": "echo"}
        writer.write(head_bytes("GET /echo HTTP/1.1", host=WEB, **upgrade))
        head = await read_head(reader)
        if head is None or head.status != 101:
            return await asyncio.sleep(RETRY_PAUSE_S)
        for line in range(ECHO_LINES):
            writer.write(b"line %d\n" % line)
            await reader.readline()
            await asyncio.sleep(ECHO_PAUSE_S)


KINDS: tuple[tuple[int, Client], ...] = (
    (QUICK_CLIENTS, quick),
    (KEEP_ALIVE_CLIENTS, keep_alive),
    (UPLOADS, upload),
    (SLOW_READERS, read_slowly),
    (DOWNLOADS, download),
    (TICK_FOLLOWERS, follow_ticks),
    (ECHO_TALKERS, talk_to_echo),
)
"""How many clients of each kind there are."""


async def come_back(client: Client, address: str) -> None:
    """Run `client` again and again, whatever happens to its connection."""
    while True:
        try:
            await client(address)
        except (OSError, asyncio.IncompleteReadError, ValueError):
            await asyncio.sleep(RETRY_PAUSE_S)


async def visit_for_ever(address: str, kinds: tuple[tuple[int, Client], ...] = KINDS) -> None:
    """Run all clients against the proxy at `address` until cancelled."""
    async with asyncio.TaskGroup() as group:
        for count, client in kinds:
            for _ in range(count):
                group.create_task(come_back(client, address))
                await asyncio.sleep(0)
