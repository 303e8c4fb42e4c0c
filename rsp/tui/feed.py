"""Asks the engine for what the screen shows: pulled, one request in flight, never queued."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from rsp.core.replies import Events
from rsp.core.wire import CommandRefused
from rsp.tui.client import Answer, EngineClient, EngineGone
from rsp.tui.limits import (
    EVENTS_BATCH,
    EVENTS_WAIT_S,
    RECONNECT_S,
    REST_SHARE,
    USUAL_PULLS_PER_S,
)


@dataclass(frozen=True, slots=True)
class Pull:
    """Something that a screen wants to have fresh."""

    method: str
    answer: type[msgspec.Struct]
    params: dict[str, Any] = field(default_factory=dict)
    every_s: float = 0.0
    """Time between two of them; 0: with every round of pulls."""

    @property
    def key(self) -> str:
        """What makes two pulls the same one, for their rhythm: the method."""
        return self.method


class Sink(Protocol):
    """Whoever gets the answers: the app."""

    def wanted(self) -> Sequence[Pull]:
        """Return what is to be pulled now, the most important first."""

    def take(self, pull: Pull, answer: msgspec.Struct) -> None:
        """Show one answer."""

    def refused(self, pull: Pull, reason: str) -> None:
        """Show that the engine refuses a pull."""

    def engine_lost(self, reason: str) -> None:
        """Show that no engine answers. Called again at every failed try."""


class Feed:
    """Keeps a sink supplied. Three connections: pulls, the long poll for events, and commands."""

    def __init__(self, control_path: str, sink: Sink) -> None:
        self._sink = sink
        self._pulls = EngineClient(control_path)
        self._events = EngineClient(control_path)
        self._commands = EngineClient(control_path)
        self._due_s: dict[str, float] = {}
        self._nudged = asyncio.Event()
        self._pulls_per_s = USUAL_PULLS_PER_S

    @property
    def pulls_per_s(self) -> int:
        """Rounds of pulls a second, at most: an engine that needs longer is asked less often."""
        return self._pulls_per_s

    @pulls_per_s.setter
    def pulls_per_s(self, rate: int) -> None:
        self._pulls_per_s = rate
        # The rest between two rounds began with the old rate.
        self._nudged.set()

    def nudge(self) -> None:
        """Pull everything that is wanted at once: the screen has changed."""
        self._due_s.clear()
        self._nudged.set()

    def close(self) -> None:
        """Close the three connections."""
        for client in (self._pulls, self._events, self._commands):
            client.close()

    async def command(self, method: str, params: dict[str, Any], answer: type[Answer]) -> Answer:
        """Give the engine one command. Raises what `EngineClient.call` raises."""
        return await self._commands.call(method, params, answer)

    async def pull_for_ever(self) -> None:
        """Pull what the sink wants, as often as it wants it, until cancelled."""
        clock = asyncio.get_running_loop().time
        failures = 0
        while True:
            started_s, started_cpu_s = clock(), time.process_time()
            try:
                await self._round(started_s)
            except EngineGone as gone:
                self._sink.engine_lost(str(gone))
                pause_s = RECONNECT_S[min(failures, len(RECONNECT_S) - 1)]
                failures += 1
            else:
                failures = 0
                # Most of a round is waiting: the engine builds a large table between its traffic.
                cpu_s = time.process_time() - started_cpu_s
                left_s = 1 / self._pulls_per_s - (clock() - started_s)
                pause_s = max(left_s, cpu_s * REST_SHARE)
            await self._rest(pause_s)

    async def _round(self, now_s: float) -> None:
        for pull in self._sink.wanted():
            if self._due_s.get(pull.key, 0.0) > now_s:
                continue
            # A little early, or a rhythm of 1 s on a beat of 0.2 s would slip by a beat each time.
            self._due_s[pull.key] = now_s + pull.every_s - 0.5 / self._pulls_per_s
            try:
                answer = await self._pulls.call(pull.method, pull.params, pull.answer)
            except CommandRefused as refusal:
                self._sink.refused(pull, str(refusal))
            else:
                self._sink.take(pull, answer)

    async def _rest(self, pause_s: float) -> None:
        try:
            async with asyncio.timeout(pause_s):
                await self._nudged.wait()
        except TimeoutError:
            return
        self._nudged.clear()

    async def follow_events(self, since: int = 0) -> None:
        """Hold one long poll open, and hand every answer to the sink, until cancelled."""
        failures = 0
        while True:
            params = {"since": since, "wait_s": EVENTS_WAIT_S, "limit": EVENTS_BATCH}
            try:
                answer = await self._events.call("events", params, Events, EVENTS_WAIT_S)
            except (EngineGone, CommandRefused):
                # The pulls say that the engine is gone; an engine that comes back counts anew.
                await asyncio.sleep(RECONNECT_S[min(failures, len(RECONNECT_S) - 1)])
                failures += 1
                since = 0
                continue
            failures = 0
            since = answer.next_since
            self._sink.take(EVENTS_PULL, answer)
            # Many events a second are shown as often as everything else, and not one by one.
            await asyncio.sleep(1 / self._pulls_per_s)


EVENTS_PULL = Pull("events", Events)
"""What `take` is given with events, which come by their own way."""
