"""What is typed about a fault: whom it may be for, whether it can be, what is to be sent.

The kinds, their values and meanings are those of `core/faults/kinds.py`, the engine's own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rsp.core.faults.kinds import KINDS, BadFault, FaultFamily, Kind, Value, read_values
from rsp.core.faults.rows import FaultRow
from rsp.core.replies import ConnectionRow
from rsp.core.vocabulary import Direction
from rsp.tui.model.columns import Column
from rsp.tui.model.problem import Problem
from rsp.tui.model.session_columns import shown
from rsp.tui.model.spans import Line, Span

FAMILIES: Mapping[FaultFamily, str] = {
    FaultFamily.TOXIC: "Toxics: what is sent comes later, slower, or cut",
    FaultFamily.READING: "Reading",
    FaultFamily.REENACTMENT: "Re-enactments: bugs that real proxies had",
    FaultFamily.SERVICE: "Service",
}
DIRECTION, SCOPE = "direction", "scope"
"""Ids of the two fields that every fault has."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Somebody whom a fault may be for."""

    word: str
    """What is typed for it."""
    said: str
    """Who that is."""
    params: Mapping[str, Any]


EVERYTHING = Scope("all", "everything", {})


def scopes_of_session(row: ConnectionRow) -> list[Scope]:
    """Return whom a fault may be for that is asked for at a session, the narrowest first."""
    scopes = [Scope("session", f"session {row.id}", {"session": row.id})]
    if row.route is not None:
        key = f"{row.route.pool}/{row.route.backend}"
        scopes.append(Scope("backend", f"backend {key}", {"backend": key}))
    listener = Scope("listener", f"listener {row.listener}", {"listener": row.listener})
    return [*scopes, listener, EVERYTHING]


def scopes_of_backend(pool: str, backend: str) -> list[Scope]:
    """Return whom a fault may be for that is asked for at a backend, or at a pool."""
    of_pool = Scope("pool", f"pool {pool}", {"pool": pool})
    if not backend:
        return [of_pool, EVERYTHING]
    key = f"{pool}/{backend}"
    return [Scope("backend", f"backend {key}", {"backend": key}), of_pool, EVERYTHING]


def usable_scopes(kind: str, scopes: Sequence[Scope]) -> list[Scope]:
    """Return those scopes that a kind of fault may have."""
    if KINDS[kind].family is not FaultFamily.SERVICE:
        return list(scopes)
    return [scope for scope in scopes if "session" not in scope.params]


def default_text(value: Value) -> str:
    """Return the default of a value as it stands in its field."""
    return value.words[int(value.default)] if value.words else f"{value.default:g}"


def hint(value: Value) -> str:
    """Return what a value takes, and what it means."""
    return ", ".join(value.words) if value.words else value.meaning


def has_direction(kind: Kind) -> bool:
    """Tell whether it matters which way the bytes go."""
    return kind.family is not FaultFamily.SERVICE


def problem(kind: str, typed: Mapping[str, str], scopes: Sequence[Scope]) -> Problem | None:
    """Return the first field that holds what it may not hold."""
    for name in KINDS[kind].values:
        try:
            read_values(kind, {name: typed[name]})
        except BadFault as error:
            return Problem(name, str(error))
    if typed.get(DIRECTION, Direction.RESPONSE) not in list(Direction):
        return Problem(DIRECTION, "the direction is request or response")
    if typed[SCOPE] not in [scope.word for scope in scopes]:
        words = ", ".join(scope.word for scope in scopes)
        return Problem(SCOPE, f"it is for one of {words}")
    return None


def params(kind: str, typed: Mapping[str, str], scopes: Sequence[Scope]) -> dict[str, Any]:
    """Return what is to be sent."""
    scope = next(scope for scope in scopes if scope.word == typed[SCOPE])
    return {
        "kind": kind,
        "values": {name: typed[name] for name in KINDS[kind].values},
        "direction": typed.get(DIRECTION, Direction.RESPONSE.value),
        **scope.params,
    }


def sentence(kind: str, typed: Mapping[str, str], scopes: Sequence[Scope]) -> str:
    """Return what it would do, to whom."""
    scope = next(scope for scope in scopes if scope.word == typed[SCOPE])
    way = f", {typed[DIRECTION]}" if DIRECTION in typed else ""
    return f"{scope.said}{way}: {KINDS[kind].meaning}"


# -- the list


@dataclass(frozen=True, slots=True)
class FaultLine:
    """One line of the list: a title, a fault in force, or a kind that may be added."""

    title: str = ""
    row: FaultRow | None = None
    kind: str = ""

    @property
    def key(self) -> str:
        """What tells it from the others."""
        return self.title or (f"fault {self.row.id}" if self.row else self.kind)


def fault_lines(rows: Sequence[FaultRow], *, may_add: bool) -> list[FaultLine]:
    """Return what is in force, and then what may be added, family by family."""
    count = f"In force [{len(rows)}]" if rows else "Nothing is broken on purpose"
    lines = [FaultLine(count), *(FaultLine(row=row) for row in rows)]
    for family, title in FAMILIES.items() if may_add else ():
        lines.append(FaultLine(title))
        lines += [FaultLine(kind=name) for name, kind in KINDS.items() if kind.family is family]
    return lines


def title_line(line: FaultLine) -> Line | None:
    """Return the whole line of a title; None for the others, which have cells."""
    return (Span(line.title, "title"),) if line.title else None


def _name(line: FaultLine, _width: int) -> Span:
    if line.row is not None:
        return Span(f"↯ {line.row.id} {shown(line.row.name or line.row.kind)}", "warn")
    return Span(f"  {line.kind}", "strong")


def _said(line: FaultLine, _width: int) -> Span:
    if line.row is not None:
        return Span(shown(line.row.sentence))
    return Span(KINDS[line.kind].meaning if line.kind else "", "dim")


FAULT_COLUMNS: tuple[Column[FaultLine], ...] = (
    Column("name", "FAULT", 24, _name, keep=100),
    Column("said", "WHAT IT DOES", 30, _said, grows_to=200, keep=90),
)
