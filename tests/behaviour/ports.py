"""Ports for those who must be told one, and ports where nobody listens."""

import contextlib
import itertools
import os
import socket

_PORTS = itertools.count(10_000 + os.getpid() % 200 * 100)
"""Below those that the kernel gives to clients (ip(7), ip_local_port_range): no connection of a
test can sit on a port that a server is about to listen on. Two runs at once begin apart."""

_UNUSED: list[socket.socket] = []
"""They are bound until the tests end, so that nobody else is given one of these ports."""


def free_port() -> int:
    """Return a port of 127.0.0.1 on which a server may be told to listen."""
    while True:
        port = next(_PORTS)
        with socket.socket() as sock, contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(("127.0.0.1", port))
            return port


def unused_address() -> str:
    """Return an address of this machine where nothing listens, now and later."""
    sock = socket.socket()
    _UNUSED.append(sock)
    sock.bind(("127.0.0.1", 0))
    return f"127.0.0.1:{sock.getsockname()[1]}"


def accepts(port: int) -> bool:
    """Tell whether somebody listens on a port of 127.0.0.1."""
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0
