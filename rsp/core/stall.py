"""Why a connection takes none of our bytes: what two looks at its kernel say.

The present state decides; the kernel's own clocks (`rwnd_limited`, `sndbuf_limited`) only confirm,
for they stood at 0 through 94 EAGAINs of a send buffer that was too small. In this order:

1. unsent bytes in the kernel, and no room for a segment in the peer's window: it does not read;
2. unsent bytes, and the congestion window is full of what is under way: the path, by loss where
   something is lost, else by its bandwidth or its delay;
3. nothing unsent, and the send buffer full of what waits for its ACK: the buffer is too small.

Source: tcp(7), linux/tcp.h, socket(7) SO_MEMINFO; measured over loopback on Linux 6.18.
"""

import msgspec

from rsp.core.vocabulary import StallCause

STALL_SENTENCES = {
    StallCause.PEER_NOT_READING: "{who} not reading: {window} for {duration}{share}",
    StallCause.PATH_LOSS: (
        "the path to {who} likely loses packets: {lost} lost now, {resent} sent again in {duration}"
    ),
    StallCause.PATH_CONGESTION: (
        "the path to {who} is likely full: all {unacked} segments that may be under way are, "
        "for {duration}; round trip {rtt}"
    ),
    StallCause.SEND_BUFFER_SMALL: (
        "our send buffer to {who} is too small: {queued} bytes of it wait for their ACK and none "
        "is unsent, for {duration}; round trip {rtt}"
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
    snd_cwnd: int = 0
    """Segments that may be under way (the congestion window)."""
    rtt_us: int = 0
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


def cause_of(before: SocketLook, look: SocketLook) -> StallCause:
    """Return why the kernel of a socket takes no more bytes; `before` is when it began."""
    if look.notsent_bytes:
        in_flight_bytes = look.unacked * look.snd_mss
        wnd_bytes = look.snd_wnd_bytes
        if look.probes or (wnd_bytes is not None and wnd_bytes - in_flight_bytes < look.snd_mss):
            return StallCause.PEER_NOT_READING
        if look.unacked >= look.snd_cwnd:
            is_lossy = look.lost or look.total_retrans > before.total_retrans
            return StallCause.PATH_LOSS if is_lossy else StallCause.PATH_CONGESTION
    elif look.queued_bytes and look.room_bytes and look.queued_bytes >= look.room_bytes:
        return StallCause.SEND_BUFFER_SMALL
    return StallCause.UNKNOWN


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
        resent=now.total_retrans - before.total_retrans,
        unacked=now.unacked,
        queued=f"{now.queued_bytes or 0:,}",
        rtt=f"{now.rtt_us / 1000:.1f} ms",
    )


def _window(look: SocketLook) -> str:
    if look.snd_wnd_bytes is None:
        return "it answers the probes of its window with no room"
    if look.snd_wnd_bytes < look.snd_mss:
        return f"its window is {look.snd_wnd_bytes}"
    return f"its window of {look.snd_wnd_bytes:,} bytes is full"


def evidence_of(before: SocketLook, now: SocketLook) -> dict[str, int | float]:
    """Return the numbers that the cause was found by; what the kernel does not say is left out."""
    found: dict[str, int | float | None] = {
        "snd_wnd_bytes": now.snd_wnd_bytes,
        "snd_mss": now.snd_mss,
        "unacked": now.unacked,
        "snd_cwnd": now.snd_cwnd,
        "lost": now.lost,
        "retransmitted": now.total_retrans - before.total_retrans,
        "rtt_us": now.rtt_us,
        "probes": now.probes,
        "notsent_bytes": now.notsent_bytes,
        "queued_bytes": now.queued_bytes,
        "room_bytes": now.room_bytes,
        "rwnd_limited_share": rwnd_share(before, now),
    }
    return {name: value for name, value in found.items() if value is not None}
