"""What the engine answers about routing decisions. Strings are unsanitised, as in `replies.py`."""

import msgspec

from rsp.core.what_if_rows import InputRow


class CandidateRow(msgspec.Struct):
    """A backend that was looked at for a decision."""

    name: str
    state: str
    weight: int
    sessions: int
    verdict: str
    """`chosen`, or why not: `draining`, `in maintenance`, `down (refused (ECONNREFUSED))`,
    `full (100 of 100)`, `not picked`."""
    health: str = "unknown"
    """As it was then: `up`, `down`, `ejected` or `unknown`."""
    ramp: float = 1.0
    """The share of its weight that slow start let it have."""


class DecisionRow(msgspec.Struct):
    """One routing decision."""

    seq: int
    at: str
    session: int
    generation: int
    method: str
    host: str
    """As the client sent it."""
    path: str
    pool: str | None
    backend: str | None
    key: str | None
    reason: str
    elapsed_us: float
    candidates: list[CandidateRow]
    error: str | None = None
    """Why there is no backend: the client got an error of ours."""
    waited_s: float = 0.0
    """For how long it waited in the queue of its pool."""
    sticky: bool = False
    """Whether the client came back to the backend that it had before."""
    input: InputRow | None = None
    """Only when asked for (`with_inputs`), and while it is held."""


class Decisions(msgspec.Struct):
    """`decisions`: newest last."""

    decisions: list[DecisionRow]
    dropped: int
    """Decisions asked for that are no longer kept."""
    next_since: int = 0
