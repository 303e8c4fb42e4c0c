"""Undo and redo over edits and reloads: back to where it began, and forth again."""

from contextlib import suppress
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsp.core.addresses import EditRefused
from rsp.core.backends import Pool
from rsp.core.edits import EditLayer, Operation
from rsp.core.generations import Change
from rsp.core.limits import UNDO_STEPS
from rsp.core.lua_limits import SOURCES_KEPT
from rsp.core.timeline import Standing, Step, Timeline
from rsp.core.vocabulary import ChangeKind
from tests.core.test_edits import AT, FILE, FILES, OPERATIONS, drain, weight

File = tuple[Pool, ...]


@dataclass
class Desk:
    """Edits, reloads, undo and redo, as the engine strings them together."""

    file: File
    layer: EditLayer = field(init=False)
    timeline: Timeline[File] = field(default_factory=Timeline)

    def __post_init__(self) -> None:
        self.layer = EditLayer.of(self.file, 1)

    @property
    def standing(self) -> Standing[File]:
        return Standing(self.file, self.layer.edits)

    @property
    def next(self) -> int:
        return self.layer.table.generation + 1

    def edit(self, operation: Operation) -> None:
        layer, what = self.layer.apply(operation, generation=self.next, at=AT, who="eve")
        if layer is not self.layer:
            self._did(self.file, layer, what, ChangeKind.EDIT)

    def reload(self, file: File, *, drop_edits: bool = False) -> None:
        layer = EditLayer.of(file, self.next)
        if not drop_edits:
            layer, _ = self.layer.rebase(file, self.next)
        self._did(file, layer, "reloaded", ChangeKind.RELOAD)

    def _did(self, file: File, layer: EditLayer, what: str, kind: ChangeKind) -> None:
        before = self.standing
        self.file, self.layer = file, layer
        change = Change(layer.table.generation, AT, "eve", what, kind)
        self.timeline = self.timeline.did(Step(change, before, self.standing))

    def undo(self) -> str:
        self.timeline, step = self.timeline.back()
        self._put(step.before)
        return step.change.what

    def redo(self) -> str:
        self.timeline, step = self.timeline.forth()
        self._put(step.after)
        return step.change.what

    def _put(self, standing: Standing[File]) -> None:
        self.layer, lost = EditLayer.over(standing.source, standing.edits, self.next)
        self.file = standing.source
        assert not lost, "what was in force once can be in force again"


def test_steps_are_undone_in_the_opposite_order_whatever_they_were() -> None:
    desk = Desk(FILE)
    desk.edit(drain())
    desk.reload(FILE[:1])
    desk.edit(weight(5))
    assert [desk.undo() for _ in range(3)] == [
        "web/a: weight 1 → 5",
        "reloaded",
        "web/a: state ready → drain",
    ]
    assert desk.layer.table.pools == EditLayer.of(FILE, 1).table.pools
    assert [desk.redo() for _ in range(3)][1] == "reloaded"
    assert list(desk.layer.table.pools) == ["web"]
    assert desk.layer.table.find("web/a").weight == 5


def test_edits_that_a_reload_dropped_come_back_when_it_is_undone() -> None:
    desk = Desk(FILE)
    desk.edit(drain())
    desk.reload(FILE, drop_edits=True)
    assert not desk.layer.edits
    desk.undo()
    assert [edit.what for edit in desk.layer.edits] == ["web/a: state ready → drain"]


def test_a_new_change_leaves_nothing_to_redo() -> None:
    desk = Desk(FILE)
    desk.edit(drain())
    desk.undo()
    desk.edit(weight(1))
    assert len(desk.timeline.undone) == 1, "an edit that changes nothing is none"
    desk.edit(weight(2))
    with pytest.raises(EditRefused, match="nothing to redo"):
        desk.redo()


def test_there_may_be_nothing_to_undo() -> None:
    with pytest.raises(EditRefused, match="nothing to undo"):
        Desk(FILE).undo()


def test_not_more_steps_are_kept_than_anybody_takes_back() -> None:
    desk = Desk(FILE)
    for number in range(UNDO_STEPS + 5):
        desk.edit(weight(number % 2 + 5))
    assert len(desk.timeline.done) == UNDO_STEPS


def test_not_more_files_are_kept_than_fit() -> None:
    desk = Desk(FILE)
    for _ in range(SOURCES_KEPT + 3):
        desk.reload((*FILE,))
        desk.edit(weight(desk.next % 2 + 5))
    assert len({id(step.before.source) for step in desk.timeline.done}) <= SOURCES_KEPT


Doing = Operation | tuple[File, bool]


def done_by(desk: Desk, changes: list[Doing]) -> list[dict[str, Pool]]:
    """Make the changes that can be made; return the pools before them, and after each."""
    pools = [dict(desk.layer.table.pools)]
    for change in changes:
        with suppress(EditRefused):
            if isinstance(change, tuple):
                desk.reload(change[0], drop_edits=change[1])
            else:
                desk.edit(change)
        if len(desk.timeline.done) == len(pools):
            pools.append(dict(desk.layer.table.pools))
    return pools


CHANGES = st.lists(OPERATIONS | st.tuples(FILES, st.booleans()), max_size=10)


@given(FILES, CHANGES, st.lists(st.sampled_from((-1, 1)), max_size=12))
def test_each_step_back_or_forth_leads_to_the_table_of_then(
    file: File, changes: list[Doing], ways: list[int]
) -> None:
    desk = Desk(file)
    pools = done_by(desk, changes)
    here = len(desk.timeline.done)
    for way in ways:
        if 0 <= here + way < len(pools):
            desk.undo() if way < 0 else desk.redo()
            here += way
            assert desk.layer.table.pools == pools[here]


@given(FILES, CHANGES)
def test_any_sequence_of_edits_and_reloads_undone_gives_back_the_first_table(
    file: File, changes: list[Doing]
) -> None:
    desk = Desk(file)
    pools = done_by(desk, changes)
    while desk.timeline.done:
        desk.undo()
    assert desk.layer.table.pools == EditLayer.of(file, 1).table.pools
    assert desk.layer.edits == ()
    while desk.timeline.undone:
        desk.redo()
    assert desk.layer.table.pools == pools[-1]
