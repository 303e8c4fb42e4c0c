"""The fields of a row by name, as filters and sorting know them.

A row is a struct of `core/replies.py` or the same as nested dicts. A name is the path that JSON
has (`client.eagain_writes`), or one of the short forms below.
"""

from collections.abc import Callable, Iterator
from difflib import get_close_matches
from typing import Any, get_args, get_origin

import msgspec

from rsp.core import evidence, replies
from rsp.core.autopsy import AutopsyRow
from rsp.core.decision_rows import DecisionRow
from rsp.core.exchange_rows import ExchangeRow

Value = float | str | bool | list[str] | None
Getter = Callable[[object], Value]
"""Takes a row; None when the row has no such thing."""

_COUNTER = (int, float, type(None))

_ROWS = (
    replies.ConnectionRow,
    replies.ConnectionDetail,
    ExchangeRow,
    AutopsyRow,
    DecisionRow,
    replies.EventRow,
    replies.BackendRow,
    replies.PoolRow,
    evidence.CallRow,
)

_PATHS: dict[str, tuple[str, ...]] = {
    "host": ("request.host", "host"),
    "path": ("request.path", "path"),
    "method": ("request.method", "method"),
    "status": ("response.status", "status"),
    "ttfb": ("response.first_byte_s", "first_byte_s"),
    "pool": ("route.pool", "pool"),
    "backend": ("route.backend", "backend", "backend_name"),
    "key": ("route.key", "key"),
    "reason": ("route.reason", "reason"),
    "client": ("client.address", "client_address", "client"),
    "age": ("age_s",),
    "duration": ("duration_s",),
}
"""Short forms that stand for the first of these paths which a row has."""


class UnknownField(Exception):
    """No row has such a field. The text names the nearest one."""


def getter(name: str) -> Getter:
    """Return what reads the field called `name` from a row.

    Raises:
        UnknownField: no row of ours has one.
    """
    if name in _COMPUTED:
        return _COMPUTED[name]
    if name in _PATHS:
        return _first_of(_PATHS[name])
    if name in _NAMES or name.startswith("fields."):
        return _at_path(name)
    near = get_close_matches(name, known_names(), 1)
    hint = f"did you mean {near[0]}?" if near else "such as host, state, eagain, fill or status"
    raise UnknownField(f'no field "{name}"; {hint}')


def known_names() -> list[str]:
    """Return every name that `getter` knows, short forms first."""
    return [*short_names(), *sorted(_NAMES - _COMPUTED.keys() - _PATHS.keys())]


def short_names() -> list[str]:
    """Return the names that stand for a path, or for what is worked out of a row."""
    return [*_COMPUTED, *_PATHS]


def is_time(name: str) -> bool:
    """Tell whether the field counts time, so that `ms` makes sense for it."""
    return name.endswith(("_s", "_us")) or name in ("age", "ttfb", "duration", "blocked")


def asks_held(expression: str) -> bool:
    """Tell whether a filter or an order is about the kernel's queues, which have to be asked."""
    return "held_bytes" in expression or "kernel_" in expression


def is_blocked(row: object) -> bool:
    """Tell whether bytes have been waiting for an fd of this session to become writable."""
    blocked = _blocked(row)
    return isinstance(blocked, float | int) and blocked > 0


def is_stopped(row: object) -> bool:
    """Tell whether a session stands still at a breakpoint."""
    return _of(row, "stopped") is not None


def is_waiting(row: object) -> bool:
    """Tell whether a session has a request at its backend, which has not begun to answer.

    While bytes of the request wait here, it is the backend that has something to read.
    """
    if _of(row, "state") != "streaming" or _of(row, "request") is None:
        return False
    return _of(row, "response") is None and not _of(_of(row, "backend"), "unsent_bytes")


def all_text(row: object) -> str:
    """Return every text of a row as the screens show it, and its id, one a line.

    Lists of rows inside it (calls, candidates) are left out.
    """
    found: list[str] = []
    row_id = _of(row, "id")
    if row_id is not None:
        found.append(str(row_id))
    if is_stopped(row):
        found.append("stopped")
    if is_blocked(row):
        found.append("blocked")
    if is_waiting(row):
        found.append("waiting")
    _collect(row, found)
    return "\n".join(found)


def _collect(value: object, found: list[str]) -> None:
    if isinstance(value, str):
        found.append(value)
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            inner = getattr(value, name)
            # Most fields are counters: asked here, that saves a call for each.
            if not isinstance(inner, _COUNTER):
                _collect(inner, found)
    elif isinstance(value, dict):
        for inner in value.values():
            _collect(inner, found)
    elif isinstance(value, list):
        found += [item for item in value if isinstance(item, str)]


def _of(row: object, name: str) -> Any:
    if isinstance(row, dict):
        return row.get(name)
    return getattr(row, name, None)


def _at_path(path: str) -> Getter:
    names = path.split(".")
    if len(names) == 1:
        return lambda row: _plain(_of(row, path))

    def get(row: object) -> Value:
        value: Any = row
        for name in names:
            if value is None:
                return None
            value = _of(value, name)
        return _plain(value)

    return get


def _plain(value: Any) -> Value:
    """Return `value` when it is one that can be compared, else None."""
    return value if isinstance(value, float | int | str | list) else None


def _first_of(paths: tuple[str, ...]) -> Getter:
    getters = [_at_path(path) for path in paths]

    def get(row: object) -> Value:
        for one in getters:
            value = one(row)
            if value is not None:
                return value
        return None

    return get


def _sides(row: object) -> list[Any]:
    sides = (_of(row, "client"), _of(row, "backend"))
    # In the rows of exchanges and decisions these are names and not sides.
    return [side for side in sides if side is not None and not isinstance(side, str)]


def _eagain(row: object) -> Value:
    sides = _sides(row)
    return sum(_of(side, "eagain_writes") or 0 for side in sides) if sides else None


def _unsent(row: object) -> Value:
    sides = _sides(row)
    return sum(_of(side, "unsent_bytes") or 0 for side in sides) if sides else None


def _held(row: object) -> Value:
    """What is held for a session in all: here, and in the kernel as far as it was asked."""
    sides = _sides(row)
    names = ("unsent_bytes", "kernel_send_queue_bytes")
    return sum(_of(side, name) or 0 for side in sides for name in names) if sides else None


def _fill(row: object) -> Value:
    fills = [
        (_of(side, "unsent_bytes") or 0) / high_water
        for side in _sides(row)
        if (high_water := _of(side, "high_water_bytes"))
    ]
    return max(fills, default=None)


def _blocked(row: object) -> Value:
    return max((_of(side, "blocked_s") or 0.0 for side in _sides(row)), default=None)


_COMPUTED: dict[str, Getter] = {
    "eagain": _eagain,
    "fill": _fill,
    "blocked": _blocked,
    "unsent": _unsent,
    "held_bytes": _held,
}
"""Short forms that look at both sides of a session."""


def _names_of(struct: type[msgspec.Struct], prefix: str = "") -> Iterator[str]:
    for field in msgspec.structs.fields(struct):
        name = f"{prefix}{field.name}"
        kinds = (field.type, *get_args(field.type))
        inner = [kind for kind in kinds if _is_struct(kind)]
        if inner and get_origin(field.type) is not list:
            yield from _names_of(inner[0], f"{name}.")
        elif not inner and get_origin(field.type) is not dict:
            yield name


def _is_struct(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


_NAMES = frozenset(name for row in _ROWS for name in _names_of(row))
