"""What the engine remembers: rings that never hide a gap, listeners, totals, dates."""

import datetime
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsp.core.events import Event, Noted, level_of
from rsp.core.limits import EVENTS_KEPT
from rsp.core.vocabulary import EventLevel, Side
from rsp.engine.ring import Ring
from rsp.engine.telemetry import Telemetry
from tests.engine.fakes import fake_connection


def ring_of(count: int, size: int = 5) -> Ring[str]:
    """Return a ring of `size` that got `1`, `2` and so on."""
    ring: Ring[str] = Ring(size)
    for number in range(1, count + 1):
        ring.append(str(number))
    return ring


def test_an_empty_ring_has_nothing_and_lost_nothing() -> None:
    ring = ring_of(0)
    assert (ring.recorded, ring.dropped, ring.since(0), ring.newest()) == (0, 0, ([], 0), [])


@pytest.mark.parametrize(
    ("count", "since", "numbers", "gap"),
    [
        (3, 0, [1, 2, 3], 0),
        (3, 2, [3], 0),
        (3, 3, [], 0),
        (3, 99, [], 0),
        (8, 0, [4, 5, 6, 7, 8], 3),
        (8, 2, [4, 5, 6, 7, 8], 1),
        (8, 3, [4, 5, 6, 7, 8], 0),
        (8, 6, [7, 8], 0),
    ],
)
def test_who_comes_late_is_told_how_much_is_gone(
    count: int, since: int, numbers: list[int], gap: int
) -> None:
    records, dropped = ring_of(count).since(since)
    assert records == [(number, str(number)) for number in numbers]
    assert dropped == gap


@pytest.mark.parametrize("seq", [9, 1 << 63, 10**20])
def test_a_number_that_nobody_has_yet_is_behind_all_of_them(seq: int) -> None:
    assert ring_of(8).since(seq) == ([], 0)


def test_a_number_below_all_of_them_loses_nothing() -> None:
    assert ring_of(4).since(-5) == ring_of(4).since(0) == ([(n, str(n)) for n in range(1, 5)], 0)


def test_a_limit_gives_the_newest_and_is_no_loss() -> None:
    assert ring_of(4).since(0, limit=2) == ([(3, "3"), (4, "4")], 0)
    assert ring_of(8).since(0, limit=2) == ([(7, "7"), (8, "8")], 3)
    assert ring_of(4).since(3, limit=2) == ([(4, "4")], 0)
    assert ring_of(4).since(0, limit=0) == ([], 0)


def test_the_newest_come_first_when_asked_for() -> None:
    assert ring_of(8).newest() == ["8", "7", "6", "5", "4"]


@given(st.integers(1, 8), st.lists(st.integers(0, 6), max_size=20))
def test_a_reader_who_follows_sees_each_record_once_or_knows_of_the_gap(
    size: int, bursts: list[int]
) -> None:
    ring: Ring[int] = Ring(size)
    seen, missed, since = [], 0, 0
    for burst in bursts:
        for _ in range(burst):
            ring.append(ring.recorded + 1)
        records, gap = ring.since(since)
        seen += [record for _, record in records]
        missed += gap
        since = ring.recorded
        assert all(number == record for number, record in records)
    assert len(seen) + missed == ring.recorded
    assert seen == sorted(set(seen))


def test_events_are_passed_on_and_kept() -> None:
    telemetry, heard = Telemetry(), list[Event]()
    listener = telemetry.listen(heard.append)
    first, second = Noted(at_s=1.0, what="one"), Noted(at_s=2.0, what="two")
    telemetry.record(first)
    telemetry.forget(listener)
    telemetry.record(second)
    assert heard == [first]
    assert telemetry.events.since(0) == ([(1, first), (2, second)], 0)


def test_who_hears_an_event_may_stop_listening_or_bring_another() -> None:
    telemetry, heard = Telemetry(), list[str]()

    def once(event: Event) -> None:
        telemetry.forget(once)
        heard.append(f"once {event.message}")
        telemetry.listen(lambda event: heard.append(f"new {event.message}"))

    telemetry.listen(once)
    telemetry.listen(lambda event: heard.append(f"always {event.message}"))
    telemetry.record(Noted(at_s=1.0, what="one"))
    telemetry.record(Noted(at_s=1.0, what="two"))
    assert heard == ["once one", "always one", "always two", "new two"]


def test_the_memory_of_events_has_an_end() -> None:
    telemetry = Telemetry()
    for _ in range(EVENTS_KEPT + 7):
        telemetry.record(Noted(at_s=1.0, what=""))
    assert telemetry.events.dropped == 7
    assert len(telemetry.events.newest()) == EVENTS_KEPT


def test_what_connections_counted_is_added_up() -> None:
    telemetry = Telemetry()
    client, *_ = fake_connection(Side.CLIENT)
    backend, *_ = fake_connection(Side.BACKEND)
    for connection in (client, backend):
        connection.bytes_in, connection.bytes_out = 1, 2
        connection.eagain_reads, connection.eagain_writes, connection.short_writes = 3, 4, 5
    telemetry.add_client(client)
    telemetry.add_client(client)
    telemetry.add_calls(backend)
    totals = telemetry.totals
    assert (totals.client_bytes_in, totals.client_bytes_out) == (2, 4)
    assert (totals.eagain_reads, totals.eagain_writes, totals.short_writes) == (9, 12, 15)


def test_a_bug_of_ours_is_kept_with_its_traceback() -> None:
    telemetry = Telemetry()
    try:
        raise ZeroDivisionError("sorry")
    except ZeroDivisionError as error:
        telemetry.record_bug("session 41, streaming", error, 41)
    ((_, note),) = telemetry.events.since(0)[0]
    assert note.message == "session 41, streaming: a bug of ours: ZeroDivisionError('sorry')"
    assert (level_of(note), note.session) == (EventLevel.ERROR, 41)
    assert "test_a_bug_of_ours_is_kept_with_its_traceback" in note.fields["traceback"]


def test_monotonic_time_becomes_a_date() -> None:
    telemetry = Telemetry()
    now = datetime.datetime.now(datetime.UTC)
    assert abs(telemetry.wall(time.monotonic()) - now) < datetime.timedelta(seconds=60)
    at = telemetry.wall(100.25)
    assert telemetry.wall(101.5) - at == datetime.timedelta(seconds=1.25)
    assert telemetry.stamp(100.25) == at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    weekday_and_date = at.strftime("%a, %d %b %Y %H:%M:%S GMT")
    assert telemetry.http_date(100.25) == weekday_and_date.encode()
