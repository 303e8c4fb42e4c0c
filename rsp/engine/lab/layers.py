"""Layers: classes that are put over the class of a connection, in place, and taken off again.

A connection without any pays nothing for there being some. Each combination is made once.
"""

from functools import cache

from rsp.engine.connection import Connection


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
