"""What the engine answers about what is slow or damaged: calls, stalls, levels, time, the books.

Bytes and seconds, as in `replies.py`.
"""

import msgspec

from rsp.core.units import ordinal


class CallRow(msgspec.Struct):
    """One system call of a watched session."""

    at_s: float
    """Seconds since the watch began."""
    fd: int
    direction: str
    """Which way the bytes of this call go: `request` or `response`."""
    call: str
    """`recv`, `send`, `shutdown`, `close`, or `pause`, `resume`."""
    wanted_bytes: int
    got_bytes: int | None
    error: str | None
    """`EAGAIN`, `ECONNRESET`, …"""
    unsent_bytes: int
    """What the sink's write buffer holds after the call."""
    note: str


class QueuedRow(msgspec.Struct):
    """The place of a session that waits, as all backends that could take it are full."""

    pool: str
    backend: str | None
    """The one that it has to be, as `route` named it; null: any of the pool will do."""
    position: int
    """Counted from 1."""
    of: int
    """How many wait there."""
    since_s: float
    """For how long this one does."""

    @property
    def words(self) -> str:
        """Return it in words: `waits for a place at pool web, 3rd of 7`."""
        at = f"pool {self.pool}" if self.backend is None else f"{self.pool}/{self.backend}"
        return f"waits for a place at {at}, {ordinal(self.position)} of {self.of:,}"


class StallRow(msgspec.Struct):
    """Why one side does not move, since when, and by which numbers that was found out."""

    since_s: float
    """For how long; when it is over, for how long it was."""
    cause: str
    """A `StallCause`."""
    sentence: str
    evidence: dict[str, int | float]
    """Fields of TCP_INFO and SO_MEMINFO with their units; without what is unknown."""
    side: str = ""
    unsent_bytes: int = 0
    """The most that waited here for it."""
    is_over: bool = False


class PauseRow(msgspec.Struct):
    """Why one side is not read, and who it is that holds it up."""

    since_s: float
    sentence: str
    by_fd: int | None
    """The fd that it waits for; null where it waits for a person."""
    by_bytes: int
    """What that fd has not taken yet."""
    reason: str = ""
    """The `PauseReason` that counts most."""


class PartRow(msgspec.Struct, gc=False):
    """A part of an exchange's time. Those of one exchange add up to its duration, exactly."""

    part: str
    """A `BudgetPart`."""
    s: float | None
    """null: unknown, and no part of the duration."""
    share: float | None
    """Of the duration, 0 to 1."""
    whom: str | None = None
    """Who had it, in words, where that is none of the two who took part."""


class SampleRow(msgspec.Struct, gc=False):
    """One look at both levels of one side: what waits here, and what its kernel holds.

    Counters only grow: what happened between two looks is the difference of them. null: the kernel
    does not say.
    """

    at_s: float
    """On the engine's monotonic clock, as `now_s` of `connections`."""
    receive_queue_bytes: int | None
    """Came from the peer, and we have not read it (SIOCINQ)."""
    unsent_bytes: int
    """Waits here: the kernel has not taken it."""
    kernel_unsent_bytes: int | None
    """The kernel has taken it and not sent it (SIOCOUTQNSD)."""
    in_flight_bytes: int | None
    """Sent, and the peer has not acknowledged it (SIOCOUTQ less that)."""
    acknowledged_bytes: int | None
    """Of all that this side was given."""
    eagain_writes: int
    short_writes: int
    paused: bool
    """Whether it is not read."""
    paused_at_s: float | None = None
    """When that was so last, it began then; null: never."""


class RoomRow(msgspec.Struct):
    """When the kernel of one side takes bytes again."""

    notsent_lowat_bytes: int | None
    """TCP_NOTSENT_LOWAT at this moment; null: unlimited."""
    must_leave_bytes: int
    """So many must leave the kernel's queue before it says that there is room (EPOLLOUT)."""
    acknowledged_per_s: float | None
    """What the peer has acknowledged of late; null: not known yet."""
    writable_in_s: float | None
    """0: it takes bytes now. null: not at this rate, for nothing moves."""


class FlowRow(msgspec.Struct, rename={"in_": "in"}):
    """What became of the bodies that went one way; in a tunnel, of all bytes."""

    in_: int
    """Read from the source."""
    out: int
    """Taken by the kernel of the sink."""
    unsent: int
    """Waiting here; when the sink is gone, what it never took."""
    dropped: int
    """Read, and neither taken nor left over: lost here."""
    balanced: bool
    """Nothing is lost, and nothing differs."""
    head_in: int
    """Read besides: heads, chunk framing, what belonged to no message."""
    head_out: int
    """Sent besides: heads, chunk framing, pages of ours."""
    first_divergence: int | None = None
    """Where what left differs from what came, where that is watched."""


class LedgerRow(msgspec.Struct):
    """The books of a session."""

    request: FlowRow
    response: FlowRow
