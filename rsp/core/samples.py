"""The last minute of one side, as samples; and from them, when its kernel takes bytes again.

When a socket is writable, in the words of Linux (net/core/stream.c `sk_stream_write_space`,
net/ipv4/tcp.c `tcp_stream_memory_free` and `tcp_poll`): twice the unsent bytes in the kernel are
fewer than TCP_NOTSENT_LOWAT, and at least half as much memory of the send buffer is free as is
used. Seen with real sockets on Linux 6.18 (tests/engine/test_room.py).
"""

import struct
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import chain

from rsp.core.evidence import SampleRow
from rsp.core.lab_limits import (
    ACK_RATE_S,
    COARSE_SAMPLE_S,
    COARSE_SAMPLES,
    FINE_SAMPLES,
    QUIET_S,
    QUIET_SHARE,
    SAMPLES_S,
)

_PACKED = struct.Struct("=diqiiqqqBd")
"""The fields of a `SampleRow` in their order; -1 is unknown, and a time of 0 never."""
_UNKNOWN = -1


def _pack(row: SampleRow) -> bytes:
    unread, queued, in_flight = (
        row.receive_queue_bytes,
        row.kernel_unsent_bytes,
        row.in_flight_bytes,
    )
    return _PACKED.pack(
        row.at_s,
        _UNKNOWN if unread is None else unread,
        row.unsent_bytes,
        _UNKNOWN if queued is None else queued,
        _UNKNOWN if in_flight is None else in_flight,
        _UNKNOWN if row.acknowledged_bytes is None else row.acknowledged_bytes,
        row.eagain_writes,
        row.short_writes,
        row.paused,
        row.paused_at_s or 0.0,
    )


def _unpack(packed: bytes) -> SampleRow:
    at_s, received, unsent, queued, flight, acked, eagain, short, paused, paused_at_s = (
        _PACKED.unpack(packed)
    )
    return SampleRow(
        at_s,
        _known(received),
        unsent,
        _known(queued),
        _known(flight),
        _known(acked),
        eagain,
        short,
        bool(paused),
        paused_at_s or None,
    )


def _known(value: int) -> int | None:
    return None if value == _UNKNOWN else value


class SampleRing:
    """The samples of one side: the newest as they came, and of older ones about one a second."""

    __slots__ = ("_coarse", "_fine", "newest_s", "session")

    def __init__(self, session: int) -> None:
        self.session = session
        """The session whose side it is: a backend connection serves many."""
        self.newest_s = 0.0
        self._fine: deque[bytes] = deque(maxlen=FINE_SAMPLES)
        self._coarse: deque[bytes] = deque(maxlen=COARSE_SAMPLES)

    def __len__(self) -> int:
        return len(self._fine) + len(self._coarse)

    def append(self, row: SampleRow) -> None:
        """Keep a sample that is newer than all others."""
        self.newest_s = row.at_s
        if len(self._fine) == FINE_SAMPLES:
            self._age(self._fine[0])
        self._fine.append(_pack(row))

    def _age(self, oldest: bytes) -> None:
        """Keep one that leaves the fine ones, if none of that second and not too old."""
        (at_s,) = struct.unpack_from("=d", oldest)
        if self.newest_s - at_s >= SAMPLES_S:
            return
        if not self._coarse or at_s - _PACKED.unpack(self._coarse[-1])[0] >= COARSE_SAMPLE_S:
            self._coarse.append(oldest)

    def rows(self, now_s: float) -> list[SampleRow]:
        """Return the samples of the last minute, the newest last."""
        kept: Iterator[SampleRow] = map(_unpack, chain(self._coarse, self._fine))
        return [row for row in kept if now_s - row.at_s < SAMPLES_S]


def must_leave_bytes(
    unsent_bytes: int, lowat_bytes: int | None, memory: tuple[int, int, int]
) -> int:
    """Return how many bytes must leave the kernel's queue until its socket is writable.

    `unsent_bytes` of the queue are not sent; `lowat_bytes` is TCP_NOTSENT_LOWAT, None: unlimited.
    `memory`: how much of the send buffer is used and how much there is (SO_MEMINFO), and the bytes
    of the queue that use it. Memory is not bytes: of small pieces it takes many times as much.
    """
    used_bytes, room_bytes, queue_bytes = memory
    surplus_bytes = 0
    if lowat_bytes is not None:
        surplus_bytes = max(0, unsent_bytes - (lowat_bytes - 1) // 2)
    # Writable from here on: room - used >= used >> 1.
    too_much_bytes = used_bytes + (used_bytes >> 1) - room_bytes
    if too_much_bytes > 0 and used_bytes:
        share = too_much_bytes / 1.5 / used_bytes
        surplus_bytes = max(surplus_bytes, round(share * queue_bytes), 1)
    return surplus_bytes


def acknowledged_per_s(rows: Sequence[SampleRow]) -> float | None:
    """Return the bytes per second that the peer acknowledged of late; None when not known.

    Only since the counters began: another exchange on the same connection counts from 0.
    """
    newest = rows[-1] if rows else None
    if newest is None or newest.acknowledged_bytes is None:
        return None
    oldest, acknowledged_bytes = newest, newest.acknowledged_bytes
    for row in reversed(rows):
        before_bytes = row.acknowledged_bytes
        if before_bytes is None or before_bytes > acknowledged_bytes:
            break
        oldest, acknowledged_bytes = row, before_bytes
        if newest.at_s - row.at_s >= ACK_RATE_S:
            break
    elapsed_s = newest.at_s - oldest.at_s
    return (newest.acknowledged_bytes - acknowledged_bytes) / elapsed_s if elapsed_s > 0 else None


def writable_in_s(must_leave: int, rows: Sequence[SampleRow]) -> float | None:
    """Return after how many seconds `must_leave` bytes are gone at the present rate.

    None when nothing moves: no ACK at all, or none for so long that the rate is a thing of the
    past. A slow reader's come in gulps, so that a wait of its usual length says nothing yet.
    """
    if must_leave <= 0:
        return 0.0
    per_s = acknowledged_per_s(rows)
    if not per_s:
        return None
    estimate_s = must_leave / per_s
    return None if _quiet_s(rows) > max(QUIET_S, QUIET_SHARE * estimate_s) else estimate_s


def _quiet_s(rows: Sequence[SampleRow]) -> float:
    """Return for how long the peer has acknowledged nothing."""
    newest = rows[-1]
    for row in reversed(rows):
        if row.acknowledged_bytes != newest.acknowledged_bytes:
            return newest.at_s - row.at_s
    return newest.at_s - rows[0].at_s
