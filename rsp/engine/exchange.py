"""One HTTP request and its response, as the engine remembers them.

A struct of msgspec, because one is made for every request and costs a tenth of a class.
"""

import msgspec

from rsp.core.backends import Backend
from rsp.core.routing import RouteDecision

COMPLETE = "complete"
"""The result of an exchange in which all of what a backend answered has left for the client."""

SHOWN_PATH_CHARACTERS = 256
"""A remembered path is cut to this: ten thousand of them must stay small."""


class Exchange(msgspec.Struct, gc=False):
    """What is known of one request and its response so far. Times are monotonic seconds.

    The stamps are those that `core/time_budget.py` makes a budget from; 0: it did not happen.
    Each is a store of the time that the batch has already, and only few exchanges have the rare
    ones: 0.4 to 0.7 % of the instructions of a keep-alive request (callgrind, 3,000 requests).
    """

    session: int
    id: int
    client: str
    started_s: float
    """The request head was complete."""
    method: str = ""
    host: str = ""
    """As the client sent it."""
    path: str = ""
    decision: RouteDecision | None = None
    """The one that it was sent by; without a backend, the one that found none."""
    paired_s: float = 0.0
    status: int | None = None
    first_byte_s: float | None = None
    """From the complete request head to the first byte of the response, interim ones apart."""
    duration_s: float = 0.0
    request_bytes: int = 0
    response_bytes: int = 0
    result: str = ""
    began_s: float = 0.0
    """The first byte of the head, when it came before the last one."""
    turn_s: float = 0.0
    """The exchange before it was over, when it had to wait for that."""
    sent_s: float = 0.0
    blocked_s: float = 0.0
    """For how long, as the following: the backend was not read, as the client took nothing."""
    held_s: float = 0.0
    held_since_s: float = 0.0
    """Since when a person or a breakpoint holds it."""
    injected_s: float = 0.0
    """A fault made it wait."""
    is_faulted: bool = False
    """Whether a fault on purpose was there for some of it."""
    interim: int = 0
    """How many interim responses there were."""
    left_s: float = 0.0
    drained_s: float = 0.0

    @property
    def took_s(self) -> float:
        """From the first byte of the head to the last that is known of, when it is over."""
        return (self.drained_s or self.started_s + self.duration_s) - (
            self.began_s or self.started_s
        )

    @property
    def backend(self) -> Backend | None:
        """Whom it was sent to; None when it never was."""
        return self.decision.backend if self.decision is not None and self.paired_s else None
