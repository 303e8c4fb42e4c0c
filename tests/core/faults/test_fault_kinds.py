"""What a fault takes, and the sentences for what it does not."""

import pytest

from rsp.core.faults.gates import GATES
from rsp.core.faults.kinds import ENDS, KINDS, STOPS, BadFault, read_values
from rsp.core.lab_limits import FAULT_VALUE_MOST


@pytest.mark.parametrize("kind", KINDS)
def test_the_defaults_are_values_that_it_takes(kind: str) -> None:
    values = read_values(kind, {})
    assert values.keys() == KINDS[kind].values.keys()
    assert read_values(kind, values) == values


def test_what_is_not_given_has_its_default() -> None:
    assert read_values("latency", {"jitter": "5.5"}) == {"latency": 100, "jitter": 5.5}
    assert read_values("stop_at", {"end": "reset"}) == {
        "point": STOPS[0], "chunk": 1, "end": ENDS[2],
    }  # fmt: skip


@pytest.mark.parametrize("kind", GATES)
def test_a_gate_can_do_with_the_largest_values(kind: str) -> None:
    largest = {name: FAULT_VALUE_MOST for name, value in KINDS[kind].values.items() if value.unit}
    values = read_values(kind, largest)
    gate = GATES[kind](values, 1.0, lambda: 1.0)
    for now_s in (2.0, 1e9):
        gate.given(b"piece", now_s)
        room_bytes = gate.room_bytes(now_s)
        gate.taken(min(5, room_bytes), now_s)
        assert gate.next_s(now_s) > now_s
        gate.may_end(now_s)
        gate.order(now_s)


@pytest.mark.parametrize(
    ("kind", "given", "said"),
    [
        ("lateness", {}, 'no fault "lateness"; there are latency, bandwidth, '),
        ("latency", {"delay": 1}, 'latency has no value "delay"; it takes latency, jitter'),
        ("down", {"delay": 1}, 'down has no value "delay"; it takes no values'),
        ("latency", {"latency": "soon"}, 'latency latency cannot be "soon"; it takes a number of '),
        ("latency", {"latency": -1}, "it takes a number of ms, 0 or more"),
        ("latency", {"latency": 10**400}, '"1000000000000000000000000000000000000000"; it takes a'),
        ("bandwidth", {"rate": 1e308}, "it takes a number of KB/s, 1,099,511,627,776 or less"),
        ("latency", {"latency": "nan"}, 'cannot be "nan"'),
        ("latency", {"latency": float("inf")}, 'cannot be "inf"'),
        ("latency", {"latency": True}, 'cannot be "True"'),
        ("latency", {"latency": None}, 'cannot be "None"'),
        ("stop_at", {"chunk": "x"}, "it takes a number, 0 or more"),
        ("stop_at", {"point": "middle"}, 'stop_at point cannot be "middle"; it takes headers, '),
        ("stop_at", {"point": 1}, 'stop_at point cannot be "1"'),
    ],
)
def test_what_cannot_be_is_refused(kind: str, given: dict[str, object], said: str) -> None:
    with pytest.raises(BadFault) as refused:
        read_values(kind, given)
    assert said in str(refused.value)
