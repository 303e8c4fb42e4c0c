"""Watches the change that is on trial. While there is none, nothing runs and nothing is counted.

Exchanges are not asked to report: a look every `TRIAL_LOOK_S` reads those that ended since.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from rsp.core.config import Config
from rsp.core.limits import TRIAL_LOOK_S
from rsp.core.timeline import Standing, Timeline
from rsp.core.trial import Trial
from rsp.engine.telemetry import Telemetry


class Moment(NamedTuple):
    """What was in force at some time, and what could be undone and redone then."""

    standing: Standing[Config]
    timeline: Timeline[Config]


Fail = Callable[[Trial[Moment], str], Awaitable[None]]
"""Takes a change back, and says why."""


class Trials:
    """The one change that is on trial, if there is one."""

    def __init__(self, telemetry: Telemetry, fail: Fail) -> None:
        self.trial: Trial[Moment] | None = None
        self._telemetry = telemetry
        self._fail = fail
        self._counted = 0
        """The number of the last exchange that was looked at."""
        self._task: asyncio.Task[None] | None = None

    def begin(self, trial: Trial[Moment]) -> None:
        """Watch a change from now on."""
        self.trial = trial
        self._counted = self._telemetry.exchanges.recorded
        self._task = asyncio.get_running_loop().create_task(self._watch(trial))

    def end(self) -> None:
        """The change was confirmed, or taken back; the task finds that out at its next look."""
        self.trial = None

    def stop(self) -> None:
        """The engine ends: what is on trial ends with it."""
        if self._task is not None:
            self._task.cancel()

    async def _watch(self, trial: Trial[Moment]) -> None:
        while self.trial is trial:
            self._count(trial)
            now_s = time.monotonic()
            why = trial.failure(now_s)
            if why is not None:
                await self._fail(trial, why)
                return
            await asyncio.sleep(min(TRIAL_LOOK_S, trial.left_s(now_s)))

    def _count(self, trial: Trial[Moment]) -> None:
        ring = self._telemetry.exchanges
        ended, _ = ring.since(self._counted)
        self._counted = ring.recorded
        for _, exchange in ended:
            if exchange.decision is not None:
                trial.count(exchange.decision.generation, exchange.status)
