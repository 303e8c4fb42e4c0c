"""Live edits: a layer over the configuration file, never mixed with it.

The table that is in force is the file's pools with the edits folded over them, in order. Undo
takes the last edit off and folds again; a reload puts the same edits over the new file. The
caller hands in every generation number and every time, for nothing here has a counter or a clock.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from rsp.core.backends import (
    Backend,
    BackendChanges,
    BackendTable,
    EditRefused,
    Pool,
    same_settings,
)


@dataclass(frozen=True, slots=True)
class AddBackend:
    """Put a new backend at the end of its pool."""

    backend: Backend


@dataclass(frozen=True, slots=True)
class ChangeBackend:
    """Give the backend `key` new values."""

    key: str
    changes: BackendChanges


@dataclass(frozen=True, slots=True)
class RemoveBackend:
    """Take the backend `key` out of its pool."""

    key: str


Operation = AddBackend | ChangeBackend | RemoveBackend


@dataclass(frozen=True, slots=True)
class Edit:
    """One live edit, and what it did when it was made."""

    generation: int
    """The number of the table that it made."""
    at: str
    """When, in ISO 8601."""
    who: str
    what: str
    """One sentence."""
    operation: Operation


@dataclass(frozen=True, slots=True)
class DroppedEdit:
    """An edit that a reload could not keep."""

    edit: Edit
    why: str


@dataclass(frozen=True, slots=True)
class EditLayer:
    """The pools of the file, the edits on top of them, and the table that results."""

    file_pools: tuple[Pool, ...]
    edits: tuple[Edit, ...]
    """Oldest first."""
    undone: tuple[Edit, ...]
    """What `redo` would bring back, the next one last."""
    table: BackendTable
    """What is in force."""

    @classmethod
    def of(cls, file_pools: Iterable[Pool], generation: int) -> "EditLayer":
        """Return a layer without edits."""
        pools = tuple(file_pools)
        return cls(pools, (), (), BackendTable.of(pools, generation))

    def apply(
        self, operation: Operation, *, generation: int, at: str, who: str
    ) -> tuple["EditLayer", str]:
        """Return the layer with one more edit, and a sentence that says what changed.

        Nothing can be redone after it. When everything is already as `operation` wants it, this
        very layer is returned, and the caller keeps `generation` for the next edit.

        Raises:
            EditRefused: the operation makes no sense for the table that is in force.
        """
        table, what = operate(self.table, operation, generation)
        if table is self.table:
            return self, what
        edit = Edit(generation, at, who, what, operation)
        return EditLayer(self.file_pools, (*self.edits, edit), (), table), what

    def undo(self, generation: int) -> tuple["EditLayer", str]:
        """Return the layer without its last edit, and a sentence that says what was undone.

        Raises:
            EditRefused: there is no edit.
        """
        if not self.edits:
            raise EditRefused("nothing to undo: no live edit stands on top of the file")
        last = self.edits[-1]
        edits = self.edits[:-1]
        table = fold(self.file_pools, edits, generation)
        return EditLayer(self.file_pools, edits, (*self.undone, last), table), f"undid: {last.what}"

    def redo(self, generation: int) -> tuple["EditLayer", str]:
        """Return the layer with the edit that was undone last, and a sentence that says which.

        Raises:
            EditRefused: there is none, or a reload has left it without sense.
        """
        if not self.undone:
            raise EditRefused("nothing to redo: no edit was undone since the last new one")
        again = self.undone[-1]
        table, what = operate(self.table, again.operation, generation)
        edit = replace(again, generation=generation, what=what)
        layer = EditLayer(self.file_pools, (*self.edits, edit), self.undone[:-1], table)
        return layer, f"redid: {what}"

    def drop(self, generation: int) -> tuple["EditLayer", str]:
        """Return the layer without any edit: what the file says. `redo` brings them back in order.

        Raises:
            EditRefused: there is no edit.
        """
        if not self.edits:
            raise EditRefused("nothing to drop: no live edit stands on top of the file")
        count = len(self.edits)
        undone = (*self.undone, *reversed(self.edits))
        table = BackendTable.of(self.file_pools, generation)
        sentence = f"dropped {count} live edit{'' if count == 1 else 's'}: the file alone decides"
        return EditLayer(self.file_pools, (), undone, table), sentence

    def rebase(
        self, file_pools: Iterable[Pool], generation: int
    ) -> tuple["EditLayer", tuple[DroppedEdit, ...]]:
        """Return the layer over the pools of a file that was read again, and the edits it lost.

        An edit is lost when its backend or its pool is gone, or when the new file says the same
        already. An undone edit that has lost its sense is forgotten without a word, with all
        those that would be redone after it.
        """
        pools = tuple(file_pools)
        table = BackendTable.of(pools, generation)
        kept: list[Edit] = []
        dropped: list[DroppedEdit] = []
        for edit in self.edits:
            after, reason = _tried(table, edit, generation)
            if after is None:
                dropped.append(DroppedEdit(edit, reason))
            else:
                table = after
                kept.append(replace(edit, what=reason))
        undone = _still_redoable(table, self.undone, generation)
        return EditLayer(pools, tuple(kept), undone, table), tuple(dropped)

    def settled(self, generation: int) -> "EditLayer":
        """Return the layer over a file that says by now what is in force: no edit is left.

        The table stays as it is but for its number, and so does what can be redone.
        """
        table = BackendTable(self.table.pools, generation)
        return EditLayer(tuple(table.pools.values()), (), self.undone, table)

    def in_file(self, key: str) -> Backend | None:
        """Return the backend `key` as the file has it; None when the file does not have it."""
        for pool in self.file_pools:
            for backend in pool.backends:
                if backend.key == key:
                    return backend
        return None

    def edited(self, backend: Backend) -> bool:
        """Tell whether `backend` differs from the file, or is not in it."""
        filed = self.in_file(backend.key)
        return filed is None or not same_settings(filed, backend)


def operate(table: BackendTable, operation: Operation, generation: int) -> tuple[BackendTable, str]:
    """Return the table after `operation`, and a sentence; the same table when nothing changes.

    Raises:
        EditRefused: the operation makes no sense for this table.
    """
    match operation:
        case AddBackend(backend):
            return table.add(backend, generation)
        case ChangeBackend(key, changes):
            return table.change(key, changes, generation)
        case RemoveBackend(key):
            return table.remove(key, generation)


def fold(file_pools: Iterable[Pool], edits: Iterable[Edit], generation: int) -> BackendTable:
    """Return the table of `file_pools` after all `edits`, numbered `generation`.

    Raises:
        EditRefused: the edits were not made over these pools; `EditLayer.rebase` sorts that out.
    """
    table = BackendTable.of(file_pools, generation)
    for edit in edits:
        table, _ = operate(table, edit.operation, generation)
    return table


def _tried(
    table: BackendTable, edit: Edit, generation: int
) -> tuple[BackendTable, str] | tuple[None, str]:
    """Return the table after `edit` and what it does now, or None and why it cannot be kept."""
    try:
        after, what = operate(table, edit.operation, generation)
    except EditRefused as error:
        return None, str(error)
    if after is table:
        return None, f"the file says so itself now: {what}"
    return after, what


def _still_redoable(
    table: BackendTable, undone: tuple[Edit, ...], generation: int
) -> tuple[Edit, ...]:
    kept: list[Edit] = []
    for edit in reversed(undone):
        after, _ = _tried(table, edit, generation)
        if after is None:
            break
        table = after
        kept.append(edit)
    return tuple(reversed(kept))
