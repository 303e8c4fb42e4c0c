"""Watches the change that is on trial. While there is none, nothing runs and nothing is counted.

Nobody is asked to report: a look every `TRIAL_LOOK_S` reads what has ended since.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from rsp.core.config import Config
from rsp.core.limits import TRIAL_LOOK_S
from rsp.core.timeline import Standing, Timeline
from rsp.core.trial import Trial
from rsp.core.vocabulary import CloseReason, Mode
from rsp.engine.closed import ClosedSession
from rsp.engine.session import Registry
from rsp.engine.telemetry import Telemetry


class Moment(NamedTuple):
    """What was in force at some time, and what could be undone and redone then."""

    standing: Standing[Config]
    timeline: Timeline[Config]


_FAILED = (CloseReason.NO_ROUTE, CloseReason.BACKEND_UNREACHABLE, CloseReason.BACKEND_GONE)

Fail = Callable[[Trial[Moment], str], Awaitable[None]]
"""Takes a change back, and says why."""


class Trials:
    """The one change that is on trial, if there is one."""

    def __init__(self, telemetry: Telemetry, registry: Registry, fail: Fail) -> None:
        self.trial: Trial[Moment] | None = None
        self._telemetry = telemetry
        self._registry = registry
        self._fail = fail
        self._counted = self._counted_sessions = 0
        """The numbers of the last exchange and of the last closed session that were looked at."""
        self._task: asyncio.Task[None] | None = None

    def begin(self, trial: Trial[Moment]) -> None:
        """Watch a change from now on."""
        self.trial = trial
        self._counted = self._telemetry.exchanges.recorded
        self._counted_sessions = self._registry.closed.recorded
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
            self._count_sessions(trial)
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

    def _count_sessions(self, trial: Trial[Moment]) -> None:
        ring = self._registry.closed
        ended, _ = ring.since(self._counted_sessions)
        self._counted_sessions = ring.recorded
        for _, session in ended:
            # In HTTP the exchanges count, also the one that became a tunnel.
            if session.decision is not None and not session.exchanges:
                trial.count_session(session.decision.generation, has_failed=_has_failed(session))
        if trial.failed:
            # What fails ends at once, and what is well may last for days: it counts now.
            trial.under_way = sum(
                session.generation == trial.generation and session.state.is_tunnel
                for session in self._registry.live.values()
                if session.entrance.mode is Mode.TCP
            )


def _has_failed(session: ClosedSession) -> bool:
    """Tell whether a tcp session got nothing from a backend, and that not by its client's doing.
    Of what ends later nobody but the two can tell whether it was meant to."""
    said_nothing = session.backend is None or not session.backend.bytes_in
    return session.reason in _FAILED and said_nothing
