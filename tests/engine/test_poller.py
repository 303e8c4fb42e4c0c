"""Readiness in batches: stale news, reused numbers, turns, and who pays for a bug."""

import socket
from collections.abc import Callable

import pytest

from rsp.engine.poller import DEAD, HANG_UP, READABLE, WRITABLE, Poller, run_guarded
from tests.conftest import Pairs, wait_until
from tests.engine.fakes import next_turns


class Noting:
    """Writes down what it is told, and then does what a test wants."""

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.ready: list[int] = []
        self.bugs: list[Exception] = []
        self.journal: list[str] = []
        self.act: Callable[[], object] = lambda: None

    def on_ready(self, readiness: int) -> None:
        self.ready.append(readiness)
        self.journal.append(self.name)
        self.act()

    def on_bug(self, error: Exception) -> None:
        self.bugs.append(error)


async def test_readiness_is_delivered_with_its_mask(poller: Poller, pairs: Pairs) -> None:
    near, far = pairs.tcp()
    noting = Noting()
    poller.watch(near.fileno(), noting)
    await wait_until(lambda: noting.ready)
    assert noting.ready[-1] & WRITABLE
    assert not noting.ready[-1] & READABLE
    far.send(b"x")
    await wait_until(lambda: noting.ready[-1] & READABLE)
    assert not noting.ready[-1] & HANG_UP
    far.shutdown(socket.SHUT_WR)
    await wait_until(lambda: noting.ready[-1] & HANG_UP)
    assert not noting.ready[-1] & DEAD


async def test_an_edge_is_told_once_and_a_level_for_as_long_as_it_lasts(
    poller: Poller, pairs: Pairs
) -> None:
    opened = [pairs.tcp() for _ in range(2)]
    edge, level = Noting(), Noting()
    poller.watch(opened[0][0].fileno(), edge)
    poller.watch_level(opened[1][0].fileno(), level)
    for _, far in opened:
        far.send(b"x")
    await wait_until(lambda: len(level.ready) > 3)
    edges = len(edge.ready)
    await wait_until(lambda: len(level.ready) > 6)
    assert len(edge.ready) == edges


async def two_in_one_batch(
    poller: Poller, pairs: Pairs
) -> tuple[list[Noting], list[tuple[socket.socket, socket.socket]]]:
    """Return two handlers whose sockets will both be readable in the next batch."""
    opened = [pairs.tcp() for _ in range(2)]
    handlers = [Noting("a"), Noting("b")]
    for noting, (near, _) in zip(handlers, opened, strict=True):
        poller.watch(near.fileno(), noting)
    await wait_until(lambda: all(noting.ready for noting in handlers))
    for noting in handlers:
        noting.ready.clear()
    for _, far in opened:
        far.send(b"x")
    return handlers, opened


async def test_what_the_first_handler_closes_the_second_is_not_told(
    poller: Poller, pairs: Pairs
) -> None:
    """Whichever comes first closes the other: its news is stale, and reaches nobody."""
    handlers, opened = await two_in_one_batch(poller, pairs)
    newcomers: list[Noting] = []

    def close(index: int) -> None:
        victim = opened[index][0]
        if victim.fileno() < 0 or newcomers:
            return
        number = victim.fileno()
        poller.forget(number)
        poller.close_later(victim, victim.fileno())
        # Whoever opens a socket in this very batch must not get the number, nor its news.
        fresh, other = pairs.tcp()
        newcomer = Noting("new")
        newcomers.append(newcomer)
        assert number not in (fresh.fileno(), other.fileno())
        fresh.close()
        other.close()

    handlers[0].act = lambda: close(1)
    handlers[1].act = lambda: close(0)
    await wait_until(lambda: newcomers)
    await next_turns()
    assert sorted(len(noting.ready) for noting in handlers) == [0, 1]
    assert newcomers[0].ready == []
    assert sorted(near.fileno() < 0 for near, _ in opened) == [False, True], "closed afterwards"


async def test_a_bug_costs_its_owner_and_nobody_else(poller: Poller, pairs: Pairs) -> None:
    handlers, _opened = await two_in_one_batch(poller, pairs)
    bug = ZeroDivisionError("a bug")

    def fail() -> None:
        raise bug

    handlers[0].act = fail
    await wait_until(lambda: handlers[0].bugs and handlers[1].ready)
    assert handlers[0].bugs == [bug]
    assert handlers[1].bugs == []


async def test_who_asks_for_another_turn_gets_it_after_the_others(
    poller: Poller, pairs: Pairs
) -> None:
    handlers, _opened = await two_in_one_batch(poller, pairs)
    journal: list[str] = []
    for noting in handlers:
        noting.journal = journal
    first = True

    def ask() -> None:
        nonlocal first
        if first:
            first = False
            poller.again(handlers[0])
            poller.again(handlers[0])

    handlers[0].act = ask
    await wait_until(lambda: len(journal) >= 3)
    await next_turns()
    assert journal[-1] == "a"
    assert journal.count("a") == 2, "asking twice is one turn"
    assert handlers[0].ready[-1] == 0


async def test_a_turn_may_ask_for_the_next_one(poller: Poller, pairs: Pairs) -> None:
    noting = Noting()
    noting.act = lambda: poller.again(noting) if len(noting.ready) < 5 else None
    poller.again(noting)
    await wait_until(lambda: len(noting.ready) == 5)
    await next_turns()
    assert noting.ready == [0] * 5


async def test_the_clock_is_that_of_the_batch(poller: Poller, pairs: Pairs) -> None:
    before_s = poller.now_s
    noting = Noting()
    times: list[float] = []
    noting.act = lambda: times.append(poller.now_s)
    poller.again(noting)
    await wait_until(lambda: times)
    assert times[0] > before_s


async def test_what_is_forgotten_may_be_forgotten_again_and_watched_anew(
    poller: Poller, pairs: Pairs
) -> None:
    near, _far = pairs.tcp()
    old, new = Noting(), Noting()
    poller.watch(near.fileno(), old)
    poller.forget(near.fileno())
    poller.forget(near.fileno())
    poller.watch(near.fileno(), new)
    await wait_until(lambda: new.ready)
    assert old.ready == []


async def test_closing_the_poller_closes_what_it_was_given(poller: Poller, pairs: Pairs) -> None:
    near, _far = pairs.tcp()
    poller.close_later(near, near.fileno())
    assert near.fileno() >= 0
    await next_turns()
    assert near.fileno() < 0


def test_only_our_own_failures_are_kept_from_spreading() -> None:
    noting = Noting()

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_guarded(noting, stop)
    assert noting.bugs == []
