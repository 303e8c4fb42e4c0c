"""What the engine answers about faults."""

import msgspec


class FaultRow(msgspec.Struct):
    """One fault in force."""

    id: int
    kind: str
    name: str
    values: dict[str, float | str]
    """In the units of `kinds.py`."""
    direction: str
    listener: str | None
    pool: str | None
    backend: str | None
    session: int | None
    first: int
    every: int
    toxicity: float
    seed: int
    touched: int
    """How many sessions, or exchanges in HTTP, have had it."""
    sentence: str


class FaultsReply(msgspec.Struct):
    """`fault list`: by number."""

    faults: list[FaultRow]


class FaultAdded(msgspec.Struct):
    """`fault add`: its number, and what it does."""

    id: int
    sentence: str


class FaultsRemoved(msgspec.Struct):
    """`fault remove`: the numbers of those that were removed."""

    removed: list[int]
