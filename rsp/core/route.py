"""What `route` is asked, and what it answers: a question and an answer, and who gives it."""

from typing import Protocol

import msgspec


class Routable(Protocol):
    """What `route` may look at. A request head is one; so is a made-up `RouteRequest`."""

    method: str
    path: str
    query: str
    host: str
    raw_host: str
    client_ip: str
    listener: str
    origin_target: bytes
    """Path and query as a backend is asked with them."""
    block: bytes
    """All field lines: the same object as in the request before where the same were sent."""

    @property
    def fields(self) -> list[tuple[bytes, bytes]]:
        """All header fields, as received."""


class RouteRequest(msgspec.Struct):
    """A request that nobody sent, or a connection of a tcp client."""

    method: str
    path: str
    query: str
    host: str
    """Lower-cased, without port."""
    raw_host: str
    """As the client sent it."""
    fields: list[tuple[bytes, bytes]]
    client_ip: str
    listener: str
    origin_target: bytes = b""
    block: bytes = b""


class RouteAnswer(msgspec.Struct, gc=False):
    """What `route` said."""

    target: str
    """`pool` or `pool/backend`."""
    key: str | None = None
    """What a hash policy hashes; None: the host, or the client's address where there is none."""
    reason: str = ""
    """In the author's words; empty when they gave none."""
    secrets: tuple[str, ...] = ()
    """Secrets of the request that the key or the reason holds, to be hidden from who looks."""


class RouteFailed(Exception):
    """`route` gave no usable answer. The text is `file:line: message`, or what was wrong."""


class Router(Protocol):
    """Says where a request goes."""

    def route(self, request: Routable) -> RouteAnswer:
        """Return where `request` goes.

        Raises:
            RouteFailed: it cannot be said; this one request is answered with 502.
        """


class FixedRouter:
    """Sends everything to one pool: a listener that names its pool, or no `route` at all."""

    __slots__ = ("_answer",)

    def __init__(self, pool: str, reason: str = "first pool: no route function") -> None:
        self._answer = RouteAnswer(pool, None, reason)

    @property
    def pool(self) -> str:
        """The pool that gets everything."""
        return self._answer.target

    def route(self, request: Routable) -> RouteAnswer:
        """Return the same answer for every request."""
        return self._answer
