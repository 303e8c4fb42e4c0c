"""Talking through a proxy of toxiproxy's API: an upstream that echoes, and who asks it."""

import socket
import time

from tests.behaviour.waiting import PATIENCE_S
from tests.behaviour.wire import Wire


def echo(wire: Wire) -> None:
    while piece := wire.sock.recv(1 << 16):
        wire.send(piece)


def connect(listen: str) -> Wire:
    host, _, port = listen.rpartition(":")
    return Wire(socket.create_connection((host, int(port)), PATIENCE_S))


def passes(listen: str, said: bytes = b"hello") -> float:
    """Have something echoed; return how long it took."""
    wire = connect(listen)
    began_s = time.monotonic()
    wire.send(said)
    assert wire.read(len(said)) == said
    wire.close()
    return time.monotonic() - began_s
