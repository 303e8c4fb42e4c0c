"""The numbers of the traffic, each with its unit, its reason and its source.

`limits { name = value }` in a configuration overrides those of `Limits` by their names.
"""

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB

READ_BYTES = 64 * KIB
"""One `recv_into` asks for at most this: the size of the one shared read buffer. No limit of a
configuration, for it is allocated before any is read."""

SHRUNK_READ_BYTES = 8 * KIB
"""One read asks for at most this while memory is short: what a full sink gets too much is little,
and eight times the calls are paid only then."""

DENSE_CHUNKS = 256
"""Who sends more chunks than this in one read is read in small pieces, each of which is its turn:
64 KiB of chunks of one byte hold the others up for 7.5 ms, 8 KiB for 0.8 (the scanner alone)."""

INTERIM_RESPONSES = 256
"""Of one exchange, or check, at most: each costs a parse and a send, and its bytes are few. With a
102 every 20 s (RFC 2518, section 10.1) that is 85 minutes."""

MEMORY_MARKS = (0.80, 0.95, 0.98)
"""Shares of the memory budget at which keep-alive ends, at which nobody is accepted and reads
shrink, and at which requests are refused and sessions closed: Envoy's advice for an edge."""

MEMORY_RELIEF = 0.05
"""A step is left this share of the budget below its mark, so that it does not flap."""

MEMORY_STEP_S = 1.0
"""A step is left after this at the soonest: long enough to be seen on a dashboard."""

MEMORY_LOOK_S = 0.1
"""What is held is added up this often. A thousand sessions can fill 128 KiB each in between."""

CALL_BYTES = 400
"""One recorded call of a watched session, about: its row, its numbers and its note."""

SPLICE_BYTES = 256 * KIB
"""Bulk is moved inside the kernel in pieces of at most this (`engine/siphon.py`). Each wakes its
reader once, which is what bulk costs: with 64 KiB 474 µs per MB, with 256 KiB 285, 1 MiB 281."""

READ_TURN_BYTES = 256 * KIB
"""A connection is read for at most this many bytes before the others get their turn: enough that a
bulk transfer is not chopped, little enough that it costs the others well under a millisecond."""

NO_MEMORY_S = 0.005
"""After ENOBUFS or ENOMEM a send is tried again so late: nothing says when there is memory."""

ACCEPTS_PER_TURN = 64
"""At most this many new connections are accepted before the present ones get their turn. In tcp
mode each is dialled for at once: 64 hold the loop for 2 ms. With 16 each cost 6 % more (bench)."""

EVENTS_PER_POLL = 64
"""At most this many readiness records are taken from epoll at once.

What they lead to is sent when all were looked at: with 30 µs for each, the first waits for 2 ms.
"""

FIRST_FD = 3
"""The first fd behind stdin, stdout and stderr: where LISTEN_FDS begins (sd_listen_fds(3))."""
LARGEST_FD = (1 << 20) - 1
"""Linux has no more than a million for one process (proc(5), nr_open)."""

FDS_RESERVED = 32
"""Fds that no new client gets: for the backends of the present ones, the control socket, the log.
Fd numbers are dense, so the number of an accepted socket tells how many are left."""

LISTEN_BACKLOG = 4096
"""Connections that the kernel keeps for us to accept. The kernel caps it at `somaxconn`."""

TIMER_TICK_S = 0.1
"""Deadlines are looked at this often, so a timeout fires at most this much too late."""

STALL_S = 0.1
"""A connection that takes nothing for this long is stalled; before that it is only busy."""
SHRUNK_WINDOW = 0.75
"""A window below this part of the widest one that was seen is not given back: its peer reads too
little. Of a peer that read all it got, none ever was; of one that read 200 KB/s, half was gone
(tests/behaviour/test_stalls_of_the_path.py)."""
PATH_QUEUE_S = 0.05
"""A round trip that is longer than the shortest by more than this has waited in a queue: a receiver
holds an ACK back for 40 ms (TCP_DELACK_MIN of Linux)."""
STALLS_KEPT = 1_000
"""Stalls that are remembered when they are over, some 500 bytes each."""

LATE_TICK_S, TICKS_KEPT = 0.005, 600
"""A tick this late is a lag of the loop (uvloop's timers count whole milliseconds); so many ticks
are remembered with their lateness, a minute of them, and so many lags."""

SLOW_EXCHANGE_S = 1.0
MOST_OF_IT = 0.5
"""From here on an exchange is slow (the limit for a person's thought to stay unbroken; Nielsen,
Usability Engineering, 1993, section 5.5), and a part with this share of it made it so."""

IDLE_LOOK_S = 1.0
"""Idle backend connections are looked through this often for those that have been so too long."""

REFUSALS_TOLD = 64
"""Refused clients of one listener that are being told so at once, each for as long as a lingering
close takes. Those beyond are reset: a flood must not fill a listener with its own refusals."""

IPV6_CLIENT_BITS = 64
"""Where connections are counted for each client, an IPv6 network of this size is one client."""

FLOOD_EVENT_S = 10.0
"""An event that a flood would cause for each of its clients is recorded this often."""

CONTROL_LINE_BYTES = 64 * KIB
"""A request on the control socket may be this long; a longer one is refused, and it is closed."""

CONTROL_PIECE_BYTES = 64 * KIB
"""A reply is written in pieces of this: the kernel takes 50 µs to copy one, and a table of
thousands of rows is a megabyte."""

CONTROL_CLIENTS = 64
"""Clients of the control socket at once; each costs a task and at most one line and one reply."""

SNAPSHOT_SLICE_ROWS = 100
"""Rows of a table built in one turn of the loop, so that looking never stalls the traffic.

Some 0.2 ms, and one piece of the reply. With these, under the questions of a dashboard on 2,000
sessions, the p99 of the traffic is 1.1 to 1.5 times as long (bench/dashboard.py, 4 runs).
"""

SNAPSHOT_REST_S = 0.001
"""The traffic has the loop to itself for this long between two slices, and after each command."""

WATCHDOG_LOOK_S = 0.02
WATCHDOG_WARN_S = 0.05
"""A call of `route` that is still running after this is reported. It stops all traffic meanwhile:
0.05 s is where people begin to notice."""

HEALTH_CHECKS_KEPT = 900
HEALTH_CHECKS_MARKED = 60
HEALTH_CHECKS_SHOWN = 8
"""Checks of a backend that are remembered, half an hour of them at one in 2 s (about 100 KB); how
many have a mark in its row, as many as a line of a screen shows; and how many stand there in full.
With 60 in full, the rows of a hundred backends held the loop for 5 ms, at each look."""
HEALTH_SPREAD_S = 1.0
"""The first checks begin within this, one backend after the other, so that they neither come all
at once nor leave it unknown for long who is up."""
HEALTH_LOOK_S = 0.2
"""Exchanges that are over are looked through this often for failed ones, where a pool ejects: at
5,000 a second the ring still has them all."""
FLAPS_WITHIN_S = 3600.0
"""A backend's changes between up and down are counted for this long."""
FLAPS_ADVISED = 3
ADVISED_MOST = 5
ADVISED_SHARE = 0.25
"""From so many changes in the record on, other counts of checks are tried, up to this `rise` and
`fall`; one is named when it leaves at most this share of the changes, or one of them."""
RAMP_STEPS = 10
"""Slow start goes in so many steps: whole numbers, for weights are, and steps of 10 %."""

EVENTS_KEPT = 10_000
DECISIONS_KEPT = 10_000
EXCHANGES_KEPT = 1_000
CLOSED_SESSIONS_KEPT = 1_000
CALLS_KEPT = 4_096
"""Sizes of the rings: how much of the past can be read back (calls: of a watched session)."""

KNOWN_LINES = 2048
"""Header lines remembered as judged, of requests and of responses: at most 1 MiB together."""
KNOWN_LINE_BYTES = 200
"""Longer lines are hardly ever repeated, and are judged each time."""

KNOWN_HEADS = 256
KNOWN_HEAD_BYTES = 1 * KIB
KNOWN_HEAD_FIELDS = 30
"""Whole heads remembered as judged, of requests and of responses, and the longest of them: with
what was found out about them, at most some 3 MiB each."""
WRITTEN_FORMS = 4
"""Forms of one request head that are remembered as written: one for each Host of a backend."""

METHOD_BYTES = 32
"""Longest method that is looked at; the longest registered one has 17 letters."""

HOST_BYTES = 255
"""Longest name in a Host field: the longest name that DNS can hold (RFC 1035, section 2.3.4)."""

VIA_ENTRIES = 8
"""A request that has passed more proxies than this goes round in a loop: 508."""

FIRST_FLIGHT_BYTES = 10 * 1460
"""What TCP sends without waiting for anybody: ten segments (RFC 6928, section 2). Who got more than
this may have some of it in our kernel still when we are done: such a client is lingered for."""
PROXY_LINE_BYTES = 107
"""Longest PROXY line, with CR LF: what two IPv6 addresses written in full can need.
Source: haproxy.org, doc/proxy-protocol.txt, section 2.1."""

PROXY_V2_BYTES = 4 * KIB
"""Longest binary PROXY header: two paths of unix sockets have 232 bytes, and what proxies add
about TLS and their cloud some hundreds."""

CHUNK_SIZE_DIGITS = 16
"""Most hexadecimal digits of a chunk size: 64 bits."""

LARGEST_LENGTH = 2**63 - 1
"""Largest Content-Length and chunk size: a backend that counts in signed 64 bits must agree."""

GC_YOUNG_OBJECTS = 10_000
GC_YOUNG_ROUNDS = 20
GC_MIDDLE_ROUNDS = 20
"""Thresholds of the garbage collector (`gc.set_threshold`). Its own 700 and 10 made it look
through everything a hundred times a second under load; one look through 10,000 young objects
takes about a millisecond."""

LOG_FILE_BYTES = 10 * MIB
"""The log file of an engine started by `rsp run` is rotated at this size; one old file is kept."""

CONFIG_BYTES = 1 * MIB
"""A configuration file may be this long: hundreds of times what a person writes."""

CUT_SESSIONS_NAMED = 100
"""Sessions that did not end within the drain limit and are named in the log: enough to see what
they have in common, and no flood."""

CHANGES_KEPT = 200
"""Generations whose maker is remembered: a day of hand work, in 40 KB of an answer."""

CHANGES_TOLD = 20
"""Changes that a refused edit is told of: whoever missed more has to look anyway."""

UNDO_STEPS = 100
"""Changes that can be undone: more than anybody takes back one by one."""

TRIAL_S = 60.0
"""A change on trial that nobody confirms is taken back after this, where nothing else is said:
time to look at two screens. Junos waits 10 min, for a person who may have lost the line."""

TRIAL_LEAST_S, TRIAL_MOST_S = 1.0, 86_400.0
"""A trial takes so long: less is over before anybody looks, and nobody else can act meanwhile."""

TRIAL_ERRORS_PERCENT = 30.0
"""A change on trial is taken back at once when more of its exchanges fail: well above what sites
have on ordinary days, well below a pool of which half is gone. It seemed right; a site that knows
its own errors says `--max-errors`."""

TRIAL_LEAST_EXCHANGES = 20
"""So many exchanges must have ended before their share of failures counts: of fewer, two that
failed by chance would be a tenth and more."""

TRIAL_LOOK_S = 0.05
"""The exchanges of a change on trial are counted this often: `EXCHANGES_KEPT` in between would
be 20,000 a second, and none is missed."""

REPLAY_DIALS = 2
"""Connections dialled for one request of which backends took no byte: the second death is told."""

COMPARED_LINES = 500
"""Most lines of a changed file that are compared one by one, on the loop: at worst 20 ms."""
SHOWN_LINES = 20
"""Changed lines of a file that a reload names; the Config screen shows all of them."""

QUEUE_LENGTH, QUEUE_LENGTH_MOST = 100, 10_000
"""Requests that wait for a place at one pool, unless it says otherwise, and the most it may say: a
client connection each, and as many as a listener has by default."""
QUEUE_TIMEOUT_S = 5.0
"""For how long each waits, in seconds, unless its pool says otherwise: HAProxy takes its connect
timeout, for which the examples of its manual have 5 s."""

STICKY_CLIENTS, STICKY_CLIENT_IDLE_S = 20_000, 1800.0
"""Clients of one pool whose backend is remembered by their address: 4 MB when it is full. And for
how many seconds after they came last: longer than people leave a page; HAProxy's examples have 30
minutes."""

LAST_WORDS_S = 1.0
"""Who still waits for a place this long before a draining engine ends is told so, and has the time
to read it. Until then places are given up, and given away, as before."""

HOUSEKEEPING_S = 1.0
"""How often removals that wait for an idle backend, and accept queues, are looked after."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The numbers that a configuration may change."""

    high_water_bytes: int = 64 * KIB
    """Pause the source of a pipe once its sink holds this many unsent bytes.

    Too low, and a fast backend stops and starts for every read of the client; too high, and a
    thousand slow clients cost as many megabytes.
    """

    low_water_bytes: int = 32 * KIB
    """Resume the source at or below this. Half of the high mark: near enough to keep the sink
    busy, far enough not to flap."""

    notsent_lowat_bytes: int = 128 * KIB
    """`TCP_NOTSENT_LOWAT` of every socket (tcp(7)).

    Without it the kernel took 3 to 4 MB of a stalled client's data before the first EAGAIN, and
    our own gauge looked empty.
    """

    memory_budget_bytes: int = 256 * MIB
    """What the buffers of all sessions and the captures may hold together. Towards its end the
    engine sheds load, step by step (`core/budget.py`): 256 MiB are 2,000 stalled readers.
    Objects, and rings of a fixed size, come on top."""

    max_connections: int = 10_000
    """Client connections of one listener at once; more wait in the kernel's queue until one ends.
    As many as Envoy advises for an edge; `listen { max_connections = … }` sets it for one."""

    max_connections_per_client: int = 0
    """Connections of one client address at once; more get a 503 (tcp: RST). 0: no limit, for
    behind a balancer or a NAT thousands share the address that the kernel sees. `listen` sets it
    for one listener."""

    client_head_s: float = 10.0
    """A request head must be complete this long after its first byte (or after accept): 408."""

    proxy_header_s: float = 3.0
    """The PROXY header of a client that must send one is complete this long after accept: it comes
    with a proxy's first segment, and one that was lost comes again after 1 s."""

    client_body_idle_s: float = 30.0
    """A request body may make no progress for this long: 408."""

    client_body_bytes_per_s: int = 100
    """What comes more slowly than this, on average since the last progress, is no progress of a
    request body: a byte every ten seconds would hold a backend for ever. 0: any byte is."""

    client_write_idle_s: float = 60.0
    """A client may take nothing of what waits for it for this long."""

    client_read_bytes_per_s: int = 100
    """The same for a client that reads what waits for it. A twelfth of what a modem of 9,600 baud
    took, and a fifth of what Apache asks for by default (mod_reqtimeout, MinRate)."""

    keep_alive_idle_s: float = 75.0
    """A kept-alive client connection may be idle this long; nginx's default."""

    backend_idle_s: float = 50.0
    """An idle backend connection is kept this long: below the 60 to 75 s after which most
    servers close it themselves, so that we do not lose that race."""

    backend_idle_connections: int = 128
    """Idle connections kept per backend; the oldest ones beyond that are closed."""

    connect_s: float = 3.0
    """A backend must accept our connection within this, else the next one is tried (or 504)."""

    connect_tries: int = 3
    """Backends tried, in all, for one request whose bytes nobody has received yet."""

    response_head_s: float = 60.0
    """A backend must begin to answer within this after the request: 504."""

    response_idle_s: float = 60.0
    """A response body may make no progress for this long while we are ready to take it."""

    tunnel_idle_s: float = 3600.0
    """A tunnel or a tcp session may be silent in both ways for this long."""

    drain_s: float = 30.0
    """After SIGTERM, the sessions that are still open are cut after this."""

    linger_idle_s: float = 2.0
    """A lingering close ends when the client has sent nothing for this long (RFC 9112, 9.6)."""

    linger_s: float = 30.0
    """A lingering close ends after this in any case."""

    request_line_bytes: int = 8 * KIB
    """Longest request target: 414 beyond it. RFC 9112, section 3 asks for 8,000 at least."""

    header_field_bytes: int = 8 * KIB
    """Longest header field, name and value: 431 beyond it."""

    head_bytes: int = 32 * KIB
    """Longest head, request line and all fields together: 431 beyond it (a response: 502)."""

    header_fields: int = 100
    """Most header fields in one head: 431 beyond it (a response: 502)."""

    request_body_bytes: int = 0
    """Longest request body; 413 beyond it. 0: no limit, for the backend has one of its own."""

    chunk_extension_bytes: int = 256
    """Longest chunk extension on one chunk line; the extensions are dropped."""

    chunk_extensions_bytes: int = 16 * KIB
    """Longest chunk extensions of one body, all chunk lines together."""

    trailer_bytes: int = 8 * KIB
    """Longest trailer section of a chunked body."""

    lua_memory_bytes: int = 16 * MIB
    """Memory of one Lua runtime."""

    lua_instructions: int = 1_000_000
    """Lua instructions one call of `route` may execute: about 5 ms."""
