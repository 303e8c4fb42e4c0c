"""The bar of a budget: as wide as it may be, in order, and read without colour."""

from hypothesis import given
from hypothesis import strategies as st

from rsp.core.evidence import PartRow
from rsp.core.time_budget import Stamps, budget
from rsp.core.vocabulary import BudgetPart
from rsp.tui.model.budget_text import bar, budget_lines, longest
from rsp.tui.model.spans import plain

PARTS = budget(
    Stamps(
        began_s=1.0, head_s=1.0, ended_s=11.0, paired_s=2.0, first_byte_s=9.0, blocked_s=1.0,
        lua_s=0.00002,
    )
)  # fmt: skip


def test_a_bar_shows_each_part_by_its_own_glyph() -> None:
    assert plain(bar(PARTS, 20)) == "cc▓▓▓▓▓▓▓▓▓▓▓▓▓▓══■■"
    assert longest(PARTS) == "backend think 70%"


@given(
    st.lists(st.integers(1, 1000), max_size=8).flatmap(
        lambda sizes: st.tuples(st.just(sizes), st.integers(1, 90))
    )
)
def test_a_bar_is_exactly_as_wide_as_asked(given_: tuple[list[int], int]) -> None:
    sizes, width = given_
    kinds = list(BudgetPart)
    parts = [
        PartRow(kinds[at].value, float(size), size / sum(sizes)) for at, size in enumerate(sizes)
    ]
    line = plain(bar(parts, width))
    assert len(line) == width
    assert " " not in line or not sizes


def test_no_exchange_has_no_budget() -> None:
    (line,) = budget_lines([], None, 76)
    assert "No exchange at this moment" in plain(line)
    assert (plain(bar([], 5)), longest([])) == ("     ", "")


def test_a_part_that_only_a_newer_engine_knows_has_its_name() -> None:
    parts = [PartRow("warp_drive", 2.0, 1.0)]
    assert plain(bar(parts, 4)) == "????"
    assert longest(parts) == "warp_drive 100%"
    assert "warp_drive" in plain(budget_lines(parts, None, 40)[2])
