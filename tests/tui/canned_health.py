"""A pool that is checked and ejects, with a backend in each condition."""

from typing import Any

from rsp.core.replies import Backends, CheckRow, PoolRow
from tests.tui.canned_routes import backend

GOOD, FLAPPING = "." * 22, ".....xx...x.x...xx.xxx"
WHY = "it did not answer within 1 s"
ADVICE = "fall = 3, rise = 2 over the same checks: 1 transition instead of 17"


def checks(timeline: str) -> dict[str, Any]:
    """Return what a row says of checks, the newest of them half a second ago."""
    newest = CheckRow(0.5, 0.0021, *((WHY, 0) if timeline.endswith("x") else ("", 200)))
    return {"timeline": timeline, "checks": [newest]}


def pools(generation: int = 7) -> Backends:
    """Return a pool of which nothing is known, and one in trouble."""
    web = [
        backend("web1", 9001, sessions=6, health="up", health_since_s=4000.0, **checks(GOOD)),
        backend(
            "web2", 9002, health="down", health_since_s=12.4, health_reason=WHY, flaps=17,
            **checks(FLAPPING), advice=ADVICE,
        ),
        backend(
            "web3", 9003, health="ejected", health_since_s=3.0, **checks(GOOD),
            health_reason="5 errors in a row, the last one: status 503; back in 27 s",
        ),
        backend(
            "web4", 9004, sessions=1, health="up", health_since_s=9.0, ramp=0.3, **checks(GOOD)
        ),
        backend("web5", 9005, health="unknown", **checks(".")),
    ]  # fmt: skip
    rows = [
        PoolRow("shop", "hash", [backend("shop1", 9010, sessions=1, total=12)]),
        PoolRow(
            "web", "round_robin", web,
            health="GET / for 200-399 every 2 s within 1 s, rise 2, fall 3",
            eject="after 5 errors in a row (502-504) for 30 to 300 s",
            slow_start_s=30.0, fallback="shop",
        ),
    ]  # fmt: skip
    return Backends(generation, rows)
