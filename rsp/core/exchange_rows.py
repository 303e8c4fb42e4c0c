"""What the engine answers about exchanges that are over. As in `replies.py`."""

import msgspec

from rsp.core.evidence import PartRow


class ExchangeRow(msgspec.Struct):
    """One finished HTTP request and its response."""

    id: int
    session: int
    at: str
    client: str
    method: str
    host: str
    path: str
    status: int | None
    """What the client got; null when it got no head at all."""
    pool: str | None
    backend: str | None
    first_byte_s: float | None
    duration_s: float
    """From the first byte of the request head to the last of the response: to its being given to
    the kernel, or, where `kernel_drain` is known, to the client's having it. The sum of `budget`.
    """
    request_bytes: int
    response_bytes: int
    generation: int
    result: str
    """`complete`, or why it is not."""
    budget: list[PartRow] = []
    """Where the time went: in its order, without what took none."""
    sentence: str | None = None
    """The same in words, where it was slow and one part took most of it."""


class Exchanges(msgspec.Struct):
    """`exchanges`: the last finished ones, newest first."""

    exchanges: list[ExchangeRow]
    sentence: str | None = None
    """What the slow ones of all that are kept have in common; null when nobody is to blame."""
