"""What a full accept queue has cost, and what only looks like it."""

import socket
import struct
from typing import cast

from rsp.engine.accept_queues import AcceptQueues
from rsp.engine.kernel import crowd, listen_overflows
from rsp.engine.listener import Listener

RST_ON_CLOSE = struct.pack("ii", 1, 0)


class Door:
    """A listener, as far as its queue is looked at."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.kept_out: int | None = None


def listener_at(sock: socket.socket) -> Listener:
    return cast(Listener, Door(sock))


def break_off(port: int) -> None:
    """Reset a handshake of our own, as health checks do: the RST comes instead of the ACK."""
    probe = socket.socket()
    probe.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST_ON_CLOSE)
    probe.setblocking(False)
    probe.connect_ex(("127.0.0.1", port))
    probe.close()


def test_a_client_that_resets_its_own_handshake_was_not_kept_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        listener, queues = listener_at(sock), AcceptQueues()
        assert not list(queues.look([listener]))
        for _ in range(5):
            break_off(sock.getsockname()[1])
        _, _, dropped = crowd(sock)
        assert dropped, "the kernel counts these at the socket"
        assert not list(queues.look([listener]))
        assert listener.kept_out == 0


def test_a_unix_socket_tells_nothing() -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        listener = listener_at(sock)
        assert not list(AcceptQueues().look([listener]))
        assert listener.kept_out is None


def test_the_kernel_says_how_often_queues_ran_over() -> None:
    before = listen_overflows()
    assert before is not None
    with socket.create_server(("127.0.0.1", 0), backlog=1) as full:
        clients = [socket.socket() for _ in range(8)]
        for client in clients:
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        after = listen_overflows()
        for client in clients:
            client.close()
    assert after is not None
    assert after > before
