"""Waiting for something that happens in another process, without guessing how long it takes."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE_S = 30.0
"""What has not happened after this will not happen, on a slow and busy machine either."""

_LOOK_EVERY_S = 0.01


def wait_until(look: Callable[[], T], deadline_s: float = PATIENCE_S) -> T:
    """Call `look` until what it returns is true, and return that.

    Raises:
        AssertionError: it was not within `deadline_s`; says what it returned last.
    """
    ends_s = time.monotonic() + deadline_s
    while not (seen := look()):
        if time.monotonic() > ends_s:
            raise AssertionError(f"still {seen!r} after {deadline_s:g} s")
        time.sleep(_LOOK_EVERY_S)
    return seen
