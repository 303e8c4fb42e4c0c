"""Which listening sockets were handed over, and by whom."""

import os
import socket
from collections.abc import Iterator

import pytest

from rsp.core.config import ListenerConfig
from rsp.engine.listening import Inherited, open_listener
from rsp.engine.nonblocking import CannotListen

US = str(os.getpid())


@pytest.fixture
def held() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def up_to(sock: socket.socket) -> str:
    """Return how many fds there are from 3 up to `sock`."""
    return str(sock.fileno() - 2)


def address_of(sock: socket.socket) -> str:
    return f"127.0.0.1:{sock.getsockname()[1]}"


def test_a_socket_of_listen_fds_is_found_by_its_address(held: socket.socket) -> None:
    given = Inherited({"LISTEN_FDS": up_to(held), "LISTEN_PID": US})
    found = given.find(address_of(held))
    assert found is not None
    with found:
        assert found.fileno() != held.fileno()
        assert found.getsockname() == held.getsockname()
        assert not found.getblocking()
    assert given.find("127.0.0.1:0") is None


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"LISTEN_FDS": "99"},
        {"LISTEN_FDS": "99", "LISTEN_PID": "1"},
        {"LISTEN_FDS": "many", "LISTEN_PID": US},
        {"LISTEN_FDS": "-1", "LISTEN_PID": US},
        {"LISTEN_FDS": "0", "LISTEN_PID": US},
    ],
    ids=["nothing", "no process", "another process", "no number", "less than none", "none"],
)
def test_what_was_not_meant_for_this_process_is_not_taken(
    held: socket.socket, environment: dict[str, str]
) -> None:
    given = Inherited(environment)
    assert given.find(address_of(held)) is None
    assert given.unused() == []


def test_a_socket_by_its_number_must_have_been_there_from_the_start(held: socket.socket) -> None:
    given = Inherited({})
    with socket.create_server(("127.0.0.1", 0)) as later, socket.socket() as no_listener:
        for fd in (later.fileno(), no_listener.fileno(), 1_000_000):
            with pytest.raises(CannotListen, match=f"cannot listen on fd {fd}: "):
                open_listener(ListenerConfig(f"fd {fd}", fd=fd), given)
    opened = open_listener(ListenerConfig("fd", fd=held.fileno()), given)
    with opened.sock:
        assert opened.address == address_of(held)
        assert opened.file is None
