"""The words that the wire and the screen show: every enum of the project, and nothing else."""

from enum import Enum, Flag, StrEnum, auto


class Side(StrEnum):
    """Which of the two peers of a session."""

    CLIENT = "client"
    BACKEND = "backend"


class Direction(StrEnum):
    """Which way bytes go: REQUEST is client to backend, RESPONSE is backend to client."""

    REQUEST = "request"
    RESPONSE = "response"


class Mode(StrEnum):
    """What a listener speaks."""

    HTTP = "http"
    TCP = "tcp"


class ProxyVersion(StrEnum):
    """How a client is announced to a backend that wants a PROXY header."""

    V1 = "v1"
    """A line of text."""
    V2 = "v2"
    """Binary."""


class BackendState(StrEnum):
    """What an operator has decided about a backend."""

    READY = "ready"
    """It gets new work."""
    DRAIN = "drain"
    """No new exchange or session; the present ones end in their own time."""
    MAINT = "maint"
    """No new work, and a request that names it directly is refused."""


class SessionState(StrEnum):
    """What a session is doing, as its row says it."""

    READING_PROXY_HEADER = "reading_proxy_header"
    READING_HEAD = "reading_head"
    ROUTING = "routing"
    CONNECTING = "connecting"
    STREAMING = "streaming"
    IDLE = "idle"
    TUNNEL = "tunnel"
    DRAINING = "draining"
    CLOSING = "closing"
    CLOSED = "closed"


class PauseReason(Flag):
    """Why a connection is not being read. A set, because each owner lets go only of its own."""

    NONE = 0
    SINK_FULL = auto()
    """The other side holds `high_water_bytes` or more that its kernel has not taken."""
    CONNECTING = auto()
    """There is no connected backend yet to give the bytes to."""
    ROUTING = auto()
    """The route of the request is not decided yet."""
    PIPELINED = auto()
    """The next request is already here; the present exchange has to end first."""
    OPERATOR = auto()
    """A person paused it."""
    BREAKPOINT = auto()
    """A breakpoint holds it."""

    def names(self) -> list[str]:
        """Return the reasons in lower case, as the wire carries them."""
        return [reason.name.lower() for reason in self if reason.name]


class CloseReason(StrEnum):
    """Why a session ended: given once, by whoever decided it."""

    FINISHED = "finished"
    """Both sides said all they had to say."""
    CLIENT_GONE = "client_gone"
    """The client reset its connection, or left in the middle of a message."""
    BACKEND_GONE = "backend_gone"
    """The backend reset its connection, or ended in the middle of a response."""
    BACKEND_UNREACHABLE = "backend_unreachable"
    """No backend could be connected to."""
    BAD_REQUEST = "bad_request"
    """The client's bytes were refused; the error reply says why."""
    BAD_PROXY_HEADER = "bad_proxy_header"
    """A client that must announce whom it speaks for did not, or not in time."""
    BAD_RESPONSE = "bad_response"
    """The backend's bytes were not a valid response."""
    NO_ROUTE = "no_route"
    """`route` failed, or named something that is not there or not available."""
    CLIENT_TIMEOUT = "client_timeout"
    """The client took too long to send or to read."""
    BACKEND_TIMEOUT = "backend_timeout"
    """The backend took too long to connect, to answer or to go on."""
    IDLE_TIMEOUT = "idle_timeout"
    """Nothing happened on a kept-alive connection or a tunnel for its whole allowance."""
    OPERATOR = "operator"
    """A person closed it."""
    SHUTDOWN = "shutdown"
    """The engine is stopping."""
    BUFFER_LIMIT = "buffer_limit"
    """More bytes were buffered than pausing should ever allow."""
    INTERNAL_ERROR = "internal_error"
    """A bug of ours; the event beside it has the traceback."""


class EventLevel(Enum):
    """How much an event matters. The log shows INFO and above unless told otherwise."""

    DEBUG = "debug"
    INFO = "info"
    WARN = "warn"
    ERROR = "error"


class Severity(StrEnum):
    """How much a finding of `rsp check` matters; ADVICE does not change the exit status."""

    ERROR = "error"
    WARNING = "warning"
    ADVICE = "advice"
