"""The write buffer: order, watermarks, and what stands behind the data."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsp.core.buffer import AfterUnsent, WriteBuffer


def test_a_new_buffer_is_empty() -> None:
    buffer = WriteBuffer(10, 5)
    assert (len(buffer), buffer.is_full, buffer.has_room, buffer.peak_bytes) == (0, False, True, 0)
    assert buffer.after is AfterUnsent.NOTHING


@pytest.mark.parametrize(
    ("unsent_bytes", "is_full", "has_room"),
    [(0, False, True), (5, False, True), (6, False, False), (9, False, False), (10, True, False)],
)
def test_the_marks(unsent_bytes: int, is_full: bool, has_room: bool) -> None:
    buffer = WriteBuffer(10, 5)
    buffer.append(bytes(unsent_bytes))
    assert (buffer.is_full, buffer.has_room) == (is_full, has_room)


def test_the_marks_do_not_limit_what_is_kept() -> None:
    buffer = WriteBuffer(10, 5)
    buffer.append(b"a" * 100)
    assert len(buffer) == 100
    assert buffer.is_full


def test_what_is_appended_is_a_copy() -> None:
    shared = bytearray(b"one")
    buffer = WriteBuffer(10, 5)
    buffer.append(memoryview(shared))
    shared[:] = b"two"
    assert buffer.data == b"one"


def test_the_peak_stays() -> None:
    buffer = WriteBuffer(10, 5)
    buffer.append(b"1234567")
    buffer.consume(6, 6)
    buffer.append(b"8")
    assert (len(buffer), buffer.peak_bytes) == (2, 7)


def test_it_says_what_it_holds() -> None:
    buffer = WriteBuffer(10, 5)
    buffer.append(b"abc")
    buffer.set_after(AfterUnsent.SHUT_WRITE)
    assert repr(buffer) == "<WriteBuffer 3/10 then shut_write>"


@pytest.mark.parametrize("order", permutations(AfterUnsent))
def test_the_strongest_marker_stays_whatever_came_first(order: tuple[AfterUnsent, ...]) -> None:
    buffer = WriteBuffer(10, 5)
    for after in order:
        buffer.set_after(after)
    assert buffer.after is AfterUnsent.RESET


@pytest.mark.parametrize(
    ("weaker", "stronger"),
    [
        (AfterUnsent.NOTHING, AfterUnsent.SHUT_WRITE),
        (AfterUnsent.SHUT_WRITE, AfterUnsent.CLOSE),
        (AfterUnsent.CLOSE, AfterUnsent.RESET),
    ],
)
def test_a_weaker_marker_does_not_replace_a_stronger_one(
    weaker: AfterUnsent, stronger: AfterUnsent
) -> None:
    buffer = WriteBuffer(10, 5)
    buffer.set_after(stronger)
    buffer.set_after(weaker)
    assert buffer.after is stronger


@given(st.lists(st.one_of(st.binary(max_size=40), st.integers(0, 60)), max_size=40))
def test_bytes_come_out_as_they_went_in(steps: list[bytes | int]) -> None:
    buffer = WriteBuffer(50, 25)
    expected, sent, peak_bytes = b"", b"", 0
    for step in steps:
        if isinstance(step, bytes):
            buffer.append(step)
            expected += step
        else:
            count = min(step, len(buffer))
            sent += bytes(buffer.data[:count])
            buffer.consume(count, len(sent))
        peak_bytes = max(peak_bytes, len(buffer))
        assert sent + bytes(buffer.data) == expected
    assert buffer.peak_bytes == peak_bytes
    assert buffer.first_divergence is None


@given(
    before=st.integers(0, 100),
    pieces=st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=10),
    data=st.data(),
)
def test_what_changes_while_it_waits_is_noticed_when_all_has_gone(
    before: int, pieces: list[bytes], data: st.DataObject
) -> None:
    buffer = WriteBuffer(50, 25)
    for piece in pieces:
        buffer.append(piece)
    at = data.draw(st.integers(0, len(buffer) - 1))
    buffer.data[at] ^= data.draw(st.integers(1, 255))
    out_bytes = before
    while buffer.data:
        assert buffer.first_divergence is None
        count = data.draw(st.integers(1, len(buffer)))
        out_bytes += count
        buffer.consume(count, out_bytes)
    # The checksums say only that it differs somewhere behind what had gone before.
    assert buffer.first_divergence == before
    buffer.append(b"sound")
    buffer.consume(5, out_bytes + 5)
    assert buffer.first_divergence == before


def test_what_goes_missing_while_it_waits_is_noticed() -> None:
    buffer = WriteBuffer(50, 25)
    buffer.append(b"one two three")
    del buffer.data[3:7]
    buffer.consume(9, 1009)
    assert buffer.first_divergence == 1000
    buffer.clear()
    buffer.append(b"four")
    buffer.clear()
    assert buffer.first_divergence == 1000
