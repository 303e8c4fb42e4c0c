"""Rows such as an engine gives them, for the tests of the dashboard. All of it is invented."""

from collections.abc import Mapping
from typing import Any

import msgspec

from rsp.core.breaks.rows import BreakRow, BreaksReply, PendingReply, StopRow
from rsp.core.evidence import (
    CallRow,
    FlowRow,
    LedgerRow,
    PartRow,
    PauseRow,
    RoomRow,
    SampleRow,
    StallRow,
)
from rsp.core.generation_rows import OldSessions
from rsp.core.listener_rows import ListenerRow
from rsp.core.pause_tree import Pauses, PauseTree
from rsp.core.peek import HeadRow, PeekReply, PeekRow
from rsp.core.replies import (
    BackendRow,
    Backends,
    Changed,
    ConnectionDetail,
    ConnectionRow,
    Connections,
    EventRow,
    PeerRow,
    PoolRow,
    RequestSummary,
    ResponseSummary,
    RouteSummary,
    Status,
    Totals,
)
from rsp.core.time_budget import Stamps, budget

HIGH_WATER_BYTES = 65536


def peer(fd: int, address: str, **changes: Any) -> PeerRow:
    row = PeerRow(
        fd=fd,
        address=address,
        bytes_in=310,
        bytes_out=18_432,
        unsent_bytes=0,
        unsent_peak_bytes=8_192,
        high_water_bytes=HIGH_WATER_BYTES,
        kernel_send_queue_bytes=None,
        kernel_receive_queue_bytes=None,
        eagain_reads=4,
        eagain_writes=0,
        short_writes=0,
        wakeups=12,
        paused_by=[],
        blocked_s=0.0,
        blocked_total_s=0.0,
    )
    return msgspec.structs.replace(row, **changes)


def session(session_id: int, **changes: Any) -> ConnectionRow:
    row = ConnectionRow(
        id=session_id,
        state="streaming",
        half_closed=None,
        generation=7,
        age_s=2.0,
        listener="127.0.0.1:8080",
        exchanges=1,
        request=RequestSummary("GET", "blog.example.com", "/feed.xml"),
        response=ResponseSummary(200, 0.004, 18_000),
        route=RouteSummary("web", "web1", None, "host decides", 3.1),
        client=peer(10 + 2 * session_id, f"203.0.113.{session_id % 250}:{51_000 + session_id}"),
        backend=peer(11 + 2 * session_id, "127.0.0.1:9001", bytes_in=18_432, bytes_out=310),
    )
    return msgspec.structs.replace(row, **changes)


def blocked(session_id: int, step: int = 0, **changes: Any) -> ConnectionRow:
    client = peer(
        10 + 2 * session_id,
        f"203.0.113.{session_id % 250}:51522",
        bytes_out=1_048_576 + 40_000 * step,
        unsent_bytes=65_536,
        unsent_peak_bytes=98_304,
        kernel_send_queue_bytes=2_621_440,
        kernel_receive_queue_bytes=0,
        eagain_writes=1_402 + 37 * step,
        short_writes=2_118 + 52 * step,
        wakeups=3_120,
        blocked_s=0.3,
        blocked_total_s=41.2 + step,
    )
    backend = peer(
        11 + 2 * session_id,
        "127.0.0.1:9001",
        bytes_in=1_114_112 + 40_000 * step,
        bytes_out=310,
        kernel_send_queue_bytes=0,
        kernel_receive_queue_bytes=131_072,
        paused_by=["sink_full"],
    )
    row = session(
        session_id,
        age_s=41.2,
        request=RequestSummary("GET", "www.example.com", "/media/talk.mp4"),
        client=client,
        backend=backend,
    )
    return msgspec.structs.replace(row, **changes)


def small_table(step: int = 0) -> list[ConnectionRow]:
    """Eight sessions, one in each state that matters."""
    return [
        blocked(41, step),
        session(42, age_s=0.4),
        session(
            43,
            state="reading_head",
            request=None,
            response=None,
            route=None,
            backend=None,
            age_s=9.1,
        ),
        session(44, state="connecting", response=None, age_s=0.1),
        session(45, state="idle", age_s=93.0, exchanges=12),
        session(46, state="tunnel", age_s=4_212.0, half_closed="client"),
        session(
            47,
            request=RequestSummary("POST", "www.example.com", "/upload?name=holiday.zip"),
            response=None,
            backend=peer(
                105,
                "127.0.0.1:9002",
                bytes_out=400_000 + 90_000 * step,
                unsent_bytes=40_000,
                eagain_writes=20 + 3 * step,
            ),
            route=RouteSummary("web", "web2", "www.example.com", "host decides", 2.8),
            age_s=12.0,
        ),
        session(
            48,
            response=ResponseSummary(503, 0.0001, 120),
            client=peer(120, "[2001:db8::7f]:44100", paused_by=["operator"]),
            age_s=3.0,
        ),
    ]


def connections(step: int = 0, rows: list[ConnectionRow] | None = None) -> Connections:
    chosen = small_table(step) if rows is None else rows
    return Connections(generation=7, total=len(chosen), now_s=1000.0 + step, connections=chosen)


def status(step: int = 0, **changes: Any) -> Status:
    row = Status(
        version="0.1",
        pid=4121,
        uptime_s=183_780.0 + step,
        config="/srv/blog.lua",
        log=None,
        listeners=[ListenerRow("127.0.0.1:8080", "http")],
        generation=7,
        sessions=8,
        memory_bytes=48_000_000,
        fds=23,
        loop_lag_s=0.0012,
        events_dropped=0,
        now_s=1000.0 + step,
        totals=Totals(
            accepted=9_000 + 212 * step,
            exchanges=20_000 + 300 * step,
            client_bytes_in=4_100_000 * step,
            client_bytes_out=38_600_000 * step,
            eagain_writes=340 * step,
            short_writes=80 * step,
        ),
        unsent_bytes=105_536,
        blocked=1,
    )
    return msgspec.structs.replace(row, **changes)


def backends() -> Backends:
    return Backends(
        7,
        [
            PoolRow(
                "web",
                "round_robin",
                [
                    BackendRow("web1", "127.0.0.1:9001", "ready", 1, 0, 6, None),
                    BackendRow("web2", "127.0.0.1:9002", "drain", 1, 0, 2, None),
                ],
            )
        ],
    )


def calls() -> list[CallRow]:
    return [
        CallRow(0.001, 93, "response", "recv", 65_536, 65_536, None, 65_536, ""),
        CallRow(0.002, 92, "response", "send", 65_536, None, "EAGAIN", 65_536, "kernel is full"),
        CallRow(0.002, 93, "response", "pause", 0, None, None, 65_536, "sink full"),
        CallRow(0.181, 92, "response", "send", 65_536, 14_480, None, 51_056, "short write"),
    ]


def samples(step: int = 0) -> dict[str, list[SampleRow]]:
    """A client that begins to read slowly 40 s before the newest sample, and its backend."""
    now_s = 1_000.0 + step
    client, backend = [], []
    for back in range(55, -1, -1):
        at_s, slow_s = now_s - back, max(0, 40 - back)
        is_slow = slow_s > 0
        share = min(slow_s / 12, 1)
        client.append(
            SampleRow(
                at_s=at_s,
                receive_queue_bytes=0,
                unsent_bytes=round(65_536 * share) if slow_s > 6 else 0,
                kernel_unsent_bytes=round(131_072 * share),
                in_flight_bytes=16_384 + round(49_152 * share),
                acknowledged_bytes=9_000_000 + 40_000 * (55 - back),
                eagain_writes=37 * slow_s,
                short_writes=52 * (slow_s // 3),
                paused=False,
            )
        )
        paused_s = slow_s - slow_s % 8
        backend.append(
            SampleRow(
                at_s=at_s,
                receive_queue_bytes=131_072 if is_slow else 0,
                unsent_bytes=0,
                kernel_unsent_bytes=0,
                in_flight_bytes=0,
                acknowledged_bytes=310,
                eagain_writes=0,
                short_writes=0,
                paused=is_slow and slow_s % 8 != 7,
                paused_at_s=at_s - slow_s % 8 - 0.5 if paused_s else None,
            )
        )
    return {"client": client, "backend": backend}


def detail(step: int = 0, **changes: Any) -> ConnectionDetail:
    row = blocked(41, step)
    values = {name: getattr(row, name) for name in row.__struct_fields__}
    values |= {
        "opened_at": "2026-01-05T12:40:26.114Z",
        "watched": True,
        "calls": calls(),
        "ledger": LedgerRow(
            FlowRow(0, 0, 0, 0, balanced=True, head_in=310, head_out=402),
            FlowRow(1_114_112, 1_048_576, 65_536, 0, balanced=True, head_in=212, head_out=236),
        ),
        "stalls": [
            StallRow(
                41.6,
                "peer_not_reading",
                "client not reading: its window is 0 for 41.6 s (rwnd-limited 100 %)",
                {},
            ),
        ],
        "budget": time_budget(41.2),
        "samples": samples(step),
        "room": {
            "client": RoomRow(131_072, 65_537, 40_000.0, 1.6),
            "backend": RoomRow(131_072, 0, 0.0, 0.0),
        },
        "tcp_info": {
            "client": {"rtt_us": 180_200, "snd_cwnd": 12, "total_retrans": 3, "snd_wnd_bytes": 0},
        },
    }
    return ConnectionDetail(**(values | changes))


def events(since: int = 0) -> list[EventRow]:
    rows = [
        EventRow(1, "2026-01-05T12:40:52.114Z", "info", "control", None, "weight web1 1 → 2"),
        EventRow(2, "2026-01-05T12:40:52.871Z", "warn", "session", 41, "blocked for more than 1 s"),
        EventRow(
            3,
            "2026-01-05T12:40:53.002Z",
            "error",
            "backend",
            44,
            "backend web2 (127.0.0.1:9002): connecting: refused (ECONNREFUSED)",
            {"backend": "web2"},
        ),
        EventRow(4, "2026-01-05T12:40:53.311Z", "debug", "engine", None, "loop lag 12.4 ms"),
    ]
    return [row for row in rows if row.seq > since]


def slow_reader(session_id: int) -> ConnectionRow:
    """A session of a client that does not read, with its causes as the engine finds them."""
    row = blocked(session_id)
    assert row.backend is not None
    name = "web1" if session_id % 2 else "web2"
    row.client.address = f"203.0.113.9:{50_000 + session_id}"
    row.client.stall = StallRow(41.2, "peer_not_reading", "client not reading", {})
    row.backend.pause = PauseRow(
        3.2 + session_id,
        f"fd {row.backend.fd} ({name}) not read for {3.2 + session_id:.1f} s because "
        f"fd {row.client.fd} (client) holds 65,536 bytes",
        row.client.fd,
        65_536,
        "sink_full",
    )
    row.route = RouteSummary("web", name, None, "host decides", 3.1)
    return row


def paused_by(session_id: int, reason: str, because: str) -> ConnectionRow:
    row = session(session_id)
    said = f"fd {row.client.fd} (client) not read for 2.4 s because {because}"
    row.client.pause = PauseRow(2.4, said, None, 0, reason)
    return row


def pauses() -> Pauses:
    tree = PauseTree()
    for number in range(41, 49):
        tree.add(slow_reader(number))
    tree.add(paused_by(60, "connecting", "fd 131 (web1) has not accepted our connection"))
    tree.add(paused_by(61, "operator", "a person paused it"))
    full = ListenerRow("127.0.0.1:8443", "tcp", None, 100, 100, paused_by=["full"])
    return Pauses(tree.groups([full, ListenerRow("127.0.0.1:8080", "http")]))


def time_budget(duration_s: float) -> list[PartRow]:
    """Most of it thinking, and each part that the words need."""
    stamps = Stamps(began_s=9.0, head_s=9.0, ended_s=9.0 + duration_s, lua_s=0.00003)
    stamps.paired_s = 9.0 + duration_s * 0.1
    stamps.first_byte_s = 9.0 + duration_s * 0.75
    stamps.blocked_s = duration_s * 0.2
    return budget(stamps)


REQUEST = b"GET /big.iso HTTP/1.1\r\nHost: www.example.com\r\nCookie: ********\r\n\r\n"
RESPONSE = b"HTTP/1.1 200 OK\r\nX-Odd: \x1b[31m\r\nContent-Length: 9\r\n\r\n\x00\x01needle\n"


def peek() -> PeekReply:
    """What the two sides of session 41 sent."""
    heads = [
        HeadRow(
            "request", 0, ["GET /big.iso HTTP/1.1", "Host: www.example.com", "Cookie: <secret 0a>"],
            is_whole=True,
        ),
        HeadRow(
            "response", 4096, ["HTTP/1.1 200 OK", "X-Odd: \x1b[31m", "Content-Length: 9"],
            is_whole=True,
        ),
    ]  # fmt: skip
    return PeekReply(
        41, True, PeekRow(0, REQUEST.hex(), 0), PeekRow(4096, RESPONSE.hex(), 4096), heads
    )


def stop(**changes: Any) -> StopRow:
    """Why session 41 stands still."""
    row = StopRow(2, "2026-01-05T12:41:00.000000Z", "client.eagain_writes>3 (4)", 57.2, 2.8)
    return msgspec.structs.replace(row, **changes)


def breaks() -> BreaksReply:
    """Two breakpoints, at one of which somebody stands."""
    return BreaksReply(
        [BreakRow(1, "any half-close", 0, [], None),
         BreakRow(2, "client.eagain_writes>3", 3, [41], 60.0)]
    )  # fmt: skip


def pending() -> PendingReply:
    """What waits for the client of session 41."""
    return PendingReply(41, "client", 1_000, len(RESPONSE), 0, RESPONSE.hex())


def old_sessions(params: Mapping[str, Any]) -> OldSessions:
    """Return sessions of two generations, and what was done with them, if anything was."""
    done = "3 sessions to end with the present exchange" if params.get("drain") else ""
    return OldSessions(7, 7, [41, 42, 44], {5: 1, 6: 2}, done=done)


def changed_with_edits() -> Changed:
    """Return what a reload would change that keeps a live edit."""
    return Changed(7, ["pool web: balance hash → first"], ["web/web1: weight 2 → 60"])
