"""Live edits and reloads: one at a time, numbered, whole or not at all."""

import asyncio
from dataclasses import replace

import pytest

from rsp.core.addresses import AddressError, EditRefused
from rsp.core.backends import Backend, BackendChanges, Pool
from rsp.core.edits import AddBackend, ChangeBackend, Edit, RemoveBackend
from rsp.core.limits import Limits
from rsp.core.route import FixedRouter
from rsp.core.trial import Terms
from rsp.core.vocabulary import BackendState, Side
from rsp.core.wire import CommandRefused
from rsp.engine.ground import Built
from rsp.engine.nonblocking import CannotListen
from rsp.engine.poller import Poller
from tests.conftest import Pairs
from tests.engine.fakes import real_connection
from tests.engine.office import BIGGER, DRAIN, FILE, ME, A, B, Office

# -- edits


async def test_an_edit_is_in_force_numbered_noted_and_resolved(office: Office) -> None:
    what = await office.add()
    assert what == "added web/c (127.0.0.1:9003, weight 1)"
    assert office.names() == ["a", "b", "c"]
    assert office.table.find("web/c").resolved == ("127.0.0.1", 9003)
    assert (office.changes.generation, office.table.generation) == (2, 2)
    assert office.changes.kept_edits() == [what]
    assert office.notes() == [f"generation 2: {what} (by {ME})"]


async def test_a_preview_changes_nothing(office: Office) -> None:
    assert (await office.add(preview=True)).startswith("added web/c")
    assert (office.changes.generation, office.names(), office.notes()) == (1, ["a", "b"], [])


async def test_an_edit_that_changes_nothing_makes_no_generation(office: Office) -> None:
    applied = await office.changes.edit(ChangeBackend("web/a", BackendChanges(weight=1)), ME, None)
    assert applied.what == "web/a already has weight 1"
    assert (office.changes.generation, office.notes()) == (1, [])


async def test_an_edit_that_makes_no_sense_changes_nothing(office: Office) -> None:
    with pytest.raises(EditRefused, match="web/a is already there"):
        await office.add("a")
    with pytest.raises(EditRefused, match="no backend web/z"):
        await office.changes.edit(RemoveBackend("web/z"), ME, None)
    with pytest.raises(AddressError, match="does not resolve"):
        await office.changes.edit(
            ChangeBackend("web/a", BackendChanges(address="a.invalid:80")), ME, None
        )
    assert (office.changes.generation, office.names(), office.notes()) == (1, ["a", "b"], [])


async def test_a_new_address_is_resolved_before_it_is_in_force(office: Office) -> None:
    await office.changes.edit(
        ChangeBackend("web/a", BackendChanges(address="127.0.0.1:9999")), ME, None
    )
    assert office.table.find("web/a").resolved == ("127.0.0.1", 9999)


async def test_undo_and_redo_go_back_and_forth(office: Office) -> None:
    await office.add()
    await office.changes.edit(ChangeBackend("web/a", DRAIN), ME, None)
    assert await office.changes.undo(ME, None) == ["undid: web/a: state ready → drain"]
    assert await office.changes.undo(ME, None) == ["undid: added web/c (127.0.0.1:9003, weight 1)"]
    assert office.names() == ["a", "b"]
    with pytest.raises(EditRefused, match="nothing to undo"):
        await office.changes.undo(ME, None)
    await office.changes.redo(ME, None)
    assert office.names() == ["a", "b", "c"]
    assert office.changes.generation == 6, "each step makes the next number"


async def test_who_saw_another_generation_is_refused_and_told_whose_change_it_was(
    office: Office,
) -> None:
    await office.add(if_generation=1)
    for refused in (
        office.add("d", if_generation=1),
        office.changes.edit(ChangeBackend("web/a", DRAIN), "uid 0, pid 2", 1),
        office.changes.edit(RemoveBackend("web/a"), "uid 0, pid 2", 1),
        office.changes.undo("uid 0, pid 2", 1),
        office.changes.redo("uid 0, pid 2", 1),
        office.reload(FILE, if_generation=1),
    ):
        with pytest.raises(CommandRefused) as told:
            await refused
        assert "the generation is 2, not 1: added web/c" in str(told.value)
        assert f"by {ME} at " in str(told.value)
    assert office.changes.generation == 2


async def test_two_at_once_come_one_after_the_other(office: Office) -> None:
    results = await asyncio.gather(
        *(office.add(name) for name in "cdef"), office.add("c"), return_exceptions=True
    )
    assert sum(isinstance(result, EditRefused) for result in results) == 1
    assert sorted(office.names()) == ["a", "b", "c", "d", "e", "f"]
    assert office.changes.generation == 5


async def test_of_two_who_saw_the_same_generation_one_wins(office: Office) -> None:
    results = await asyncio.gather(
        office.add("c", if_generation=1), office.add("d", if_generation=1), return_exceptions=True
    )
    assert sum(isinstance(result, CommandRefused) for result in results) == 1
    assert len(office.names()) == 3


@pytest.mark.parametrize("step", ["drained", "moved", "removed"])
async def test_idle_connections_to_what_may_not_be_used_are_closed(
    office: Office, poller: Poller, pairs: Pairs, step: str
) -> None:
    near, _ = pairs.tcp()
    connection, _ = real_connection(poller, near, Side.BACKEND)
    connection.address, connection.resolved = A.address, ("127.0.0.1", 9001)
    office.context.idle.put(A, connection)
    await office.changes.edit(ChangeBackend("web/b", DRAIN), ME, None)
    assert not connection.is_closed
    match step:
        case "drained":
            await office.changes.edit(ChangeBackend("web/a", DRAIN), ME, None)
        case "moved":
            await office.changes.edit(
                ChangeBackend("web/a", BackendChanges(address="127.0.0.1:1")), ME, None
            )
        case _:
            await office.changes.edit(RemoveBackend("web/a"), ME, None)
    assert connection.is_closed


# -- reload


async def test_a_reload_puts_everything_in_force_at_once(office: Office) -> None:
    limits = Limits(connect_s=1.0)
    sentences = await office.reload(replace(BIGGER, limits=limits))
    assert sentences == ["added web/n (127.0.0.1:9009, weight 1)", "limit connect_s: 3.0 → 1.0"]
    assert office.names() == ["a", "b", "n"]
    assert office.table.find("web/n").resolved == ("127.0.0.1", 9009)
    assert office.context.limits is limits
    assert office.changes.config.source == "new"
    assert office.changes.generation == 2
    assert office.notes() == [f"generation 2: reloaded rsp.lua (by {ME})"]


async def test_live_edits_stay_on_top_of_a_new_file(office: Office) -> None:
    await office.changes.edit(ChangeBackend("web/a", DRAIN), ME, None)
    await office.add()
    await office.reload(BIGGER)
    assert office.table.find("web/a").state is BackendState.DRAIN
    assert office.names() == ["a", "b", "n", "c"]
    assert len(office.changes.kept_edits()) == 2


async def test_an_edit_that_the_new_file_leaves_without_sense_is_dropped_aloud(
    office: Office,
) -> None:
    await office.changes.edit(ChangeBackend("web/b", BackendChanges(weight=7)), ME, None)
    sentences = await office.reload(replace(FILE, source="new", pools=(Pool("web", (A,)),)))
    dropped = [sentence for sentence in sentences if sentence.startswith("dropped the live edit")]
    assert len(dropped) == 1
    assert "web/b: weight 1 → 7" in dropped[0]
    assert office.changes.kept_edits() == []


async def test_live_edits_are_dropped_when_that_is_asked_for(office: Office) -> None:
    await office.changes.edit(ChangeBackend("web/a", DRAIN), ME, None)
    sentences = await office.reload(FILE, drop_edits=True)
    assert "dropped the live edit: web/a: state ready → drain" in sentences
    assert office.table.find("web/a").state is BackendState.READY


async def test_a_preview_of_a_reload_says_the_same_and_changes_nothing(office: Office) -> None:
    await office.add()
    layer, sentences = await office.changes.preview(BIGGER, drop_edits=False)
    kept = [edit.what for edit in layer.edits]
    assert (office.changes.generation, office.names()) == (2, ["a", "b", "c"])
    assert kept == office.changes.kept_edits()
    assert await office.reload(BIGGER) == sentences


async def test_a_listener_that_cannot_be_opened_leaves_everything_as_it_was(
    office: Office,
) -> None:
    office.refuses_listeners = "cannot listen on 127.0.0.1:80: the port is in use"
    router = office.context.dispatcher.router
    with pytest.raises(CannotListen):
        await office.reload(replace(BIGGER, limits=Limits(connect_s=1.0)), drop_edits=True)
    assert (office.changes.generation, office.names(), office.notes()) == (1, ["a", "b"], [])
    assert office.changes.config is FILE
    assert office.context.dispatcher.router is router
    assert office.context.limits == Limits()


async def test_a_name_that_does_not_resolve_leaves_everything_as_it_was(office: Office) -> None:
    odd = Backend("web", "z", "z.invalid:80", defined_at="rsp.lua:7")
    with pytest.raises(AddressError, match=r"rsp\.lua:7: backend web/z: .* does not resolve"):
        await office.reload(replace(FILE, pools=(Pool("web", (odd,)),)))
    assert (office.changes.generation, office.opened, office.names()) == (1, [], ["a", "b"])


# -- what is kept from one run to the next


async def test_each_change_of_the_edits_is_kept_before_it_is_answered(office: Office) -> None:
    kept: list[list[str]] = []

    async def keep(edits: tuple[Edit, ...]) -> str:
        await asyncio.sleep(0)
        kept.append([edit.what for edit in edits])
        return ""

    office.changes.keep = keep
    what = await office.add()
    assert kept == [[what]]
    await office.add("d", preview=True)
    await office.changes.undo(ME, None)
    await office.changes.redo(ME, None)
    await office.reload(FILE, drop_edits=True)
    assert kept == [[what], [], [what], []]


async def test_a_change_on_trial_is_kept_once_it_is_confirmed(office: Office) -> None:
    kept: list[list[str]] = []

    async def keep(edits: tuple[Edit, ...]) -> str:
        kept.append([edit.what for edit in edits])
        return ""

    office.changes.keep = keep
    terms = Terms(60.0, 50.0)
    drained = (await office.changes.edit(ChangeBackend("web/a", DRAIN), ME, None, terms=terms)).what
    assert kept == []
    with pytest.raises(EditRefused):
        office.changes.refuse_on_trial()
    await office.changes.confirm(ME, None)
    assert kept == [[drained]]
    office.changes.refuse_on_trial()
    await office.changes.edit(ChangeBackend("web/b", DRAIN), ME, None, terms=terms)
    await office.changes.undo(ME, None)
    assert kept == [[drained]]


async def test_edits_of_an_earlier_run_are_made_again_or_named(office: Office) -> None:
    gone = replace(A, name="z").key
    saved = [
        Edit(0, "then", "ann", "one", AddBackend(replace(B, name="c", resolved=None))),
        Edit(0, "then", "ann", "two", ChangeBackend(gone, DRAIN)),
        Edit(0, "then", "ann", "three", AddBackend(replace(B, name="d", address="d.invalid:80"))),
        Edit(0, "then", "bob", "four", ChangeBackend("web/c", DRAIN)),
        Edit(0, "then", "bob", "five", ChangeBackend("web/a", BackendChanges(weight=1))),
    ]
    dropped = await office.changes.restore(saved)
    assert [(lost.edit.what, lost.why.partition(" ")[0]) for lost in dropped] == [
        ("two", "no"),
        ("three", "the"),
        ("five", "the"),
    ]
    assert "does not resolve" in dropped[1].why
    assert office.table.find("web/c").state is BackendState.DRAIN
    assert office.table.find("web/c").resolved == ("127.0.0.1", 9002)
    edits = office.changes.layer.edits
    assert [(edit.generation, edit.at, edit.who) for edit in edits] == [
        (2, "then", "ann"),
        (3, "then", "bob"),
    ]
    assert office.table.generation == office.changes.generation == 3
    await office.changes.undo(ME, None)
    assert office.table.find("web/c").state is BackendState.READY
    await office.changes.undo(ME, None)
    assert office.names() == ["a", "b"]


async def test_a_reload_builds_what_is_there_once_nobody_else_changes_anything(
    office: Office,
) -> None:
    order: list[str] = []

    async def build() -> Built:
        order.append("built")
        return Built(FILE, FILE, FixedRouter("web"))

    async with office.changes.alone(None):
        reload = office.changes.reload(build, who=ME, if_generation=None, drop_edits=False)
        task = asyncio.get_running_loop().create_task(reload)
        for _ in range(5):
            await asyncio.sleep(0)
        order.append("changed")
    await task
    assert order == ["changed", "built"]


async def test_a_removal_that_meets_a_trial_comes_when_that_is_over(office: Office) -> None:
    await office.changes.edit(ChangeBackend("web/a", DRAIN), ME, None)
    go_on = asyncio.Event()

    async def build() -> Built:
        await go_on.wait()
        return Built(BIGGER, BIGGER, FixedRouter("web"))

    reload = office.changes.reload(
        build, who=ME, if_generation=None, drop_edits=False, terms=Terms(60.0)
    )
    loop = asyncio.get_running_loop()
    reloading = loop.create_task(reload)
    await asyncio.sleep(0)
    removing = loop.create_task(office.leaving.remove_when_idle("web/a", "drained", ME))
    await asyncio.sleep(0)
    go_on.set()
    await reloading
    assert "it will be removed when it is idle" in await removing
    await office.changes.confirm(ME, None)
    await office.leaving.remove_idle()
    assert "a" not in office.changes.layer.table.pools["web"].by_name
