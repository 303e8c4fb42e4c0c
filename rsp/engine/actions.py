"""What the session table orders, carried out on the two connections of a session."""

from collections.abc import Callable
from typing import Protocol

from rsp.core.buffer import AfterUnsent
from rsp.core.lifecycle import Action
from rsp.engine.connection import Connection


class Paired(Protocol):
    """The two connections of a session."""

    client: Connection
    backend: Connection | None

    def leave_queue(self) -> None:
        """Give up its place in a queue."""


def _finish_client(after: AfterUnsent) -> Callable[[Paired], None]:
    """Return the action that puts a close marker behind what is unsent to the client."""
    return lambda session: session.client.finish(after)


def _finish_backend(after: AfterUnsent) -> Callable[[Paired], None]:
    """Return the action that does the same on the backend's side, when there is one."""

    def act(session: Paired) -> None:
        if session.backend is not None:
            session.backend.finish(after)

    return act


def _close_backend(session: Paired) -> None:
    if session.backend is not None and not session.backend.is_closed:
        session.backend.close()


def _reset_backend(session: Paired) -> None:
    if session.backend is not None:
        session.backend.close(reset=True)


ACTIONS: dict[Action, Callable[[Paired], None]] = {
    Action.SHUT_CLIENT: _finish_client(AfterUnsent.SHUT_WRITE),
    Action.LINGER_CLIENT: _finish_client(AfterUnsent.SHUT_WRITE),
    Action.CUT_CLIENT: _finish_client(AfterUnsent.RESET),
    Action.END_CLIENT: _finish_client(AfterUnsent.CLOSE),
    Action.CLOSE_CLIENT: lambda session: session.client.close(),
    Action.RESET_CLIENT: lambda session: session.client.close(reset=True),
    Action.SHUT_BACKEND: _finish_backend(AfterUnsent.SHUT_WRITE),
    Action.CUT_BACKEND: _finish_backend(AfterUnsent.RESET),
    Action.END_BACKEND: _finish_backend(AfterUnsent.CLOSE),
    Action.CLOSE_BACKEND: _close_backend,
    Action.RESET_BACKEND: _reset_backend,
    Action.LEAVE_QUEUE: lambda session: session.leave_queue(),
}
