"""Live edits over the file: folding, undo, redo, and what a reload keeps."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsp.core.backends import Backend, BackendChanges, EditRefused, Pool
from rsp.core.edits import (
    AddBackend,
    ChangeBackend,
    EditLayer,
    Operation,
    RemoveBackend,
    fold,
    operate,
)
from rsp.core.vocabulary import BackendState
from tests.core.making import DRAIN, MAINT, READY, backend

FILE = (Pool("web", (backend("a"), backend("b"))), Pool("api", (backend("x", "api"),)))
AT = "2014-03-01T03:00:00Z"


def layer_of(*operations: Operation) -> EditLayer:
    layer = EditLayer.of(FILE, 1)
    for generation, operation in enumerate(operations, start=2):
        layer, _ = layer.apply(operation, generation=generation, at=AT, who="eve")
    return layer


def drain(key: str = "web/a") -> ChangeBackend:
    return ChangeBackend(key, BackendChanges(state=DRAIN))


def weight(value: int, key: str = "web/a") -> ChangeBackend:
    return ChangeBackend(key, BackendChanges(weight=value))


def pool(name: str, *backends: Backend) -> tuple[Pool, ...]:
    return (Pool(name, backends),)


def test_an_edit_is_on_top_of_the_file_and_remembers_who_and_when() -> None:
    layer = layer_of(drain())
    assert layer.table.find("web/a").state is DRAIN
    assert layer.table.generation == 2
    assert layer.file_pools == FILE
    edit = layer.edits[0]
    assert (edit.generation, edit.at, edit.who) == (2, AT, "eve")
    assert edit.what == "web/a: state ready → drain"


def test_an_edit_that_changes_nothing_is_not_kept() -> None:
    layer = layer_of(drain())
    same, sentence = layer.apply(drain(), generation=3, at=AT, who="eve")
    assert same is layer
    assert sentence == "web/a already has state drain"


def test_a_refused_edit_leaves_the_layer() -> None:
    layer = layer_of(drain())
    with pytest.raises(EditRefused, match="no backend web/z; pool web has a, b"):
        layer.apply(drain("web/z"), generation=3, at=AT, who="eve")
    assert layer.table.generation == 2


def test_undo_takes_the_last_edit_off() -> None:
    layer, sentence = layer_of(drain(), weight(5)).undo(4)
    assert sentence == "undid: web/a: weight 1 → 5"
    assert (layer.table.find("web/a").weight, layer.table.find("web/a").state) == (1, DRAIN)
    assert layer.table.generation == 4
    layer, _ = layer.undo(5)
    assert layer.table.find("web/a") == FILE[0].backends[0]
    assert layer.edits == ()


def test_undo_brings_a_removed_backend_back_to_its_place() -> None:
    layer, _ = layer_of(RemoveBackend("web/a")).undo(3)
    assert [b.name for b in layer.table.pools["web"].backends] == ["a", "b"]


def test_redo_brings_back_what_was_undone_last() -> None:
    layer, _ = layer_of(drain(), weight(5)).undo(4)
    layer, _ = layer.undo(5)
    layer, sentence = layer.redo(6)
    assert sentence == "redid: web/a: state ready → drain"
    assert layer.edits[0].generation == 6
    layer, sentence = layer.redo(7)
    assert sentence == "redid: web/a: weight 1 → 5"
    assert layer.table.generation == 7
    assert layer.undone == ()


def test_a_new_edit_leaves_nothing_to_redo() -> None:
    layer, _ = layer_of(drain()).undo(3)
    layer, _ = layer.apply(weight(3), generation=4, at=AT, who="eve")
    with pytest.raises(EditRefused, match="nothing to redo: no edit was undone"):
        layer.redo(5)


def test_an_edit_that_changes_nothing_leaves_what_can_be_redone() -> None:
    layer, _ = layer_of(drain()).undo(3)
    layer, _ = layer.apply(weight(1), generation=4, at=AT, who="eve")
    assert len(layer.undone) == 1


def test_there_may_be_nothing_to_undo_or_to_drop() -> None:
    with pytest.raises(EditRefused, match="nothing to undo: no live edit"):
        layer_of().undo(2)
    with pytest.raises(EditRefused, match="nothing to drop: no live edit"):
        layer_of().drop(2)


def test_drop_leaves_the_file_alone_and_redo_brings_all_back_in_order() -> None:
    full = layer_of(drain(), weight(5))
    layer, sentence = full.drop(4)
    assert sentence == "dropped 2 live edits: the file alone decides"
    assert layer.table == fold(FILE, (), 4)
    layer, _ = layer.redo(5)
    layer, _ = layer.redo(6)
    assert [edit.what for edit in layer.edits] == [edit.what for edit in full.edits]
    assert layer.table.pools == full.table.pools


def test_dropping_one_edit_counts_one() -> None:
    assert layer_of(drain()).drop(3)[1] == "dropped 1 live edit: the file alone decides"


# What differs from the file.


def test_a_backend_differs_from_the_file_while_an_edit_says_so() -> None:
    layer = layer_of(drain(), AddBackend(backend("c")), weight(5, "web/b"), weight(1, "web/b"))
    edited = {b.name: layer.edited(b) for b in layer.table.pools["web"].backends}
    assert edited == {"a": True, "b": False, "c": True}
    assert layer.in_file("web/a") is FILE[0].backends[0]
    assert layer.in_file("web/c") is None


def test_the_values_of_the_file_stay_known() -> None:
    layer = layer_of(RemoveBackend("web/a"), weight(9, "api/x"))
    assert layer.in_file("web/a") is FILE[0].backends[0]
    filed = layer.in_file("api/x")
    assert filed is not None
    assert filed.weight == 1


def test_a_name_that_was_resolved_does_not_count_as_edited() -> None:
    changes = BackendChanges(address="a.test:80", resolved=("192.0.2.1", 80))
    layer = layer_of(ChangeBackend("web/a", changes))
    assert layer.table.find("web/a").resolved == ("192.0.2.1", 80)
    assert not layer.edited(layer.table.find("web/a"))


# Reload.


def test_a_reload_keeps_the_edits() -> None:
    new_file = pool("web", backend("a", weight=3), backend("z"))
    layer, dropped = layer_of(drain()).rebase(new_file, 9)
    assert dropped == ()
    kept = layer.table.find("web/a")
    assert (kept.state, kept.weight) == (DRAIN, 3)
    assert layer.table.generation == 9
    assert [edit.generation for edit in layer.edits] == [2]
    assert layer.file_pools == new_file


def test_a_kept_edit_says_what_it_does_now() -> None:
    layer, _ = layer_of(weight(5)).rebase(pool("web", backend("a", weight=3)), 9)
    assert layer.edits[0].what == "web/a: weight 3 → 5"


@pytest.mark.parametrize(
    ("operation", "new_file", "why"),
    [
        (drain(), pool("web", backend("b")), "no backend web/a; pool web has b"),
        (drain(), pool("api"), "no pool web; there is only api"),
        (RemoveBackend("web/a"), pool("web", backend("b")), "no backend web/a; pool web has b"),
        (
            weight(5),
            pool("web", backend("a", weight=5)),
            "the file says so itself now: web/a already has weight 5",
        ),
        (
            AddBackend(backend("c")),
            pool("web", backend("c")),
            "backend web/c is already there (c.test:80); "
            "change it with `backend set`, or choose another name",
        ),
    ],
)
def test_a_reload_drops_what_makes_no_sense_any_more_and_says_why(
    operation: Operation, new_file: tuple[Pool, ...], why: str
) -> None:
    before = layer_of(operation)
    layer, dropped = before.rebase(new_file, 9)
    assert [(one.edit, one.why) for one in dropped] == [(before.edits[0], why)]
    assert layer.edits == ()
    assert layer.table.generation == 9


def test_an_edit_of_an_added_backend_goes_with_it() -> None:
    operations = (AddBackend(backend("c")), weight(9, "web/c"), drain("web/b"))
    layer, dropped = layer_of(*operations).rebase(pool("api"), 9)
    assert len(dropped) == 3
    layer, dropped = layer_of(*operations).rebase(FILE, 9)
    assert dropped == ()
    assert layer.table.find("web/c").weight == 9


def test_what_was_undone_can_be_redone_after_a_reload_if_it_still_makes_sense() -> None:
    layer, _ = layer_of(drain("web/a"), drain("web/b")).undo(4)
    layer, _ = layer.undo(5)
    kept, _ = layer.rebase(FILE, 6)
    assert len(kept.undone) == 2
    # The next to be redone is `a`; without `b`, only that one is left.
    kept, _ = layer.rebase(pool("web", backend("a")), 6)
    kept, sentence = kept.redo(7)
    assert sentence == "redid: web/a: state ready → drain"
    assert kept.undone == ()
    kept, _ = layer.rebase(pool("web", backend("b")), 6)
    assert kept.undone == ()


# Properties.

NAMES = st.sampled_from(["a", "b", "c", "d"])
CHANGES = st.builds(
    BackendChanges,
    weight=st.none() | st.integers(-1, 5),
    state=st.none() | st.sampled_from([READY, DRAIN, MAINT]),
    max_connections=st.none() | st.integers(-1, 3),
    address=st.none() | st.sampled_from(["p.test:1", "q.test:2", "nowhere"]),
)
OPERATIONS = st.one_of(
    NAMES.map(lambda name: AddBackend(backend(name))),
    st.builds(ChangeBackend, NAMES.map(lambda name: f"web/{name}"), CHANGES),
    NAMES.map(lambda name: RemoveBackend(f"web/{name}")),
)
FILES = st.lists(
    st.builds(
        lambda name, weight, state: backend(name, weight=weight, state=state),
        NAMES,
        st.integers(0, 5),
        st.sampled_from(list(BackendState)),
    ),
    max_size=4,
    unique_by=lambda one: one.name,
).map(lambda backends: pool("web", *backends))


def applied(layer: EditLayer, operations: list[Operation]) -> EditLayer:
    for operation in operations:
        generation = layer.table.generation + 1
        try:
            layer, _ = layer.apply(operation, generation=generation, at=AT, who="eve")
        except EditRefused:
            continue
    return layer


@given(FILES, st.lists(OPERATIONS, max_size=12))
def test_the_table_is_always_the_fold_of_the_edits(
    file: tuple[Pool, ...], operations: list[Operation]
) -> None:
    layer = applied(EditLayer.of(file, 1), operations)
    assert layer.table == fold(file, layer.edits, layer.table.generation)
    assert layer.table.generation == 1 + len(layer.edits)


@given(FILES, st.lists(OPERATIONS, max_size=8), st.integers(0, 8))
def test_undo_and_redo_lead_back_to_the_same_pools(
    file: tuple[Pool, ...], operations: list[Operation], steps: int
) -> None:
    layer = applied(EditLayer.of(file, 1), operations)
    pools = [layer.table.pools]
    for step in range(min(steps, len(layer.edits))):
        layer, _ = layer.undo(100 + step)
        pools.append(layer.table.pools)
    while layer.undone:
        assert layer.table.pools == pools.pop()
        layer, _ = layer.redo(layer.table.generation + 1)
    assert layer.table.pools == pools.pop()


@given(FILES, st.lists(OPERATIONS, max_size=8))
def test_undoing_everything_leads_back_to_the_file(
    file: tuple[Pool, ...], operations: list[Operation]
) -> None:
    layer = applied(EditLayer.of(file, 1), operations)
    while layer.edits:
        layer, _ = layer.undo(layer.table.generation + 1)
    assert layer.table.pools == EditLayer.of(file, 1).table.pools
    assert not any(layer.edited(b) for p in layer.table.pools.values() for b in p.backends)


@given(FILES, FILES, st.lists(OPERATIONS, max_size=8), st.integers(0, 3))
def test_a_reload_loses_no_edit_without_saying_so(
    old: tuple[Pool, ...], new: tuple[Pool, ...], operations: list[Operation], undone: int
) -> None:
    layer = applied(EditLayer.of(old, 1), operations)
    for step in range(min(undone, len(layer.edits))):
        layer, _ = layer.undo(100 + step)
    after, dropped = layer.rebase(new, 200)
    assert len(after.edits) + len(dropped) == len(layer.edits)
    assert all(one.why for one in dropped)
    assert after.table == fold(new, after.edits, 200)
    while after.undone:
        after, _ = after.redo(after.table.generation + 1)


@given(FILES, st.lists(OPERATIONS, max_size=8))
def test_a_reload_of_the_same_file_changes_nothing(
    file: tuple[Pool, ...], operations: list[Operation]
) -> None:
    layer = applied(EditLayer.of(file, 1), operations)
    after, dropped = layer.rebase(file, 50)
    assert dropped == ()
    assert after.edits == layer.edits
    assert after.table.pools == layer.table.pools


@given(FILES, OPERATIONS)
def test_an_operation_never_changes_the_table_it_is_given(
    file: tuple[Pool, ...], operation: Operation
) -> None:
    table, again = EditLayer.of(file, 1).table, EditLayer.of(file, 1).table
    with suppress(EditRefused):
        operate(table, operation, 2)
    assert table == again


def test_a_settled_layer_has_the_same_table_and_no_edit() -> None:
    layer = layer_of(drain(), weight(7, "web/b"))
    undone, _ = layer.undo(4)
    settled = undone.settled(5)
    assert settled.edits == ()
    assert settled.table.generation == 5
    assert settled.table.pools == undone.table.pools
    assert tuple(settled.table.pools.values()) == settled.file_pools
    assert not settled.edited(settled.table.find("web/a"))
    again, what = settled.redo(6)
    assert what == "redid: web/b: weight 1 → 7"
    assert again.edited(again.table.find("web/b"))
