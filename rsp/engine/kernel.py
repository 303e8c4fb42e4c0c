"""What the kernel knows about a socket and about us. Only whoever looks calls this."""

import array
import contextlib
import fcntl
import os
import select
import socket
import struct
import sys
import termios

from rsp.core.stall import SocketLook
from rsp.engine.nonblocking import NOTSENT_UNLIMITED, TCP_NOTSENT_LOWAT

_SIOCOUTQ = termios.TIOCOUTQ
"""Bytes sent but not acknowledged, and not yet sent (tcp(7)); the same number as TIOCOUTQ."""
_SIOCINQ = termios.FIONREAD
SIOCOUTQNSD = 0x894B
"""Bytes taken and not yet sent (linux/sockios.h); Python has no name for it."""
_INT = array.array("i", [0])
"""Where an ioctl puts its answer; nobody keeps it for longer than one call."""
_UNIX: int = socket.AF_UNIX
_FIN_IN_FLIGHT = (4, 9, 11)
"""States (tcp_states.h) in which our FIN is unacknowledged, which the kernel counts as a byte:
FIN_WAIT1, LAST_ACK, CLOSING."""

SO_MEMINFO = 55
MEMINFO = struct.Struct("=9I")
"""asm-generic/socket.h and linux/sock_diag.h: the fourth is the send buffer's size, the sixth how
much of it is used."""

_UINT = struct.Struct("=I")


_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_STATM_FD = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
"""Open from the start: when no fd is left, somebody will want to look."""
try:
    _NETSTAT_FD: int | None = os.open("/proc/self/net/netstat", os.O_RDONLY | os.O_CLOEXEC)
except OSError:
    _NETSTAT_FD = None
_NETSTAT_BYTES = 65_536
"""More than it ever says: it has 130 names."""

_TCP_INFO_BYTES = 232
_WORDS = (
    "rto_us", "ato_us", "snd_mss", "rcv_mss", "unacked", "sacked", "lost", "retrans", "fackets",
    "last_data_sent_ms", "last_ack_sent_ms", "last_data_recv_ms", "last_ack_recv_ms", "pmtu",
    "rcv_ssthresh", "rtt_us", "rttvar_us", "snd_ssthresh", "snd_cwnd", "advmss", "reordering",
    "rcv_rtt_us", "rcv_space", "total_retrans",
)  # fmt: skip
"""The 24 words behind the first 8 bytes of `struct tcp_info`, in its order (linux/tcp.h)."""
_WORDS_AT = 8
_LEAST_INFO_BYTES = _WORDS_AT + 4 * len(_WORDS)
_LAST_DATA = struct.Struct("=3I")
_LAST_DATA_AT = _WORDS_AT + 4 * _WORDS.index("last_data_sent_ms")
"""`last_data_sent_ms` and `last_data_recv_ms`, with the last ACK between them."""
_LATER = {"notsent_bytes": (144, "I"), "min_rtt_us": (148, "I"), "busy_us": (168, "Q"),
          "rwnd_limited_us": (176, "Q"), "sndbuf_limited_us": (184, "Q"),
          "dsack_dups": (216, "I"), "snd_wnd_bytes": (228, "I")}  # fmt: skip
"""Fields further behind, by offset and format; an older kernel gives a shorter struct."""
_SHOWN = (
    "state", "rtt_us", "rttvar_us", "snd_cwnd", "snd_ssthresh", "snd_mss", "unacked", "lost",
    "retrans", "total_retrans", "last_data_sent_ms", "last_data_recv_ms", *_LATER,
)  # fmt: skip
"""The fields that are shown, in this order."""


def queues(sock: socket.SocketType) -> tuple[int | None, int | None]:
    """Return the bytes in the kernel's send queue and receive queue, None where unknown."""
    fd = sock.fileno()
    return _ioctl(fd, _SIOCOUTQ), _ioctl(fd, _SIOCINQ)


def levels(
    sock: socket.SocketType, *, may_have_ended: bool = True
) -> tuple[int | None, int | None, int | None]:
    """Return the bytes to read, taken but not sent, and sent but not acknowledged; None: unknown.

    A FIN of ours is no byte; where there cannot be one, `may_have_ended` saves a call. A unix
    socket has one queue, and counts memory in it.
    """
    fd = sock.fileno()
    unread = _ioctl(fd, _SIOCINQ)
    queued = _ioctl(fd, _SIOCOUTQ) if sock.family != _UNIX else None
    # An empty queue needs no second look: nearly all are.
    unsent = _ioctl(fd, SIOCOUTQNSD) if queued else queued
    if queued is None or unsent is None:
        return unread, None, None
    in_flight = max(queued - unsent, 0)
    if queued and may_have_ended and _has_fin_in_flight(sock):
        return (unread, unsent - 1, in_flight) if unsent else (unread, 0, max(in_flight - 1, 0))
    return unread, unsent, in_flight


def _has_fin_in_flight(sock: socket.SocketType) -> bool:
    state = _option(sock, socket.IPPROTO_TCP, socket.TCP_INFO, 1)
    return bool(state) and state[0] in _FIN_IN_FLIGHT


def notsent_lowat_bytes(sock: socket.SocketType) -> int | None:
    """Return TCP_NOTSENT_LOWAT of a socket (tcp(7)); None: without a limit, or it has none."""
    found = _option(sock, socket.IPPROTO_TCP, TCP_NOTSENT_LOWAT, _UINT.size)
    value: int = _UINT.unpack(found)[0] if len(found) == _UINT.size else 0
    return value if 0 < value < NOTSENT_UNLIMITED else None


def _ioctl(fd: int, request: int) -> int | None:
    try:
        fcntl.ioctl(fd, request, _INT)
    except (OSError, ValueError):
        return None
    return _INT[0]


def _option(sock: socket.SocketType, level: int, name: int, size: int) -> bytes:
    """Return an option as the kernel gives it; nothing where it has none."""
    try:
        return sock.getsockopt(level, name, size)
    except OSError:
        return b""


def _raw_info(sock: socket.SocketType) -> bytes:
    return _option(sock, socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)


def _fields(info: bytes) -> dict[str, int]:
    """Return all fields that we know by name; none where the kernel gave no TCP_INFO."""
    if len(info) < _LEAST_INFO_BYTES:
        return {}
    words = struct.unpack_from(f"={len(_WORDS)}I", info, _WORDS_AT)
    fields = {"state": info[0], "probes": info[3], **dict(zip(_WORDS, words, strict=True))}
    for name, (offset, form) in _LATER.items():
        with contextlib.suppress(struct.error):
            fields[name] = struct.unpack_from("=" + form, info, offset)[0]
    return fields


def tcp_info(sock: socket.SocketType) -> dict[str, int]:
    """Return fields of TCP_INFO with their units in their names; what is missing is left out."""
    fields = _fields(_raw_info(sock))
    return {name: fields[name] for name in _SHOWN if name in fields}


RawLook = tuple[bytes, bytes]
"""TCP_INFO and SO_MEMINFO as the kernel gave them: 1.2 µs; reading them is left to whoever asks."""


def raw_look(sock: socket.SocketType) -> RawLook:
    """Return what the kernel knows of a socket now, unread; empty where it knows nothing."""
    return _raw_info(sock), _option(sock, socket.SOL_SOCKET, SO_MEMINFO, MEMINFO.size)


def read_look(raw: RawLook, *, has_room: bool = False) -> SocketLook:
    """Return what `raw_look` brought, field by field; where it brought nothing, nothing is seen."""
    info, memory = raw
    fields = _fields(info)
    if len(memory) == MEMINFO.size:
        _, _, _, fields["room_bytes"], _, fields["queued_bytes"], *_ = MEMINFO.unpack(memory)
    return SocketLook(
        **{name: fields[name] for name in SocketLook.__struct_fields__ if name in fields},
        has_room=has_room,
    )


def has_room(sock: socket.SocketType) -> bool:
    """Return whether the kernel would take bytes now, whether or not epoll has said so yet."""
    poll = select.poll()
    poll.register(sock, select.POLLOUT)
    return any(readiness & select.POLLOUT for _, readiness in poll.poll(0))


def quiet_s(sock: socket.SocketType) -> float | None:
    """Return for how long no byte has passed either way; None where the kernel does not know."""
    info = _raw_info(sock)
    if len(info) < _LEAST_INFO_BYTES:
        return None
    sent_ms, _, received_ms = _LAST_DATA.unpack_from(info, _LAST_DATA_AT)
    return float(min(sent_ms, received_ms)) / 1000


def silence(sock: socket.SocketType) -> tuple[int | None, float | None, float | None]:
    """Return `tcpi_state`, and how long ago the last byte was sent and received; None: unknown."""
    info = _raw_info(sock)
    if len(info) < _LEAST_INFO_BYTES:
        return None, None, None
    sent_ms, _, received_ms = _LAST_DATA.unpack_from(info, _LAST_DATA_AT)
    return info[0], sent_ms / 1000, received_ms / 1000


def crowd(listening: socket.SocketType) -> tuple[int | None, int | None, int | None]:
    """Return how many clients wait to be accepted, for how many there is room, and how many
    segments the kernel has dropped at this socket, ever; None where it does not say (a unix
    socket).

    Source: of a listening socket tcp_get_info() gives sk_ack_backlog as `unacked` and
    sk_max_ack_backlog as `sacked` (net/ipv4/tcp.c); one more than the latter can wait, measured.
    Drops are the last word of SO_MEMINFO. A full queue is only one reason for them: a client that
    resets its own handshake is another (tcp_v4_rcv(); health checks do, measured with HAProxy).
    """
    fields = _fields(_raw_info(listening))
    if not fields:
        return None, None, None
    memory = _option(listening, socket.SOL_SOCKET, SO_MEMINFO, MEMINFO.size)
    dropped = MEMINFO.unpack(memory)[-1] if len(memory) == MEMINFO.size else None
    return fields["unacked"], fields["sacked"], dropped


def listen_overflows() -> int | None:
    """Return how many tries to connect full accept queues have cost, ever: all those of this
    network namespace. None where the kernel does not say.

    Source: ListenOverflows of /proc/net/netstat (net/ipv4/proc.c), a line of names and one of
    numbers.
    """
    if _NETSTAT_FD is None:
        return None
    names, _, rest = os.pread(_NETSTAT_FD, _NETSTAT_BYTES, 0).partition(b"\n")
    found = dict(zip(names.split(), rest.split(), strict=False)).get(b"ListenOverflows")
    return None if found is None else int(found)


def resident_bytes() -> int:
    """Return the resident set of this process (proc(5), statm); needs no fd at that moment."""
    return int(os.pread(_STATM_FD, 64, 0).split()[1]) * _PAGE_BYTES


def open_fds() -> int:
    """Return how many fds this process has open."""
    count = os.stat("/proc/self/fd").st_size
    # Before Linux 6.2 that size is 0, and they have to be listed.
    return count or len(os.listdir("/proc/self/fd"))


def lowest_free_fd() -> int:
    """Return the number that the next fd would get; one beyond all limits when there is none."""
    try:
        fd = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return sys.maxsize
    os.close(fd)
    return fd
