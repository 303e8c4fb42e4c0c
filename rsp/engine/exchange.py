"""One HTTP request and its response, as the engine follows it; and the record of a decision."""

from rsp.core.http1.head import RequestHead, ResponseHead
from rsp.core.routing import RouteDecision, RouteRequest

SHOWN_PATH_BYTES = 256
"""A remembered path is cut to this: ten thousand of them must stay small."""


class Exchange:
    """What is known of one request and its response so far. Times are monotonic seconds."""

    __slots__ = (
        "backend_key",
        "client",
        "decision",
        "duration_s",
        "excluded",
        "first_byte_s",
        "generation",
        "head",
        "host",
        "id",
        "is_reused",
        "method",
        "path",
        "pool",
        "request_bytes",
        "response",
        "response_bytes",
        "result",
        "session",
        "started_s",
        "status",
        "tries",
    )  # fmt: skip

    def __init__(self, session: int, number: int, client: str, started_s: float) -> None:
        self.session = session
        self.id = number
        self.client = client
        self.started_s = started_s
        self.head: RequestHead | None = None
        self.method = self.host = self.path = ""
        self.decision: RouteDecision | None = None
        self.response: ResponseHead | None = None
        self.status: int | None = None
        self.pool: str | None = None
        self.backend_key: str | None = None
        self.excluded: set[str] = set()
        self.tries = 0
        self.generation = 0
        self.is_reused = False
        self.first_byte_s: float | None = None
        self.duration_s = 0.0
        self.request_bytes = self.response_bytes = 0
        self.result = ""

    def begin(self, head: RequestHead) -> None:
        """Note the request."""
        self.head = head
        self.method = head.method
        self.host = head.raw_host
        self.path = head.path[:SHOWN_PATH_BYTES]

    def forget_heads(self) -> None:
        """Let go of what only the running exchange needs, so that the record stays small."""
        self.head = self.response = self.decision = None


class Decided:
    """A routing decision with what it was made for."""

    __slots__ = ("at_s", "decision", "host", "method", "path", "session")

    def __init__(
        self, session: int, at_s: float, request: RouteRequest, decision: RouteDecision
    ) -> None:
        self.session = session
        self.at_s = at_s
        self.method = request.method
        self.host = request.raw_host
        self.path = request.path[:SHOWN_PATH_BYTES]
        self.decision = decision
