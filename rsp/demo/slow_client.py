"""The slow client of the first story: reads a page slowly and says exactly what arrived of it."""

import asyncio
import socket
from dataclasses import dataclass

from rsp.demo.numbers import (
    BOOK_BYTES,
    HEAD_BYTES,
    STORY_BURST_BYTES,
    STORY_PAUSE_S,
    STORY_READ_BYTES,
    STORY_RECEIVE_BUFFER_BYTES,
)
from rsp.demo.pages import PageCheck, numbered_page
from rsp.demo.plain_http import head_bytes, read_body, read_head

BOOK_HOST = "book.example"
"""Whom it asks for its page: what its session is known by."""


@dataclass(frozen=True, slots=True)
class Download:
    """What one slow download of the page brought."""

    wanted_bytes: int
    missing_bytes: int
    first_bad_offset: int | None
    sha256: str
    is_whole: bool

    def sentence(self) -> str:
        """Say the outcome in one line."""
        if self.is_whole:
            return f"client: all {self.wanted_bytes:,} bytes, sha256 {self.sha256[:12]} ✓"
        at = "at the end" if self.first_bad_offset is None else f"byte {self.first_bad_offset:,}"
        return (
            f"client: {self.missing_bytes:,} of {self.wanted_bytes:,} bytes missing, "
            f"first bad offset {at}, sha256 {self.sha256[:12]} ✗"
        )


async def open_slow(
    address: str, receive_buffer_bytes: int
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect with a small receive buffer.

    It is set before connecting: afterwards the window is already agreed on (tcp(7)).
    """
    host, _, port = address.rpartition(":")
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
    sock.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(sock, (host, int(port)))
    except OSError:
        sock.close()
        raise
    return await asyncio.open_connection(sock=sock, limit=HEAD_BYTES)


async def download_book(address: str, pause_s: float = STORY_PAUSE_S) -> Download:
    """Read the story's page slowly from `address`, resting `pause_s` after each burst, and compare
    every byte.

    Raises:
        OSError: nobody listens at `address`.
    """
    reader, writer = await open_slow(address, STORY_RECEIVE_BUFFER_BYTES)
    check = PageCheck(numbered_page(BOOK_BYTES))
    try:
        writer.write(head_bytes("GET /book HTTP/1.1", host=BOOK_HOST, connection="close"))
        head = await read_head(reader)
        if head is not None and head.status == 200:
            read_bytes = 0
            async for piece in read_body(reader, head, STORY_READ_BYTES):
                check.feed(piece)
                read_bytes += len(piece)
                if read_bytes >= STORY_BURST_BYTES:
                    read_bytes = 0
                    await asyncio.sleep(pause_s)
    finally:
        writer.close()
    return Download(
        wanted_bytes=BOOK_BYTES,
        missing_bytes=check.missing_bytes,
        first_bad_offset=check.first_bad_offset,
        sha256=check.received_hash,
        is_whole=check.is_whole,
    )
