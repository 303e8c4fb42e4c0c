"""Live edits over the file: folding, and what a reload keeps."""

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsp.core.addresses import EditRefused
from rsp.core.backends import Backend, BackendChanges, BackendTable, Pool
from rsp.core.edits import (
    AddBackend,
    ChangeBackend,
    Edit,
    EditLayer,
    Operation,
    RemoveBackend,
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


def fold(file_pools: tuple[Pool, ...], edits: tuple[Edit, ...], generation: int) -> BackendTable:
    """Return what the edits make of the file, one after the other."""
    table = BackendTable.of(file_pools, generation)
    for edit in edits:
        table, _ = operate(table, edit.operation, generation)
    return table


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


def test_later_edits_take_the_place_of_earlier_ones_of_the_same_setting() -> None:
    layer = layer_of(weight(5), drain(), weight(7, "web/b"), weight(9), weight(3))
    assert [(edit.generation, edit.what) for edit in layer.edits] == [
        (3, "web/a: state ready → drain"),
        (4, "web/b: weight 1 → 7"),
        (6, "web/a: weight 1 → 3"),
    ]
    both = ChangeBackend("web/a", BackendChanges(weight=4, state=MAINT))
    layer, what = layer.apply(both, generation=7, at=AT, who="ann")
    assert what == "web/a: weight 3 → 4, state drain → maint"
    assert [(edit.who, edit.what) for edit in layer.edits[1:]] == [
        ("ann", "web/a: weight 1 → 4, state ready → maint")
    ]
    layer, _ = layer.apply(weight(2), generation=8, at=AT, who="bob")
    assert [(edit.who, edit.what) for edit in layer.edits[1:]] == [
        ("ann", "web/a: state ready → maint"),
        ("bob", "web/a: weight 1 → 2"),
    ]


@pytest.mark.parametrize(
    ("operations", "left"),
    [
        ((weight(5), weight(1)), []),
        ((weight(5), drain(), weight(1)), ["web/a: state ready → drain"]),
        ((AddBackend(backend("c")), weight(9, "web/c"), RemoveBackend("web/c")), []),
        ((AddBackend(backend("c")), weight(9, "web/c"), weight(1, "web/c")),
         ["added web/c (c.test:80, weight 1)"]),
        ((weight(5), drain(), RemoveBackend("web/a")), ["removed web/a (a.test:80)"]),
        ((RemoveBackend("web/a"), AddBackend(backend("a")), weight(5)),
         ["removed web/a (a.test:80)", "added web/a (a.test:80, weight 1)", "web/a: weight 1 → 5"]),
        ((RemoveBackend("web/a"), AddBackend(backend("a")), RemoveBackend("web/a")),
         ["removed web/a (a.test:80)"]),
    ],
)  # fmt: skip
def test_what_is_taken_back_leaves_no_edit(
    operations: tuple[Operation, ...], left: list[str]
) -> None:
    assert [edit.what for edit in layer_of(*operations).edits] == left


def test_thousands_of_edits_of_one_thing_are_one() -> None:
    layer = layer_of(*(weight(2 + number % 2) for number in range(5_000)))
    assert [edit.generation for edit in layer.edits] == [5_001]
    assert layer.table.generation == 5_001


def test_a_refused_edit_leaves_the_layer() -> None:
    layer = layer_of(drain())
    with pytest.raises(EditRefused, match="no backend web/z; pool web has a, b"):
        layer.apply(drain("web/z"), generation=3, at=AT, who="eve")
    assert layer.table.generation == 2


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
    assert layer.table.generation > len(layer.edits)


@given(FILES, FILES, st.lists(OPERATIONS, max_size=8))
def test_a_reload_loses_no_edit_without_saying_so(
    old: tuple[Pool, ...], new: tuple[Pool, ...], operations: list[Operation]
) -> None:
    layer = applied(EditLayer.of(old, 1), operations)
    after, dropped = layer.rebase(new, 200)
    assert len(after.edits) + len(dropped) == len(layer.edits)
    assert all(one.why for one in dropped)
    assert after.table == fold(new, after.edits, 200)


@given(FILES, st.lists(OPERATIONS, max_size=8))
def test_a_reload_of_the_same_file_changes_nothing(
    file: tuple[Pool, ...], operations: list[Operation]
) -> None:
    layer = applied(EditLayer.of(file, 1), operations)
    after, dropped = layer.rebase(file, 50)
    assert dropped == ()
    assert after.table.pools == layer.table.pools
    # Only what a removal left in its pool may be told in another way.
    for one, other in zip(after.edits, layer.edits, strict=True):
        is_removal = isinstance(one.operation, RemoveBackend)
        assert one == (replace(other, what=one.what) if is_removal else other)


@given(FILES, st.lists(OPERATIONS, max_size=20))
def test_of_each_backend_there_is_one_edit_for_each_setting(
    file: tuple[Pool, ...], operations: list[Operation]
) -> None:
    layer = applied(EditLayer.of(file, 1), operations)
    seen: list[tuple[str, str]] = []
    for edit in layer.edits:
        match edit.operation:
            case AddBackend(added):
                seen.append((added.key, "added"))
            case RemoveBackend(key):
                seen.append((key, "removed"))
            case ChangeBackend(key, changes):
                names = ("weight", "state", "max_connections", "address")
                seen += [(key, name) for name in names if getattr(changes, name) is not None]
    assert len(seen) == len(set(seen))
    assert [edit.generation for edit in layer.edits] == sorted(
        {edit.generation for edit in layer.edits}
    )


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
    settled = layer.settled(5)
    assert settled.edits == ()
    assert settled.table.generation == 5
    assert settled.table.pools == layer.table.pools
    assert tuple(settled.table.pools.values()) == settled.file_pools
    assert not settled.edited(settled.table.find("web/a"))
