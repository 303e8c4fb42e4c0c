"""Layers: classes that are put over the class of a connection, in place, and taken off again.

A connection without any pays nothing for there being some. Each combination is made once.
"""

from functools import cache
from typing import ClassVar

from rsp.engine.connection import Connection
from rsp.engine.nonblocking import PeerGone, try_send


class Layer(Connection):
    """What every layer has: it looks at each byte, and offers bytes by one call at a time."""

    RANK: ClassVar[int]
    """The highest one is the outermost."""
    __slots__ = ()
    is_plain = False

    def _try(self, view: memoryview) -> int | None:
        """Offer bytes to the kernel, and count what it says; None: the peer is gone."""
        try:
            count = try_send(self.sock, view)
        except PeerGone as error:
            self.on_write_error(error)
            return None
        if self.calls is not None:
            self._record("send", len(view), count)
        if count > 0:
            self.bytes_out += count
            self.short_writes += count < len(view)
        return count

    def _not_taken_of(self, view: memoryview, count: int) -> None:
        """The kernel took nothing of `view`, which is the beginning of what is unsent."""
        self._not_taken(count)


def put_on(connection: Connection, layer: type[Connection]) -> None:
    """Let `connection` be what `layer` makes of it, besides what it is already."""
    if not isinstance(connection, layer):
        connection.__class__ = _class_of(_layers_of(connection) | {layer})


def take_off(connection: Connection, layer: type[Connection]) -> None:
    """Let `connection` be as it would be without `layer`."""
    if isinstance(connection, layer):
        connection.__class__ = _class_of(_layers_of(connection) - {layer})


def _layers_of(connection: Connection) -> frozenset[type[Connection]]:
    return frozenset(kind for kind in type(connection).__mro__ if "RANK" in vars(kind))


@cache
def _class_of(layers: frozenset[type[Connection]]) -> type[Connection]:
    """Return the class that has all `layers`, the one with the highest `RANK` outermost."""
    if not layers:
        return Connection
    ordered = sorted(layers, key=lambda layer: -vars(layer)["RANK"])
    if len(ordered) == 1:
        return ordered[0]
    name = "".join(layer.__name__.removesuffix("Connection") for layer in ordered) + "Connection"
    return type(name, tuple(ordered), {"__slots__": ()})
