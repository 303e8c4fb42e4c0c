"""The ring of samples, and the arithmetic of when a kernel takes bytes again."""

from itertools import pairwise

import msgspec
import pytest

from rsp.core.evidence import SampleRow
from rsp.core.lab_limits import COARSE_SAMPLES, FINE_SAMPLES, SAMPLES_S
from rsp.core.samples import SampleRing, acknowledged_per_s, must_leave_bytes, writable_in_s

KIB = 1024
LOWAT = 128 * KIB
CALM = (0, 4_000_000, 0)
"""A send buffer with all its room."""


def sample(at_s: float, acknowledged: int | None = 0, **changes: object) -> SampleRow:
    row = SampleRow(at_s, 0, 0, 0, 0, acknowledged, 0, 0, False)
    return msgspec.structs.replace(row, **changes)


def paced(per_s: int, seconds: float, step_s: float = 0.1) -> list[SampleRow]:
    count = round(seconds / step_s) + 1
    return [
        sample(100 + step_s * number, round(per_s * step_s * number)) for number in range(count)
    ]


@pytest.mark.parametrize(
    "row",
    [
        SampleRow(3.5, 1, 2, 3, 4, 2**40, 6, 7, True, 3.25),
        SampleRow(3.5, None, 2, None, None, None, 6, 7, False, None),
    ],
)
def test_a_sample_comes_back_as_it_was(row: SampleRow) -> None:
    ring = SampleRing(1)
    ring.append(row)
    assert ring.rows(4.0) == [row]


def test_a_minute_is_kept_the_newest_of_it_finely() -> None:
    ring = SampleRing(1)
    for number in range(3_000):
        ring.append(sample(number / 10))
    now_s = 299.9
    times = [row.at_s for row in ring.rows(now_s)]
    assert times == sorted(times)
    assert times[-FINE_SAMPLES:] == [(3_000 - FINE_SAMPLES + number) / 10
                                     for number in range(FINE_SAMPLES)]  # fmt: skip
    gaps = [after - before for before, after in pairwise(times[:-FINE_SAMPLES])]
    assert all(0.95 < gap < 1.05 for gap in gaps)
    assert now_s - times[0] > SAMPLES_S - 2
    assert len(ring) <= FINE_SAMPLES + COARSE_SAMPLES


def test_one_a_second_fills_only_the_fine_part() -> None:
    ring = SampleRing(1)
    for number in range(500):
        ring.append(sample(float(number)))
    assert len(ring) == FINE_SAMPLES
    assert [row.at_s for row in ring.rows(499.0)] == [float(second) for second in range(440, 500)]


@pytest.mark.parametrize(
    ("unsent", "must_leave"),
    [(0, 0), (LOWAT // 2 - 1, 0), (LOWAT // 2, 1), (LOWAT, LOWAT // 2 + 1)],
)
def test_half_the_mark_is_writable(unsent: int, must_leave: int) -> None:
    """`(notsent << 1) < lowat`, of tcp_stream_memory_free()."""
    assert must_leave_bytes(unsent, LOWAT, CALM) == must_leave


@pytest.mark.parametrize(
    ("used", "is_writable"), [(600_000, True), (666_666, True), (666_668, False), (900_000, False)]
)
def test_without_a_mark_a_third_of_the_memory_must_be_free(used: int, is_writable: bool) -> None:
    found = must_leave_bytes(used, None, (used, 1_000_000, used // 2))
    assert (found == 0) is is_writable


def test_memory_is_turned_into_bytes_of_the_queue() -> None:
    """As measured: 4,153,920 used of 4,194,304 by 4,083,200 bytes; writable after 1,415,168 of them
    were gone, in steps of the reader's window (128 KiB)."""
    found = must_leave_bytes(4_083_200, None, (4_153_920, 4_194_304, 4_083_200))
    assert found <= 1_415_168 <= found + 131_072


def test_the_rate_is_taken_over_the_last_ten_seconds() -> None:
    assert acknowledged_per_s(paced(50_000, 30, 1.0)) == 50_000
    assert acknowledged_per_s(paced(50_000, 0.2)) == pytest.approx(50_000)
    assert acknowledged_per_s([]) is None
    assert acknowledged_per_s([sample(1.0, 5)]) is None
    assert acknowledged_per_s([sample(1.0, None), sample(2.0, None)]) is None


def test_counters_that_begin_again_begin_a_new_rate() -> None:
    rows = [sample(1.0, 9_000), sample(2.0, 100), sample(3.0, 400)]
    assert acknowledged_per_s(rows) == 300


def test_the_estimate_is_what_must_leave_at_that_rate() -> None:
    rows = paced(50_000, 5)
    assert writable_in_s(1_400_000, rows) == pytest.approx(28, rel=0.01)
    assert writable_in_s(0, rows) == 0
    assert writable_in_s(0, []) == 0


def test_gulps_are_a_rate() -> None:
    """A window of 64 KiB that opens every 6 s: 3 s after the last gulp it is on its way."""
    gulps = [sample(100 + second, 65_536 * (second // 6)) for second in range(22)]
    estimate_s = writable_in_s(65_536, gulps)
    assert estimate_s is not None
    assert 2 < estimate_s < 12


def test_what_has_stopped_has_no_rate() -> None:
    """Fast for 5 s and then nothing: no second later is it still taken for fast."""
    rows = paced(100_000_000, 5)
    last = rows[-1]
    assert writable_in_s(65_537, rows) == pytest.approx(0.000655, rel=0.01)
    later = [*rows, *(sample(last.at_s + second / 10, last.acknowledged_bytes)
                      for second in range(1, 16))]  # fmt: skip
    assert writable_in_s(65_537, later) is None
    assert writable_in_s(65_537, [sample(1.0, 7), sample(2.0, 7)]) is None
