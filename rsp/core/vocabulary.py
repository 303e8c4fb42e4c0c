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


class Health(StrEnum):
    """What was seen of a backend: its checks, and how it served."""

    UNKNOWN = "unknown"
    """Nobody checks it, or too few checks have come to a result: it counts as available."""
    UP = "up"
    DOWN = "down"
    """Its checks fail: it gets nothing."""
    EJECTED = "ejected"
    """It failed requests, one after the other: it gets nothing for a while."""


class ChangeKind(StrEnum):
    """What made a generation."""

    START = "start"
    """The engine began."""
    EDIT = "edit"
    UNDO = "undo"
    REDO = "redo"
    RELOAD = "reload"
    ROLLBACK = "rollback"
    """A change on trial was taken back."""
    WRITE_BACK = "write-back"
    """The edits stand in the file by now: the table is the same."""
    RESTORE = "restore"
    """An edit of an earlier run was made again when the engine began."""
    PROXIES = "proxies"
    """Listeners and pools that were added at run time came or went."""


class SessionState(StrEnum):
    """What a session is doing, as its row says it."""

    READING_PROXY_HEADER = "reading_proxy_header"
    READING_HEAD = "reading_head"
    ROUTING = "routing"
    QUEUED = "queued"
    CONNECTING = "connecting"
    STREAMING = "streaming"
    IDLE = "idle"
    TUNNEL = "tunnel"
    DRAINING = "draining"
    CLOSING = "closing"
    CLOSED = "closed"


class Reasons(Flag):
    """A set of reasons, because each owner lets go only of its own."""

    def names(self) -> list[str]:
        """Return the reasons in lower case, as the wire carries them."""
        return [reason.name.lower() for reason in self if reason.name]


class PauseReason(Reasons):
    """Why a connection is not being read."""

    NONE = 0
    SINK_FULL = auto()
    """The other side holds `high_water_bytes` or more that its kernel has not taken."""
    CONNECTING = auto()
    """There is no connected backend yet to give the bytes to."""
    ROUTING = auto()
    """The route of the request is not decided yet: it waits for a place at its pool."""
    PIPELINED = auto()
    """The next request is already here; the present exchange has to end first."""
    OPERATOR = auto()
    """A person paused it."""
    BREAKPOINT = auto()
    """A breakpoint holds it."""
    INJECTED = auto()
    """A fault on purpose holds it."""


class AcceptPause(Reasons):
    """Why a listener lets nobody in."""

    NONE = 0
    STARTING = auto()
    """The engine is not ready yet."""
    NO_FDS = auto()
    """There is no fd left for one more client."""
    FULL = auto()
    """It has `max_connections`."""
    MEMORY = auto()
    """The memory budget is nearly used up."""
    DOWN = auto()
    """A fault refuses everybody."""
    CLOSED = auto()
    """It is closed for good."""


class MemoryStep(StrEnum):
    """How far the memory budget is used up, and what is done about it: each does more."""

    CALM = "calm"
    NO_KEEP_ALIVE = "no_keep_alive"
    """Client connections close after their response."""
    NO_ACCEPT = "no_accept"
    """Nobody is let in, reads are small, recorded calls are forgotten."""
    SHED = "shed"
    """Requests get a 503, and the newest sessions are closed."""


class CloseReason(StrEnum):
    """Why a session ended: given once, by whoever decided it. `legend.py` says each in words."""

    FINISHED = "finished"
    CLIENT_GONE = "client_gone"
    BACKEND_GONE = "backend_gone"
    BACKEND_UNREACHABLE = "backend_unreachable"
    BAD_REQUEST = "bad_request"
    BAD_PROXY_HEADER = "bad_proxy_header"
    BAD_RESPONSE = "bad_response"
    NO_ROUTE = "no_route"
    CLIENT_TIMEOUT = "client_timeout"
    BACKEND_TIMEOUT = "backend_timeout"
    IDLE_TIMEOUT = "idle_timeout"
    OPERATOR = "operator"
    SHUTDOWN = "shutdown"
    CONNECTION_LIMIT = "connection_limit"
    MEMORY_LIMIT = "memory_limit"
    BUFFER_LIMIT = "buffer_limit"
    INJECTED = "injected"
    INTERNAL_ERROR = "internal_error"


class StallCause(StrEnum):
    """Why bytes that should move do not."""

    PEER_NOT_READING = "peer_not_reading"
    PATH_LOSS = "path_loss"
    PATH_CONGESTION = "path_congestion"
    SEND_BUFFER_SMALL = "send_buffer_small"
    PEER_SENDING_NOTHING = "peer_sending_nothing"
    ENGINE_BUSY = "engine_busy"
    OPERATOR = "operator"
    BREAKPOINT = "breakpoint"
    INJECTED = "injected"
    UNKNOWN = "unknown"


class Trouble(StrEnum):
    """What is wrong at a backend, the worst first."""

    FAILING = "failing"
    """Connects fail, or answers do not come or break off."""
    ERRORS = "errors"
    """It answers 5xx."""
    UNACCEPTED = "unaccepted"
    """Requests wait to be connected to it."""
    UNANSWERED = "unanswered"
    """It has requests and has not begun to answer."""


class BudgetPart(StrEnum):
    """What the time of an exchange goes into, in the order in which it passes."""

    PIPELINED = "pipelined"
    """Behind the exchange before it, on the same connection."""
    HEAD_WAIT = "head_wait"
    """From the first byte of the request head to the last."""
    LUA = "lua"
    """Deciding where it goes: `route`, and the policy of the pool."""
    QUEUE = "queue"
    """In the queue of its pool, as all backends were full."""
    FAILED_TRIES = "failed_tries"
    """At backends that were tried in vain before."""
    CONNECT = "connect"
    """Until a backend had accepted."""
    UPLOAD = "upload"
    """Until the whole request was passed on."""
    BACKEND_THINK = "backend_think"
    """Until the first byte of the response."""
    TRANSFER = "transfer"
    """Until the whole response was passed on."""
    BLOCKED = "blocked"
    """The client took nothing, and the backend was not read for it."""
    KERNEL_DRAIN = "kernel_drain"
    """From the last byte's being given to the kernel to the client's acknowledging it."""
    HELD = "held"
    """A person or a breakpoint held it."""
    INJECTED = "injected"
    """A fault made it wait."""
    LOOP_LAG = "loop_lag"
    """Our own loop was late."""


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
