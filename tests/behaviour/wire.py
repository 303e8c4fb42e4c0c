"""One end of a TCP connection that speaks HTTP/1.1 byte by byte: a client's, or a backend's.

It shares no code with the engine, and hides nothing: what was received stays as it came.
"""

import contextlib
import hashlib
import socket
import struct
import sys
from array import array
from dataclasses import dataclass, field
from functools import lru_cache

from tests.behaviour.waiting import PATIENCE_S

_READ_BYTES = 1 << 16
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Truncated(Exception):
    """The peer ended in the middle of a message."""


@dataclass
class Message:
    """A request or a response: its head as it came, and its body without framing."""

    raw_head: bytes
    body: bytes = b""
    interim: list["Message"] = field(default_factory=list)
    """The 1xx responses before it."""

    @property
    def start_line(self) -> str:
        return self.lines[0]

    @property
    def lines(self) -> list[str]:
        return self.raw_head.decode("latin-1").split("\r\n")[:-2]

    @property
    def status(self) -> int:
        return int(self.start_line.split()[1])

    @property
    def method(self) -> str:
        return self.start_line.split()[0]

    @property
    def path(self) -> str:
        return self.start_line.split()[1]

    @property
    def fields(self) -> list[tuple[str, str]]:
        pairs = [line.partition(":") for line in self.lines[1:]]
        return [(name, value.strip()) for name, _, value in pairs]

    def all(self, name: str) -> list[str]:
        """Return every value of a field, in order."""
        return [value for found, value in self.fields if found.lower() == name.lower()]

    def get(self, name: str) -> str | None:
        """Return the only value of a field; None when it is not there."""
        values = self.all(name)
        assert len(values) < 2, f"{name} stands there {len(values)} times: {self.lines}"
        return values[0] if values else None


class Wire:
    """A blocking socket with a buffer for what was read too far."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.sock.settimeout(PATIENCE_S)
        self.port = 0
        """Our own port: how a log or a table names this client; a unix socket has none."""
        if sock.family != socket.AF_UNIX:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.port = sock.getsockname()[1]
        self.received = bytearray()
        """Everything that came, byte for byte."""
        self.requests_read = 0
        self._at = 0

    # -- writing

    def send(self, *pieces: bytes) -> None:
        """Send all of it."""
        self.sock.sendall(b"".join(pieces))

    def send_what_is_taken(self, data: bytes) -> None:
        """Send `data`; a peer that has heard enough may cut that short."""
        with contextlib.suppress(ConnectionError):
            self.sock.sendall(data)

    def finish(self) -> None:
        """Send FIN, and go on reading."""
        self.sock.shutdown(socket.SHUT_WR)

    @property
    def is_closed(self) -> bool:
        """Whether we have closed it."""
        return self.sock.fileno() < 0

    def close(self) -> None:
        """Close both ways."""
        self.sock.close()

    def reset(self) -> None:
        """Close with RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.sock.close()

    # -- reading

    def _more(self) -> bool:
        """Read once; False at the end."""
        piece = self.sock.recv(_READ_BYTES)
        self.received += piece
        return bool(piece)

    def read(self, count: int) -> bytes:
        """Return exactly `count` bytes."""
        while len(self.received) - self._at < count:
            if not self._more():
                raise Truncated(f"{len(self.received) - self._at} of {count} bytes came")
        return self._take(count)

    def _take(self, count: int) -> bytes:
        found = bytes(self.received[self._at : self._at + count])
        self._at += len(found)
        return found

    def read_to(self, mark: bytes) -> bytes:
        """Return everything up to and with `mark`."""
        while (found := self.received.find(mark, self._at)) < 0:
            if not self._more():
                raise Truncated(f"ended after {self.rest_so_far()!r}")
        return self._take(found + len(mark) - self._at)

    def rest_so_far(self) -> bytes:
        """Return what was received and not read yet."""
        return bytes(self.received[self._at :])

    def read_to_end(self) -> bytes:
        """Return everything up to the peer's FIN."""
        while self._more():
            pass
        return self._take(len(self.received))

    def is_reset(self) -> bool:
        """Read to the end, and tell whether that end is a RST."""
        try:
            self.read_to_end()
        except ConnectionResetError:
            return True
        return False

    def read_head(self) -> Message:
        """Return the next head, without its body."""
        return Message(self.read_to(b"\r\n\r\n"))

    def read_request(self) -> Message:
        """Return the next request, whole."""
        message = self.read_head()
        message.body = self.read_body(message)
        self.requests_read += 1
        return message

    def read_response(self, method: str = "GET") -> Message:
        """Return the next final response, whole, with the interim ones before it.

        Raises:
            Truncated: the connection ended inside it.
        """
        interim: list[Message] = []
        while (message := self.read_head()).status < 200:
            interim.append(message)
            if message.status == 101:
                return message
        message.interim = interim
        if method != "HEAD" and message.status not in (204, 304):
            message.body = self.read_body(message, to_end=True)
        return message

    def read_body(self, message: Message, *, to_end: bool = False) -> bytes:
        """Return the body of `message`; without framing it goes `to_end`, or there is none."""
        if message.get("Transfer-Encoding") == "chunked":
            return self._read_chunks()
        length = message.get("Content-Length")
        if length is not None:
            return self.read(int(length))
        return self.read_to_end() if to_end else b""

    def _read_chunks(self) -> bytes:
        pieces = []
        while size := int(self.read_to(b"\r\n"), 16):
            pieces.append(self.read(size))
            assert self.read(2) == b"\r\n"
        assert self.read_to(b"\r\n") == b"\r\n"
        return b"".join(pieces)

    # -- both

    def ask(self, *pieces: bytes, method: str = "GET") -> Message:
        """Send a request and return the response to it."""
        self.send(*pieces)
        return self.read_response(method)

    def get(self, path: str = "/", *fields: str, host: str = "www.example") -> Message:
        """Ask for `path` and return the response."""
        return self.ask(request("GET", path, *fields, host=host))


def request(
    method: str = "GET",
    path: str = "/",
    *fields: str,
    body: bytes | None = None,
    host: str = "www.example",
    version: str = "1.1",
) -> bytes:
    """Return a request; `body`, when there is one, comes with its length."""
    lines = [f"{method} {path} HTTP/{version}", f"Host: {host}", *fields]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return head(*lines) + (body or b"")


def head(*lines: str) -> bytes:
    """Return the lines as the head of a message."""
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def response(status: str, body: bytes = b"", *fields: str) -> bytes:
    """Return a response with its length."""
    return head(f"HTTP/1.1 {status}", *fields, f"Content-Length: {len(body)}") + body


def chunked(*pieces: bytes) -> bytes:
    """Return a whole chunked body."""
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def digest(content: bytes) -> str:
    """Return what two equal contents share: shorter to compare, and to print, than megabytes."""
    return hashlib.sha256(content).hexdigest()


_NUMBER_BYTES = 17
"""Sixteen hexadecimal digits and a dot."""


@lru_cache(maxsize=32)
def numbered(size: int, seed: int = 0) -> bytes:
    """Return `size` bytes of which no piece can be lost, doubled or moved without a trace."""
    numbers = array("Q", range(seed * 1_000_000, seed * 1_000_000 + size // _NUMBER_BYTES + 1))
    if sys.byteorder == "little":
        numbers.byteswap()
    # Made by the megabyte: a line for each number in a loop of ours would take a second.
    return numbers.tobytes().hex(".", numbers.itemsize).encode()[:size]
