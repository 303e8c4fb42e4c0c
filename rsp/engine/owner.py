"""What a connection tells whoever it works for."""

from typing import Protocol, TypeVar

Connection = TypeVar("Connection", contravariant=True)


class Owner(Protocol[Connection]):
    """Whoever a connection works for: a session, or the set of idle connections."""

    def on_bytes(self, connection: Connection, view: memoryview) -> None:
        """Bytes came. The view is only good until this returns."""

    def on_bulk(self, connection: Connection) -> int:
        """Full reads keep coming: let the kernel move a piece (`bulk.py`); return its bytes."""

    def on_eof(self, connection: Connection) -> None:
        """The peer will send no more."""

    def on_gone(self, connection: Connection, reason: str) -> None:
        """The peer reset the connection; `reason` is the errno's name."""

    def on_room(self, connection: Connection) -> None:
        """A connection that was marked full is at or below its low-water mark again."""

    def on_sent(self, connection: Connection) -> None:
        """Nothing is unsent any more, and the close marker, if any, has been obeyed."""

    def on_connected(self, connection: Connection) -> None:
        """A connect has succeeded."""

    def on_connect_failed(self, connection: Connection, reason: str) -> None:
        """A connect has failed; the connection is closed."""

    def on_bug(self, error: Exception) -> None:
        """Our own code failed."""
