"""Why a connection takes none of our bytes: what two looks at its kernel say.

The present state decides; the kernel's own clocks (`rwnd_limited`, `sndbuf_limited`) only confirm:
the one stood at 100 % for a client that read all it got over a full path, the other at 0 through
94 EAGAINs of a send buffer that was too small. In this order:

1. the kernel has room: the peer took something, and it is we who have not come to write;
2. unsent bytes, and the peer's window is shut, or full and much smaller than it once was: it does
   not read. A full window alone is no proof: on a long or full path all of it is under way;
3. segments under way, and some are lost or were sent again: the path loses packets;
4. hardly anything unsent, and the send buffer full of what waits for its ACK: the buffer is too
   small, unless the path has a queue, where a larger one would wait as well;
5. segments under way: the path, by its bandwidth or its delay.

Source: tcp(7), linux/tcp.h, socket(7) SO_MEMINFO; measured on Linux 6.18, over loopback and over a
path with loss, delay and little bandwidth (tests/behaviour/test_stalls_of_the_path.py).
"""

import msgspec

from rsp.core.limits import PATH_QUEUE_S, SHRUNK_WINDOW
from rsp.core.vocabulary import StallCause

STALL_SENTENCES = {
    StallCause.PEER_NOT_READING: "{who} not reading: {window} for {duration}{share}",
    StallCause.PATH_LOSS: (
        "the path to {who} loses packets: {lost} lost now, {resent} sent again in {duration}"
    ),
    StallCause.PATH_CONGESTION: (
        "the path to {who} takes no more: {unacked} segments are under way, for {duration}; "
        "round trip {rtt}"
    ),
    StallCause.SEND_BUFFER_SMALL: (
        "our send buffer to {who} is too small: {queued} bytes fill it and wait for their ACK, "
        "for {duration}; round trip {rtt}"
    ),
    StallCause.ENGINE_BUSY: (
        "{who} takes bytes again, and our loop has not come to send them, for {duration}"
    ),
    StallCause.UNKNOWN: "{who} takes no more for {duration}; the kernel does not say why",
}


class SocketLook(msgspec.Struct, frozen=True, gc=False):
    """What the kernel says of the sending side of a TCP socket; None: this one does not say."""

    snd_mss: int = 0
    unacked: int = 0
    """Segments sent and not acknowledged."""
    lost: int = 0
    """Segments that the kernel takes for lost."""
    total_retrans: int = 0
    """Segments that were sent again."""
    dsack_dups: int = 0
    """Of these, what the peer already had: they were late, not lost."""
    snd_cwnd: int = 0
    """Segments that may be under way (the congestion window)."""
    rtt_us: int = 0
    min_rtt_us: int | None = None
    probes: int = 0
    """Zero-window probes that were not answered with room."""
    notsent_bytes: int | None = None
    snd_wnd_bytes: int | None = None
    """Room in the peer's window, counted from the first byte that it has not acknowledged."""
    busy_us: int | None = None
    rwnd_limited_us: int | None = None
    queued_bytes: int | None = None
    """Memory of the send buffer that is used."""
    room_bytes: int | None = None
    """Memory that the send buffer may use."""
    has_room: bool = False
    """Whether the kernel would take bytes at once."""


def cause_of(before: SocketLook, look: SocketLook, widest_wnd_bytes: int) -> StallCause:
    """Return why the kernel of a socket takes no more bytes.

    `before` is when it began; `widest_wnd_bytes` the largest window that its peer was seen with.
    """
    if look.has_room:
        return StallCause.ENGINE_BUSY
    if look.notsent_bytes and _is_shut(look, widest_wnd_bytes):
        return StallCause.PEER_NOT_READING
    if not look.unacked:
        return StallCause.UNKNOWN
    if look.lost or _resent(before, look) > 0:
        return StallCause.PATH_LOSS
    if _is_full_of_sent(look) and not _has_queue(look):
        return StallCause.SEND_BUFFER_SMALL
    return StallCause.PATH_CONGESTION


def _resent(before: SocketLook, now: SocketLook) -> int:
    """Return how many segments were sent again between two looks, and had been lost."""
    late = now.dsack_dups - before.dsack_dups
    return max(0, now.total_retrans - before.total_retrans - late)


def _is_shut(look: SocketLook, widest_wnd_bytes: int) -> bool:
    """Whether the peer's window holds us up, and not the time that a window takes on its way.

    Whoever reads gives back the window that it once had.
    """
    wnd_bytes = look.snd_wnd_bytes
    if look.probes or wnd_bytes is None:
        return look.probes > 0
    if wnd_bytes < look.snd_mss:
        return True
    is_full = wnd_bytes - look.unacked * look.snd_mss < look.snd_mss
    return is_full and wnd_bytes < SHRUNK_WINDOW * widest_wnd_bytes


def _is_full_of_sent(look: SocketLook) -> bool:
    """Whether the send buffer has no room, and most of what fills it is under way.

    A third must be free before the kernel says that there is room (sk_stream_is_writeable).
    """
    if look.queued_bytes is None or look.room_bytes is None:
        return False
    is_full = 3 * look.queued_bytes > 2 * look.room_bytes
    return is_full and (look.notsent_bytes or 0) < look.unacked * look.snd_mss


def _has_queue(look: SocketLook) -> bool:
    """Whether segments wait somewhere on the path: the round trip was much shorter once."""
    if look.min_rtt_us is None:
        return False
    queue_us = look.rtt_us - look.min_rtt_us
    return queue_us > look.min_rtt_us and queue_us > PATH_QUEUE_S * 1e6


def rwnd_share(before: SocketLook, now: SocketLook) -> float | None:
    """Return which part of its busy time between two looks the kernel waited for the peer."""
    if None in (before.busy_us, before.rwnd_limited_us, now.busy_us, now.rwnd_limited_us):
        return None
    busy_us = (now.busy_us or 0) - (before.busy_us or 0)
    limited_us = (now.rwnd_limited_us or 0) - (before.rwnd_limited_us or 0)
    return min(1.0, limited_us / busy_us) if busy_us > 0 else None


def sentence_of(
    cause: StallCause, who: str, duration_s: float, before: SocketLook, now: SocketLook
) -> str:
    """Return in one sentence why `who` has taken nothing for `duration_s`, with the numbers."""
    share = rwnd_share(before, now)
    return STALL_SENTENCES[cause].format(
        who=who,
        window=_window(now),
        duration=f"{duration_s:.1f} s",
        share="" if share is None else f" (rwnd-limited {share * 100:.0f} %)",
        lost=now.lost,
        resent=_resent(before, now),
        unacked=now.unacked,
        queued=f"{now.queued_bytes or 0:,}",
        rtt=f"{now.rtt_us / 1000:.1f} ms",
    )


def _window(look: SocketLook) -> str:
    if look.snd_wnd_bytes is None:
        return "it answers the probes of its window with no room"
    if look.snd_wnd_bytes < look.snd_mss:
        return f"its window is {look.snd_wnd_bytes}"
    return f"its window has shrunk to {look.snd_wnd_bytes:,} bytes and is full"


def evidence_of(
    before: SocketLook, now: SocketLook, widest_wnd_bytes: int
) -> dict[str, int | float]:
    """Return the numbers that the cause was found by; what the kernel does not say is left out."""
    found: dict[str, int | float | None] = {
        "snd_wnd_bytes": now.snd_wnd_bytes,
        "widest_wnd_bytes": widest_wnd_bytes or None,
        "snd_mss": now.snd_mss,
        "unacked": now.unacked,
        "snd_cwnd": now.snd_cwnd,
        "lost": now.lost,
        "retransmitted": now.total_retrans - before.total_retrans,
        "dsack_dups": now.dsack_dups - before.dsack_dups,
        "rtt_us": now.rtt_us,
        "min_rtt_us": now.min_rtt_us,
        "probes": now.probes,
        "notsent_bytes": now.notsent_bytes,
        "queued_bytes": now.queued_bytes,
        "room_bytes": now.room_bytes,
        "rwnd_limited_share": rwnd_share(before, now),
    }
    return {name: value for name, value in found.items() if value is not None}
