"""What `explain` answers: the lines of `route` that ran, what it returned, what the policy did.

Texts that a script or a stranger wrote are shortened and redacted by whoever makes these rows;
they are not sanitised, as in `replies.py`.
"""

import msgspec

from rsp.core.decision_rows import CandidateRow


class TraceStep(msgspec.Struct):
    """One line of `route`, or of a function of the file that it called."""

    line: int
    """Counted from 1."""
    source: str
    locals: dict[str, str]
    """The locals of that function after the line, as Lua writes them; after a line that failed, as
    they were before."""
    depth: int = 0
    """How many calls lie between it and `route`, which has 0."""


class Returned(msgspec.Struct):
    """What `route` returned."""

    target: str
    key: str | None
    reason: str


class PolicyRow(msgspec.Struct):
    """How a policy came to its pick."""

    sentence: str
    """What decided; with a tie, what broke it."""
    name: str = ""
    """As `balance` has it; empty: `route` named the backend itself."""
    hash: str | None = None
    """Of the key, in hexadecimal: 64 bits."""
    position: int | None = None
    """Of the pick among the available ones, counted from 0, where the policy goes by position."""
    scores: dict[str, float] = {}
    """Of each available backend, by name; whether the highest or the lowest wins, the sentence
    says."""
    retried: list[str] = []
    """Backends that had failed for the same request before."""


class Explanation(msgspec.Struct):
    """`explain`: where a request would go, or went."""

    pool: str | None
    backend: str | None
    key: str | None
    reason: str
    generation: int
    candidates: list[CandidateRow]
    error: str | None = None
    trace: list[TraceStep] = []
    """Empty where no `route` of the file decides."""
    trace_note: str = ""
    """Why the trace is not whole, or may not be what happened; empty when nothing is to be said."""
    returned: Returned | None = None
    """null: there is no trace, or `route` failed."""
    policy: PolicyRow | None = None
    """null: it did not come to a policy."""


def changed_locals(steps: list[TraceStep]) -> list[dict[str, str]]:
    """Return for each step the locals that its line set: those not there, or other, before it.

    Before it means after the last line of the same depth; a deeper call begins with nothing.
    """
    found: list[dict[str, str]] = []
    known: dict[int, dict[str, str]] = {}
    for step in steps:
        before = known.get(step.depth, {})
        found.append(
            {name: value for name, value in step.locals.items() if before.get(name) != value}
        )
        known = {depth: some for depth, some in known.items() if depth < step.depth}
        known[step.depth] = step.locals
    return found
