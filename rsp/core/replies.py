"""What the engine answers: rows and lists, as JSON carries them and as the dashboard reads them.

All byte counts are bytes, all times seconds unless the name says otherwise (`elapsed_us`).
Strings hold strangers' bytes as latin-1, unsanitised: whoever shows them calls
`core.sanitise.safe`. Lists stand under their plural name, so that an answer is always an object.
"""

from typing import Any

import msgspec

from rsp.core.autopsy import AutopsyRow
from rsp.core.breaks.rows import BreakSummary, StopRow
from rsp.core.evidence import (
    CallRow,
    LedgerRow,
    PartRow,
    PauseRow,
    QueuedRow,
    RoomRow,
    SampleRow,
    StallRow,
)
from rsp.core.generation_rows import TrialRow
from rsp.core.listener_rows import ListenerRow
from rsp.core.storm import StormRow
from rsp.core.trouble import TroubleRow
from rsp.core.what_if_rows import WhatIf


class PeerRow(msgspec.Struct, gc=False):
    """One side of a session: one fd. A backend's counters begin when the session gets it."""

    fd: int
    address: str
    bytes_in: int
    bytes_out: int
    unsent_bytes: int
    unsent_peak_bytes: int
    high_water_bytes: int
    kernel_send_queue_bytes: int | None
    """SIOCOUTQ; null when it was not asked for."""
    kernel_receive_queue_bytes: int | None
    """SIOCINQ; null when it was not asked for."""
    eagain_reads: int
    eagain_writes: int
    short_writes: int
    wakeups: int
    paused_by: list[str]
    blocked_s: float
    """For how long bytes have been waiting for this fd to become writable; 0 when none are."""
    blocked_total_s: float
    stall: StallRow | None = None
    """From 0.1 s on; null while it moves, and for an idle connection."""
    pause: PauseRow | None = None
    """Why this side is not read; null while it is."""


class RequestSummary(msgspec.Struct):
    """The request of the present exchange."""

    method: str
    host: str
    path: str


class ResponseSummary(msgspec.Struct):
    """The response of the present exchange."""

    status: int
    first_byte_s: float
    """From the complete request head to the first byte of the response."""
    body_bytes: int


class RouteSummary(msgspec.Struct):
    """Where the present exchange goes, and why."""

    pool: str
    backend: str
    key: str | None
    reason: str
    elapsed_us: float


class ConnectionRow(msgspec.Struct):
    """A session: a client connection and the backend connection paired with it."""

    id: int
    state: str
    half_closed: str | None
    generation: int
    age_s: float
    listener: str
    exchanges: int
    request: RequestSummary | None
    response: ResponseSummary | None
    route: RouteSummary | None
    client: PeerRow
    backend: PeerRow | None
    stopped: StopRow | None = None
    queued: QueuedRow | None = None
    """null while it waits in no queue."""


class Connections(msgspec.Struct):
    """`connections`: live sessions, by id unless sorted."""

    generation: int
    total: int
    now_s: float
    """The engine's monotonic clock at this snapshot; rates are differences of it."""
    connections: list[ConnectionRow]


class ConnectionDetail(ConnectionRow):
    """`connection ID`: the row and its details; also for the last closed sessions."""

    opened_at: str = ""
    close_reason: str | None = None
    close_detail: str = ""
    watched: bool = False
    calls: list[CallRow] = []
    """The recorded calls, oldest first, when the session is watched."""
    calls_dropped: int = 0
    stalls: list[StallRow] = []
    """Those of the last ones that were this session's, newest first."""
    ledger: LedgerRow | None = None
    """What became of every byte of a body; of closed sessions as it was at their end."""
    autopsy: AutopsyRow | None = None
    budget: list[PartRow] = []
    """Where the time of the present exchange went so far; empty when there is none."""
    tcp_info: dict[str, dict[str, int]] = {}
    """`client` and `backend`: fields of TCP_INFO (tcp(7)); absent where the kernel has none."""
    samples: dict[str, list[SampleRow]] = {}
    """`client` and `backend`: both levels of its last minute, newest last; empty once closed."""
    room: dict[str, RoomRow] = {}
    """`client` and `backend`: when its kernel takes bytes; absent where that is not known."""


class CheckRow(msgspec.Struct, gc=False):
    """One check of a backend."""

    ago_s: float
    """How long ago it began."""
    took_s: float
    error: str
    """Why it failed; empty: it did not."""
    status: int
    """Of the answer; 0: there was none, or none was asked for."""


class BackendRow(msgspec.Struct):
    """A backend with what is going on at it."""

    name: str
    address: str
    state: str
    weight: int
    max_connections: int
    """0: no limit."""
    sessions: int
    """Exchanges (http) or sessions (tcp) at it now."""
    last_error: str | None
    """Why it failed last, at the address that it has now."""
    idle_connections: int = 0
    total: int = 0
    """Exchanges (http) or sessions (tcp) it ever got from this engine."""
    failures: int = 0
    """Connects that failed, and answers that did not come or were broken."""
    last_error_age_s: float | None = None
    """How long ago its last error was."""
    bytes_in: int = 0
    """Bytes received from it."""
    bytes_out: int = 0
    """Bytes sent to it."""
    edited: bool = False
    """Whether it differs from the configuration file."""
    health: str = "unknown"
    """`up`, `down`, `ejected`, or `unknown`: nobody checks it, or not often enough yet."""
    health_since_s: float = 0.0
    """For how long it has been so; 0 where nothing is kept of it."""
    health_reason: str = ""
    """Why it is down or ejected, and for how much longer."""
    ramp: float = 1.0
    """The share of its weight that slow start lets it have."""
    flaps: int = 0
    """How often it went from up to down, or back, in the last hour."""
    timeline: str = ""
    """A mark for each of the last checks, oldest first: `.` was good, `x` failed."""
    checks: list[CheckRow] = []
    """The very last ones in full, oldest first."""
    advice: str = ""
    """Which other `rise` and `fall` would have kept it calmer over the checks on record."""


class PoolRow(msgspec.Struct):
    """A pool and its backends."""

    name: str
    balance: str
    backends: list[BackendRow]
    host: str = "keep"
    health: str = ""
    """How its backends are checked, in words; empty: nobody checks them."""
    eject: str = ""
    """When a backend that fails requests is left out, in words; empty: never."""
    slow_start_s: float = 0.0
    fallback: str = ""
    """The pool that takes what nobody here is available for."""
    queued: int = 0
    """Who waits for a place now: requests (http) or sessions (tcp), as all of these are."""
    queue_length: int | None = None
    """How many may; null: there is no queue."""
    queue_timeout_s: float | None = None
    waited: int = 0
    """Who ever waited."""
    queue_timeouts: int = 0
    """Who waited until the time was over."""
    queue_refused: int = 0
    """Who found the queue full."""
    sticky: str | None = None
    """By what clients come back to their backend: `cookie NAME`, `client`; null: they do not."""


class Backends(msgspec.Struct):
    """`backends`: every pool."""

    generation: int
    pools: list[PoolRow]
    same_identity: list[str] = []
    """Patterns of paths whose capture names the same as a Host does; the file declares them."""


class EventRow(msgspec.Struct):
    """Something that happened."""

    seq: int
    at: str
    level: str
    source: str
    """`engine`, `control`, `config`, `session`, `backend` or `listener`."""
    session: int | None
    message: str
    fields: dict[str, Any] = {}


class Events(msgspec.Struct):
    """`events`: oldest first."""

    events: list[EventRow]
    next_since: int
    dropped: int
    """Events asked for that are no longer kept: the gap, never hidden."""


class MemoryRow(msgspec.Struct):
    """What buffers and captures hold, against their budget."""

    used_bytes: int = 0
    budget_bytes: int = 0
    step: str = "calm"
    """What is done about it: `calm`, `no_keep_alive`, `no_accept` or `shed`."""


class Totals(msgspec.Struct):
    """Counters over all sessions, the closed ones included. They only grow."""

    accepted: int = 0
    exchanges: int = 0
    client_bytes_in: int = 0
    client_bytes_out: int = 0
    backend_bytes_in: int = 0
    backend_bytes_out: int = 0
    eagain_reads: int = 0
    eagain_writes: int = 0
    short_writes: int = 0
    errors: int = 0
    """Exchanges answered by an error of ours."""


class Status(msgspec.Struct):
    """`status`: the engine itself."""

    version: str
    pid: int
    uptime_s: float
    config: str | None
    """Path of the configuration file; null with `--to`."""
    log: str | None
    listeners: list[ListenerRow]
    generation: int
    sessions: int
    memory_bytes: int
    """Resident set size."""
    fds: int
    loop_lag_s: float
    """How late the loop's own timer came, at worst, in the last second."""
    events_dropped: int
    now_s: float = 0.0
    totals: Totals = msgspec.field(default_factory=Totals)
    unsent_bytes: int = 0
    """Everything that our buffers hold at this moment."""
    blocked: int = 0
    """Sessions with bytes waiting for an fd to become writable."""
    edits: int = 0
    """Live edits on top of the configuration file."""
    config_changed: bool = False
    """Whether the file on disk is no longer the one that runs."""
    draining: bool = False
    """Whether the engine is on its way out."""
    faults: int = 0
    """Faults on purpose that are in force."""
    fault_kinds: list[str] = []
    """Their kinds, the oldest first."""
    breaks: BreakSummary = msgspec.field(default_factory=BreakSummary)
    memory: MemoryRow = msgspec.field(default_factory=MemoryRow)
    storms: list[StormRow] = []
    """Ways to end that are frequent now."""
    troubles: list[TroubleRow] = []
    """What is wrong at the backends now, the worst first."""
    trial: TrialRow | None = None
    """The change that is on trial, if there is one."""
    rolled_back: str = ""
    """Why the last change was rolled back; empty when something was changed since."""


class Changed(msgspec.Struct):
    """`backend …`, `undo`, `redo`, `reload`, `confirm`: what the command did."""

    generation: int
    changed: list[str]
    """One sentence for each change."""
    kept_edits: list[str]
    """Live edits that stand on top of the file."""
    what_if: WhatIf | None = None
    """With `preview`: what the recorded requests would do."""
    trial: TrialRow | None = None
    """Set while a change is on trial."""


class ConfigSource(msgspec.Struct):
    """`config`: the text that runs and the text on disk."""

    path: str | None
    running: str
    on_disk: str | None
    """null: the same as `running`, or there is no file."""
    error: str | None
    """`file:line: message` of what is on disk, when it does not load."""
    error_line: int | None
    loaded_at: str
    generation: int


class Done(msgspec.Struct):
    """A command that has nothing to tell but that it is in force."""

    done: str
