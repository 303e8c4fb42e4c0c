"""One HTTP request and its response, as the engine remembers them; and the record of a decision."""

from typing import NamedTuple

from rsp.core.backends import Backend
from rsp.core.routing import RouteDecision

SHOWN_PATH_CHARACTERS = 256
"""A remembered path is cut to this: ten thousand of them must stay small."""


class Exchange:
    """What is known of one request and its response so far. Times are monotonic seconds.

    Without slots, so that what most exchanges never learn can stand in the class.
    """

    method = ""
    host = ""
    """As the client sent it."""
    path = ""
    backend: Backend | None = None
    generation = 0
    status: int | None = None
    first_byte_s: float | None = None
    """From the complete request head to the first byte of the response."""
    duration_s = 0.0
    request_bytes = 0
    response_bytes = 0
    result = ""

    def __init__(self, session: int, number: int, client: str, started_s: float) -> None:
        self.session = session
        self.id = number
        self.client = client
        self.started_s = started_s


class Decided(NamedTuple):
    """A routing decision with what it was made for."""

    session: int
    at_s: float
    method: str
    host: str
    path: str
    decision: RouteDecision
