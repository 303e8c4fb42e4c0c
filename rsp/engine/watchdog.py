"""Reports a `route` that runs long: the one thing that a Lua hook cannot interrupt is a C function.

A thread of its own, because the loop stands still meanwhile (lupa lets other threads run while Lua
does). It cannot stop the call; it can say that it was there, which is what somebody needs who
sees everything wait at once.
"""

import threading
import time
from collections.abc import Callable

from rsp.core.events import Noted
from rsp.core.limits import WATCHDOG_LOOK_S, WATCHDOG_WARN_S
from rsp.core.vocabulary import EventLevel
from rsp.engine.exchange import SHOWN_PATH_CHARACTERS
from rsp.engine.lua_config import LuaRouter


class Watchdog:
    """Looks at the router that is in force; `report` is called from its thread."""

    def __init__(self, router: Callable[[], object], report: Callable[[Noted], object]) -> None:
        self._router = router
        self._report = report
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lua-watchdog", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more; returns when the thread has ended."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        calls = LongCalls()
        while not self._stop.wait(WATCHDOG_LOOK_S):
            router, now_s = self._router(), time.monotonic()
            request = router.running if isinstance(router, LuaRouter) else None
            if not isinstance(router, LuaRouter) or request is None:
                calls.look(None, now_s)
                continue
            ran_s = calls.look(router.calls, now_s)
            if ran_s is not None:
                what = (
                    f"route at {router.place} has run for {ran_s:.2f} s and still does, for "
                    f"{request.method} {request.raw_host}{request.path[:SHOWN_PATH_CHARACTERS]}; "
                    "all traffic waits for it"
                )
                self._report(Noted(at_s=now_s, what=what, weight=EventLevel.WARN))


class LongCalls:
    """Finds the calls that were seen running for too long; tells of each of them once."""

    def __init__(self) -> None:
        self._number: int | None = None
        self._since_s = 0.0
        self._is_told = False

    def look(self, number: int | None, now_s: float) -> float | None:
        """Return for how many seconds call `number` runs, when that is to be told now.

        `number` is None while no call runs.
        """
        if number is None or number != self._number:
            self._number, self._since_s, self._is_told = number, now_s, False
            return None
        ran_s = now_s - self._since_s
        if self._is_told or ran_s < WATCHDOG_WARN_S:
            return None
        self._is_told = True
        return ran_s
