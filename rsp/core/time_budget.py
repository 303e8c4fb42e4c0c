"""Where the time of an exchange went: from stamps to parts that add up to its duration, exactly.

The stamps follow each other, and each ends a part. What runs beside (a blocked client, a person, a
fault, a late loop) is taken out of the parts in which it happened. Seconds are counted in steps of
2^-20 s, so that floats add up exactly, in any order.
"""

from collections.abc import Iterable, Sequence

import msgspec

from rsp.core.evidence import PartRow
from rsp.core.limits import MOST_OF_IT, SLOW_EXCHANGE_S
from rsp.core.units import spoken
from rsp.core.vocabulary import BudgetPart as Part

_STEPS_PER_S = 1 << 20

Span = tuple[float, float]
"""From when to when, in monotonic seconds."""

PART_WORDS: dict[str, str] = {
    Part.PIPELINED: "behind the exchange before it",
    Part.HEAD_WAIT: "waiting for the request head",
    Part.LUA: "routing",
    Part.QUEUE: "queued at its pool",
    Part.FAILED_TRIES: "tries in vain",
    Part.CONNECT: "connect",
    Part.UPLOAD: "upload",
    Part.BACKEND_THINK: "backend think",
    Part.TRANSFER: "transfer",
    Part.BLOCKED: "client takes nothing",
    Part.KERNEL_DRAIN: "kernel drain",
    Part.HELD: "held by a person or a breakpoint",
    Part.INJECTED: "injected",
    Part.LOOP_LAG: "our loop late",
}
"""Each part as the screens say it."""


class Stamps(msgspec.Struct, gc=False):
    """What is known of the times of an exchange, in monotonic seconds; 0: it did not happen."""

    began_s: float
    """The first byte of the request head."""
    head_s: float
    """The head is complete."""
    ended_s: float
    """The last byte of the response was passed on; of one that goes on, now."""
    turn_s: float = 0.0
    """The exchange before it on this connection was over."""
    paired_s: float = 0.0
    """A backend had accepted, or a kept connection was taken."""
    sent_s: float = 0.0
    """The last byte of the request body was passed on; 0: it went with the head."""
    first_byte_s: float = 0.0
    left_s: float = 0.0
    """The kernel had taken the last byte of the response; 0: at once, or nobody looked."""
    drained_s: float = 0.0
    """The client had acknowledged it; 0: nobody knows."""
    lua_s: float = 0.0
    """How long, as the following are: it began with the complete head."""
    queued_s: float = 0.0
    lost_s: float = 0.0
    lost_on: Sequence[str] = ()
    """The backends that were tried in vain, of which that is the time."""
    is_faulted: bool = False
    """Whether a fault on purpose was in it: then nobody is accused of anything."""
    blocked_s: float = 0.0
    held_s: float = 0.0
    injected_s: float = 0.0
    lags: Sequence[Span] = ()
    """When the loop was late."""


UNDER_A_FAULT = "while a fault was in force"
"""Instead of a name, for the parts of an exchange that a fault on purpose was in."""

_FROM_TRANSFER = (Part.TRANSFER,)
_FROM_ANY = (Part.TRANSFER, Part.BACKEND_THINK, Part.UPLOAD, Part.CONNECT, Part.HEAD_WAIT)


def budget(stamps: Stamps) -> list[PartRow]:
    """Return the parts of an exchange's time that took any, and what is unknown of it."""
    steps: dict[Part, int] = dict.fromkeys(Part, 0)
    at, began_s = 0, stamps.began_s
    for part, end_s in _ends(stamps):
        end = max(at, round((end_s - began_s) * _STEPS_PER_S))
        steps[part] = end - at
        if stamps.lags and part in _FROM_ANY:
            span = (began_s + at / _STEPS_PER_S, began_s + end / _STEPS_PER_S)
            _move(steps, Part.LOOP_LAG, _overlap_s(span, stamps.lags), (part,))
        at = end
    _move(steps, Part.QUEUE, stamps.queued_s, (Part.CONNECT,))
    _move(steps, Part.FAILED_TRIES, stamps.lost_s, (Part.CONNECT,))
    _move(steps, Part.BLOCKED, stamps.blocked_s, _FROM_TRANSFER)
    _move(steps, Part.HELD, stamps.held_s, _FROM_ANY)
    _move(steps, Part.INJECTED, stamps.injected_s, (Part.BLOCKED, *_FROM_ANY))
    parts = [
        PartRow(part.value, count / _STEPS_PER_S, count / at, _whom(part, stamps))
        for part, count in steps.items()
        if count
    ]
    if not stamps.drained_s:
        parts.append(PartRow(Part.KERNEL_DRAIN.value, None, None))
    return parts


def _whom(part: Part, stamps: Stamps) -> str | None:
    if stamps.is_faulted:
        return UNDER_A_FAULT
    if part is Part.FAILED_TRIES and stamps.lost_on:
        return f"on {', '.join(stamps.lost_on)}"
    return None


def _ends(stamps: Stamps) -> Iterable[tuple[Part, float]]:
    """Yield each part with its end. The one in which it all broke off has the rest."""
    ended_s = stamps.ended_s
    paired_s = stamps.paired_s or ended_s
    first_byte_s = stamps.first_byte_s or ended_s
    yield Part.PIPELINED, stamps.turn_s
    yield Part.HEAD_WAIT, stamps.head_s
    yield Part.LUA, stamps.head_s + stamps.lua_s
    yield Part.CONNECT, paired_s
    yield Part.UPLOAD, min(stamps.sent_s, first_byte_s)
    yield Part.BACKEND_THINK, first_byte_s
    yield Part.TRANSFER, ended_s
    yield Part.BLOCKED, stamps.left_s
    yield Part.KERNEL_DRAIN, stamps.drained_s


def _overlap_s(span: Span, others: Iterable[Span]) -> float:
    return sum(max(0.0, min(span[1], end_s) - max(span[0], from_s)) for from_s, end_s in others)


def _move(steps: dict[Part, int], to: Part, seconds: float, sources: Iterable[Part]) -> None:
    """Count `seconds` as `to` instead of as the parts in which they passed, as far as these go."""
    left = round(seconds * _STEPS_PER_S)
    for source in sources:
        count = max(0, min(left, steps[source]))
        steps[source] -= count
        steps[to] += count
        left -= count


def duration_of(parts: Iterable[PartRow]) -> float:
    """Return the duration that the parts add up to, in seconds."""
    return sum(part.s for part in parts if part.s is not None)


def most_of(parts: Sequence[PartRow]) -> PartRow | None:
    """Return the part that made an exchange slow; None when it was not, or none stands out."""
    if duration_of(parts) < SLOW_EXCHANGE_S:
        return None
    top = max(parts, key=lambda part: part.s or 0.0)
    return top if top.share is not None and top.share >= MOST_OF_IT else None


def budget_sentence(parts: Sequence[PartRow], backend: str | None, client: str) -> str:
    """Return the parts in words, the longest first; what is unknown comes last."""
    known = sorted((part for part in parts if part.s), key=lambda part: -(part.s or 0.0))
    said = [_part_words(part, backend, client, with_whom=not at) for at, part in enumerate(known)]
    said += [f"{_name(part)} unknown" for part in parts if part.s is None]
    return "; ".join(said)


def _name(row: PartRow) -> str:
    """Return a part in words; one that only a newer engine knows by its name."""
    return PART_WORDS.get(row.part, row.part)


def _part_words(row: PartRow, backend: str | None, client: str, *, with_whom: bool) -> str:
    took_s, share = row.s or 0.0, row.share or 0.0
    words = f"{_name(row)} {spoken(took_s)}"
    if not with_whom:
        return words
    whom = owner_of(row, backend, client)
    return f"{words} ({share * 100:.0f} %){f' {whom}' if whom else ''}"


def owner_of(row: PartRow, backend: str | None, client: str) -> str:
    """Return who took the time of a part, in words; empty where that is said or not known.

    An upload and a transfer take two: nobody is accused.
    """
    if row.whom is not None:
        return row.whom
    match row.part:
        case Part.BACKEND_THINK | Part.CONNECT:
            return f"on {backend}" if backend else ""
        case Part.HEAD_WAIT | Part.PIPELINED | Part.BLOCKED | Part.KERNEL_DRAIN:
            return f"on client {client}"
    return ""
