"""Backends that go down and come back, fail checks, or fail requests: who gets work, and who says
why not."""

from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import OpenBackend, StartEngine
from tests.behaviour.running import Engine
from tests.behaviour.waiting import wait_until
from tests.behaviour.wire import Message, response

QUICK = "interval = 0.1, timeout = 5, rise = 2, fall = 2"
CHECKED = f"health = {{ {QUICK} }},"
NAMED = "X-Backend"


def named(name: str, status: str = "200 OK") -> "Named":
    return Named(name, status)


class Named:
    """Answers with its name; what it says to checks and to others may be changed."""

    def __init__(self, name: str, status: str) -> None:
        self.name = name
        self.status = status
        self.to_checks = "200 OK"
        self.checks: list[Message] = []

    def __call__(self, request: Message) -> bytes:
        if request.get("User-Agent") == "rsp-health":
            self.checks.append(request)
            return response(self.to_checks, b"checked")
        return response(self.status, self.name.encode())


def wait_for_health(engine: Engine, name: str, health: str) -> dict[str, object]:
    """Return the row of a backend once its health is `health`."""
    return wait_until(lambda: row if (row := engine.backend(name))["health"] == health else {})


def answers(engine: Engine, count: int) -> list[str]:
    """Return who answered each of so many requests."""
    return [engine.get().body.decode() for _ in range(count)]


def test_a_backend_goes_down_and_comes_back_without_a_client_noticing(
    engine: StartEngine, backend: OpenBackend
) -> None:
    web1, web2 = backend(answer=named("web1")), backend(answer=named("web2"))
    running = engine(LISTEN + pool(web1, web2, settings=CHECKED))
    wait_for_health(running, "web1", "up")
    wait_for_health(running, "web2", "up")
    assert sorted(answers(running, 4)) == ["web1", "web1", "web2", "web2"]
    web2.refuse()
    row = wait_for_health(running, "web2", "down")
    assert row["health_reason"] == "refused (ECONNREFUSED)"
    running.wait_for_event("backend web/web2 is down: refused (ECONNREFUSED); it was up for")
    assert answers(running, 4) == ["web1"] * 4
    assert running.backend("web2")["connect_failures"] == 0
    web2.listen_again()
    row = wait_for_health(running, "web2", "up")
    assert row["flaps"] == 2
    assert sorted(answers(running, 4)) == ["web1", "web1", "web2", "web2"]
