"""The cause of a stall, from what the kernel of a socket says at its beginning and now."""

import pytest

from rsp.core.stall import SocketLook, cause_of, evidence_of, rwnd_share, sentence_of
from rsp.core.vocabulary import StallCause

MSS = 1000
FLOWING = SocketLook(
    snd_mss=MSS, snd_cwnd=10, unacked=3, notsent_bytes=0, snd_wnd_bytes=65_536, queued_bytes=3000,
    room_bytes=87_040, busy_us=100, rwnd_limited_us=0, rtt_us=40,
)  # fmt: skip


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
        (look(notsent_bytes=5000, unacked=10, lost=1), StallCause.PATH_LOSS),
        (look(notsent_bytes=5000, unacked=10, total_retrans=2), StallCause.PATH_LOSS),
        (look(notsent_bytes=0, queued_bytes=87_040), StallCause.SEND_BUFFER_SMALL),
        (look(notsent_bytes=5000), StallCause.UNKNOWN),
        (look(notsent_bytes=None, snd_wnd_bytes=None), StallCause.UNKNOWN),
        (FLOWING, StallCause.UNKNOWN),
    ],
)
def test_the_present_state_decides(now: SocketLook, cause: StallCause) -> None:
    assert cause_of(FLOWING, now) is cause


def test_a_full_send_buffer_is_no_cause_while_the_kernel_has_unsent_bytes() -> None:
    now = look(notsent_bytes=5000, snd_wnd_bytes=0, unacked=0, queued_bytes=100_000)
    assert cause_of(FLOWING, now) is StallCause.PEER_NOT_READING


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
            "client not reading: its window of 3,000 bytes is full for 4.2 s",
        ),
        (
            look(notsent_bytes=1, unacked=10, lost=2, total_retrans=7),
            "the path to client likely loses packets: 2 lost now, 7 sent again in 4.2 s",
        ),
        (
            look(notsent_bytes=1, unacked=10, rtt_us=81_500),
            "the path to client is likely full: all 10 segments that may be under way are, "
            "for 4.2 s; round trip 81.5 ms",
        ),
        (
            look(queued_bytes=87_040),
            "our send buffer to client is too small: 87,040 bytes of it wait for their ACK and "
            "none is unsent, for 4.2 s; round trip 0.0 ms",
        ),
        (FLOWING, "client takes no more for 4.2 s; the kernel does not say why"),
    ],
)
def test_the_sentence_names_the_numbers(now: SocketLook, sentence: str) -> None:
    cause = cause_of(FLOWING, now)
    assert sentence_of(cause, "client", 4.2, FLOWING, now) == sentence


def test_what_the_kernel_does_not_say_is_no_evidence() -> None:
    found = evidence_of(FLOWING, look(snd_wnd_bytes=None, total_retrans=3))
    assert "snd_wnd_bytes" not in found
    assert found["retransmitted"] == 3
