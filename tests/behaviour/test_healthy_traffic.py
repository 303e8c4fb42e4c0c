"""A thousand healthy exchanges: nobody is accused of anything, and every book is balanced."""

import asyncio
import random

from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import StartEngine
from tests.behaviour.healthy import Beat, ask_often, healthy_backend
from tests.behaviour.running import Engine, Row

EXCHANGES = 1000
CLIENTS = 8
LOOK_EVERY_S = 0.02
TOLERANCE_S = 0.05
"""Half of what is called a stall: less than that the clock of this test does not see for sure."""


def stalls_in(rows: list[Row]) -> list[Row]:
    """Return every stall of these sessions, of both sides; of our own loop it is no accusation."""
    found = [row[side] and row[side]["stall"] for row in rows for side in ("client", "backend")]
    return [stall for stall in found if stall and stall["cause"] != "engine_busy"]


async def look_often(proxy: Engine, seen: list[Row]) -> None:
    while True:
        rows = await asyncio.to_thread(proxy.ask, "connections")
        seen += stalls_in(rows["connections"])
        await asyncio.sleep(LOOK_EVERY_S)


async def test_a_thousand_healthy_exchanges_accuse_nobody(engine: StartEngine) -> None:
    beat, seen = Beat(), list[Row]()
    async with healthy_backend() as address:
        proxy = engine(LISTEN + pool(address))
        watching = [
            asyncio.ensure_future(beat.run()),
            asyncio.ensure_future(look_often(proxy, seen)),
        ]
        clients = [
            ask_often(proxy.port, EXCHANGES // CLIENTS, random.Random(seed))
            for seed in range(CLIENTS)
        ]
        await asyncio.gather(*clients)
        for task in watching:
            task.cancel()
        await asyncio.wait(watching)
    totals = proxy.ask("status")["totals"]
    assert totals["exchanges"] == EXCHANGES
    for number in range(1, totals["accepted"] + 1):
        detail = proxy.ask("connection", id=number)
        seen += [stall for stall in detail["stalls"] if stall["cause"] != "engine_busy"]
        for flow in detail["ledger"].values():
            assert flow["balanced"], (number, flow)
    # While this loop stood still, its peers neither read nor spoke: that would be no false word.
    assert [stall for stall in seen if stall["since_s"] > beat.worst_s + TOLERANCE_S] == []
