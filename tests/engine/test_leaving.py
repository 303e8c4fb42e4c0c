"""Backends that are to be removed once they are idle: whoever brings one back keeps it."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from rsp.core.backends import BackendChanges
from rsp.core.edits import ChangeBackend, RemoveBackend
from rsp.core.trial import Terms
from rsp.core.vocabulary import BackendState
from rsp.core.wire import CommandRefused
from tests.engine.office import DRAIN, FILE, ME, Office


async def leave(office: Office, key: str = "web/a") -> str:
    """Ask for a backend to be removed once it is idle, as the command does."""
    drained = await office.changes.edit(ChangeBackend(key, DRAIN), ME, None)
    return await office.leaving.remove_when_idle(key, drained.what, ME)


async def test_a_backend_that_is_idle_is_removed_at_once(office: Office) -> None:
    assert await leave(office) == "removed web/a"
    assert office.names() == ["b"]


async def test_a_busy_backend_is_drained_and_goes_with_its_last_session(office: Office) -> None:
    load = office.context.dispatcher.loads["web/a"]
    load.sessions = 1
    said = await leave(office)
    assert said == "web/a: state ready → drain; it will be removed when it is idle"
    await office.leaving.remove_idle()
    assert office.table.find("web/a").state is BackendState.DRAIN
    load.sessions = 0
    await office.leaving.remove_idle()
    assert office.names() == ["b"]


async def test_one_that_was_removed_meanwhile_is_no_trouble(office: Office) -> None:
    load = office.context.dispatcher.loads["web/a"]
    load.sessions = 1
    await leave(office)
    await office.changes.edit(RemoveBackend("web/a"), ME, None)
    load.sessions = 0
    await office.leaving.remove_idle()
    await office.leaving.remove_idle()
    assert office.names() == ["b"]


@pytest.mark.parametrize("step", ["set ready", "undo", "reload without the edits"])
async def test_who_brings_it_back_keeps_it(office: Office, step: str) -> None:
    load = office.context.dispatcher.loads["web/a"]
    load.sessions = 1
    await leave(office)
    match step:
        case "set ready":
            ready = BackendChanges(state=BackendState.READY)
            await office.changes.edit(ChangeBackend("web/a", ready), ME, None)
        case "undo":
            await office.changes.undo(ME, None)
        case _:
            await office.reload(FILE, drop_edits=True)
    load.sessions = 0
    await office.leaving.remove_idle()
    assert office.names() == ["a", "b"]
    assert office.table.find("web/a").state is BackendState.READY


async def test_who_brings_it_back_on_trial_and_drains_it_later_keeps_it(office: Office) -> None:
    load = office.context.dispatcher.loads["web/a"]
    load.sessions = 1
    await leave(office)
    ready = ChangeBackend("web/a", BackendChanges(state=BackendState.READY))
    await office.changes.edit(ready, ME, None, terms=Terms(600))
    await office.leaving.remove_idle()
    await office.changes.confirm(ME, None)
    await office.changes.edit(ChangeBackend("web/a", DRAIN), ME, None)
    load.sessions = 0
    await office.leaving.remove_idle()
    assert office.names() == ["a", "b"]


async def look_behind(office: Office, change: Coroutine[Any, Any, object]) -> None:
    """Let the last session of a backend that leaves end; the look at it waits behind `change`."""
    load = office.context.dispatcher.loads["web/a"]
    load.sessions = 1
    await leave(office)
    load.sessions = 0
    async with office.changes.alone(None):
        changing = asyncio.ensure_future(change)
        await asyncio.sleep(0)
        looking = asyncio.ensure_future(office.leaving.remove_idle())
        await asyncio.sleep(0)
    await asyncio.gather(changing, looking)


async def test_who_brings_it_back_while_its_removal_waits_for_its_turn_keeps_it(
    office: Office,
) -> None:
    ready = ChangeBackend("web/a", BackendChanges(state=BackendState.READY))
    await look_behind(office, office.changes.edit(ready, ME, None))
    assert office.table.find("web/a").state is BackendState.READY


async def test_a_removal_that_another_change_came_before_is_done_at_the_next_look(
    office: Office,
) -> None:
    await look_behind(office, office.add("c"))
    assert office.names() == ["a", "b", "c"]
    await office.leaving.remove_idle()
    assert office.names() == ["b", "c"]


async def test_a_change_that_is_refused_does_not_call_a_removal_off(office: Office) -> None:
    load = office.context.dispatcher.loads["web/a"]
    load.sessions = 1
    await leave(office)
    with pytest.raises(CommandRefused):
        await office.changes.edit(ChangeBackend("web/a", BackendChanges(weight=3)), ME, 1)
    load.sessions = 0
    await office.leaving.remove_idle()
    assert office.names() == ["b"]
