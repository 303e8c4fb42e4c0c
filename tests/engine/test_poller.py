"""Readiness in batches: stale news, reused numbers, turns, and who pays for a bug."""

import asyncio
import socket
from collections.abc import Callable
from functools import partial

import pytest

from rsp.engine.poller import ACCEPTABLE, DEAD, HANG_UP, READABLE, WRITABLE, Poller, run_guarded
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
    poller.watch(opened[1][0].fileno(), level, ACCEPTABLE)
    for _, far in opened:
        far.send(b"x")
    await wait_until(lambda: len(level.ready) > 3)
    edges = len(edge.ready)
    await wait_until(lambda: len(level.ready) > 6)
    assert len(edge.ready) == edges


async def in_one_batch(
    poller: Poller, pairs: Pairs, count: int = 2
) -> tuple[list[Noting], list[tuple[socket.socket, socket.socket]]]:
    """Return handlers whose sockets will all be readable in the next batch."""
    opened = [pairs.tcp() for _ in range(count)]
    handlers = [Noting("abc"[number]) for number in range(count)]
    for noting, (near, _) in zip(handlers, opened, strict=True):
        poller.watch(near.fileno(), noting)
    await wait_until(lambda: all(noting.ready for noting in handlers))
    for noting in handlers:
        noting.ready.clear()
    for _, far in opened:
        far.send(b"x")
    return handlers, opened


@pytest.mark.parametrize("how", ["closed", "forgotten"])
async def test_what_the_first_handler_closes_nobody_is_told_of(
    poller: Poller, pairs: Pairs, how: str
) -> None:
    """Whoever comes first closes the others: their news is stale. A newcomer's is its own."""
    handlers, opened = await in_one_batch(poller, pairs, 3)
    newcomer = Noting("new")

    def close_the_others(mine: int) -> None:
        for number, (near, _) in enumerate(opened):
            if number == mine:
                continue
            if how == "closed":
                poller.close_later(near, near.fileno())
            else:
                poller.forget(near.fileno())
        fresh, _ = pairs.tcp()
        assert fresh.fileno() not in [near.fileno() for near, _ in opened], "it is not closed yet"
        poller.watch(fresh.fileno(), newcomer)

    for number, noting in enumerate(handlers):
        noting.act = partial(close_the_others, number)
    await wait_until(lambda: newcomer.ready)
    await next_turns()
    assert sorted(len(noting.ready) for noting in handlers) == [0, 0, 1]
    assert newcomer.ready[0] & WRITABLE
    assert not newcomer.ready[0] & READABLE
    closed = sum(near.fileno() < 0 for near, _ in opened)
    assert closed == (2 if how == "closed" else 0), "when the batch is over"


async def test_stale_news_does_not_keep_the_rest_of_a_batch_from_being_told(
    poller: Poller, pairs: Pairs
) -> None:
    """Each forgets its neighbour: of three, whoever is neither forgotten nor first is told too."""
    handlers, opened = await in_one_batch(poller, pairs, 3)

    def forget_the_next(mine: int) -> None:
        told = sum(bool(noting.ready) for noting in handlers)
        if told == 1:
            order = [number for number in range(3) if number != mine]
            poller.forget(opened[order[0]][0].fileno())

    for number, noting in enumerate(handlers):
        noting.act = partial(forget_the_next, number)
    await wait_until(lambda: sum(len(noting.ready) for noting in handlers) == 2)
    await next_turns()
    assert sorted(len(noting.ready) for noting in handlers) == [0, 1, 1]


class Sending:
    """A parcel: notes when it is sent, and when it hears that the others are."""

    def __init__(self, journal: list[str], *, act: Callable[[], object] = lambda: None) -> None:
        self.journal = journal
        self.act = act
        self.bugs: list[Exception] = []

    def send(self) -> bool:
        self.journal.append("send")
        self.act()
        return True

    def on_sent(self) -> None:
        self.journal.append("on_sent")

    def on_bug(self, error: Exception) -> None:
        self.bugs.append(error)


def sends_each(poller: Poller, handlers: list[Noting], parcels: list[Sending]) -> list[str]:
    """Let each handler have something to send; return what is noted of all of them."""

    def leave(parcel: Sending) -> None:
        assert poller.parcels is not None
        poller.parcels.append(parcel)

    for noting, parcel in zip(handlers, parcels, strict=True):
        noting.journal = parcel.journal
        noting.act = partial(leave, parcel)
    return parcels[0].journal


async def test_what_a_batch_sends_leaves_together_at_its_end(poller: Poller, pairs: Pairs) -> None:
    handlers, _opened = await in_one_batch(poller, pairs, 3)
    journal: list[str] = []
    sends_each(poller, handlers, [Sending(journal) for _ in range(3)])
    await wait_until(lambda: len(journal) == 9)
    assert sorted(journal[:3]) == ["a", "b", "c"]
    assert journal[3:] == ["send"] * 3 + ["on_sent"] * 3
    assert poller.parcels is None, "between batches nobody would send it"


async def test_what_sending_leads_to_leaves_with_the_same_batch(
    poller: Poller, pairs: Pairs
) -> None:
    handlers, _opened = await in_one_batch(poller, pairs)
    journal: list[str] = []
    second = Sending(journal)

    def lead_on() -> None:
        assert poller.parcels is not None
        poller.parcels.append(second)

    sends_each(poller, handlers, [Sending(journal, act=lead_on), Sending(journal)])
    await wait_until(lambda: journal.count("on_sent") == 3)
    assert journal[2:] == ["send"] * 2 + ["on_sent"] * 2 + ["send", "on_sent"]


async def test_a_bug_in_sending_costs_its_owner_and_nobody_else(
    poller: Poller, pairs: Pairs
) -> None:
    handlers, _opened = await in_one_batch(poller, pairs)
    bug = ZeroDivisionError("a bug")

    def fail() -> None:
        raise bug

    journal: list[str] = []
    parcels = [Sending(journal, act=fail), Sending(journal)]
    sends_each(poller, handlers, parcels)
    await wait_until(lambda: "on_sent" in journal)
    assert [parcel.bugs for parcel in parcels] == [[bug], []]
    assert journal.count("on_sent") == 1


async def test_who_is_alone_in_a_batch_has_nothing_to_wait_for(
    poller: Poller, pairs: Pairs
) -> None:
    handlers, _opened = await in_one_batch(poller, pairs, 1)
    seen: list[object] = []
    handlers[0].act = lambda: seen.append(poller.parcels)
    await wait_until(lambda: seen)
    assert seen == [None]


async def test_a_bug_costs_its_owner_and_nobody_else(poller: Poller, pairs: Pairs) -> None:
    handlers, _opened = await in_one_batch(poller, pairs)
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
    handlers, _opened = await in_one_batch(poller, pairs)
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


async def test_who_cannot_even_give_up_costs_nobody_else_a_turn(
    poller: Poller, pairs: Pairs
) -> None:
    handlers, _opened = await in_one_batch(poller, pairs)
    told: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, said: told.append(said))

    def fail(error: Exception) -> None:
        raise RuntimeError("worse") from error

    for handler in handlers[:1]:
        handler.act = lambda: 1 / 0
        handler.on_bug = fail  # type: ignore[method-assign]
    await wait_until(lambda: told and handlers[1].ready)
    assert [str(said["exception"]) for said in told] == ["worse"]
