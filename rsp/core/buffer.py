"""`WriteBuffer`: bytes that the kernel has not taken yet, and what is to happen behind them.

It is the backpressure: above `high_water_bytes` the source is paused, at or below
`low_water_bytes` it is resumed. The close marker stands behind the data, so that draining before
closing needs no other state. A `bytearray` gives both ends for nothing: appending is amortised
constant, and `del data[:n]` only moves a pointer (CPython keeps an offset for it).

A checksum runs over what comes in and another one over what the kernel has taken; they are compared
whenever everything has gone. What the kernel takes at once never comes here: that is equal by
construction.
"""

from enum import IntEnum
from zlib import crc32


class AfterUnsent(IntEnum):
    """What happens to the connection once everything unsent has been taken by the kernel.

    In their order: a stronger one replaces a weaker one.
    """

    NOTHING = 0
    SHUT_WRITE = 1
    """Say FIN, go on reading: a half-close."""
    CLOSE = 2
    """Close the connection: FIN."""
    RESET = 3
    """Close the connection with RST, so that the peer sees that what it has is not complete."""


_NOTHING = AfterUnsent.NOTHING
"""A member of an Enum costs 70 ns to look up, a name of the module 7."""


class WriteBuffer:
    """Unsent bytes of one connection, in order, with their watermarks and the close marker."""

    __slots__ = (
        "after", "came_crc", "data", "discarded_bytes", "fin_sent", "first_divergence",
        "gone_bytes", "gone_crc", "high_water_bytes", "low_water_bytes", "peak_bytes",
    )  # fmt: skip

    def __init__(self, high_water_bytes: int, low_water_bytes: int) -> None:
        self.data = bytearray()
        self.after = _NOTHING
        self.fin_sent = False
        """Whether FIN went out behind everything: the kernel's queue counts it as a byte."""
        self.high_water_bytes = high_water_bytes
        self.low_water_bytes = low_water_bytes
        self.peak_bytes = self.discarded_bytes = 0
        self.came_crc = self.gone_crc = self.gone_bytes = 0
        """Checksums, and how many bytes have gone, since nothing was here."""
        self.first_divergence: int | None = None
        """Behind how many bytes to the peer what has gone was not what had come."""

    def __len__(self) -> int:
        return len(self.data)

    def __repr__(self) -> str:
        return (
            f"<WriteBuffer {len(self.data)}/{self.high_water_bytes} then {self.after.name.lower()}>"
        )

    @property
    def is_full(self) -> bool:
        """Whether the source must stop: at or above the high mark."""
        return len(self.data) >= self.high_water_bytes

    @property
    def has_room(self) -> bool:
        """Whether the source may go on: at or below the low mark."""
        return len(self.data) <= self.low_water_bytes

    def append(self, view: bytes | bytearray | memoryview) -> None:
        """Keep a copy of `view` behind what is already unsent."""
        self.data += view
        self.came_crc = crc32(view, self.came_crc)
        if len(self.data) > self.peak_bytes:
            self.peak_bytes = len(self.data)

    def consume(self, count: int, out_bytes: int) -> None:
        """Forget the first `count` bytes: the kernel has them now, and `out_bytes` in all."""
        data = self.data
        with memoryview(data) as view:
            self.gone_crc = crc32(view[:count], self.gone_crc)
        del data[:count]
        self.gone_bytes += count
        if not data:
            if self.gone_crc != self.came_crc and self.first_divergence is None:
                self.first_divergence = out_bytes - self.gone_bytes
            self.came_crc = self.gone_crc = self.gone_bytes = 0

    def discard(self, more_bytes: int) -> None:
        """Forget everything, and count it with `more_bytes` that never came here: nobody is left
        to take it."""
        self.discarded_bytes += len(self.data) + more_bytes
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.data.clear()
        self.came_crc = self.gone_crc = self.gone_bytes = 0

    @property
    def left_bytes(self) -> int:
        """What the peer has not got, and may never get."""
        return len(self.data) + self.discarded_bytes

    def say_fin(self) -> None:
        """Note that FIN is sent: nothing comes behind it, and it is not to be sent again."""
        self.after, self.fin_sent = _NOTHING, True

    def set_after(self, after: AfterUnsent) -> None:
        """Put a close marker behind the data. A stronger one replaces a weaker one."""
        if after > self.after:
            self.after = after
