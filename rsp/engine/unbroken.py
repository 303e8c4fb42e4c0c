"""Work that comes to its end, also where whoever waits for it gives up."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_under_way: set[asyncio.Task[Any]] = set()
"""The loop itself keeps no task alive."""


def begin_unbroken(work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Start `work`, and return it for `asyncio.shield`: nobody else may cancel it.

    What it raises when nobody waits any more is no bug.
    """
    task = asyncio.get_running_loop().create_task(work)
    _under_way.add(task)
    task.add_done_callback(_look_at)
    return task


def _look_at(task: asyncio.Task[Any]) -> None:
    _under_way.discard(task)
    if not task.cancelled():
        task.exception()
