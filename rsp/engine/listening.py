"""Where listening sockets come from: bound here, or handed over by whoever started us.

A unix socket is a file besides; what somebody left behind there is replaced only when nobody
answers at it. A socket that was handed over is listening already: it is adopted, and stays open
for everybody else who holds it, so that a supervisor can keep a port while engines come and go.
"""

import contextlib
import os
import socket
import stat
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from rsp.core.addresses import UNIX_PREFIX, address_text, parse_address
from rsp.core.config import ListenerConfig
from rsp.core.limits import FIRST_FD, LISTEN_BACKLOG
from rsp.engine.nonblocking import CannotListen, PortInUse, bind_listener, is_deserted

_EVERYWHERE = ("0.0.0.0", "::")


class SocketFile:
    """The file of a unix socket that we made."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._identity = _identity(path)

    def remove(self) -> None:
        """Remove it, unless it is another one's by now."""
        with contextlib.suppress(OSError):
            if _identity(self._path) == self._identity:
                os.unlink(self._path)


@dataclass(frozen=True, slots=True)
class Opened:
    """A listening socket, non-blocking, and what has to go when it is closed."""

    sock: socket.socket
    file: SocketFile | None = None
    may_shut: bool = False
    """Whether it can be closed for a while, so that a connect is refused: a port that is ours."""

    @property
    def address(self) -> str:
        """Where it listens, as it is shown, with the real port."""
        return address_text(self.sock.getsockname())


class Inherited:
    """The listening sockets that were open when the process began."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._given = {fd: _name_of(fd) for fd in _open_fds() if _is_listening(fd)}
        announced = _announced(environment)
        self._by_address = {name: fd for fd, name in self._given.items() if fd in announced}
        self._taken: set[int] = set()

    def take(self, fd: int) -> socket.socket:
        """Return the listening socket `fd`.

        Raises:
            CannotListen: the process was not started with it.
        """
        if fd not in self._given:
            raise CannotListen(
                f"cannot listen on fd {fd}: this process was not started with a listening socket "
                "there; whoever starts it has to open one and to hand it over"
            )
        self._taken.add(fd)
        try:
            # A copy, because a reload may give it up and want it again.
            sock = socket.socket(fileno=os.dup(fd))
        except OSError as error:
            raise CannotListen(f"cannot listen on fd {fd}: {error.strerror}") from None
        sock.setblocking(False)
        return sock

    def find(self, address: str) -> socket.socket | None:
        """Return the socket of LISTEN_FDS that is bound to `address`; None when there is none.

        Every address of IPv4 also matches every address of IPv6, which is how systemd binds a
        port alone.
        """
        host, port = parse_address(address, port_zero=True)
        hosts = _EVERYWHERE if host in _EVERYWHERE else (host,)
        names = [
            f"{UNIX_PREFIX}{host}" if host[0] == "/" else address_text((h, port)) for h in hosts
        ]
        fd = next((self._by_address[name] for name in names if name in self._by_address), None)
        return None if fd is None else self.take(fd)

    def unused(self) -> list[str]:
        """Return the sockets of LISTEN_FDS that no listener has taken, in words."""
        left = [(fd, name) for name, fd in self._by_address.items() if fd not in self._taken]
        return [f"fd {fd} ({name})" for fd, name in left]

    def close(self) -> None:
        """Let go of what was taken: whoever waits there is for the others to accept."""
        for fd in self._taken:
            with contextlib.suppress(OSError):
                os.close(fd)
            self._given.pop(fd, None)
        self._taken.clear()
        self._by_address.clear()


def open_listener(
    config: ListenerConfig,
    inherited: Inherited,
    ours: Collection[str] = (),
    option: str = "--listen",
) -> Opened:
    """Return the socket of a listener: the one that was handed over for it, or a new one.

    `ours` are the addresses where we listen already; of `option`, see `bind_listener`.

    Raises:
        CannotListen: with the reason.
    """
    if config.fd is not None:
        return Opened(inherited.take(config.fd))
    found = inherited.find(config.address)
    if found is not None:
        return Opened(found)
    host, port = parse_address(config.address, port_zero=True)
    if host.startswith("/"):
        return _bind_unix(host)
    try:
        return Opened(bind_listener(host, port, LISTEN_BACKLOG, option), may_shut=True)
    except PortInUse:
        own = next((address for address in ours if _overlaps(address, host, port)), None)
        if own is None:
            raise
        raise CannotListen(
            f"cannot listen on {config.address}: rsp itself has the port, for its listener {own}; "
            "choose another port, or remove that listener first"
        ) from None


def _overlaps(address: str, host: str, port: int) -> bool:
    """Tell whether who listens at `address` has `port` of `host`."""
    if address.startswith(UNIX_PREFIX):
        return False
    its_host, its_port = parse_address(address)
    return its_port == port and (its_host == host or bool({its_host, host} & set(_EVERYWHERE)))


def stop_listening(sock: socket.socket) -> socket.socket:
    """Close a listening socket, and return one that keeps its port: a connect there is refused.

    `listen_again` makes a listener of it. When the port cannot be kept, it is a closed one.
    """
    family, address = sock.family, sock.getsockname()
    sock.close()
    try:
        kept = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    except OSError:
        return sock
    try:
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        kept.bind(address)
    except OSError:
        kept.close()
    return kept


def listen_again(sock: socket.socket, address: str) -> None:
    """Listen at `address` with what `stop_listening` has returned.

    Raises:
        CannotListen: the port was lost.
    """
    try:
        sock.listen(LISTEN_BACKLOG)
    except OSError as error:
        raise CannotListen(f"cannot listen on {address} again: {error.strerror}") from None


def _bind_unix(path: str) -> Opened:
    """Listen at `path`, whose mode is what the umask leaves of 0777 (unix(7)): who may write to
    the file may connect."""
    _remove_stale(path)
    try:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    except OSError as error:
        raise _refused(path, f"{error.strerror}") from None
    try:
        sock.bind(path)
        file = SocketFile(path)
    except OSError as error:
        sock.close()
        raise _refused(path, f"{error.strerror}") from None
    try:
        sock.listen(LISTEN_BACKLOG)
    except OSError as error:
        sock.close()
        file.remove()
        raise _refused(path, f"{error.strerror}") from None
    return Opened(sock, file)


def _remove_stale(path: str) -> None:
    """Remove the socket that somebody left behind; whatever else is there stays."""
    try:
        found = os.lstat(path)
    except OSError:
        # Nothing is there, or bind says what is wrong.
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise _refused(path, "there is a file that is no socket; remove it, or name another path")
    if not is_deserted(path):
        raise _refused(path, "somebody answers there; stop who it is, or name another path")
    with contextlib.suppress(OSError):
        os.unlink(path)


def _refused(path: str, why: str) -> CannotListen:
    return CannotListen(f"cannot listen on {UNIX_PREFIX}{path}: {why}")


def _identity(path: str) -> tuple[int, int]:
    found = os.lstat(path)
    return found.st_dev, found.st_ino


def _open_fds() -> list[int]:
    return [int(name) for name in os.listdir("/proc/self/fd") if int(name) >= FIRST_FD]


def _is_listening(fd: int) -> bool:
    try:
        if not stat.S_ISSOCK(os.fstat(fd).st_mode):
            return False
        with socket.socket(fileno=os.dup(fd)) as sock:
            families = (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX)
            is_open = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            return bool(is_open) and sock.family in families and sock.type == socket.SOCK_STREAM
    except OSError:
        return False


def _name_of(fd: int) -> str:
    with socket.socket(fileno=os.dup(fd)) as sock:
        return address_text(sock.getsockname())


def _announced(environment: Mapping[str, str]) -> range:
    """Return the fds that LISTEN_FDS means, if it was meant for this process."""
    count = environment.get("LISTEN_FDS", "")
    if environment.get("LISTEN_PID") != str(os.getpid()) or not count.isdecimal():
        return range(0)
    return range(FIRST_FD, FIRST_FD + int(count))
