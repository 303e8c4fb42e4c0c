"""Storms: clients that crowd before a full listener, and many sessions that end in the same way."""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from rsp.core.lab_limits import STORM_LEAST
from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import OpenBackend, StartEngine
from tests.behaviour.running import Engine, Row
from tests.behaviour.scripted import hold
from tests.behaviour.waiting import wait_until
from tests.behaviour.wire import request

BACKLOG = 2


@pytest.fixture
def held() -> Iterator[socket.socket]:
    """A listening socket whose kernel keeps few waiting, for an engine to adopt."""
    with socket.create_server(("127.0.0.1", 0), backlog=BACKLOG) as sock:
        yield sock


def listener(proxy: Engine) -> Row:
    return dict(proxy.ask("status")["listeners"][0])


def queue(proxy: Engine) -> tuple[int, int]:
    row = listener(proxy)
    return row["accept_queue"], row["accept_dropped"]


def test_a_full_accept_queue_is_told_from_a_slow_backend(
    engine: StartEngine, backend: OpenBackend, held: socket.socket, closing: ExitStack
) -> None:
    listen = f"listen {{ fd = {held.fileno()}, max_connections = 1 }}\n"
    proxy = engine(listen + pool(backend()), hand_over=held.fileno())
    inside = proxy.connect()
    assert inside.get().status == 200
    assert (listener(proxy)["accept_backlog"], *queue(proxy)) == (BACKLOG, 0, 0)
    # One more than the backlog can wait; whoever comes then is not answered at all.
    waiting = [proxy.connect() for _ in range(BACKLOG + 1)]
    wait_until(lambda: queue(proxy) == (BACKLOG + 1, 0))
    dropped = closing.enter_context(socket.socket())
    dropped.setblocking(False)
    dropped.connect_ex(held.getsockname())
    wait_until(lambda: queue(proxy)[1] >= 1)
    assert listener(proxy)["paused_by"] == ["full"]
    # When somebody leaves, the others are let in, one after the other.
    for client in [inside, *waiting]:
        assert client.get().status == 200
        client.close()
    wait_until(lambda: not queue(proxy)[0])


def test_clients_that_all_break_off_are_a_storm(engine: StartEngine, backend: OpenBackend) -> None:
    released = threading.Event()
    site = backend(hold(released))
    proxy = engine(LISTEN + pool(site))
    clients = [proxy.connect() for _ in range(STORM_LEAST)]
    for client in clients:
        client.send(request())
    site.wait_for_connections(STORM_LEAST)
    assert proxy.ask("status")["storms"] == []
    for client in clients:
        client.reset()
    wait_until(lambda: not proxy.ask("status")["sessions"])
    released.set()
    (storm,) = proxy.ask("status")["storms"]
    assert (storm["code"], storm["reason"]) == ("CH", "client_gone")
    assert (storm["count"], storm["of"]) == (STORM_LEAST, STORM_LEAST)
    assert "unread" not in storm["sentence"]


def test_resets_of_ours_with_unread_input_are_counted(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(LISTEN + pool(backend()))
    clients = [proxy.connect() for _ in range(STORM_LEAST)]
    sessions = [proxy.row(client)["id"] for client in clients]
    for session in sessions:
        proxy.ask("pause", id=session)
    for client in clients:
        client.send(b"x")
    wait_until(lambda: all(unread(proxy, session) for session in sessions))
    for session in sessions:
        proxy.ask("close", id=session, reset=True)
    (storm,) = wait_until(lambda: proxy.ask("status")["storms"])
    assert (storm["code"], storm["reason"]) == ("KR", "operator")
    assert storm["sentence"].endswith(f"; {STORM_LEAST} were reset by us with unread input")
    assert all(client.is_reset() for client in clients)


def unread(proxy: Engine, session: int) -> int:
    return int(proxy.ask("connection", id=session)["client"]["kernel_receive_queue_bytes"])


def test_many_ordinary_ends_are_none(engine: StartEngine, backend: OpenBackend) -> None:
    proxy = engine(LISTEN + pool(backend()))
    for _ in range(2 * STORM_LEAST):
        assert proxy.get().status == 200
    wait_until(lambda: not proxy.ask("status")["sessions"])
    status = proxy.ask("status")
    assert status["storms"] == []
    assert all(row["code"] == "--" for row in proxy.ask("autopsies")["autopsies"])
    assert queue(proxy) == (0, 0)


def test_of_a_unix_socket_the_queue_is_unknown(
    engine: StartEngine, backend: OpenBackend, directory: object
) -> None:
    proxy = engine(f'listen {{ address = "unix:{directory}/door" }}\n' + pool(backend()))
    row = listener(proxy)
    assert (row["accept_queue"], row["accept_backlog"], row["accept_dropped"]) == (None,) * 3
