"""What a preview answers: who would move, in rows. `what_if.py` counts them."""

import msgspec


class InputRow(msgspec.Struct):
    """What a decision was made for, beside what its row has; without secrets."""

    target: str
    """Path and query, whole."""
    client: str
    listener: str
    fields: list[tuple[str, str]]


class Example(msgspec.Struct):
    """A request that would move, as whoever looks may see it."""

    method: str
    host: str
    """As the client sent it."""
    path: str
    """With its query."""


class Move(msgspec.Struct):
    """Requests that go one way now and another one then."""

    from_: str = msgspec.field(name="from")
    """`pool/backend`; `pool` alone where its backend depends on load or chance; `no backend`, or
    `route failed`."""
    to: str
    count: int
    examples: list[Example] = []
    numbers: list[int] = []
    """Which of the requests the examples are, counted from 0 in the order they were given."""


class Share(msgspec.Struct):
    """The part of the requests that a backend gets, 0 to 1; null: it cannot be known."""

    before: float | None
    after: float | None


class KeyShare(msgspec.Struct):
    """What another number of available backends does to the keys of a pool, in closed form."""

    pool: str
    before: int
    after: int
    moved: float
    """The share of all keys that moves under the policy that the pool will have, 0 to 1."""
    moved_by_hash: float
    """The same, if that policy were `hash`."""
    together: float
    """How likely two spellings of one name meet on one backend by luck: 1/n."""


class WhatIf(msgspec.Struct):
    """`--preview`: what the recorded requests would do."""

    recorded: int
    """Requests that were tried."""
    moved: int
    """Those that would go elsewhere, or nowhere."""
    unrouted: int
    """Those that would find no backend."""
    errors: int
    """Those for which `route` would fail."""
    moves: list[Move]
    """The most frequent first."""
    moves_left_out: int
    """Further moves that are not listed; their requests are counted in `moved`."""
    shares: dict[str, Share]
    cannot_be_known: dict[str, str]
    """Pools whose backends are not compared, and their policies."""
    keys: list[KeyShare] = []
    not_held: int = 0
    """Decisions that are remembered, but no longer what they were made for."""
    first_error: str = ""
    """What `route` said when it first failed."""
    moved_capitals: int = 0
    """Those that would go elsewhere and whose key has capitals in it now. Not known of requests
    that come from a file."""
