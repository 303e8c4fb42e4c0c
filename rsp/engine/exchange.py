"""One HTTP request and its response, as the engine remembers them; and the record of a decision.

Structs of msgspec, because they are made for every request and cost a tenth of a class.
"""

import msgspec

from rsp.core.backends import Backend
from rsp.core.routing import RouteDecision

SHOWN_PATH_CHARACTERS = 256
"""A remembered path is cut to this: ten thousand of them must stay small."""


class Exchange(msgspec.Struct, gc=False):
    """What is known of one request and its response so far. Times are monotonic seconds."""

    session: int
    id: int
    client: str
    started_s: float
    method: str = ""
    host: str = ""
    """As the client sent it."""
    path: str = ""
    backend: Backend | None = None
    generation: int = 0
    status: int | None = None
    first_byte_s: float | None = None
    """From the complete request head to the first byte of the response."""
    duration_s: float = 0.0
    request_bytes: int = 0
    response_bytes: int = 0
    result: str = ""


class Decided(msgspec.Struct, frozen=True, gc=False):
    """A routing decision with what it was made for."""

    session: int
    at_s: float
    method: str
    host: str
    path: str
    decision: RouteDecision
