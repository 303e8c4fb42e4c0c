"""Whose turn it is to be sampled, on real sockets; the clock is handed in."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import cast
from unittest import mock

import pytest

from rsp.core.backends import BackendTable
from rsp.core.config import ListenerConfig
from rsp.core.evidence import SampleRow
from rsp.core.lab_limits import (
    SAMPLE_BYTES,
    SAMPLED_AFTER_LOOK_S,
    SAMPLES_PER_TICK,
    SAMPLES_PER_TURN,
    SAMPLES_S,
    SAMPLING_REST_S,
)
from rsp.core.limits import STALL_S, TIMER_TICK_S, Limits
from rsp.core.route import FixedRouter
from rsp.core.vocabulary import Mode, Side
from rsp.engine import sampling
from rsp.engine.connection import Connection
from rsp.engine.context import Context
from rsp.engine.deadlines import Deadlines
from rsp.engine.dispatch import Dispatcher
from rsp.engine.entrance import Entrance
from rsp.engine.kernel import raw_look
from rsp.engine.poller import Poller
from rsp.engine.sampling import Sampler
from rsp.engine.session import Registry, Session
from rsp.engine.telemetry import Telemetry
from rsp.engine.wait import Wait
from tests.conftest import Pairs

ENTRANCE = Entrance("127.0.0.1:80", ListenerConfig("127.0.0.1:80", Mode.HTTP, "web"), ("web",))


class Crowd:
    """Sessions, a sampler, and the hand that moves its clock."""

    def __init__(self, poller: Poller, deadlines: Deadlines, pairs: Pairs) -> None:
        self.poller = poller
        self._pairs = pairs
        dispatcher = Dispatcher(BackendTable.of([], 1), FixedRouter("web"))
        self.context = Context(poller, deadlines, Telemetry(), dispatcher, Limits())
        self.registry = Registry()
        self.sampler = Sampler(self.context, self.registry)
        self.sampler.start()
        self.now_s = poller.now_s

    def join(self, count: int = 1) -> list[Session]:
        return [self._join() for _ in range(count)]

    def _join(self) -> Session:
        near, _ = self._pairs.tcp()
        client = Connection(self.poller, near, "192.0.2.1:5", Side.CLIENT, Limits())
        session = Session(self.context, self.registry, client, ENTRANCE)
        client.owner = session
        self.registry.live[session.id] = session
        return session

    def stall(self, session: Session) -> None:
        began_s = self.now_s - STALL_S
        self.poller.blocked[session.client] = Wait(began_s, raw_look(session.client.sock))

    def tick(self, count: int = 1) -> list[list[Connection]]:
        """Let some ticks pass, and return who was sampled in each."""
        taken = []
        for _ in range(count):
            self.now_s = self.poller.now_s = self.now_s + TIMER_TICK_S
            with self.watching() as sampled:
                self.sampler.on_deadline(self.now_s)
                while self.sampler.is_taking:
                    self.sampler.on_ready(0)
            taken.append(sampled)
        return taken

    @contextmanager
    def watching(self) -> Iterator[list[Connection]]:
        """Yield a list of who is sampled while the block runs."""
        sampled: list[Connection] = []
        real = sampling.sample_of

        def sample_of(connection: Connection, now_s: float) -> SampleRow:
            sampled.append(connection)
            return real(connection, now_s)

        with mock.patch.object(sampling, "sample_of", sample_of):
            yield sampled


@pytest.fixture
async def crowd(poller: Poller, pairs: Pairs) -> AsyncIterator[Crowd]:
    deadlines = Deadlines(asyncio.get_running_loop())
    made = Crowd(poller, deadlines, pairs)
    yield made
    made.sampler.stop()
    deadlines.stop()


async def test_whom_nobody_looks_at_costs_nothing(crowd: Crowd) -> None:
    crowd.join(5)
    assert crowd.tick(20) == [[]] * 20


async def test_who_is_stalled_is_sampled_each_time_unasked(crowd: Crowd) -> None:
    _, slow, _ = crowd.join(3)
    crowd.stall(slow)
    assert crowd.tick(10) == [[slow.client]] * 10
    assert len(crowd.sampler.rows(slow.client, slow, crowd.now_s)) == 11


async def test_a_short_wait_is_no_stall(crowd: Crowd) -> None:
    (busy,) = crowd.join()
    crowd.poller.blocked[busy.client] = Wait(
        crowd.now_s + TIMER_TICK_S / 2, raw_look(busy.client.sock)
    )
    assert crowd.tick() == [[]]


async def test_who_is_looked_at_is_sampled_each_time_and_the_rest_once_a_second(
    crowd: Crowd,
) -> None:
    seen, *others = crowd.join(30)
    taken: list[Connection] = []
    for _ in range(20):
        crowd.sampler.look([seen.id], crowd.now_s)
        (sampled,) = crowd.tick()
        assert len(sampled) <= 1 + 3, "a tenth of them at a time"
        taken += sampled
    assert taken.count(seen.client) == 20
    assert {taken.count(session.client) for session in others} == {2}


async def test_after_the_last_look_it_rests(crowd: Crowd) -> None:
    seen, other = crowd.join(2)
    crowd.sampler.look([seen.id], crowd.now_s)
    crowd.tick(round(SAMPLED_AFTER_LOOK_S / TIMER_TICK_S) + 1)
    slowly = [each for sampled in crowd.tick(20) for each in sampled]
    assert (slowly.count(seen.client), slowly.count(other.client)) == (2, 2)
    crowd.tick(round(SAMPLING_REST_S / TIMER_TICK_S))
    assert crowd.tick(20) == [[]] * 20
    assert len(crowd.sampler.rows(seen.client, seen, crowd.now_s)) > 20
    crowd.tick(round(SAMPLES_S / TIMER_TICK_S))
    assert crowd.sampler.held_bytes == 0, "what was not sampled for a minute is no past"
    assert len(crowd.sampler.rows(seen.client, seen, crowd.now_s)) == 1


async def test_what_it_costs_is_bounded(crowd: Crowd) -> None:
    everybody = crowd.join(SAMPLES_PER_TICK + 50)
    for session in everybody:
        crowd.stall(session)
    ticks = crowd.tick(2)
    assert [len(sampled) for sampled in ticks] == [SAMPLES_PER_TICK] * 2
    assert {each for sampled in ticks for each in sampled} == {
        session.client for session in everybody
    }, "they take turns"
    crowd.now_s = crowd.poller.now_s = crowd.now_s + TIMER_TICK_S
    with crowd.watching() as sampled:
        crowd.sampler.on_deadline(crowd.now_s)
        assert len(sampled) == SAMPLES_PER_TURN, "then the traffic has its turn"
        # Its timer is a real one: on a slow machine the next tick would come in between.
        crowd.sampler.stop()
        for _ in range(30):
            await asyncio.sleep(0)
        assert not crowd.sampler.is_taking
    assert len(sampled) == SAMPLES_PER_TICK


async def test_who_is_gone_is_not_held(crowd: Crowd) -> None:
    gone, closed = crowd.join(2)
    crowd.stall(gone)
    crowd.stall(closed)
    crowd.tick(3)
    crowd.poller.blocked.clear()
    gone.client.owner = cast(Session, None)
    closed.client.is_closed = True
    crowd.tick(11)
    assert crowd.sampler.held_bytes == 0
    assert not crowd.sampler._rings


async def test_samples_count_in_the_memory_budget_and_can_be_forgotten(crowd: Crowd) -> None:
    (slow,) = crowd.join()
    crowd.stall(slow)
    crowd.tick(25)
    assert crowd.sampler in crowd.context.captures
    assert 10 * SAMPLE_BYTES <= crowd.sampler.held_bytes <= 25 * SAMPLE_BYTES
    crowd.sampler.forget()
    assert crowd.sampler.held_bytes == 0
    assert len(crowd.sampler.rows(slow.client, slow, crowd.now_s)) == 1
