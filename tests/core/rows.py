"""Rows as the engine answers them, for the tests of filters and sorting."""

from typing import Any


def peer(**values: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {
        "fd": 12,
        "address": "192.0.2.1:51234",
        "bytes_in": 310,
        "bytes_out": 1048576,
        "unsent_bytes": 0,
        "unsent_peak_bytes": 0,
        "high_water_bytes": 65536,
        "kernel_send_queue_bytes": None,
        "kernel_receive_queue_bytes": None,
        "eagain_reads": 4,
        "eagain_writes": 0,
        "short_writes": 0,
        "wakeups": 9,
        "paused_by": [],
        "blocked_s": 0.0,
        "blocked_total_s": 0.0,
    }
    return {**usual, **values}


BLOCKED = {
    "id": 41,
    "state": "streaming",
    "half_closed": None,
    "generation": 7,
    "age_s": 12.5,
    "listener": "127.0.0.1:8080",
    "exchanges": 3,
    "request": {"method": "GET", "host": "www.Example.com", "path": "/big.iso?a=1"},
    "response": {"status": 200, "first_byte_s": 0.004, "body_bytes": 1048320},
    "route": {
        "pool": "web",
        "backend": "web1",
        "key": None,
        "reason": "host match",
        "elapsed_us": 3.1,
    },
    "client": peer(unsent_bytes=49152, eagain_writes=37, blocked_s=0.8),
    "backend": peer(
        fd=13, address="192.0.2.9:9001", eagain_writes=2, paused_by=["sink_full", "operator"]
    ),
}

IDLE = {
    **BLOCKED,
    "id": 42,
    "state": "idle",
    "half_closed": "client",
    "age_s": 90.0,
    "request": None,
    "response": None,
    "route": None,
    "client": peer(),
    "backend": None,
}

EXCHANGE = {
    "id": 5,
    "session": 41,
    "at": "2014-03-01T12:00:00Z",
    "client": "192.0.2.1:51234",
    "method": "POST",
    "host": "blog.test",
    "path": "/feed.xml",
    "status": 502,
    "pool": "web",
    "backend": "web2",
    "first_byte_s": None,
    "duration_s": 0.25,
    "request_bytes": 10,
    "response_bytes": 20,
    "generation": 3,
    "result": "backend_gone",
}
