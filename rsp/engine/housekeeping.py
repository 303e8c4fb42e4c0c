"""What is looked after once a second: removals that wait, and the queues before the listeners."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from rsp.core.limits import HOUSEKEEPING_S
from rsp.core.vocabulary import EventLevel
from rsp.engine.changes import Changes
from rsp.engine.kernel import accept_queue, listen_overflows
from rsp.engine.listener import Listener


async def keep_house(
    changes: Changes, listeners: Mapping[Any, Listener], note: Callable[[str, EventLevel], object]
) -> None:
    """Look after it for ever."""
    overflows = listen_overflows()
    while True:
        await asyncio.sleep(HOUSEKEEPING_S)
        await changes.remove_idle()
        before, overflows = overflows, listen_overflows()
        if before is not None and overflows is not None and overflows > before:
            note(_sentence(overflows - before, listeners.values()), EventLevel.WARN)


def _sentence(count: int, listeners: Any) -> str:
    """Say what was lost, and where: the kernel counts for the machine, not for each listener."""
    queues = ", ".join(
        f"{listener.entrance.address} {waiting} of {backlog} waiting"
        for listener in listeners
        if (found := accept_queue(listener.sock)) is not None
        for waiting, backlog in (found,)
    )
    return (
        f"an accept queue of this machine was full: the kernel refused to set up {count:,} "
        f"connections within {HOUSEKEEPING_S:g} s (ListenOverflows). Not the backends: nobody came "
        f"to accept, or not fast enough. Our listeners: {queues or 'unknown'}"
    )
