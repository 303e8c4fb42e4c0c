"""What the policies say of themselves is what they do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsp.core.loads import BackendLoads
from rsp.core.policies import POLICIES
from rsp.core.policies.foresight import Foresight
from rsp.core.route import RouteAnswer
from rsp.core.routing import Balancer
from tests.core.making import DRAIN, backend, busy, never, request, table_of, weighted

NAMES = st.text("abc.", min_size=1, max_size=8)


@given(key=NAMES, count=st.integers(1, 6))
def test_hash_mod_names_the_position_that_it_picks(key: str, count: int) -> None:
    some = tuple(backend(f"web{number}") for number in range(count))
    policy = POLICIES["hash_mod"]()
    row = policy.account(key, some, BackendLoads())
    assert row.position is not None
    assert row.hash is not None
    assert some[row.position] is policy.pick(key, some, BackendLoads(), never)
    assert int(row.hash, 16) % count == row.position


@given(key=NAMES, count=st.integers(1, 6))
def test_the_highest_score_of_rendezvous_is_the_pick(key: str, count: int) -> None:
    some = tuple(backend(f"web{number}", weight=number + 1) for number in range(count))
    policy = POLICIES["hash"]()
    row = policy.account(key, some, BackendLoads())
    assert set(row.scores) == {each.name for each in some}
    best = max(row.scores, key=lambda name: row.scores[name])
    assert best == policy.pick(key, some, BackendLoads(), never).name


def test_round_robin_says_whose_turn_it_is_and_uses_none_up() -> None:
    some, policy = weighted(a=1, b=1, c=1), POLICIES["round_robin"]()
    assert policy.account("", some, BackendLoads()).position is None
    for expected in (1, 2, 0):
        picked = policy.pick("", some, BackendLoads(), never)
        assert some.index(picked) == (expected - 1) % 3
        assert policy.account("", some, BackendLoads()).position == expected
    unequal = weighted(a=3, b=1)
    policy.pick("", unequal, BackendLoads(), never)
    row = policy.account("", unequal, BackendLoads())
    best = max(row.scores, key=lambda name: row.scores[name])
    assert best == policy.pick("", unequal, BackendLoads(), never).name


def test_ties_and_loads_are_told() -> None:
    row = POLICIES["least_connections"]().account("", weighted(a=1, b=2), busy(a=1, b=2))
    assert row.scores == {"a": 1.0, "b": 1.0}
    assert "they tie" in row.sentence
    row = POLICIES["least_connections"]().account("", weighted(a=1, b=1), busy(a=1, b=0))
    assert row.sentence == "fewest sessions for its weight: b"
    assert POLICIES["random_two"]().account("", weighted(a=1), busy(a=3)).scores == {"a": 3.0}


@pytest.mark.parametrize("name", POLICIES)
def test_a_policy_whose_picks_are_foreseen_repeats_them(name: str) -> None:
    policy = POLICIES[name]()
    if policy.foresight is Foresight.EXACT:
        some, loads = weighted(a=1, b=1, c=1), BackendLoads()
        assert len({policy.pick("k", some, loads, never).name for _ in range(5)}) == 1


def test_the_account_of_a_decision_knows_who_was_left_out() -> None:
    table = table_of(
        backend("a"), backend("b", state=DRAIN), backend("c"), backend("d"), balance="hash"
    )
    balancer, loads = Balancer(), BackendLoads()
    answer = RouteAnswer("web", "key")
    decision = balancer.decide(table, answer, request(), loads, never, ("web/a",))
    row = Balancer().account(decision)
    assert row is not None
    assert (row.name, row.retried, set(row.scores)) == ("hash", ["web/a"], {"c", "d"})
    named = balancer.decide(table, RouteAnswer("web/c"), request(), loads, never)
    row = balancer.account(named)
    assert row is not None
    assert (row.name, "named" in row.sentence) == ("", True)
    nobody = table_of(backend("a", state=DRAIN))
    row = balancer.account(balancer.decide(nobody, RouteAnswer("web"), request(), loads, never))
    assert row is not None
    assert "nobody" in row.sentence
    nowhere = balancer.decide(table, RouteAnswer("nope"), request(), loads, never)
    assert balancer.account(nowhere) is None
