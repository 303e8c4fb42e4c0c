"""Gates: when they let which bytes through. Time and chance are handed in."""

from collections.abc import Callable

import pytest

from rsp.core.faults.gates import EVERYTHING, GATES, NEVER_S, Gate, Order
from rsp.core.faults.kinds import KINDS, FaultFamily, read_values
from rsp.core.lab_limits import FAULT_BURST_S

MB = 1_000_000


def middle() -> float:
    return 0.5


def gate(kind: str, random: Callable[[], float] = middle, **values: object) -> Gate:
    return GATES[kind](read_values(kind, values), 0.0, random)


def go(gate: Gate, now_s: float, most: int = EVERYTHING) -> int:
    """Let the kernel take what may go; return how much that is."""
    count = min(gate.room_bytes(now_s), most)
    gate.taken(count, now_s)
    return count


def test_every_toxic_has_a_gate() -> None:
    toxics = [name for name, kind in KINDS.items() if kind.family is FaultFamily.TOXIC]
    assert toxics == list(GATES)


@pytest.mark.parametrize("kind", GATES)
def test_a_time_to_ask_again_is_later_than_now(kind: str) -> None:
    # Otherwise whoever asks would ask without a pause.
    tried = gate(kind)
    for step in range(400):
        now_s = step / 100
        if step < 100:
            tried.given(b"x" * 100, now_s)
        go(tried, now_s, 70)
        tried.may_end(now_s)
        assert tried.next_s(now_s) > now_s


def test_latency() -> None:
    late = gate("latency", latency=200)
    late.given(b"abc", 1.0)
    late.given(b"de", 1.1)
    assert late.next_s(1.1) == pytest.approx(1.2)
    assert go(late, 1.19) == 0
    assert go(late, 1.21) == 3
    assert late.next_s(1.21) == pytest.approx(1.3)
    assert go(late, 5.0) == 2
    assert late.next_s(5.0) == NEVER_S


def test_latency_does_not_make_it_slower() -> None:
    late = gate("latency", latency=1000)
    for step in range(1000):
        late.given(bytes(10_000), step / 1000)
    # Ten megabytes in a second are ten megabytes a second, one second later.
    assert go(late, 1.4995) == pytest.approx(5 * MB, rel=0.01)
    assert go(late, 1.9995) == pytest.approx(5 * MB, rel=0.01)


def test_jitter_is_to_both_sides_and_overtakes_nothing() -> None:
    chance = iter([1.0, 0.0, 0.5])
    late = gate("latency", lambda: next(chance), latency=100, jitter=50)
    for piece in (b"a", b"bb", b"ccc"):
        late.given(piece, 0.0)
    assert go(late, 0.149) == 0
    assert go(late, 0.151) == 6


def test_bandwidth() -> None:
    narrow = gate("bandwidth", rate=1000)
    sent = 0
    for step in range(1, 10_001):
        sent += go(narrow, step / 1000)
    burst_bytes = MB * FAULT_BURST_S
    assert sent == pytest.approx(10 * MB, abs=burst_bytes)


def test_bandwidth_saves_no_more_than_a_burst() -> None:
    narrow = gate("bandwidth", rate=1000)
    assert go(narrow, 100.0) == MB * FAULT_BURST_S


def test_bandwidth_without_a_bound() -> None:
    assert go(gate("bandwidth", rate=0), 1.0) == EVERYTHING


def test_slow_close() -> None:
    slow = gate("slow_close", delay=500)
    assert slow.room_bytes(9.0) == EVERYTHING
    assert slow.next_s(9.0) == NEVER_S
    assert not slow.may_end(9.0)
    assert slow.next_s(9.1) == pytest.approx(9.5)
    assert not slow.may_end(9.4)
    assert slow.may_end(9.5)


def test_timeout() -> None:
    stopped = gate("timeout", timeout=300)
    stopped.given(b"x", 0.0)
    assert stopped.room_bytes(0.2) == 0
    assert stopped.next_s(0.2) == pytest.approx(0.3)
    assert stopped.order(0.2) is Order.NOTHING
    assert stopped.order(0.3) is Order.CLOSE


def test_a_timeout_of_0_never_closes() -> None:
    stopped = gate("timeout")
    assert stopped.next_s(0.0) == NEVER_S
    assert stopped.order(1e9) is Order.NOTHING


def test_reset_peer_waits_for_a_byte() -> None:
    cut = gate("reset_peer", timeout=300)
    assert cut.order(100.0) is Order.NOTHING
    cut.given(b"x", 100.0)
    cut.given(b"y", 100.2)
    assert cut.order(100.2) is Order.NOTHING
    assert cut.next_s(100.2) == pytest.approx(100.3)
    assert cut.order(100.3) is Order.RESET
    assert cut.room_bytes(100.3) == 0


def test_slicer() -> None:
    chance = iter([0.5, 1.0, 0.0, 0.5])
    sliced = gate("slicer", lambda: next(chance), average_size=100, size_variation=20, delay=10_000)
    assert go(sliced, 0.0, 60) == 60
    assert go(sliced, 0.0) == 40
    assert go(sliced, 0.005) == 0
    assert sliced.next_s(0.005) == pytest.approx(0.01)
    assert go(sliced, 0.01) == 120
    assert go(sliced, 0.02) == 80


def test_limit_data() -> None:
    limited = gate("limit_data", bytes=5)
    limited.given(b"abcdef", 0.0)
    assert go(limited, 0.0, 3) == 3
    assert limited.order(0.0) is Order.NOTHING
    assert go(limited, 0.0) == 2
    assert limited.order(0.0) is Order.CLOSE


def test_limit_data_of_0_waits_for_a_byte_and_a_half_close_does_not() -> None:
    limited, half = gate("limit_data"), gate("half_close")
    assert limited.order(0.0) is Order.NOTHING
    limited.given(b"x", 0.0)
    assert limited.order(0.0) is Order.CLOSE
    assert half.order(0.0) is Order.FIN


@pytest.mark.parametrize(
    ("end", "order"), [("hang", Order.NOTHING), ("close", Order.CLOSE), ("reset", Order.RESET)]
)
def test_stop_at(end: str, order: Order) -> None:
    stop = gate("stop_at", point="headers", end=end)
    stop.given(b"the rest of a body", 0.0)
    assert go(stop, 0.0) == len(b"the rest of a body")
    stop.message_begins()
    stop.given(b"HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody", 0.0)
    assert stop.order(0.0) is Order.NOTHING
    assert go(stop, 0.0) == len(b"HTTP/1.1 200 OK\r\n")
    assert stop.order(0.0) is order
    assert stop.may_end(0.0) is (order is not Order.NOTHING)
    assert go(stop, 9.0) == 0
