"""What the engine answers about breakpoints and stopped sessions. Times are seconds."""

import msgspec


class StopRow(msgspec.Struct):
    """Why a session stands still: nothing of it is read, and nothing of it goes out."""

    breakpoint: int
    at: str
    why: str
    goes_on_in_s: float | None
    """null: only when somebody says so."""
    for_s: float = 0.0
    """For how long it has been stopped."""
    warning: str = ""
    """Which allowance would have run out by now: a peer that has a like one may give up."""


class BreakSummary(msgspec.Struct):
    """What `status` says of breakpoints."""

    in_force: int = 0
    stopped: int = 0
    """Sessions that are stopped."""
    first: int | None = None
    """The one that was stopped first."""


class BreakRow(msgspec.Struct):
    """One breakpoint in force."""

    id: int
    expression: str
    hits: int
    stopped: list[int]
    """The sessions that are stopped at it."""
    goes_on_after_s: float | None
    """null: they stay stopped until somebody says otherwise."""


class BreaksReply(msgspec.Struct):
    """`break list`: by number."""

    breakpoints: list[BreakRow]


class BreakAdded(msgspec.Struct):
    """`break add`."""

    id: int
    done: str


class BreaksRemoved(msgspec.Struct):
    """`break remove`."""

    removed: list[int]
    done: str


class PendingReply(msgspec.Struct):
    """`pending`: what waits to be sent to one side of a stopped session."""

    session: int
    side: str
    from_offset: int
    """How many bytes this side's kernel has taken before."""
    unsent_bytes: int
    """How many wait."""
    first: int
    """The place, among those that wait, of the first byte that is shown."""
    bytes_hex: str
    done: str = ""
