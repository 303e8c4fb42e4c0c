"""What a session asks of whoever knows what its bytes mean."""

from typing import Protocol

from rsp.core.http1.errors import BadMessage
from rsp.core.patience import Patience
from rsp.core.routing import RouteDecision
from rsp.core.vocabulary import Direction


class Speaker(Protocol):
    """Says what the bytes of a session mean."""

    def on_start(self) -> None:
        """The client is connected."""

    def on_request_bytes(self, view: memoryview) -> None:
        """The client sent bytes while no message of its was being passed on."""

    def on_response_bytes(self, view: memoryview) -> None:
        """The backend sent bytes while no message of its was being passed on."""

    def on_body_end(self, direction: Direction, rest: memoryview) -> None:
        """The message has been passed on; `rest` came behind it."""

    def on_bad_body(self, direction: Direction, error: BadMessage) -> None:
        """The framing of the message that is being passed on is broken."""

    def on_connected(self) -> None:
        """The backend accepted."""

    def on_connect_failed(self, reason: str) -> None:
        """The backend did not accept; its connection is closed."""

    def on_client_eof(self) -> None:
        """The client will send no more."""

    def on_backend_eof(self) -> None:
        """The backend will send no more."""

    def on_backend_gone(self, reason: str) -> None:
        """The backend was reset."""

    def on_client_room(self) -> None:
        """The client can take more again."""

    def on_too_late(self, late: Patience) -> None:
        """What the session is waiting for did not come in time."""

    def on_end(self) -> RouteDecision | None:
        """The session is over; return where it went, if all of it went there."""

    def response_begun(self) -> bool:
        """Tell whether the client has got anything of the present response."""

    @property
    def held_bytes(self) -> int:
        """Bytes that came and have not been passed on."""


class Mute:
    """A base for speakers that say little: what is left out of one never happens to it."""

    __slots__ = ()

    def _never(self, what: str) -> AssertionError:
        return AssertionError(f"{type(self).__name__}: {what}")

    def on_request_bytes(self, view: memoryview) -> None:
        """Nobody reads the client."""
        raise self._never(f"{len(view)} bytes of the client")

    def on_response_bytes(self, view: memoryview) -> None:
        """Nobody reads a backend."""
        raise self._never(f"{len(view)} bytes of a backend")

    def on_body_end(self, direction: Direction, rest: memoryview) -> None:
        """No message has an end."""
        raise self._never(f"a {direction.value} came to an end, with {len(rest)} bytes behind it")

    def on_bad_body(self, direction: Direction, error: BadMessage) -> None:
        """No message has a framing."""
        raise self._never(f"the framing of a {direction.value}: {error}")

    def on_connected(self) -> None:
        """There is no backend."""
        raise self._never("a backend accepted")

    def on_connect_failed(self, reason: str) -> None:
        """There is no backend."""
        raise self._never(f"a backend did not accept: {reason}")

    def on_backend_eof(self) -> None:
        """There is no backend."""
        raise self._never("a backend ended")

    def on_backend_gone(self, reason: str) -> None:
        """There is no backend."""
        raise self._never(f"a backend is gone: {reason}")
