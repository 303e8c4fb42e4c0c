"""Just enough HTTP/1.1 for the demo's own sites and clients to talk to each other. No proxy code:
the engine has its own, and is not to be tested against itself."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from rsp.demo.numbers import BLOCK_BYTES

CRLF = b"\r\n"


@dataclass(frozen=True, slots=True)
class Head:
    """The first line and the fields of a message."""

    first: tuple[str, str, str]
    """Method, target, version of a request; version, status, reason of a response."""
    fields: dict[str, str]
    """By lower-case name; of several the last."""

    @property
    def status(self) -> int:
        """The status of a response."""
        return int(self.first[1])

    @property
    def wants_close(self) -> bool:
        """Whether the sender closes after this message."""
        return "close" in self.fields.get("connection", "").lower()


async def read_head(reader: asyncio.StreamReader) -> Head | None:
    """Return the next head, or None when the peer closed between messages.

    Raises:
        asyncio.IncompleteReadError: the peer closed within the head.
        asyncio.LimitOverrunError: the head is too long.
    """
    try:
        raw = await reader.readuntil(CRLF + CRLF)
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return None
    first, *lines = raw[:-4].decode("latin-1").split("\r\n")
    one, two, three = [*first.split(" ", 2), "", ""][:3]
    fields = dict(line.partition(":")[::2] for line in lines)
    return Head((one, two, three), {name.lower(): value.strip() for name, value in fields.items()})


async def read_body(
    reader: asyncio.StreamReader, head: Head, at_once_bytes: int = BLOCK_BYTES
) -> AsyncIterator[bytes]:
    """Yield the body of the message that `head` began, in pieces as they arrive.

    A body without a length ends with the connection. One that is cut short just ends: whoever
    counts the bytes sees it. Source: RFC 9112, section 6.3.
    """
    if "chunked" in head.fields.get("transfer-encoding", ""):
        while size := int((await reader.readuntil(CRLF)).split(b";")[0], 16):
            yield await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readuntil(CRLF)
        return
    left = int(head.fields.get("content-length", "-1"))
    while left and (
        piece := await reader.read(at_once_bytes if left < 0 else min(left, at_once_bytes))
    ):
        left -= len(piece) if left > 0 else 0
        yield piece


async def drop_body(reader: asyncio.StreamReader, head: Head) -> int:
    """Read a body to its end and return its length in bytes. A request without one has none."""
    total = 0
    async for piece in read_body(reader, head):
        total += len(piece)
    return total


def has_body(request: Head) -> bool:
    """Whether a request has a body (RFC 9112, section 6.3: none unless it says so)."""
    return "content-length" in request.fields or "transfer-encoding" in request.fields


def head_bytes(first_line: str, **fields: object) -> bytes:
    """Return a head; `_` in a field name stands for `-`."""
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    return "\r\n".join([first_line, *lines, "", ""]).encode("latin-1")


def chunk(data: bytes) -> bytes:
    """Return `data` as one chunk (RFC 9112, section 7.1); no data gives the last chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)
