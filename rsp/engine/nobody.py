"""The owner of connections whose session is over: it hears what still comes, and does nothing.

With it nothing of a closed session refers back to the session, so that its memory is given back
at once and not when the garbage collector comes.
"""

from rsp.engine.connection import Connection


class Nobody:
    """Does nothing about anything."""

    def on_bytes(self, connection: Connection, view: memoryview) -> None:
        """Nobody reads them."""

    def on_bulk(self, connection: Connection) -> int:
        """Nobody sends."""
        return 0

    def on_eof(self, connection: Connection) -> None:
        """Nobody waits for more."""

    def on_gone(self, connection: Connection, reason: str) -> None:
        """It was closed before."""

    def on_room(self, connection: Connection) -> None:
        """Nobody sends."""

    def on_sent(self, connection: Connection) -> None:
        """Nobody sent."""

    def on_connected(self, connection: Connection) -> None:
        """Nobody wanted it any more."""

    def on_connect_failed(self, connection: Connection, reason: str) -> None:
        """Nobody wanted it any more."""

    def on_bug(self, error: Exception) -> None:
        """There is nothing left to give up."""


NOBODY = Nobody()
