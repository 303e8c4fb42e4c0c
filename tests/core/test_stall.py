"""The cause of a stall, from what the kernel of a socket says at its beginning and now."""

import pytest

from rsp.core.stall import SocketLook, cause_of, evidence_of, rwnd_share, sentence_of
from rsp.core.vocabulary import StallCause

MSS = 1000
FLOWING = SocketLook(
    snd_mss=MSS, snd_cwnd=10, unacked=3, notsent_bytes=0, snd_wnd_bytes=65_536, queued_bytes=3000,
    room_bytes=870_400, busy_us=100, rwnd_limited_us=0, rtt_us=40, min_rtt_us=40,
)  # fmt: skip
WIDEST_BYTES = 65_536
FULL = {"queued_bytes": 820_000, "unacked": 600, "snd_cwnd": 700}
"""A send buffer full of what is under way."""


def look(**changes: int | None) -> SocketLook:
    said = {name: getattr(FLOWING, name) for name in SocketLook.__struct_fields__}
    return SocketLook(**{**said, **changes})


@pytest.mark.parametrize(
    ("now", "cause"),
    [
        (look(notsent_bytes=5000, snd_wnd_bytes=0, unacked=0), StallCause.PEER_NOT_READING),
        (look(notsent_bytes=5000, snd_wnd_bytes=3999), StallCause.PEER_NOT_READING),
        (look(notsent_bytes=5000, snd_wnd_bytes=None, probes=1), StallCause.PEER_NOT_READING),
        (look(notsent_bytes=5000, unacked=10), StallCause.PATH_CONGESTION),
        (look(notsent_bytes=5000, unacked=9), StallCause.PATH_CONGESTION),
        (look(notsent_bytes=5000, unacked=10, lost=1), StallCause.PATH_LOSS),
        (look(notsent_bytes=5000, unacked=10, total_retrans=2), StallCause.PATH_LOSS),
        (look(notsent_bytes=5000, unacked=10, total_retrans=2, dsack_dups=1), StallCause.PATH_LOSS),
        (
            look(notsent_bytes=5000, unacked=10, total_retrans=2, dsack_dups=2),
            StallCause.PATH_CONGESTION,
        ),
        (look(notsent_bytes=0, unacked=10, lost=10, queued_bytes=900_000), StallCause.PATH_LOSS),
        (look(notsent_bytes=0, **FULL), StallCause.SEND_BUFFER_SMALL),
        (look(notsent_bytes=5000, **FULL), StallCause.SEND_BUFFER_SMALL),
        (look(notsent_bytes=5000, queued_bytes=900_000, unacked=3), StallCause.PATH_CONGESTION),
        (look(notsent_bytes=5000, snd_wnd_bytes=None), StallCause.PATH_CONGESTION),
        (look(notsent_bytes=5000, unacked=0), StallCause.UNKNOWN),
        (look(notsent_bytes=None, snd_wnd_bytes=None, unacked=0), StallCause.UNKNOWN),
        (look(notsent_bytes=0, has_room=True), StallCause.ENGINE_BUSY),
    ],
)
def test_the_present_state_decides(now: SocketLook, cause: StallCause) -> None:
    assert cause_of(FLOWING, now, WIDEST_BYTES) is cause


def test_a_full_send_buffer_is_no_cause_while_the_peers_window_is_shut() -> None:
    now = look(notsent_bytes=5000, snd_wnd_bytes=0, unacked=0, queued_bytes=900_000)
    assert cause_of(FLOWING, now, WIDEST_BYTES) is StallCause.PEER_NOT_READING


def test_a_full_window_accuses_nobody_of_not_reading_unless_it_has_shrunk() -> None:
    full = look(notsent_bytes=5000, snd_wnd_bytes=40_000, unacked=40, snd_cwnd=60)
    assert cause_of(FLOWING, full, 40_000) is StallCause.PATH_CONGESTION
    assert cause_of(FLOWING, full, 50_000) is StallCause.PATH_CONGESTION
    assert cause_of(FLOWING, full, 80_000) is StallCause.PEER_NOT_READING


def test_what_a_shut_window_makes_the_kernel_send_again_is_no_loss() -> None:
    now = look(notsent_bytes=5000, snd_wnd_bytes=0, unacked=1, total_retrans=3, lost=1)
    assert cause_of(FLOWING, now, WIDEST_BYTES) is StallCause.PEER_NOT_READING


def test_no_buffer_is_too_small_for_a_path_that_has_a_queue() -> None:
    quick, slow = 100_000, 300_000
    far = look(notsent_bytes=0, rtt_us=slow, min_rtt_us=slow, **FULL)
    assert cause_of(FLOWING, far, WIDEST_BYTES) is StallCause.SEND_BUFFER_SMALL
    queued = look(notsent_bytes=0, rtt_us=slow, min_rtt_us=quick, **FULL)
    assert cause_of(FLOWING, queued, WIDEST_BYTES) is StallCause.PATH_CONGESTION
    # A receiver may hold its ACK back.
    held_back = look(notsent_bytes=0, rtt_us=40_000, min_rtt_us=50, **FULL)
    assert cause_of(FLOWING, held_back, WIDEST_BYTES) is StallCause.SEND_BUFFER_SMALL


def test_the_kernels_clocks_confirm() -> None:
    now = look(busy_us=1_000_100, rwnd_limited_us=990_000)
    assert rwnd_share(FLOWING, now) == pytest.approx(0.99)
    assert rwnd_share(FLOWING, FLOWING) is None
    assert rwnd_share(FLOWING, look(busy_us=None)) is None


@pytest.mark.parametrize(
    ("now", "sentence"),
    [
        (
            look(notsent_bytes=1, snd_wnd_bytes=0, unacked=0, busy_us=4_100, rwnd_limited_us=4000),
            "client not reading: its window is 0 for 4.2 s (rwnd-limited 100 %)",
        ),
        (
            look(notsent_bytes=1, snd_wnd_bytes=3000, busy_us=None),
            "client not reading: its window has shrunk to 3,000 bytes and is full for 4.2 s",
        ),
        (
            look(notsent_bytes=1, unacked=10, lost=2, total_retrans=7),
            "the path to client loses packets: 2 lost now, 7 sent again in 4.2 s",
        ),
        (
            look(notsent_bytes=1, unacked=10, rtt_us=81_500),
            "the path to client takes no more: 10 segments are under way, for 4.2 s; "
            "round trip 81.5 ms",
        ),
        (
            look(**FULL),
            "our send buffer to client is too small: 820,000 bytes fill it and wait for their "
            "ACK, for 4.2 s; round trip 0.0 ms",
        ),
        (
            look(has_room=True),
            "client takes bytes again, and our loop has not come to send them, for 4.2 s",
        ),
        (look(unacked=0), "client takes no more for 4.2 s; the kernel does not say why"),
    ],
)
def test_the_sentence_names_the_numbers(now: SocketLook, sentence: str) -> None:
    cause = cause_of(FLOWING, now, WIDEST_BYTES)
    assert sentence_of(cause, "client", 4.2, FLOWING, now) == sentence


def test_what_the_kernel_does_not_say_is_no_evidence() -> None:
    found = evidence_of(FLOWING, look(snd_wnd_bytes=None, total_retrans=3), 0)
    assert "snd_wnd_bytes" not in found
    assert "widest_wnd_bytes" not in found
    assert found["retransmitted"] == 3
