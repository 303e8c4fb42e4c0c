"""WHERE EAGAIN IS HANDLED: every non-blocking socket call of the data path, and what errno means.

For normal life these return ints and sentinels; only a peer that is gone raises. Callers match on
the result and never see an errno.
"""

import contextlib
import errno
import os
import socket

from rsp.core.addresses import UNIX_PREFIX, address_text
from rsp.engine.credentials import peer_credentials

MORE_FOLLOWS: int = socket.MSG_MORE
"""A flag of `try_send`; never for bytes that nothing follows, for they would wait up to 200 ms."""

Socket = socket.SocketType
"""The kernel's socket alone: `socket.socket` wraps it in Python, which costs a microsecond or two
for each accept and each close."""

WOULD_BLOCK = -1
"""The kernel has nothing for us, or no room: EAGAIN."""
EOF = 0
"""`recv` returned nothing: the peer will send no more."""

NO_MEMORY = -2
"""The kernel has no memory to send with (ENOBUFS, ENOMEM): no edge will tell when it has."""

TCP_NOTSENT_LOWAT = 25
"""tcp(7); Python 3.11 has no name for it."""

NOTSENT_UNLIMITED = 2**31 - 1
"""A TCP_NOTSENT_LOWAT that no send buffer reaches: the largest number that setsockopt(2) takes."""


def _ephemeral_ports() -> range:
    """Return the ports that the kernel picks for our side of a connection (ip(7))."""
    try:
        with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
            low, high = map(int, file.read().split())
    except (OSError, ValueError):
        return range(65536)
    return range(low, high + 1)


_EPHEMERAL_PORTS = _ephemeral_ports()
"""Only a port that the kernel may pick for us can be connected to itself."""

_SPLICE_FLAGS = os.SPLICE_F_MOVE | os.SPLICE_F_NONBLOCK
_TCP: int = socket.IPPROTO_TCP
_NODELAY: int = socket.TCP_NODELAY
_STREAM: int = socket.SOCK_STREAM | socket.SOCK_NONBLOCK
_BEGUN = (0, errno.EINPROGRESS)
_UNIX = socket.AF_UNIX
_V4, _V6 = 2, 4
"""The length of the address that CPython makes for each family."""
_FAMILIES = {_V4: socket.AF_INET, _V6: socket.AF_INET6}
_NO_ROOM = frozenset({errno.ENOBUFS, errno.ENOMEM})
_CANNOT = frozenset({errno.ENOSYS, errno.EPERM, errno.EINVAL, errno.EOPNOTSUPP})
"""What splice(2) says where it is not there, or not allowed (seccomp), or not for such a socket."""
_OUT_OF_FDS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_RESET_ON_CLOSE = b"\1\0\0\0\0\0\0\0"
"""`struct linger {1, 0}` of socket(7): close sends RST and forgets what is unsent."""


class PeerGone(Exception):
    """The peer reset the connection, or the kernel gave it up. The text is the errno's name."""


class ConnectFailed(Exception):
    """A connection to a backend could not be made. The text is a reason for people."""


class NoLocalPort(Exception):
    """Every local port to that address is in use (EADDRNOTAVAIL). Not the backend's fault."""


class OutOfFds(Exception):
    """No fd, or no memory, for one more connection. Not the client's fault: try again later."""


def out_of_fds(error: OSError) -> OutOfFds:
    """Return what a refusal of the kernel to take one more fd means here."""
    return OutOfFds(errno_name(error.errno))


def errno_name(number: int | None) -> str:
    """Return `ECONNRESET` for 104, and so on."""
    return errno.errorcode.get(number or 0, f"errno {number}")


def try_recv_into(sock: Socket, buffer: bytearray | memoryview) -> int:
    """Read into `buffer` and return how many bytes came: EOF (0) and WOULD_BLOCK (-1) are normal.

    Raises:
        PeerGone: the peer reset the connection. Source: recv(2), tcp(7).
    """
    try:
        return sock.recv_into(buffer)
    except BlockingIOError:
        return WOULD_BLOCK
    except OSError as error:
        raise PeerGone(errno_name(error.errno)) from None


def try_send(sock: Socket, piece: bytes | bytearray | memoryview, flags: int = 0) -> int:
    """Offer `piece` to the kernel and return how many bytes it took.

    A short count is normal. WOULD_BLOCK means that none were taken (EAGAIN): keep the bytes and
    offer them again when the socket is writable. NO_MEMORY means the same of the whole machine:
    offer them again soon. With `MORE_FOLLOWS` in `flags` they may wait for what follows
    at once: a FIN behind them costs no packet of its own.

    Raises:
        PeerGone: the peer reset or closed its reading side (EPIPE; CPython ignores SIGPIPE).
            Source: send(2).
    """
    try:
        return sock.send(piece, flags)
    except BlockingIOError:
        return WOULD_BLOCK
    except OSError as error:
        if error.errno in _NO_ROOM:
            return NO_MEMORY
        raise PeerGone(errno_name(error.errno)) from None


def try_splice(source_fd: int, sink_fd: int, count: int) -> int:
    """Let the kernel move up to `count` bytes between a socket and a pipe, and return how many.

    WOULD_BLOCK and NO_MEMORY are the socket's word, as with `send`, when the pipe is empty before
    it is filled, and holds what is offered before it is poured; NO_MEMORY is also said where
    splice(2) is not to be had. Of a source, EOF (0) and WOULD_BLOCK may only mean that an urgent
    byte stands in the way: `recv` knows.

    Raises:
        PeerGone: the peer reset the connection. Source: splice(2).
    """
    try:
        return os.splice(source_fd, sink_fd, count, flags=_SPLICE_FLAGS)
    except BlockingIOError:
        return WOULD_BLOCK
    except OSError as error:
        if error.errno in _NO_ROOM or error.errno in _CANNOT:
            return NO_MEMORY
        raise PeerGone(errno_name(error.errno)) from None


class CannotListen(Exception):
    """A listening socket could not be made. The text says why, and what to do."""


class PortInUse(CannotListen):
    """Somebody listens there already."""


def bind_listener(host: str, port: int, backlog: int, option: str = "--listen") -> socket.socket:
    """Return a listening, non-blocking socket; port 0 lets the kernel choose.

    `option` is where another port could be chosen; empty: the process runs already.

    Raises:
        CannotListen: the port is taken or may not be had, or the address is not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        sock = socket.socket(family, _STREAM)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((host, port))
            sock.listen(backlog)
        except OSError:
            sock.close()
            raise
    except OSError as error:
        where = address_text((host, port))
        why = _why_not_bound(error, port, option)
        kind = PortInUse if error.errno == errno.EADDRINUSE else CannotListen
        raise kind(f"cannot listen on {where}: {why}") from None
    return sock


def _why_not_bound(error: OSError, port: int, option: str) -> str:
    choose = f" with {option}" if option else ""
    match error.errno:
        case errno.EADDRINUSE:
            return f"the port is in use; choose another{choose}, or stop who has it"
        case errno.EACCES:
            return f"port {port} is below 1024, which needs root; choose a higher one{choose}"
        case errno.EADDRNOTAVAIL:
            return "this machine has no such address"
        case _ if isinstance(error, socket.gaierror):
            return "that name does not resolve; check the spelling, or write its IP address"
        case _:
            return f"{error.strerror} ({errno_name(error.errno)})"


def try_accept(listener: socket.socket) -> tuple[Socket, str] | None:
    """Return the next waiting connection, non-blocking, and its peer as text; None when none waits.

    A client that left before we came (ECONNABORTED, EPROTO; accept(2)) counts as none.

    Raises:
        OutOfFds: EMFILE and its kin.
    """
    try:
        # What `accept` calls; the rest of it, in Python, costs half as much as the system call.
        fd, peer = listener._accept()  # type: ignore[attr-defined]  # noqa: SLF001
    except OSError as error:
        if error.errno in _OUT_OF_FDS:
            raise out_of_fds(error) from None
        return None
    if type(peer) is not tuple:
        return _accepted_unix(fd)
    sock = Socket(_FAMILIES[len(peer)], socket.SOCK_STREAM, 0, fd)
    sock.setblocking(False)
    return sock, f"{peer[0]}:{peer[1]}" if len(peer) == _V4 else address_text(peer)


def _accepted_unix(fd: int) -> tuple[Socket, str]:
    """Return a client that came through a unix socket: it has no address but its process id."""
    sock = Socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fd)
    sock.setblocking(False)
    return sock, f"{UNIX_PREFIX}{peer_credentials(sock)[0]}"


def is_deserted(path: str) -> bool:
    """Tell whether a unix socket's file is all that is left of it: nobody listens (connect(2)).

    Where that cannot be known (its queue is full, it is not for us to open) somebody may be there.
    """
    with socket.socket(_UNIX, _STREAM) as probe:
        return probe.connect_ex(path) == errno.ECONNREFUSED


def start_connect(address: tuple[str, int]) -> Socket:
    """Begin to connect to a numeric host and port, or to the path of a unix socket.

    Returns the non-blocking socket.

    Raises:
        ConnectFailed: it failed at once.
        NoLocalPort: the kernel has no port for our side.
        OutOfFds: no fd for it.
    """
    host = address[0]
    is_unix = host[0] == "/"
    family = _UNIX if is_unix else socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        sock = Socket(family, _STREAM)
    except OSError as error:
        raise out_of_fds(error) from None
    number = sock.connect_ex(host if is_unix else address)
    if number in _BEGUN:
        return sock
    sock.close()
    if number == errno.EADDRNOTAVAIL:
        raise NoLocalPort(connect_error_text(number))
    raise ConnectFailed(connect_error_text(number))


def finish_connect(sock: Socket, target: tuple[str, int] | None, *, is_broken: bool = True) -> None:
    """Return when a socket that was connecting to `target` and has become writable is connected.

    `is_broken` says that epoll has reported an error or a hang-up; a connect that failed is never
    without (connect(2), epoll_ctl(2)).

    Raises:
        ConnectFailed: with the reason. A socket that met itself (possible on loopback, when the
            kernel picks the target's port as ours) counts as refused.
    """
    if is_broken:
        number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number:
            raise ConnectFailed(connect_error_text(number))
    if target is not None and target[1] in _EPHEMERAL_PORTS and _met_itself(sock):
        raise ConnectFailed("refused (the port connected to itself: nothing listens there)")


def pending_error(sock: Socket) -> str | None:
    """Return the name of the error that waits on a socket, and clear it (socket(7), SO_ERROR)."""
    number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    return errno_name(number) if number else None


def is_quiet(sock: Socket) -> bool:
    """Tell whether there is nothing to read on a socket: no byte, no FIN and no error (recv(2))."""
    try:
        sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _met_itself(sock: Socket) -> bool:
    try:
        return bool(sock.getsockname() == sock.getpeername())
    except OSError:
        # Gone again already: the first read will tell.
        return False


def connect_error_text(number: int) -> str:
    """Return what a failed connect means: `refused (ECONNREFUSED)`."""
    words = {
        errno.ECONNREFUSED: "refused",
        errno.ETIMEDOUT: "timed out",
        errno.EHOSTUNREACH: "no route to the host",
        errno.ENETUNREACH: "no route to the network",
        errno.ECONNRESET: "reset by the backend",
        errno.EADDRNOTAVAIL: "no free local port",
        errno.ENOENT: "there is no such socket",
        errno.EAGAIN: "its queue is full",
    }
    return f"{words.get(number, os.strerror(number))} ({errno_name(number)})"


def shut_write(sock: Socket) -> bool:
    """Send FIN behind what the kernel holds; False when the connection is already gone."""
    try:
        sock.shutdown(socket.SHUT_WR)
    except OSError:
        return False
    return True


def reset_on_close(sock: Socket) -> None:
    """Make the coming close send RST instead of FIN (socket(7), SO_LINGER).

    What the kernel holds back for a FIN that never came (`MORE_FOLLOWS`) is sent first: setting
    TCP_NODELAY, again, does that (tcp(7)).
    """
    with contextlib.suppress(OSError):
        sock.setsockopt(_TCP, _NODELAY, 1)
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)


def close_all(socks: list[Socket]) -> None:
    """Close sockets. What close(2) has to complain about changes nothing: the fd is gone."""
    for sock in socks:
        try:  # noqa: SIM105  (a context manager costs more than the call)
            sock.close()
        except OSError:
            pass


def prepare(sock: Socket, notsent_lowat_bytes: int) -> None:
    """Set what every connection of ours has: TCP_NODELAY and TCP_NOTSENT_LOWAT (tcp(7)).

    What a listener accepts inherits both, so there it is done once. Without the first, p99 was
    47 ms (delayed ACK against Nagle); for the second see `Limits.notsent_lowat_bytes`. A
    connection that is already gone is left to the next read; a unix socket has neither.
    """
    try:
        sock.setsockopt(_TCP, _NODELAY, 1)
        sock.setsockopt(_TCP, TCP_NOTSENT_LOWAT, notsent_lowat_bytes)
    except OSError:
        pass


def set_notsent_lowat(sock: Socket, lowat_bytes: int) -> bool:
    """Change TCP_NOTSENT_LOWAT of a socket; False: it has none, or is gone.

    Where a higher one makes the socket writable, the kernel says so by an edge at once: it calls
    `sk_write_space` (net/ipv4/tcp.c). So a writer that waits for room need not be told.
    """
    try:
        sock.setsockopt(_TCP, TCP_NOTSENT_LOWAT, lowat_bytes)
    except OSError:
        return False
    return True


def local_address(sock: Socket) -> str:
    """Return our own address on a connection, as it is shown: where its client came to."""
    return address_text(sock.getsockname())
