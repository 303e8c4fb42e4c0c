"""What the kernel knows about a socket and about us. Only whoever looks calls this."""

import array
import fcntl
import os
import socket
import struct
import sys
import termios

from rsp.core.stall import SocketLook

_SIOCOUTQ = termios.TIOCOUTQ
"""Bytes sent but not acknowledged, and not yet sent (tcp(7)); the same number as TIOCOUTQ."""
_SIOCINQ = termios.FIONREAD

SO_MEMINFO = 55
MEMINFO = struct.Struct("=9I")
"""asm-generic/socket.h and linux/sock_diag.h: the fourth is the send buffer's size, the sixth how
much of it is used."""

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_STATM_FD = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
"""Open from the start: when no fd is left, somebody will want to look."""

_TCP_INFO_BYTES = 232
_WORDS = (
    "rto_us", "ato_us", "snd_mss", "rcv_mss", "unacked", "sacked", "lost", "retrans", "fackets",
    "last_data_sent_ms", "last_ack_sent_ms", "last_data_recv_ms", "last_ack_recv_ms", "pmtu",
    "rcv_ssthresh", "rtt_us", "rttvar_us", "snd_ssthresh", "snd_cwnd", "advmss", "reordering",
    "rcv_rtt_us", "rcv_space", "total_retrans",
)  # fmt: skip
"""The 24 words behind the first 8 bytes of `struct tcp_info`, in its order (linux/tcp.h)."""
_SHOWN_WORDS = ("rtt_us", "rttvar_us", "snd_cwnd", "snd_ssthresh", "snd_mss", "unacked", "lost",
                "retrans", "total_retrans", "last_data_sent_ms", "last_data_recv_ms")  # fmt: skip
_LATER = {"notsent_bytes": (144, "I"), "busy_us": (168, "Q"), "rwnd_limited_us": (176, "Q"),
          "sndbuf_limited_us": (184, "Q"), "snd_wnd_bytes": (228, "I")}  # fmt: skip
"""Fields further behind, by offset and format; an older kernel gives a shorter struct."""


def queues(sock: socket.SocketType) -> tuple[int | None, int | None]:
    """Return the bytes in the kernel's send queue and receive queue, None where unknown."""
    return _ioctl(sock, _SIOCOUTQ), _ioctl(sock, _SIOCINQ)


def _ioctl(sock: socket.SocketType, request: int) -> int | None:
    value = array.array("i", [0])
    try:
        fcntl.ioctl(sock.fileno(), request, value)
    except (OSError, ValueError):
        return None
    return value[0]


def tcp_info(sock: socket.SocketType) -> dict[str, int]:
    """Return fields of TCP_INFO with their units in their names; what is missing is left out."""
    try:
        raw = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
    except OSError:
        return {}
    if len(raw) < 8 + 4 * len(_WORDS):
        return {}
    words = dict(zip(_WORDS, struct.unpack_from(f"={len(_WORDS)}I", raw, 8), strict=True))
    fields = {"state": raw[0]} | {name: words[name] for name in _SHOWN_WORDS}
    later = {name: _later(raw, name) for name in _LATER}
    return fields | {name: value for name, value in later.items() if value is not None}


RawLook = tuple[bytes, bytes]
"""TCP_INFO and SO_MEMINFO as the kernel gave them: 1.2 µs; reading them is left to whoever asks."""


def raw_look(sock: socket.SocketType) -> RawLook:
    """Return what the kernel knows of a socket now, unread; empty where it knows nothing."""
    try:
        return (
            sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES),
            sock.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, MEMINFO.size),
        )
    except OSError:
        return b"", b""


def read_look(raw: RawLook) -> SocketLook | None:
    """Return what `raw_look` brought, field by field; None where it brought nothing."""
    info, memory = raw
    if len(info) < 8 + 4 * len(_WORDS):
        return None
    words = dict(zip(_WORDS, struct.unpack_from(f"={len(_WORDS)}I", info, 8), strict=True))
    room_bytes = queued_bytes = None
    if len(memory) == MEMINFO.size:
        _, _, _, room_bytes, _, queued_bytes, *_ = MEMINFO.unpack(memory)
    return SocketLook(
        snd_mss=words["snd_mss"],
        unacked=words["unacked"],
        lost=words["lost"],
        total_retrans=words["total_retrans"],
        snd_cwnd=words["snd_cwnd"],
        rtt_us=words["rtt_us"],
        probes=info[3],
        notsent_bytes=_later(info, "notsent_bytes"),
        snd_wnd_bytes=_later(info, "snd_wnd_bytes"),
        busy_us=_later(info, "busy_us"),
        rwnd_limited_us=_later(info, "rwnd_limited_us"),
        queued_bytes=queued_bytes,
        room_bytes=room_bytes,
    )


def _later(info: bytes, name: str) -> int | None:
    offset, form = _LATER[name]
    try:
        return int(struct.unpack_from("=" + form, info, offset)[0])
    except struct.error:
        return None


def quiet_s(sock: socket.SocketType) -> float | None:
    """Return for how long no byte has passed either way; None where the kernel does not know."""
    info, _ = raw_look(sock)
    if len(info) < 8 + 4 * len(_WORDS):
        return None
    sent_ms, received_ms = (
        struct.unpack_from("=I", info, 8 + 4 * _WORDS.index(name))[0]
        for name in ("last_data_sent_ms", "last_data_recv_ms")
    )
    return float(min(sent_ms, received_ms)) / 1000


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
