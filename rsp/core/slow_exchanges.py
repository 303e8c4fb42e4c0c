"""The sentence about slow exchanges: which part of their time it is, and who has it."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import msgspec

from rsp.core.addresses import client_ip_of
from rsp.core.exchange_rows import ExchangeRow
from rsp.core.time_budget import PART_WORDS, UNDER_A_FAULT, duration_of, most_of, owner_of
from rsp.core.units import spoken
from rsp.core.vocabulary import BudgetPart as Part

_OF_CLIENTS = (Part.HEAD_WAIT, Part.PIPELINED, Part.BLOCKED, Part.KERNEL_DRAIN)
_NAMED = 3
"""As many owners are named; more are counted."""


class Surroundings(msgspec.Struct, frozen=True):
    """What a slow exchange is compared with. Backends are `pool/name`."""

    kept: int = 0
    """Exchanges that are remembered, the quick ones included."""
    served: Mapping[str, int] = {}
    """How many of these each backend had."""
    in_flight: Mapping[str, int] = {}
    """How many it has now."""
    lag_p99_s: float | None = None
    """By how much our loop was late, 99 of 100 times; None: unknown."""
    faults: int = 0
    """How many are in force: whoever is named may be slow on purpose."""


def slow_sentence(rows: Sequence[ExchangeRow], around: Surroundings) -> str | None:
    """Return what made the slow ones of `rows` slow; None where nothing stands out.

    Speaks of the part that took most time of all, by the median of those it made slow.
    """
    by_part: dict[Part, list[ExchangeRow]] = defaultdict(list)
    for row in rows:
        if top := most_of(row.budget):
            by_part[Part(top.part)].append(row)
    if not by_part:
        return None
    part = max(by_part, key=lambda part: sum(_took_s(row, part) for row in by_part[part]))
    slow = sorted(by_part[part], key=lambda row: _took_s(row, part))
    typical = slow[len(slow) // 2]
    words = _words(part, typical, slow, around)
    others = [
        f"{PART_WORDS[Part(each.part)]} {spoken(each.s)}"
        for each in sorted(typical.budget, key=lambda each: -(each.s or 0.0))
        if each.s and each.part != part
    ]
    if around.lag_p99_s is not None:
        others.append(f"loop lag p99 {spoken(around.lag_p99_s)}")
    said = "; ".join([words[0].upper() + words[1:], *others])
    count = f"{len(slow):,} of the last {around.kept:,} exchanges"
    faults = ""
    if around.faults:
        faults = (
            f"{'1 fault is' if around.faults == 1 else f'{around.faults} faults are'} in force."
        )
    sentences = [f"{said}.", *_load(part, slow, around), f"This slowed {count}.", faults]
    return " ".join(filter(None, sentences))


def _words(
    part: Part, typical: ExchangeRow, slow: Sequence[ExchangeRow], around: Surroundings
) -> str:
    took_s = _took_s(typical, part)
    share = took_s / duration_of(typical.budget) * 100
    return f"{PART_WORDS[part]} {spoken(took_s)} ({share:.0f} %){_whose(part, slow, around)}"


def _took_s(row: ExchangeRow, part: Part) -> float:
    return sum(each.s or 0.0 for each in row.budget if each.part == part)


def _whose(part: Part, slow: Sequence[ExchangeRow], around: Surroundings) -> str:
    """Return who has the time; with `only` where others of the same pool served as well."""
    owners = Counter(
        owner
        for row in slow
        for each in row.budget
        if each.part == part and (owner := owner_of(each, row.backend, client_ip_of(row.client)))
    )
    if not owners:
        return ""
    # What a fault did says nothing of the others, and those nothing of it.
    if owners.pop(UNDER_A_FAULT, 0) and not owners:
        return f" {UNDER_A_FAULT}"
    if len(owners) > _NAMED:
        kind = "clients" if part in _OF_CLIENTS else "backends"
        return f" on {len(owners):,} {kind}"
    named = [owner.removeprefix("on ") for owner, _ in owners.most_common()]
    is_only = _is_backends(part) and any(
        key != _key(slow[0]) and key.startswith(f"{slow[0].pool}/") for key in around.served
    )
    return f" on {', '.join(named)}{' only' * (is_only and len(owners) == 1)}"


def _load(part: Part, slow: Sequence[ExchangeRow], around: Surroundings) -> list[str]:
    """Say how much more the one slow backend has to do than the others of its pool."""
    keys = {_key(row) for row in slow}
    if not _is_backends(part) or len(keys) != 1:
        return []
    (key,) = keys
    pool = f"{slow[0].pool}/"
    others = [
        count for name, count in around.in_flight.items() if name.startswith(pool) and name != key
    ]
    own = around.in_flight.get(key, 0)
    if not others or own <= max(others):
        return []
    return [f"{slow[0].backend} has {own:,} in flight, the others {max(others):,} at most."]


def _is_backends(part: Part) -> bool:
    return part in (Part.BACKEND_THINK, Part.CONNECT)


def _key(row: ExchangeRow) -> str:
    return f"{row.pool}/{row.backend}"
