"""Signals that come while the engine does what the ones before asked for."""

import asyncio
import os
import signal
from collections.abc import Iterator
from typing import cast

import pytest

from rsp.engine import process
from rsp.engine.server import Engine

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Give this process its own handlers back."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


class SlowEngine:
    """An engine whose reloads end when they may."""

    def __init__(self) -> None:
        self.begun = 0
        self.may_end = asyncio.Event()

    async def reload(self, *, who: str) -> list[str]:
        assert who == "SIGHUP"
        self.begun += 1
        await self.may_end.wait()
        return []


async def turns(count: int = 20) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_sighups_that_come_while_a_reload_runs_lead_to_one_more() -> None:
    engine = SlowEngine()
    tasks = process._obey_signals(cast(Engine, engine))

    async def hang_up(times: int) -> None:
        for _ in range(times):
            os.kill(os.getpid(), signal.SIGHUP)
            await turns()

    await hang_up(1)
    while not engine.begun:
        await turns()
    await hang_up(20)
    while len(tasks) < 2:
        await turns()
    await hang_up(20)
    assert (engine.begun, len(tasks)) == (1, 2)
    engine.may_end.set()
    while tasks:
        await turns()
    assert engine.begun == 2
    for number in SIGNALS:
        asyncio.get_running_loop().remove_signal_handler(number)
