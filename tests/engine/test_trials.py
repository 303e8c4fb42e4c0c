"""Undo of reloads, and changes on trial: what was in force before is in force again."""

import asyncio
from dataclasses import replace

import pytest

from rsp.core.addresses import EditRefused
from rsp.core.backends import Backend, Pool
from rsp.core.config import Config
from rsp.core.edits import ChangeBackend, RemoveBackend
from rsp.core.limits import Limits
from rsp.core.trial import Terms
from rsp.core.vocabulary import BackendState
from rsp.core.wire import CommandRefused
from rsp.engine.ground import Built
from rsp.engine.nonblocking import CannotListen
from tests.engine.office import BIGGER, DRAIN, FILE, ME, Office


async def test_a_reload_is_undone_with_its_limits_listeners_and_the_edits_it_dropped(
    office: Office,
) -> None:
    await office.changes.edit(ChangeBackend("web/a", DRAIN), ME, None)
    limits = office.context.limits
    await office.reload(replace(BIGGER, limits=Limits(connect_s=1.0)), drop_edits=True)
    said = await office.changes.undo(ME, None)
    assert said[0] == "undid: reloaded rsp.lua"
    assert "limit connect_s: 1.0 → 3.0" in said
    assert said[-1].startswith("rsp.lua was not touched: the file still says")
    assert office.context.limits == limits
    assert office.changes.config is office.changes.filed is FILE
    assert office.opened[-1] is FILE
    assert office.table.find("web/a").state is BackendState.DRAIN
    await office.changes.redo(ME, None)
    assert (office.names(), office.changes.kept_edits()) == (["a", "b", "n"], [])


async def test_an_undo_that_cannot_be_done_leaves_everything_as_it_was(office: Office) -> None:
    await office.reload(BIGGER)
    office.refuses_listeners = "cannot listen on 127.0.0.1:80: the port is in use"
    with pytest.raises(CannotListen):
        await office.changes.undo(ME, None)
    assert (office.changes.generation, office.names()) == (2, ["a", "b", "n"])
    office.refuses_listeners = ""
    await office.changes.undo(ME, None)
    assert office.names() == ["a", "b"]


async def test_proxies_that_were_added_meanwhile_outlive_an_undo(office: Office) -> None:
    await office.add("c")
    more = replace(FILE, pools=(*FILE.pools, Pool("p", (Backend("p", "u", "127.0.0.1:1"),))))
    await office.changes.amend(lambda _: more, "proxy p", ME)
    await office.changes.undo(ME, None)
    assert (list(office.table.pools), office.names()) == (["web", "p"], ["a", "b"])
    kinds = [change.kind.value for change in office.changes.history.changes()]
    assert kinds == ["start", "edit", "proxies", "undo"]


async def test_a_proxy_that_comes_while_a_file_is_loaded_stands_on_that_file(
    office: Office,
) -> None:
    proxy = Pool("p", (Backend("p", "u", "127.0.0.1:1"),))
    loading, loaded = asyncio.Event(), asyncio.Event()

    async def build() -> Built:
        loading.set()
        await loaded.wait()
        return await office.rebuild(BIGGER)

    def with_proxy(filed: Config) -> Config:
        return replace(filed, pools=(*filed.pools, proxy))

    reload = asyncio.ensure_future(
        office.changes.reload(build, who=ME, if_generation=None, drop_edits=False)
    )
    await loading.wait()
    added = asyncio.ensure_future(office.changes.amend(with_proxy, "proxy p", ME))
    await asyncio.sleep(0)
    loaded.set()
    await asyncio.gather(reload, added)
    assert (list(office.table.pools), office.names()) == (["web", "p"], ["a", "b", "n"])


async def test_nothing_is_changed_while_something_is_on_trial(office: Office) -> None:
    await office.add("c")
    await office.changes.undo(ME, None)
    await office.changes.edit(ChangeBackend("web/a", DRAIN), ME, None, terms=Terms(600))
    changes = office.changes
    for refused in (
        office.add("d"),
        changes.edit(RemoveBackend("web/b"), ME, None),
        changes.redo(ME, None),
        office.reload(FILE),
        changes.amend(lambda _: FILE, "proxy p", ME),
    ):
        with pytest.raises(EditRefused, match="generation 4 is on trial for"):
            await refused
    assert (await office.add("d", preview=True)).startswith("added web/d")
    await changes.confirm("uid 0, pid 2", 4)
    assert changes.trials.trial is None
    assert "confirmed generation 4: web/a: state ready → drain (by uid 0, pid 2)" in office.notes()
    with pytest.raises(EditRefused, match="nothing is on trial"):
        await changes.confirm(ME, None)


async def test_who_saw_another_generation_confirms_nothing(office: Office) -> None:
    await office.changes.edit(ChangeBackend("web/a", DRAIN), ME, None, terms=Terms(600))
    with pytest.raises(CommandRefused, match="the generation is 2, not 1"):
        await office.changes.confirm(ME, 1)
    assert office.changes.trials.trial is not None


async def test_a_trial_that_is_over_gives_back_what_was_before_and_what_could_be_redone(
    office: Office,
) -> None:
    await office.add("c")
    await office.changes.undo(ME, None)
    over = asyncio.Event()
    office.context.telemetry.listen(lambda event: over.set() if "back" in event.message else None)
    await office.changes.edit(ChangeBackend("web/a", DRAIN), ME, None, terms=Terms(0.01))
    await over.wait()
    assert office.table.find("web/a").state is BackendState.READY
    said = "rolled back generation 4: nobody confirmed it within 0.01 s"
    assert office.changes.rolled_back() == said
    assert office.notes()[-1] == f"generation 5: {said} (by rsp)"
    assert await office.changes.redo(ME, None) == ["redid: added web/c (127.0.0.1:9003, weight 1)"]
