"""What is typed about a backend: whether it can be, what it would change, what is to be sent.

The rules are those of `core/backends.py`, the same that the engine and the file are held to.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from rsp.core.addresses import EditRefused
from rsp.core.backends import (
    WEIGHT_MAX,
    Backend,
    BackendChanges,
    BackendTable,
    Pool,
    check_backend,
    pool_names,
)
from rsp.core.limits import TRIAL_LEAST_S, TRIAL_MOST_S
from rsp.core.replies import BackendRow, PoolRow
from rsp.core.vocabulary import BackendState
from rsp.tui.model import text
from rsp.tui.model.problem import Problem
from rsp.tui.model.shares import shares

Typed = Mapping[str, str]
"""What stands in each field, by the field's id: the names of the command's parameters."""

_NUMBERS = {
    "weight": f"weight is a number, 0 to {WEIGHT_MAX}",
    "max_connections": "max connections is a number; 0 is any number",
}
_NOWHERE = "127.0.0.1:1"
"""An address that passes, for asking about another value alone."""


def table_of(pools: Sequence[PoolRow], generation: int) -> BackendTable:
    """Return what the engine answered as the table that its rules work on."""
    return BackendTable.of(
        (
            Pool(pool.name, tuple(_backend(pool.name, row) for row in pool.backends), pool.balance)
            for pool in pools
        ),
        generation,
    )


def _backend(pool: str, row: BackendRow) -> Backend:
    state = BackendState(row.state)
    return Backend(pool, row.name, row.address, row.weight, row.max_connections, state)


def field_problem(typed: Typed) -> Problem | None:
    """Return the first field that holds what it may not hold, whatever else there is."""
    for name, what in _NUMBERS.items():
        if name in typed and not _is_number(typed[name]):
            return Problem(name, what)
    if not _is_trial(typed.get("confirm", "")):
        range_s = f"{TRIAL_LEAST_S:g} to {TRIAL_MOST_S:,.0f} s"
        return Problem("confirm", f"a trial takes {range_s}; empty: no trial")
    pool, name = typed.get("pool", "pool"), typed.get("name", "name")
    alone = {
        "name": Backend(pool, name, _NOWHERE),
        "address": Backend(pool, "name", typed.get("address", _NOWHERE)),
        "weight": Backend(pool, name, _NOWHERE, weight=int(typed.get("weight", 1))),
    }
    for field, backend in alone.items():
        try:
            check_backend(backend)
        except EditRefused as error:
            return Problem(field, str(error))
    return None


def _is_trial(typed: str) -> bool:
    return not typed or (_is_number(typed) and TRIAL_LEAST_S <= int(typed) <= TRIAL_MOST_S)


def _is_number(typed: str) -> bool:
    return typed.isascii() and typed.isdigit() and len(typed) <= 9


def add_problem(typed: Typed, table: BackendTable) -> Problem | None:
    """Return why a backend cannot be added; None when it can, as far as can be told from here."""
    pool, name = typed["pool"], typed["name"]
    if pool not in table.pools:
        return Problem("pool", f'no pool "{pool}"; {pool_names(table)}')
    if not name:
        return Problem("name", "it needs a name, such as web3")
    try:
        table.add(Backend(pool, name, _NOWHERE), table.generation)
    except EditRefused as error:
        return Problem("name", str(error))
    return field_problem(typed)


def add_params(typed: Typed) -> dict[str, Any]:
    """Return the parameters of `backend.add`."""
    return {
        "pool": typed["pool"],
        "name": typed["name"],
        "address": typed["address"],
        "weight": int(typed["weight"]),
        "max_connections": int(typed["max_connections"]),
    }


def set_params(typed: Typed, row: BackendRow) -> dict[str, Any]:
    """Return the parameters of `backend.set` but for its target: only what differs from `row`."""
    wanted: dict[str, Any] = {
        name: int(value) if name in _NUMBERS else value
        for name, value in typed.items()
        if name != "confirm"
    }
    return {name: value for name, value in wanted.items() if value != getattr(row, name)}


def trial_params(typed: Typed) -> dict[str, Any]:
    """Return what puts the edit on trial, if it is to be; otherwise nothing."""
    return {"confirm": int(typed["confirm"])} if typed.get("confirm") else {}


def sentence(key: str, changes: Mapping[str, Any], table: BackendTable) -> str:
    """Return what `changes` would do to the backend `key`, in the engine's words."""
    if not changes:
        return "Nothing differs from what is in force."
    try:
        return table.change(key, BackendChanges(**changes), table.generation)[1]
    except EditRefused as error:
        return str(error)


def share_sentence(pool: PoolRow, name: str, changed: BackendRow) -> str:
    """Return how the share of the backend `name` changes when its row becomes `changed`.

    A backend that is not there yet is put at the end of the pool.
    """
    before = {row.name: row for row in pool.backends}
    after = before | {name: changed}
    shares_before = dict(zip(before, shares(pool.balance, list(before.values())), strict=True))
    shares_after = dict(zip(after, shares(pool.balance, list(after.values())), strict=True))
    now = text.share(shares_after[name]).strip()
    if name not in before:
        return f"its share of pool {pool.name}: {now}"
    was = text.share(shares_before[name]).strip()
    return f"its share of pool {pool.name}: {was} → {now}; present sessions stay where they are"
