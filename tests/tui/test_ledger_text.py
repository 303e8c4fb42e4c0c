"""The Ledger tab: figures aligned, what is lost is red, and no byte of a stranger is obeyed."""

import msgspec
import pytest

from rsp.core.evidence import FlowRow, LedgerRow, PauseRow, StallRow
from rsp.tui.model.ledger_text import ledger_lines
from rsp.tui.model.spans import Line
from tests.tui import canned

GOOD = FlowRow(1_000, 1_000, 0, 0, balanced=True, head_in=231, head_out=412)
LOST = FlowRow(1_048_576, 1_000_000, 36_288, 12_288, balanced=False, head_in=1, head_out=2)


def plain(lines: list[Line]) -> list[str]:
    return ["".join(span.text for span in each) for each in lines]


def roles(lines: list[Line]) -> set[str]:
    return {span.role for each in lines for span in each}


def test_balanced_books_accuse_nobody() -> None:
    lines = ledger_lines(canned.detail(ledger=LedgerRow(GOOD, GOOD), stalls=[]), 76)
    assert plain(lines) == [
        "                     READ        SENT ON         UNSENT           LOST",
        "request             1,000          1,000              0              0",
        "          balanced  besides bodies: 231 read, 412 sent",
        "response            1,000          1,000              0              0",
        "          balanced  besides bodies: 231 read, 412 sent",
        "",
        "Nobody let it wait for 0.1 s.",
    ]
    assert "bad" not in roles(lines)


def test_what_is_lost_is_said_to_the_byte() -> None:
    lines = ledger_lines(canned.detail(ledger=LedgerRow(GOOD, LOST)), 76)
    assert plain(lines)[3].endswith("1,000,000         36,288         12,288")
    assert plain(lines)[4].startswith("          NOT BALANCED  besides")
    assert "bad" in roles(lines)
    placed = msgspec.structs.replace(LOST, first_divergence=245_770)
    lines = ledger_lines(canned.detail(ledger=LedgerRow(GOOD, placed)), 76)
    assert "NOT BALANCED from byte 245,770  besides bodies" in plain(lines)[4]
    assert len(plain(lines)[4]) <= 76


def test_who_holds_whom_up_is_named() -> None:
    pause = PauseRow(3.2, "fd 41 (web2) not read for 3.2 s because", 17, 65_536)
    backend = canned.peer(41, "127.0.0.1:9001", pause=pause)
    lines = plain(ledger_lines(canned.detail(backend=backend), 76))
    assert "paused    fd 41 (web2) not read for 3.2 s because" in lines


@pytest.mark.parametrize("is_over", [True, False])
def test_stalls_are_listed_with_their_sentence(*, is_over: bool) -> None:
    stall = StallRow(4.2, "unknown", "web\x1b1 takes no more " * 5, {}, is_over=is_over)
    lines = plain(ledger_lines(canned.detail(ledger=LedgerRow(GOOD, GOOD), stalls=[stall]), 76))
    assert lines[6].startswith("over" if is_over else "goes on")
    assert "\x1b" not in "".join(lines)
    assert all(len(each) <= 76 for each in lines)


def test_an_older_engine_keeps_no_books() -> None:
    assert plain(ledger_lines(canned.detail(ledger=None), 76)) == [
        "The engine keeps no books of this session."
    ]
