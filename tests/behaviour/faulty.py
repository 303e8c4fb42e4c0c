"""Putting faults in force, for the tests of them."""

import pytest

from tests.behaviour.running import Engine, Row
from tests.behaviour.waiting import wait_until

WAYS = ["request", "response"]
both_ways = pytest.mark.parametrize("way", WAYS)
SCOPES = {"listener", "pool", "backend", "session", "first", "every", "toxicity", "seed", "name"}
"""What `fault add` takes that is no value of the fault."""


def add(proxy: Engine, kind: str, way: str = "response", **rest: object) -> int:
    values = {name: rest.pop(name) for name in list(rest) if name not in SCOPES}
    return int(proxy.ask("fault.add", kind=kind, direction=way, values=values, **rest)["id"])


def wait_for_end(proxy: Engine, session: int) -> Row:
    return wait_until(
        lambda: row if (row := proxy.ask("connection", id=session))["state"] == "closed" else {}
    )
