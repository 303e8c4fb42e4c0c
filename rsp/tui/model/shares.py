"""Which part of a pool's new requests each of its backends gets, by its policy and the weights."""

from collections.abc import Sequence

from rsp.core.replies import BackendRow
from rsp.core.vocabulary import BackendState
from rsp.tui.model.health_text import is_out

UNWEIGHTED = frozenset({"hash_mod", "first"})
"""Policies that ask of a weight only whether it is 0."""


def shares(balance: str, rows: Sequence[BackendRow]) -> list[float]:
    """Return the part (0 to 1) that each of `rows` gets in the long run.

    It is what the weights ask for: which keys really come, and how long sessions last, is not in
    it. Those that are drained, in maintenance, down, ejected or of weight 0 get nothing, and who
    starts slowly gets as much as it does now.
    """
    ready = [row.state == BackendState.READY and row.weight > 0 and not is_out(row) for row in rows]
    if balance == "first":
        chosen = ready.index(True) if any(ready) else -1
        return [float(index == chosen) for index in range(len(rows))]
    weights = [
        (1 if balance in UNWEIGHTED else row.weight * row.ramp) * is_ready
        for row, is_ready in zip(rows, ready, strict=True)
    ]
    whole = sum(weights)
    return [weight / whole if whole else 0.0 for weight in weights]
