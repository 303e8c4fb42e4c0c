"""Work that goes on when nobody waits for it any more, and commands that change something."""

import asyncio
import gc
from collections.abc import Callable, Coroutine
from typing import Any, cast

import pytest

from rsp.core.params import EditParams, Params
from rsp.core.wire import CommandRefused
from rsp.engine import commands
from rsp.engine.server import Engine
from rsp.engine.unbroken import begin_unbroken
from tests.engine.office import Office

Slow = Callable[[object, object], Coroutine[Any, Any, None]]


def slow(go_on: asyncio.Event, done: list[str]) -> Slow:
    async def work(_engine: object, _params: object) -> None:
        await go_on.wait()
        done.append("to its end")

    return work


@pytest.mark.parametrize(("kind", "ends"), [(EditParams, True), (Params, False)])
async def test_a_change_comes_to_its_end_also_where_who_gave_it_hangs_up(
    office: Office, monkeypatch: pytest.MonkeyPatch, kind: type[Params], ends: bool
) -> None:
    go_on, done = asyncio.Event(), list[str]()
    monkeypatch.setitem(commands.COMMANDS, "slow", (kind, slow(go_on, done)))
    giving = asyncio.get_running_loop().create_task(
        commands.carry_out(cast(Engine, office), "slow", {}, "uid 0")
    )
    await asyncio.sleep(0)
    giving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await giving
    go_on.set()
    for _ in range(5):
        await asyncio.sleep(0)
    assert bool(done) is ends


async def test_what_fails_when_nobody_waits_is_no_bug() -> None:
    told: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, said: told.append(said))

    async def fail() -> None:
        raise CommandRefused("on trial")

    task = begin_unbroken(fail())
    await asyncio.wait([task])
    del task
    await asyncio.sleep(0)
    gc.collect()
    assert told == []
