"""Backends that say who they are, and what becomes of their health."""

from tests.behaviour.running import Engine, Row
from tests.behaviour.waiting import wait_until
from tests.behaviour.wire import Message, response


class Named:
    """Answers with a name; checks of its health get a status of their own."""

    def __init__(self, name: str, status: str = "200 OK", *, to_checks: str = "200 OK") -> None:
        self.name = name
        self.status = status
        self.to_checks = to_checks
        self.checks: list[Message] = []

    def __call__(self, request: Message) -> bytes:
        if request.get("User-Agent") == "rsp-health":
            self.checks.append(request)
            return response(self.to_checks)
        return response(self.status, self.name.encode())


def wait_for_health(engine: Engine, name: str, health: str) -> Row:
    """Return the row of a backend of the pool `web` once its health is `health`."""
    return wait_until(lambda: row if (row := engine.backend(name))["health"] == health else {})


def answers(engine: Engine, count: int) -> list[str]:
    """Return who answered each of so many requests."""
    return [engine.get().body.decode() for _ in range(count)]
