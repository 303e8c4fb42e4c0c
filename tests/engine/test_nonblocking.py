"""What errno means: sentinels for ordinary life, an error with words for the rest."""

import contextlib
import errno
import resource
import select
import signal
import socket
from collections.abc import Iterator

import pytest

from rsp.core.addresses import address_text
from rsp.engine.nonblocking import (
    EOF,
    NO_MEMORY,
    TCP_NOTSENT_LOWAT,
    WOULD_BLOCK,
    CannotListen,
    ConnectFailed,
    OutOfFds,
    PeerGone,
    bind_listener,
    connect_error_text,
    errno_name,
    finish_connect,
    pending_error,
    prepare,
    reset_on_close,
    shut_write,
    start_connect,
    try_accept,
    try_recv_into,
    try_send,
)
from tests.conftest import Pairs, fill, wait_until
from tests.engine.fakes import FakeSocket

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Yield a listening socket on a port of its own."""
    with bind_listener("127.0.0.1", 0, 16) as sock:
        yield sock


# -- reading and writing


def test_reading_gives_bytes_then_would_block_then_the_end(tiny_socketpair: Pair) -> None:
    near, far = tiny_socketpair
    buffer = bytearray(10)
    assert try_recv_into(near, buffer) == WOULD_BLOCK
    far.send(b"hello")
    assert try_recv_into(near, buffer) == 5
    assert buffer[:5] == b"hello"
    far.shutdown(socket.SHUT_WR)
    assert try_recv_into(near, buffer) == EOF
    assert try_recv_into(near, buffer) == EOF


def test_writing_is_short_and_then_would_block(tiny_socketpair: Pair) -> None:
    near, _ = tiny_socketpair
    fill(near)
    assert try_send(near, b"hello") == WOULD_BLOCK


async def test_a_reset_is_an_error_that_names_itself(pairs: Pairs) -> None:
    near, far = pairs.tcp()
    reset_on_close(far)
    far.close()
    with pytest.raises(PeerGone, match="ECONNRESET"):
        await wait_until(lambda: try_recv_into(near, bytearray(1)) != WOULD_BLOCK)
    with pytest.raises(PeerGone, match="EPIPE"):
        try_send(near, b"hello")


async def test_a_pending_error_is_named_once(pairs: Pairs) -> None:
    near, far = pairs.tcp()
    assert pending_error(near) is None
    reset_on_close(far)
    far.close()
    told = select.poll()
    told.register(near, 0)
    await wait_until(lambda: told.poll(0))
    assert (pending_error(near), pending_error(near)) == ("ECONNRESET", None)


def test_a_write_to_who_is_gone_is_no_signal() -> None:
    assert signal.getsignal(signal.SIGPIPE) is signal.SIG_IGN


@pytest.mark.parametrize("number", [errno.ENOBUFS, errno.ENOMEM])
def test_a_machine_without_memory_is_not_a_peer_that_is_gone(number: int) -> None:
    sock = FakeSocket()
    sock.room.append(OSError(number, ""))
    assert try_send(sock, b"hello") == NO_MEMORY  # type: ignore[arg-type]


@pytest.mark.parametrize("number", [errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENOTCONN])
def test_whatever_else_the_kernel_says_is_passed_on_by_name(number: int) -> None:
    sock = FakeSocket()
    sock.incoming.append(OSError(number, ""))
    with pytest.raises(PeerGone, match=errno.errorcode[number]):
        try_recv_into(sock, bytearray(1))  # type: ignore[arg-type]


def test_a_fin_is_sent_once_the_connection_is_there(tcp_socketpair: Pair, pairs: Pairs) -> None:
    near, far = tcp_socketpair
    assert shut_write(near)
    far.setblocking(True)
    assert far.recv(1) == b""
    gone, _ = pairs.tcp()
    gone.close()
    assert not shut_write(gone)


def test_a_reset_on_close_is_seen_by_the_peer(tcp_socketpair: Pair) -> None:
    near, far = tcp_socketpair
    far.setblocking(True)
    reset_on_close(near)
    near.close()
    reset_on_close(near)
    with pytest.raises(ConnectionResetError):
        far.recv(1)


def test_every_connection_is_prepared(tcp_socketpair: Pair) -> None:
    near, _ = tcp_socketpair
    prepare(near, 131072)
    assert near.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
    assert near.getsockopt(socket.IPPROTO_TCP, TCP_NOTSENT_LOWAT) == 131072
    near.close()
    prepare(near, 131072)


# -- listening and accepting


def test_a_listener_has_a_port_and_does_not_block(listener: socket.socket) -> None:
    assert listener.getsockname()[1] > 0
    assert not listener.getblocking()
    assert try_accept(listener) is None


def test_what_is_accepted_does_not_block_and_has_a_name(listener: socket.socket) -> None:
    with socket.create_connection(listener.getsockname()) as client:
        accepted = try_accept(listener)
        assert accepted is not None
        sock, name = accepted
        with contextlib.closing(sock):
            assert not sock.getblocking()
            assert name == address_text(client.getsockname())
            assert try_recv_into(sock, bytearray(1)) == WOULD_BLOCK


def test_a_port_that_is_in_use_says_so_and_what_to_do(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    with pytest.raises(CannotListen) as refused:
        bind_listener("127.0.0.1", port, 16)
    assert str(refused.value) == (
        f"cannot listen on 127.0.0.1:{port}: the port is in use; "
        "choose another with --listen, or stop who has it"
    )


def test_an_address_that_is_not_ours_says_so() -> None:
    with pytest.raises(CannotListen, match="this machine has no such address"):
        bind_listener("192.0.2.1", 0, 16)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EACCES, "port 80 is below 1024, which needs root"),
        (errno.EMFILE, "EMFILE"),
    ],
)
def test_other_reasons_not_to_listen(
    monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    class Refusing(socket.socket):
        def bind(self, address: object, /) -> None:
            raise OSError(number, "refused")

    monkeypatch.setattr(socket, "socket", Refusing)
    with pytest.raises(CannotListen, match=words):
        bind_listener("127.0.0.1", 80, 16)


@contextlib.contextmanager
def fds_used_up() -> Iterator[None]:
    """Let this process open no further fd for a while."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with open("/dev/null") as probe:
        lowest_free = probe.fileno()
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_without_an_fd_nobody_is_accepted_and_nobody_is_lost(listener: socket.socket) -> None:
    with socket.create_connection(listener.getsockname()):
        with fds_used_up(), pytest.raises(OutOfFds, match="EMFILE"):
            try_accept(listener)
        accepted = try_accept(listener)
        assert accepted is not None
        accepted[0].close()


def test_without_an_fd_no_backend_is_dialled(listener: socket.socket) -> None:
    with fds_used_up(), pytest.raises(OutOfFds, match="EMFILE"):
        start_connect(listener.getsockname())


@pytest.mark.parametrize("number", [errno.ECONNABORTED, errno.EPROTO, errno.EAGAIN])
def test_a_client_that_left_the_queue_is_none(number: int) -> None:
    class Leaving(FakeSocket):
        def _accept(self) -> None:
            raise OSError(number, "")

    assert try_accept(Leaving()) is None  # type: ignore[arg-type]


# -- connecting


async def finished(address: tuple[str, int]) -> None:
    """Connect, wait until that has an outcome, and raise it when it is a failure."""
    with contextlib.closing(start_connect(address)) as sock:
        assert not sock.getblocking()
        told = select.poll()
        told.register(sock, select.POLLOUT)
        await wait_until(lambda: told.poll(0))
        finish_connect(sock, address)
        assert sock.getpeername()[1] == address[1]


async def test_a_backend_that_listens_is_reached(listener: socket.socket) -> None:
    await finished(listener.getsockname())


async def test_a_port_where_nobody_listens_refuses() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        address = gone.getsockname()
    with pytest.raises(ConnectFailed) as refused:
        await finished(address)
    assert str(refused.value) == "refused (ECONNREFUSED)"


@pytest.mark.capability("IPv6")
async def test_an_address_of_the_other_family_is_reached_too() -> None:
    if not socket.has_ipv6:
        pytest.skip("this kernel has no IPv6")
    with bind_listener("::1", 0, 16) as listening:
        await finished(listening.getsockname()[:2])


def test_a_port_that_connected_to_itself_counts_as_refused() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.connect(sock.getsockname())
        with pytest.raises(ConnectFailed, match=r"^refused \(the port connected to itself"):
            finish_connect(sock, sock.getsockname())


def test_a_network_that_is_not_there_fails_at_once() -> None:
    with pytest.raises(ConnectFailed, match=r"\(E[A-Z]+\)$"):
        start_connect(("255.255.255.255", 80))


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (errno.ECONNREFUSED, "refused (ECONNREFUSED)"),
        (errno.ETIMEDOUT, "timed out (ETIMEDOUT)"),
        (errno.EHOSTUNREACH, "no route to the host (EHOSTUNREACH)"),
        (errno.ENETUNREACH, "no route to the network (ENETUNREACH)"),
        (errno.EADDRNOTAVAIL, "no free local port (EADDRNOTAVAIL)"),
        (errno.ECONNRESET, "reset by the backend (ECONNRESET)"),
        (errno.EACCES, "Permission denied (EACCES)"),
    ],
)
def test_why_a_connect_failed_in_words(number: int, text: str) -> None:
    assert connect_error_text(number) == text


# -- names


@pytest.mark.parametrize(
    ("address", "text"),
    [
        (("127.0.0.1", 80), "127.0.0.1:80"),
        (("::1", 80, 0, 0), "[::1]:80"),
        (("fe80::1%eth0", 80, 0, 2), "[fe80::1%eth0]:80"),
        (("::ffff:192.0.2.1", 80, 0, 0), "192.0.2.1:80"),
        (("0.0.0.0", 0), "0.0.0.0:0"),
        ("/run/rsp.sock", "unix:/run/rsp.sock"),
    ],
)
def test_addresses_as_text(address: object, text: str) -> None:
    assert address_text(address) == text


def test_errno_by_name() -> None:
    assert errno_name(errno.ECONNRESET) == "ECONNRESET"
    assert errno_name(99999) == "errno 99999"
    assert errno_name(None) == "errno None"


def test_a_listener_for_which_there_is_no_fd_cannot_be_had(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_fd(*_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(socket, "socket", no_fd)
    with pytest.raises(CannotListen, match="Too many open files"):
        bind_listener("127.0.0.1", 0, 1)
