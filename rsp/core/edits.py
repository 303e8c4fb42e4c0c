"""Live edits: a layer over the configuration file, never mixed with it.

The table that is in force is the file's pools with the edits folded over them, in order. Undo
(`timeline.py`) folds fewer edits; a reload puts the same edits over the new file. What a later edit
makes superfluous is kept no longer: of each backend there is one edit at most for each setting, and
whoever takes something back leaves no edit of it. The caller hands in every generation number and
every time, for nothing here has a counter or a clock.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from rsp.core.addresses import EditRefused
from rsp.core.backends import Backend, BackendChanges, BackendTable, Pool, same_settings


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
    """One live edit: what of it still counts."""

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
    table: BackendTable
    """What is in force."""

    @classmethod
    def of(cls, file_pools: Iterable[Pool], generation: int) -> "EditLayer":
        """Return a layer without edits."""
        pools = tuple(file_pools)
        return cls(pools, (), BackendTable.of(pools, generation))

    @classmethod
    def over(
        cls, file_pools: Iterable[Pool], edits: Iterable[Edit], generation: int
    ) -> tuple["EditLayer", tuple[DroppedEdit, ...]]:
        """Return the layer of `edits` over the pools of a file, and those that it cannot have.

        An edit is lost when its backend or its pool is gone, or when the file says the same
        already.
        """
        pools = tuple(file_pools)
        table = BackendTable.of(pools, generation)
        kept: list[Edit] = []
        dropped: list[DroppedEdit] = []
        for edit in edits:
            after, reason = _tried(table, edit, generation)
            if after is None:
                dropped.append(DroppedEdit(edit, reason))
            else:
                table = after
                kept.append(replace(edit, what=reason))
        return cls(pools, tuple(kept), table), tuple(dropped)

    def apply(
        self, operation: Operation, *, generation: int, at: str, who: str
    ) -> tuple["EditLayer", str]:
        """Return the layer with one more edit, and a sentence that says what changed.

        When everything is already as `operation` wants it, this
        very layer is returned, and the caller keeps `generation` for the next edit.

        Raises:
            EditRefused: the operation makes no sense for the table that is in force.
        """
        table, what = operate(self.table, operation, generation)
        if table is self.table:
            return self, what
        edit = Edit(generation, at, who, what, operation)
        return EditLayer(self.file_pools, self._with(edit), table), what

    def _with(self, new: Edit) -> tuple[Edit, ...]:
        """Return the edits with a new one, and without what that makes superfluous."""
        match new.operation:
            case RemoveBackend(key):
                others = [edit for edit in self.edits if _key(edit.operation) != key]
                return (*others, new) if self.in_file(key) else tuple(others)
            case ChangeBackend(key, changes) as later:
                below = self._below(key)
                older = [_without(edit, later, below) for edit in self.edits]
                folded = (*older, _over(below, new, changes))
                return tuple(edit for edit in folded if edit is not None)
        return (*self.edits, new)

    def _below(self, key: str) -> Backend:
        """Return the backend `key` without the changes of it: as it was added, or as in the file.

        It is there, for there is a table with a change of it.
        """
        added = [
            edit.operation.backend
            for edit in self.edits
            if isinstance(edit.operation, AddBackend) and edit.operation.backend.key == key
        ]
        return added[0] if added else BackendTable.of(self.file_pools, 0).find(key)

    def rebase(
        self, file_pools: Iterable[Pool], generation: int
    ) -> tuple["EditLayer", tuple[DroppedEdit, ...]]:
        """Return the layer over the pools of a file that was read again, and the edits it lost."""
        return self.over(file_pools, self.edits, generation)

    def settled(self, generation: int) -> "EditLayer":
        """Return the layer over a file that says by now what is in force: no edit is left.

        The table stays as it is but for its number.
        """
        table = BackendTable(self.table.pools, generation)
        return EditLayer(tuple(table.pools.values()), (), table)

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


def _key(operation: Operation) -> str:
    return operation.backend.key if isinstance(operation, AddBackend) else operation.key


def _without(edit: Edit, later: ChangeBackend, below: Backend) -> Edit | None:
    """Return what of an edit still counts after a `later` change."""
    if not isinstance(edit.operation, ChangeBackend) or edit.operation.key != later.key:
        return edit
    left = edit.operation.changes.without(later.changes)
    return None if left == BackendChanges() else _over(below, edit, left)


def _over(below: Backend, edit: Edit, changes: BackendChanges) -> Edit | None:
    """Return an edit that makes `changes` of the backend `below`, and says so; None: it is so."""
    alone = BackendTable.of([Pool(below.pool, (below,))], 0)
    table, what = alone.change(below.key, changes, 0)
    if table is alone:
        return None
    return replace(edit, what=what, operation=ChangeBackend(below.key, changes))


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
