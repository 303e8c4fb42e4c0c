"""Pools, decisions and a configuration such as an engine gives them. All of it is invented."""

from typing import Any

import msgspec

from rsp.core.decision_rows import CandidateRow, DecisionRow, Decisions
from rsp.core.explaining import Explanation, PolicyRow, Returned, TraceStep
from rsp.core.generation_rows import ChangeRow, EditRow, Edits
from rsp.core.replies import BackendRow, Backends, ConfigSource, PoolRow
from rsp.core.what_if_rows import Example, KeyShare, Move, Share, WhatIf

LUA = """\
listen { address = "127.0.0.1:8080" }

pool("web", {  -- two of them
  balance = "round_robin",
  backends = {
    { name = "web1", address = "127.0.0.1:9001" },
    { name = "web2", address = "127.0.0.1:9002", weight = 2 },
  },
})

function route(request)
  local key = request.host
  return "web", { key = key, reason = "host decides" }
end
"""
BROKEN_LUA = LUA.replace("local key", "locl key")
ERROR = "/srv/blog.lua:12: '=' expected near 'key'"


def backend(name: str, port: int, **changes: Any) -> BackendRow:
    row = BackendRow(name, f"127.0.0.1:{port}", "ready", 1, 0, 0, None)
    return msgspec.structs.replace(row, **changes)


def pools(step: int = 0, generation: int = 7) -> Backends:
    """Two pools: one with every state, one with a single backend."""
    web = [
        backend(
            "web1", 9001, weight=2, sessions=6, idle_connections=4,
            total=9_000 + 131 * step, bytes_in=24_000_000 * step,
        ),
        backend(
            "web2", 9002, state="drain", sessions=2, edited=True,
            total=4_000, bytes_in=900_000 * step,
        ),
        backend(
            "web3", 9003, weight=1, max_connections=100, sessions=7,
            total=5_000 + 81 * step, bytes_in=13_600_000 * step, failures=2,
            last_error="connecting: refused (ECONNREFUSED)", last_error_age_s=754.0,
        ),
        backend("web4", 9004, state="maint"),
    ]  # fmt: skip
    shop = [backend("shop1", 9010, sessions=1, total=12)]
    rows = [PoolRow("web", "least_connections", web), PoolRow("shop", "hash", shop, "backend")]
    return Backends(generation, rows)


def queueing(generation: int = 7) -> Backends:
    """One pool whose only backend is full, and at which clients wait."""
    full = [backend("web1", 9001, max_connections=10, sessions=10, total=9_000)]
    pool = PoolRow("web", "first", full, sticky="cookie srv")
    pool.queue_length, pool.queue_timeout_s, pool.queued = 100, 5.0, 7
    pool.waited, pool.queue_timeouts, pool.queue_refused = 1_200, 31, 4
    return Backends(generation, [pool])


def edits() -> Edits:
    row = EditRow(7, "2026-01-05T12:40:52.114Z", "dashboard@pts/3 (uid 1000, pid 4200)",
                  "web/web2: state ready → drain")  # fmt: skip
    undone = EditRow(6, "2026-01-05T12:40:12.000Z", "dashboard", "web/web1: weight 2 → 3")
    return Edits([row], [undone], row.what, history())


def history() -> list[ChangeRow]:
    """Return who made the first generations: an edit that was undone, a reload, a rollback."""
    me, said = "dashboard@pts/3 (uid 1000, pid 4200)", "web/web1: weight 2 → 3"
    rows = (
        ("rsp", "the engine started", "start"),
        (me, said, "edit"),
        ("uid 1000, pid 4242", "reloaded /etc/rsp/blog.lua", "reload"),
        ("rsp", "rolled back generation 3: 12 of 20 exchanges failed, more than 30 %", "rollback"),
        (me, said, "edit"),
        (me, f"undid: {said}", "undo"),
        (me, "web/web2: state ready → drain", "edit"),
    )
    return [
        ChangeRow(number, f"2026-01-05T12:4{number}:52.114Z", *row)
        for number, row in enumerate(rows, 1)
    ]


def decision(seq: int, **changes: Any) -> DecisionRow:
    row = DecisionRow(
        seq=seq,
        at=f"2026-01-05T12:41:{seq % 60:02}.250000Z",
        session=900 + seq,
        generation=7,
        method="GET",
        host="blog.example.com",
        path="/feed.xml",
        pool="web",
        backend="web1",
        key=None,
        reason="every other host is the web site",
        elapsed_us=3.14,
        candidates=[
            CandidateRow("web1", "ready", 2, 6, "chosen"),
            CandidateRow("web2", "drain", 1, 2, "draining"),
            CandidateRow("web3", "ready", 1, 100, "full (100 of 100)"),
            CandidateRow("web4", "maint", 1, 0, "in maintenance"),
        ],
    )
    return msgspec.structs.replace(row, **changes)


def keyed(seq: int, key: str, backend: str, **changes: Any) -> DecisionRow:
    """Return a decision of the pool `shop`, whose policy looks at the key."""
    values = {"host": key.lower(), "path": "/", "reason": "the host decides", "candidates": []}
    return decision(seq, pool="shop", key=key, backend=backend, **(values | changes))


def decisions(rows: list[DecisionRow], dropped: int = 0) -> Decisions:
    return Decisions(rows, dropped, rows[-1].seq if rows else 0)


def mixed() -> list[DecisionRow]:
    """Return some decisions of each kind; two spellings of one name go two ways."""
    rows = [decision(1), decision(2, path="/2013/09/rsp", backend="web3")]
    rows += [keyed(seq, "ironhand.example", "shop1") for seq in range(3, 7)]
    rows.append(
        keyed(
            7, "IronHand.example", "shop2", method="POST", host="admin.example",
            path="/user/fred/webapps/IronHand.example/reload",
            reason="reload URL: the domain in the path decides",
        )
    )  # fmt: skip
    rows.append(
        decision(
            8, host="new.example", path="/", backend=None, reason="route failed",
            error="blog.lua:14: attempt to index a nil value", candidates=[], pool=None,
        )
    )  # fmt: skip
    return [*rows, decision(9, host="", path="/")]


def config(**changes: Any) -> ConfigSource:
    row = ConfigSource(
        path="/srv/blog.lua",
        running=LUA,
        on_disk=None,
        error=None,
        error_line=None,
        loaded_at="2026-01-05T11:02:13.000000Z",
        generation=7,
    )
    return msgspec.structs.replace(row, **changes)


def broken_config() -> ConfigSource:
    return config(on_disk=BROKEN_LUA, error=f"Error parsing config file: {ERROR}", error_line=12)


def explained(generation: int = 7) -> Explanation:
    """A decision of that configuration, line by line."""
    source = LUA.splitlines()
    name = '"IronHand.example"'
    steps = [
        TraceStep(12, source[11].strip(), {"key": name, "request": "the request"}),
        TraceStep(13, source[12].strip(), {"key": name, "request": "the request"}),
    ]
    return Explanation(
        "web", "web2", "IronHand.example", "host decides", generation,
        [CandidateRow("web1", "ready", 1, 3, "not picked"),
         CandidateRow("web2", "ready", 2, 0, "chosen")],
        trace=steps,
        returned=Returned("web", "IronHand.example", "host decides"),
        policy=PolicyRow(
            "each backend has a score for the key, and the highest wins: web2", "hash",
            "0x9f3a11c2d0e1f203", scores={"web1": 0.71, "web2": 3.25},
        ),
    )  # fmt: skip


def what_if() -> WhatIf:
    """What a reload would do to some thousand requests."""
    example = Example("GET", "IronHand.example", "/user/fred?token=<secret 3f9a2c1b77>")
    return WhatIf(
        4_810, 312, 17, 0,
        [Move("web/web1", "web/web3", 204, [example]), Move("web/web2", "web/web3", 91, [example]),
         Move("shop", "no backend", 17, [example])],
        0,
        {"web/web1": Share(0.5, 0.33), "web/web3": Share(0.0, 0.25),
         "shop/shop1": Share(None, None)},
        {"shop": "least_connections"},
        [KeyShare("web", 4, 9, 8 / 9, 5 / 9, 1 / 9)],
    )  # fmt: skip
