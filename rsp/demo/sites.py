"""The backends of the demo: one `Site` each, with a page for every kind of traffic."""

import asyncio
import random
import socket
import struct
from collections.abc import Awaitable, Callable

from rsp.demo.numbers import (
    BLOCK_BYTES,
    BOOK_BYTES,
    BOOK_PAUSE_S,
    HEAD_BYTES,
    MIB,
    RESET_ONE_IN,
    SLOW_ANSWER_S,
    SMALL_PAGE_BYTES,
    TICK_S,
    TICKS,
)
from rsp.demo.pages import BLOCK, numbered_page
from rsp.demo.plain_http import Head, chunk, drop_body, has_body, head_bytes, read_head

SMALL_PAGE = numbered_page(SMALL_PAGE_BYTES)


class Exchange:
    """One request and the connection to answer it on."""

    def __init__(
        self, head: Head, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, site: str
    ) -> None:
        self.head = head
        self.reader = reader
        self.writer = writer
        self.site = site
        self.path = head.first[1].partition("?")[0].strip("/").split("/")

    async def answer(self, status: str, body: bytes, **fields: object) -> None:
        """Send a whole response with its length."""
        self.begin(status, content_length=len(body), **fields)
        if self.head.first[0] != "HEAD":
            self.writer.write(body)
        await self.writer.drain()

    def begin(self, status: str, **fields: object) -> None:
        """Send the head of a response; the body follows by `writer`."""
        self.writer.write(head_bytes(f"HTTP/1.1 {status}", served_by=self.site, **fields))


Page = Callable[[Exchange], Awaitable[None]]


async def small_page(exchange: Exchange) -> None:
    """Answer at once with 2 KiB."""
    await exchange.answer("200 OK", SMALL_PAGE, content_type="text/plain")


async def big_file(exchange: Exchange) -> None:
    """`/big/N`: N MiB with their length, made while they are sent."""
    size_mib = min(int(exchange.path[1]), 1000) if exchange.path[1:] else 10
    exchange.begin("200 OK", content_length=size_mib * MIB)
    for _ in range(size_mib * MIB // len(BLOCK)):
        exchange.writer.write(BLOCK)
        await exchange.writer.drain()


async def book(exchange: Exchange) -> None:
    """The page of the slow-write story: 5 MiB of which every byte can be checked."""
    exchange.begin("200 OK", content_length=BOOK_BYTES, content_type="text/plain")
    page = memoryview(numbered_page(BOOK_BYTES))
    for at in range(0, BOOK_BYTES, BLOCK_BYTES):
        exchange.writer.write(page[at : at + BLOCK_BYTES])
        await exchange.writer.drain()
        await asyncio.sleep(BOOK_PAUSE_S)


async def ticks(exchange: Exchange) -> None:
    """A chunked stream: one line at a time, for some seconds."""
    exchange.begin("200 OK", transfer_encoding="chunked")
    for tick in range(TICKS):
        exchange.writer.write(chunk(f"tick {tick} of {TICKS} from {exchange.site}\n".encode()))
        await exchange.writer.drain()
        await asyncio.sleep(TICK_S)
    exchange.writer.write(chunk(b""))
    await exchange.writer.drain()


async def slow_answer(exchange: Exchange) -> None:
    """Think for 1 to 3 seconds, then answer."""
    await asyncio.sleep(random.uniform(*SLOW_ANSWER_S))
    await exchange.answer("200 OK", SMALL_PAGE)


async def flaky(exchange: Exchange) -> None:
    """Answer; but once in a while reset the connection in the middle."""
    if random.randrange(RESET_ONE_IN):
        return await exchange.answer("200 OK", SMALL_PAGE)
    exchange.begin("200 OK", content_length=len(SMALL_PAGE))
    exchange.writer.write(SMALL_PAGE[: len(SMALL_PAGE) // 2])
    await exchange.writer.drain()
    reset(exchange.writer)
    raise ConnectionAbortedError


async def upload(exchange: Exchange) -> None:
    """Take a body and say how long it was."""
    total = await drop_body(exchange.reader, exchange.head)
    await exchange.answer("200 OK", f"{total} bytes\n".encode())


async def echo(exchange: Exchange) -> None:
    """Switch protocols and send every byte back, until the client ends."""
    if exchange.head.fields.get("upgrade") != "echo":
        return await exchange.answer("426 Upgrade Required", b"", upgrade="echo")
    exchange.begin("101 Switching Protocols", connection="Upgrade", upgrade="echo")
    while data := await exchange.reader.read(HEAD_BYTES):
        exchange.writer.write(data)
        await exchange.writer.drain()
    raise ConnectionAbortedError


async def reload_page(exchange: Exchange) -> None:
    """`POST /user/NAME/webapps/DOMAIN/reload`: the answer says which site was told."""
    await exchange.answer("200 OK", f"{exchange.site} reloads {exchange.path[-2]}\n".encode())


async def not_found(exchange: Exchange) -> None:
    """Any other path."""
    await exchange.answer("404 Not Found", b"no such page in the demo\n")


PAGES: dict[str, Page] = {
    "": small_page,
    "page": small_page,
    "big": big_file,
    "book": book,
    "ticks": ticks,
    "slow": slow_answer,
    "flaky": flaky,
    "upload": upload,
    "echo": echo,
}


def page_for(exchange: Exchange) -> Page:
    """Return what answers the path of `exchange`."""
    match exchange.path:
        case ["user", _, "webapps", _, "reload"]:
            return reload_page
        case _:
            return PAGES.get(exchange.path[0], not_found)


async def serve(name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the requests of one connection until either side ends it."""
    try:
        while head := await read_head(reader):
            exchange = Exchange(head, reader, writer, name)
            page = page_for(exchange)
            if page is not upload and has_body(head):
                await drop_body(reader, head)
            await page(exchange)
            if head.wants_close:
                break
    except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
        # The client is gone, or sent what is no request: nothing to say, and nobody to tell.
        pass
    finally:
        writer.close()


def reset(writer: asyncio.StreamWriter) -> None:
    """Close a connection with RST instead of FIN (socket(7), SO_LINGER with a time of 0)."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def open_site(name: str) -> asyncio.Server:
    """Start a site on a free port of 127.0.0.1."""

    exchanges: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Not a coroutine: asyncio would log every connection that the end of the demo cuts.
        task = asyncio.ensure_future(serve(name, reader, writer))
        exchanges.add(task)
        task.add_done_callback(exchanges.discard)

    return await asyncio.start_server(connected, "127.0.0.1", 0, limit=HEAD_BYTES)


def address_of(server: asyncio.Server) -> str:
    """Return `host:port` of a listening server."""
    host, port = server.sockets[0].getsockname()[:2]
    return f"{host}:{port}"
