"""A breakpoint in force, and one stop of a session at it. Times are monotonic seconds."""

from dataclasses import dataclass, field

from rsp.core.breaks.expression import Expression
from rsp.core.patience import Patience
from rsp.engine.connection import Connection


@dataclass(slots=True)
class Breakpoint:
    """One breakpoint in force."""

    id: int
    expression: Expression
    goes_on_after_s: float | None
    """None: a session that stopped stays so until somebody says otherwise."""
    hits: int = 0

    def __str__(self) -> str:
        return f"breakpoint {self.id}: {self.expression.text}"


@dataclass(slots=True)
class Stop:
    """A session stands still."""

    breakpoint: Breakpoint
    at_s: float
    why: str
    allowed: Patience
    """The allowance that stands still with it."""
    left_s: float
    """What was left of that."""
    goes_on_s: float | None = None
    """When it goes on by itself."""
    kept: dict[Connection, int] = field(default_factory=dict)
    """What epoll has said that was not acted on."""
    gone: dict[Connection, str] = field(default_factory=dict)
    """Who is gone, of which the session has not heard; by which errno."""
    has_warned: bool = False
    awaits_event: bool = False
    """Whether the next event is to be let through: nothing could be done when it was asked for."""

    def warning(self, now_s: float, share: float) -> str:
        """Return which allowance would nearly have run out, or has; empty: none would."""
        allowed = self.allowed
        late_s = self.left_s - (1 - share) * allowed.limit_s
        if now_s - self.at_s < late_s:
            return ""
        return (
            f"{allowed.phrase}: our own allowance of {allowed.limit_s:g} s stands still meanwhile; "
            "a peer that has a like one may give up"
        )
