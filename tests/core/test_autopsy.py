"""How an ending is named: codes and sentences, from what was known."""

import pytest

from rsp.core.autopsy import (
    ENDED_BY,
    Ending,
    SideEvidence,
    code_of,
    phase_of,
    sentence_of,
    who_wrote_last,
)
from rsp.core.evidence import FlowRow
from rsp.core.vocabulary import CloseReason, SessionState


def side(
    *,
    unsent: int = 0,
    send_queue: int | None = 0,
    receive_queue: int | None = 0,
    last_sent_s: float | None = None,
    error: str | None = None,
    state: str | None = "ESTABLISHED",
    bytes_in: int = 0,
) -> SideEvidence:
    return SideEvidence(
        "IN", error, state, bytes_in, 0, unsent, send_queue, receive_queue, last_sent_s, None
    )


def ending(
    *,
    phase: str = "D",
    client: SideEvidence | None = None,
    backend: SideEvidence | None = None,
    idle_s: float | None = None,
    response_begun: bool = True,
) -> Ending:
    return Ending(phase, client or side(), backend, "web/web1", idle_s, response_begun)


def test_every_reason_has_a_first_character() -> None:
    assert set(ENDED_BY) == set(CloseReason)


@pytest.mark.parametrize(
    ("state", "begun", "phase"),
    [
        (SessionState.READING_HEAD, False, "R"),
        (SessionState.CONNECTING, False, "C"),
        (SessionState.STREAMING, False, "H"),
        (SessionState.STREAMING, True, "D"),
        (SessionState.TUNNEL, False, "D"),
        (SessionState.DRAINING, True, "L"),
    ],
)
def test_the_second_character_is_the_phase(state: SessionState, begun: bool, phase: str) -> None:
    assert phase_of(state, response_begun=begun) == phase
    assert code_of(CloseReason.BACKEND_GONE, ending(phase=phase)) == "S" + phase


def test_an_ordinary_end_has_no_code_and_no_accusation() -> None:
    for reason in (CloseReason.FINISHED, CloseReason.IDLE_TIMEOUT):
        assert code_of(reason, ending(client=side(unsent=5))) == "--"
        assert ";" not in sentence_of(reason, "", ending(client=side(unsent=5)))


def test_an_ordinary_end_with_a_hole_says_so() -> None:
    flow = FlowRow(5_000, 4_700, 0, 300, balanced=False, head_in=1, head_out=2, first_divergence=70)
    said = sentence_of(CloseReason.FINISHED, "", None, flow)
    assert said.endswith(
        "; 300 bytes of the response were lost here, the first that is wrong at byte 70"
    )


def test_an_end_that_nobody_looked_at_still_has_its_first_character() -> None:
    assert code_of(CloseReason.MEMORY_LIMIT, None) == "R-"
    assert sentence_of(CloseReason.MEMORY_LIMIT, "", None).startswith("the memory budget")


@pytest.mark.parametrize(
    ("idle_s", "last_sent_s", "begun", "is_race"),
    [
        (5.01, 0.003, False, True),
        (None, 0.003, False, False),
        (5.01, 0.003, True, False),
        (5.01, 2.0, False, False),
        (0.0, 0.003, False, False),
    ],
)
def test_only_a_quick_end_of_a_used_connection_without_an_answer_is_the_race(
    idle_s: float | None, last_sent_s: float, begun: bool, is_race: bool
) -> None:
    # A part of a head is no response yet, and yet not nothing.
    backend = side(last_sent_s=last_sent_s, bytes_in=7 if begun else 0)
    found = ending(backend=backend, idle_s=idle_s, response_begun=False)
    said = sentence_of(CloseReason.BACKEND_GONE, "backend web/web1 reset", found)
    assert ("keep-alive race" in said) == is_race
    assert f"{last_sent_s * 1000:,.0f} ms after the last byte of ours to it" in said
    assert ("no response byte came" in said) != begun


def test_what_is_lost_is_counted_for_each_side() -> None:
    found = ending(
        client=side(unsent=1000, send_queue=500), backend=side(receive_queue=1234, send_queue=0)
    )
    said = sentence_of(CloseReason.CLIENT_GONE, "client 1.2.3.4:5: ECONNRESET", found)
    assert said == (
        "client 1.2.3.4:5: ECONNRESET; 1,500 bytes were not acknowledged by the client; "
        "1,234 bytes from backend web/web1 were never read: closing such a connection sends RST"
    )


def test_what_the_kernel_did_not_say_is_unknown() -> None:
    assert side(unsent=10, send_queue=None).undelivered_bytes is None


@pytest.mark.parametrize(
    ("sent_s", "received_s", "who"),
    [
        (0.1, 2.0, "we"),
        (2.0, 0.1, "peer"),
        (0.1, None, "we"),
        (None, 0.1, "peer"),
        (None, None, None),
    ],
)
def test_whose_byte_was_the_last_one(
    sent_s: float | None, received_s: float | None, who: str | None
) -> None:
    assert who_wrote_last(sent_s, received_s) == who


def books(*, came: int = 9000, out: int = 9000, unsent: int = 0, balanced: bool = True) -> FlowRow:
    return FlowRow(came, out, unsent, came - out - unsent, balanced, 0, 0)


@pytest.mark.parametrize(
    ("flow", "client", "phase"),
    [
        (books(unsent=10, out=8990), side(), "D"),
        (books(out=8000, balanced=False), side(), "D"),
        (books(), side(send_queue=1), "D"),
        (books(), side(send_queue=None), "D"),
        (books(came=0, out=0), side(), "D"),
        (books(), side(), "H"),
    ],
)
def test_it_is_only_said_that_all_was_passed_on_when_it_was(
    flow: FlowRow, client: SideEvidence, phase: str
) -> None:
    def said(books_: FlowRow, of: Ending) -> str:
        return sentence_of(CloseReason.BACKEND_GONE, "cut", of, books_)

    assert "all 9,000 bytes that came for the client were passed on" in said(books(), ending())
    assert "passed on" not in said(flow, ending(phase=phase, client=client))
