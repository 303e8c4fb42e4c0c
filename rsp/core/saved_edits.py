"""Live edits as they are kept from one run of an engine to the next: JSON with a version."""

from collections.abc import Iterable

import msgspec

from rsp.core.backends import Backend, BackendChanges
from rsp.core.edits import AddBackend, ChangeBackend, Edit, Operation, RemoveBackend
from rsp.core.vocabulary import BackendState
from rsp.core.wire import NOT_JSON

VERSION = 1
"""Of the form of the file. One with another version is not read, and not written over."""


class NotSavedEdits(Exception):
    """Text that is no record of edits that we can read. Says why."""


class _Operation(msgspec.Struct, tag_field="do", forbid_unknown_fields=True, omit_defaults=True):
    """What an edit does. Addresses are kept as they were written, and resolved anew."""


class _Add(_Operation, tag="add"):
    pool: str
    name: str
    address: str
    weight: int = 1
    max_connections: int = 0


class _Set(_Operation, tag="set"):
    target: str
    weight: int | None = None
    state: BackendState | None = None
    max_connections: int | None = None
    address: str | None = None


class _Remove(_Operation, tag="remove"):
    target: str


class _Saved(msgspec.Struct, forbid_unknown_fields=True):
    at: str
    who: str
    what: str
    operation: _Add | _Set | _Remove


class _Record(msgspec.Struct, forbid_unknown_fields=True):
    rsp_edits: int
    """The version."""
    config: str | None
    """The file that they stand on; for whoever reads this."""
    edits: list[_Saved]


class _Head(msgspec.Struct):
    rsp_edits: int


def encode_edits(edits: Iterable[Edit], config: str | None) -> bytes:
    """Return the record of `edits`, which stand on top of the file `config`."""
    saved = [_Saved(edit.at, edit.who, edit.what, _plain(edit.operation)) for edit in edits]
    return msgspec.json.format(msgspec.json.encode(_Record(VERSION, config, saved))) + b"\n"


def decode_edits(text: bytes) -> list[Edit]:
    """Return the edits of a record, oldest first. Their generation is 0.

    Raises:
        NotSavedEdits: it is no record, or one of another version.
    """
    try:
        version = msgspec.json.decode(text, type=_Head).rsp_edits
        if version != VERSION:
            raise NotSavedEdits(f"it has version {version}, and this rsp reads version {VERSION}")
        record = msgspec.json.decode(text, type=_Record)
    except NOT_JSON as error:
        raise NotSavedEdits(f"it is no record of live edits: {error}") from error
    return [Edit(0, each.at, each.who, each.what, _made(each.operation)) for each in record.edits]


def _plain(operation: Operation) -> _Add | _Set | _Remove:
    match operation:
        case AddBackend(b):
            return _Add(b.pool, b.name, b.address, b.weight, b.max_connections)
        case ChangeBackend(key, c):
            return _Set(key, c.weight, c.state, c.max_connections, c.address)
        case RemoveBackend(key):
            return _Remove(key)


def _made(saved: _Add | _Set | _Remove) -> Operation:
    match saved:
        case _Add():
            return AddBackend(
                Backend(saved.pool, saved.name, saved.address, saved.weight, saved.max_connections)
            )
        case _Set():
            changes = BackendChanges(
                saved.weight, saved.state, saved.max_connections, saved.address
            )
            return ChangeBackend(saved.target, changes)
        case _Remove():
            return RemoveBackend(saved.target)
