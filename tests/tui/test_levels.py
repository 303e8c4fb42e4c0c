"""The strip of a side: which glyph stands where, and what happened when."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from rsp.core.evidence import RoomRow, SampleRow
from rsp.tui.model.levels import columns_of, level_lines, marks_of
from rsp.tui.model.sessions import Session
from rsp.tui.model.spans import plain, width_of
from rsp.tui.model.why import why
from tests.tui import canned

KIB = 1024


def sample(
    at_s: float, here: int = 0, kernel: int = 0, flight: int = 0, **changes: object
) -> SampleRow:
    row = SampleRow(at_s, 0, here, kernel, flight, 0, 0, 0, False)
    return msgspec.structs.replace(row, **changes)


def drawn(samples: list[SampleRow], width: int = 69, height: int = 8) -> list[str]:
    return [plain(each) for each in level_lines(samples, (width, height), "response", (3, 2))]


def test_what_waits_here_stands_above_what_the_kernel_holds() -> None:
    lines = drawn([sample(100.0, 64 * KIB, 64 * KIB, 64 * KIB)])
    assert [row[-1] for row in lines[:6]] == ["█", "█", "▓", "▓", "·", "·"]
    assert lines[0].startswith("    192K┤")
    assert lines[5].startswith("60 s   0┤")


def test_the_least_of_a_level_has_a_cell() -> None:
    lines = drawn([sample(100.0, 1, 1, 1 << 20)])
    assert [row[-1] for row in lines[:6]] == ["█", "▓", "·", "·", "·", "·"]


def test_nothing_is_not_unknown() -> None:
    lines = drawn([sample(60.0), sample(100.0)])
    assert lines[5].endswith("▁")
    assert lines[5].count("▁") < 10, "between the two nobody looked"
    assert drawn([])[5].strip("60 s┤") == ""


def test_the_axis_is_a_minute() -> None:
    samples = [sample(100.0 + second, 10) for second in range(100)]
    columns = columns_of(samples, 60)
    assert [column.at_s if column else None for column in columns] == [
        140.0 + second for second in range(60)
    ]


def test_a_peak_between_two_columns_is_seen() -> None:
    samples = [sample(100 + tenth / 10, 7 if tenth == 3 else 0) for tenth in range(11)]
    assert max(column.unsent_bytes for column in columns_of(samples, 20) if column) == 7


def test_marks_are_differences() -> None:
    samples = [
        sample(100.0, eagain_writes=5, short_writes=5),
        sample(101.0, eagain_writes=5, short_writes=6),
        sample(102.0, eagain_writes=6, short_writes=7),
        sample(103.0, eagain_writes=6, short_writes=7, paused=True, paused_at_s=102.5),
        sample(104.0, eagain_writes=6, short_writes=7, paused=True, paused_at_s=102.5),
        sample(105.0, eagain_writes=6, short_writes=7, paused_at_s=102.5),
        sample(106.0, eagain_writes=6, short_writes=7, paused_at_s=105.5),
    ]
    assert marks_of(samples, 60)[-7:] == " sEp rp", "the last pause was over before the next look"
    assert marks_of([sample(100.0, eagain_writes=9), sample(101.0)], 60).strip() == "", "anew"


@given(
    st.lists(st.tuples(*[st.integers(0, 1 << 22)] * 3), max_size=8),
    st.integers(20, 120),
    st.integers(1, 14),
)
def test_it_fits(levels: list[tuple[int, int, int]], width: int, height: int) -> None:
    samples = [sample(100.0 + at, *each) for at, each in enumerate(levels)]
    lines = level_lines(samples, (width, height), "response", (2_105, 3_106))
    assert len(lines) <= height
    assert all(width_of(each) <= width for each in lines)


def test_the_legend_is_in_words() -> None:
    samples = [sample(100.0), sample(101.0, eagain_writes=3, short_writes=2)]
    assert drawn(samples)[-1] == "E 3 EAGAIN  s 2 short  p pause  r resume"
    paused = [sample(100.0), sample(101.0, paused=True, paused_at_s=100.5)]
    lines = [plain(each) for each in level_lines(paused, (30, 8), "response", (0, 0))]
    assert lines[-1].startswith("p pause  ")


def test_the_sentence_says_when_there_is_room_again() -> None:
    def said(room: RoomRow) -> str:
        return plain(why(Session(canned.detail(0, room={"client": room}))))

    assert ", writable again in ≈ 28 s; reading" in said(RoomRow(None, 1_400_000, 50_000.0, 28.0))
    assert ", not writable again at this rate: nothing moves; " in said(
        RoomRow(None, 1_400_000, 0.0, None)
    )
    assert "writable" not in said(RoomRow(None, 0, 50_000.0, 0.0))
    assert "writable" not in said(RoomRow(None, 9, None, None)), "not known yet"
