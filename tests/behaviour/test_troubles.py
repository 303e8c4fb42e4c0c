"""What stands at the top of the screen while a backend fails: who it is, and nobody else."""

import contextlib
import threading
from typing import Any

from rsp.core.lab_limits import STORM_LEAST
from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import OpenBackend, StartEngine
from tests.behaviour.ports import unused_address
from tests.behaviour.running import Engine
from tests.behaviour.scripted import FullPort, hold
from tests.behaviour.waiting import wait_until
from tests.behaviour.wire import Truncated, Wire, head, request, response


def troubles(proxy: Engine, kind: str, count: int = 1) -> list[dict[str, Any]]:
    """Return the troubles of a kind, once there are some that count for so many."""

    def found() -> list[dict[str, Any]]:
        rows = [row for row in proxy.ask("status")["troubles"] if row["kind"] == kind]
        return [row for row in rows if row["count"] >= count]

    return wait_until(found)


def test_traffic_without_a_fault_is_no_trouble(proxy: Engine) -> None:
    assert [proxy.get().status for _ in range(20)] == [200] * 20
    assert proxy.ask("status")["troubles"] == []


def test_one_of_two_that_refuses(engine: StartEngine, backend: OpenBackend) -> None:
    proxy = engine(LISTEN + pool(backend(), unused_address()))
    assert [proxy.get().status for _ in range(10)] == [200] * 10
    (row,) = troubles(proxy, "failing", 5)
    assert (row["backend"], row["count"]) == ("web/web2", 5)
    said = "web/web2 failed 5 times in the last 60 s: connecting: refused (ECONNREFUSED)"
    assert row["sentence"] == said
    # The cure is at work once the address is another one.
    proxy.ctl("backend", "set", "web/web2", "--address", backend().address)
    wait_until(lambda: not proxy.ask("status")["troubles"])


def test_one_of_two_that_answers_errors(engine: StartEngine, backend: OpenBackend) -> None:
    broken = backend(answer=lambda _: response("500 Internal Server Error", b"sorry"))
    proxy = engine(LISTEN + pool(backend(), broken))
    for _ in range(10):
        proxy.get()
    (row,) = troubles(proxy, "errors", 5)
    said = "web/web2 answers 500: 5 of its last 5; the others of its pool 0 of 5"
    assert (row["backend"], row["sentence"]) == ("web/web2", said)


def test_answers_that_break_off_count(engine: StartEngine, backend: OpenBackend) -> None:
    def cut(wire: Wire) -> None:
        wire.read_head()
        wire.send(head("HTTP/1.1 200 OK", "Content-Length: 1000"), b"x" * 10)

    proxy = engine(LISTEN + pool(backend(cut)))
    with contextlib.suppress(Truncated):
        proxy.get()
    (row,) = troubles(proxy, "failing")
    assert row["count"] == 1
    assert "10 of 1,000" in row["sentence"]
    assert proxy.backend("web1")["failures"] == 1


def test_requests_that_wait_are_counted(engine: StartEngine, backend: OpenBackend) -> None:
    released = threading.Event()
    site = backend(hold(released))
    proxy = engine(LISTEN + pool(site))
    clients = [proxy.connect() for _ in range(3)]
    for client in clients:
        client.send(request())
    (row,) = troubles(proxy, "unanswered", len(clients))
    released.set()
    assert row["sentence"].startswith("3 requests wait for web/web1 to begin its answer, the ")


def test_a_backend_that_does_not_accept(engine: StartEngine) -> None:
    full = FullPort()
    try:
        proxy = engine("limits { connect_s = 60 }\n" + LISTEN + pool(full.address))
        client = proxy.connect()
        client.send(request())
        (row,) = troubles(proxy, "unaccepted")
        assert row["sentence"].startswith("1 request waits to be connected to web/web1, the ")
    finally:
        full.close()


def test_a_storm_names_the_backend(engine: StartEngine, backend: OpenBackend) -> None:
    def rude(wire: Wire) -> None:
        wire.read_head()
        wire.reset()

    proxy = engine(LISTEN + pool(backend(), backend(rude)))
    for _ in range(2 * STORM_LEAST):
        proxy.get()
    (storm,) = wait_until(lambda: proxy.ask("status")["storms"])
    assert storm["reason"] == "backend_gone"
    assert storm["sentence"].endswith(", all at web/web2")
