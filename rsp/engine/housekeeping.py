"""What is looked after once a second: removals that wait, the queues before the listeners, and
whether somebody set the clock."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

from rsp.core.limits import HOUSEKEEPING_S
from rsp.core.vocabulary import EventLevel
from rsp.engine.accept_queues import AcceptQueues
from rsp.engine.leaving import Leaving
from rsp.engine.listener import Listener
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
    queues = AcceptQueues()
    while True:
        for said in queues.look(listeners.values()):
            note(said, EventLevel.WARN)
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
