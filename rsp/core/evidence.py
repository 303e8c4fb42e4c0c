"""What the engine answers about what is slow or damaged: stalls, pauses, time, and the books.

Bytes and seconds, as in `replies.py`.
"""

import msgspec


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
