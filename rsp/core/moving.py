"""How many keys move when backends come and go, without looking at a single key.

Closed forms, for hashes that spread keys evenly and backends of equal weight.
"""

from math import gcd


def moved_by_modulo(before: int, after: int) -> float:
    """Return the share of keys that another number of backends moves under `hash_mod`.

    A key stays when its hash has the same remainder under both numbers: as often as
    min(before, after) in their least common multiple. 4 to 8 moves a half, 4 to 9 eight ninths.
    """
    if before == after:
        return 0.0
    if not before or not after:
        return 1.0
    least_common_multiple = before * after // gcd(before, after)
    return 1.0 - min(before, after) / least_common_multiple


def moved_by_rendezvous(before: int, after: int) -> float:
    """Return the share of keys that another number of backends moves under `hash`.

    Only keys of those that go, or that those that come win: the least that is possible.
    """
    return abs(after - before) / max(before, after, 1)


def together_by_luck(backends: int) -> float:
    """Return how likely two spellings of one name meet on one of so many backends: 1/n."""
    return 1.0 / backends if backends else 0.0
