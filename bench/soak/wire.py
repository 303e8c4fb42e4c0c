"""Responses read piece by piece from many sockets of one process."""

import hashlib
import socket
from dataclasses import dataclass, field

CONNECT_S = 10.0
READ_BYTES = 65_536


@dataclass
class Download:
    """One response as far as it has come."""

    sock: socket.socket
    head: bytes = b""
    status: int = 0
    length: int = -1
    """Of the body; -1 as long as the head is not complete."""
    body_bytes: int = 0
    is_over: bool = False
    """Whether the peer ended."""
    content: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    @property
    def is_whole(self) -> bool:
        """Whether all of it has come."""
        return self.length >= 0 and self.body_bytes >= self.length

    def read(self, most_bytes: int = READ_BYTES) -> int:
        """Read once, and return how many bytes came; the socket does not block."""
        try:
            piece = self.sock.recv(most_bytes)
        except BlockingIOError:
            return 0
        except OSError:
            piece = b""
        self.is_over = not piece
        if self.length < 0:
            self._read_head(piece)
        else:
            self._keep(piece)
        return len(piece)

    def _read_head(self, piece: bytes) -> None:
        self.head += piece
        head, blank, rest = self.head.partition(b"\r\n\r\n")
        if not blank:
            return
        self.status = int(head.split(b" ", 2)[1])
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                self.length = int(value)
        self._keep(rest)

    def _keep(self, piece: bytes) -> None:
        self.body_bytes += len(piece)
        self.content.update(piece)


def connect(port: int, receive_bytes: int = 0) -> socket.socket:
    """Return a connection to a port of 127.0.0.1; `receive_bytes` is its own buffer."""
    sock = socket.socket()
    sock.settimeout(CONNECT_S)
    if receive_bytes:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    try:
        sock.connect(("127.0.0.1", port))
    except OSError:
        sock.close()
        raise
    return sock


def request(path: str, *, method: str = "GET", body: bytes = b"", close: bool = False) -> bytes:
    """Return a whole request."""
    fields = [f"{method} {path} HTTP/1.1", "Host: soak.example"]
    if body:
        fields.append(f"Content-Length: {len(body)}")
    if close:
        fields.append("Connection: close")
    return "\r\n".join([*fields, "", ""]).encode() + body
