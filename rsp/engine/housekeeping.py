"""What is looked after once a second: removals that wait, the queues before the listeners, and
whether somebody set the clock."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from rsp.core.limits import HOUSEKEEPING_S
from rsp.core.listener_rows import crowd_sentence
from rsp.core.vocabulary import EventLevel
from rsp.engine.leaving import Leaving
from rsp.engine.listener import Listener
from rsp.engine.rows import listener_row
from rsp.engine.wall_clock import WallClock

Note = Callable[[str, EventLevel], object]


async def keep_house(
    leaving: Leaving,
    listeners: Mapping[Any, Listener],
    clock: WallClock,
    note: Note,
    tick: Callable[[float], None],
) -> None:
    """Look after it for ever; `tick` is told the time, in monotonic seconds."""
    dropped: dict[Listener, int] = {}
    while True:
        dropped = _tell_of_crowds(listeners.values(), dropped, note)
        tell_of_the_clock(clock, note)
        tick(time.monotonic())
        await asyncio.sleep(HOUSEKEEPING_S)
        await leaving.remove_idle()


def tell_of_the_clock(clock: WallClock, note: Note) -> None:
    """Note that the clock was set, where it was: dates do not follow each other there."""
    step_s = clock.look()
    if step_s is not None:
        way = "forward" if step_s > 0 else "back"
        note(
            f"the clock of this machine went {way} by {abs(step_s):,.1f} s: somebody set it, or "
            "the machine slept",
            EventLevel.INFO,
        )


def _tell_of_crowds(
    listeners: Iterable[Listener], before: Mapping[Listener, int], note: Note
) -> dict[Listener, int]:
    """Note where the kernel has dropped tries to connect since the look `before`; return how many
    it had dropped at each listener by now. What a socket brings along is not ours to tell."""
    dropped: dict[Listener, int] = {}
    for listener in listeners:
        row = listener_row(listener)
        if row.accept_dropped is None:
            continue
        dropped[listener] = row.accept_dropped
        more = row.accept_dropped - before.get(listener, row.accept_dropped)
        said = crowd_sentence(row, more) if more > 0 else None
        if said is not None:
            note(said, EventLevel.WARN)
    return dropped
