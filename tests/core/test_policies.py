"""The policies, with unequal inputs, one backend, and an edit between two picks."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsp.core.backends import Backend
from rsp.core.loads import BackendLoads
from rsp.core.policies import POLICIES, Policy
from rsp.core.policies.key_hash import key_hash
from tests.core.making import backend, busy, never, weighted

KEYS = [f"user{number}.test" for number in range(2000)]


def picks(policy: Policy, available: Sequence[Backend], count: int, **sessions: int) -> str:
    loads = busy(**sessions)
    return " ".join(policy.pick("", available, loads, never).name for _ in range(count))


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("weight", [1, 256])
def test_one_backend_gets_everything(name: str, weight: int) -> None:
    policy = POLICIES[name]()
    alone = (backend("a", weight=weight),)
    for key in ("", "a", "b"):
        assert policy.pick(key, alone, BackendLoads(), Random(1).random) is alone[0]


@pytest.mark.parametrize("name", POLICIES)
@given(
    weights=st.lists(st.integers(1, 256), min_size=1, max_size=6),
    key=st.text(max_size=20),
    seed=st.integers(0, 1000),
)
def test_every_pick_is_one_of_those_available(
    name: str, weights: list[int], key: str, seed: int
) -> None:
    policy = POLICIES[name]()
    available = [backend(f"b{n}", weight=weight) for n, weight in enumerate(weights)]
    random = Random(seed).random
    loads = BackendLoads()
    for end in range(len(available), 0, -1):
        for some in (available[:end], tuple(available[:end])):
            assert policy.pick(key, some, loads, random) in some


# Round robin.


def test_round_robin_with_equal_weights_goes_round() -> None:
    assert picks(POLICIES["round_robin"](), weighted(a=2, b=2, c=2), 7) == "a b c a b c a"


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ({"a": 3, "b": 1, "c": 1}, "a b a c a a b a c a"),
        ({"a": 5, "b": 1, "c": 1}, "a a b a c a a"),
        ({"a": 1, "b": 2}, "b a b b a b"),
    ],
)
def test_round_robin_is_smooth(weights: dict[str, int], expected: str) -> None:
    found = picks(POLICIES["round_robin"](), weighted(**weights), len(expected.split()))
    assert found == expected


@given(st.lists(st.integers(1, 20), min_size=1, max_size=6))
def test_one_round_gives_each_exactly_its_weight(weights: list[int]) -> None:
    available = tuple(backend(f"b{n}", weight=weight) for n, weight in enumerate(weights))
    # With equal weights a round is shorter, so this is a whole number of rounds as well.
    found = Counter(picks(POLICIES["round_robin"](), available, sum(weights)).split())
    assert [found[b.name] for b in available] == weights


def test_an_edit_between_two_picks_keeps_the_turn() -> None:
    policy = POLICIES["round_robin"]()
    assert picks(policy, weighted(a=1, b=1), 1) == "a"
    assert picks(policy, weighted(a=1, b=1, c=1), 3) == "b c a"
    assert picks(policy, weighted(a=1), 2) == "a a"


def test_a_new_weight_between_two_picks_takes_effect_at_once() -> None:
    policy = POLICIES["round_robin"]()
    picks(policy, weighted(a=1, b=1), 3)
    found = Counter(picks(policy, weighted(a=3, b=1), 8).split())
    assert found == {"a": 6, "b": 2}


def test_a_backend_that_always_fails_does_not_give_one_other_all_the_retries() -> None:
    policy = POLICIES["round_robin"]()
    everyone = weighted(a=1, b=1, c=1)
    others = [b for b in everyone if b.name != "a"]
    got = Counter[str]()
    for _ in range(60):
        first = policy.pick("", everyone, BackendLoads(), never)
        if first.name == "a":
            first = policy.pick("", others, BackendLoads(), never)
        got[first.name] += 1
    assert got == {"b": 30, "c": 30}


# Least connections.


@pytest.mark.parametrize(
    ("weights", "sessions", "expected"),
    [
        ({"a": 1, "b": 1}, {"a": 3, "b": 2}, "b"),
        ({"a": 1, "b": 1, "c": 1}, {"a": 1, "b": 0, "c": 1}, "b"),
        ({"a": 4, "b": 1}, {"a": 7, "b": 2}, "a"),
        ({"a": 1, "b": 4}, {"a": 2, "b": 7}, "b"),
        ({"a": 2, "b": 1}, {"a": 5, "b": 2}, "b"),
    ],
)
def test_least_connections_counts_sessions_for_each_weight(
    weights: dict[str, int], sessions: dict[str, int], expected: str
) -> None:
    policy = POLICIES["least_connections"]()
    assert picks(policy, weighted(**weights), 2, **sessions) == f"{expected} {expected}"


def test_ties_of_least_connections_go_round() -> None:
    policy = POLICIES["least_connections"]()
    assert picks(policy, weighted(a=1, b=1, c=1), 6) == "a b c a b c"
    assert picks(policy, weighted(a=1, b=1, c=1), 4, a=9) == "b c b c"
    assert picks(policy, weighted(a=1, b=1, c=1), 1) == "a"


def test_the_retries_of_least_connections_go_round_too() -> None:
    policy = POLICIES["least_connections"]()
    everyone = weighted(a=1, b=1, c=1)
    found = [picks(policy, everyone, 1), picks(policy, list(everyone[1:]), 1)]
    found += [picks(policy, everyone, 1)]
    assert found == ["a", "b", "c"]


# Two at random.


def draws(*numbers: float) -> Callable[[], float]:
    left: Iterator[float] = iter(numbers)
    return lambda: next(left)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (0.0, 0.0, "b"),
        (0.0, 0.99, "c"),
        (0.99, 0.0, "a"),
        (0.5, 0.0, "a"),
        (0.5, 0.99, "c"),
    ],
)
def test_two_draws_differ_and_the_less_busy_wins(
    first: float, second: float, expected: str
) -> None:
    sessions = {"a": 5, "b": 5, "c": 5, expected: 1}
    policy = POLICIES["random_two"]()
    found = policy.pick("", weighted(a=1, b=1, c=1), busy(**sessions), draws(first, second))
    assert found.name == expected


def test_two_draws_compare_sessions_for_each_weight() -> None:
    policy = POLICIES["random_two"]()
    found = policy.pick("", weighted(a=1, b=10), busy(a=1, b=9), draws(0.0, 0.0))
    assert found.name == "b"


def test_two_draws_reach_every_backend() -> None:
    random = Random(7).random
    policy = POLICIES["random_two"]()
    found = Counter(
        policy.pick("", weighted(a=1, b=1, c=1, d=1), BackendLoads(), random).name
        for _ in range(400)
    )
    assert min(found[name] for name in "abcd") > 60


# First.


def test_first_is_the_first() -> None:
    assert picks(POLICIES["first"](), weighted(a=1, b=9), 3, a=100) == "a a a"


# Hashes.


def placed(name: str, available: Sequence[Backend]) -> list[str]:
    policy = POLICIES[name]()
    return [policy.pick(key, available, BackendLoads(), never).name for key in KEYS]


def test_the_hash_is_the_same_in_every_process() -> None:
    # Computed once by b2sum; another value would send every key elsewhere after an update.
    assert key_hash("a.test") == 0x376984B207620DDB
    assert key_hash("a.test", "web1") == 0xD9F71349B03C8200
    assert key_hash("\udcff") != key_hash("?")


def test_rendezvous_moves_only_the_share_of_the_new_backend() -> None:
    before = placed("hash", weighted(a=1, b=1, c=1, d=1))
    after = placed("hash", weighted(a=1, b=1, c=1, d=1, e=1))
    moved = [new for old, new in zip(before, after, strict=True) if old != new]
    assert set(moved) == {"e"}
    assert 0.7 / 5 < len(moved) / len(KEYS) < 1.3 / 5


def test_rendezvous_moves_only_the_keys_of_a_removed_backend() -> None:
    before = placed("hash", weighted(a=1, b=1, c=1))
    after = placed("hash", weighted(a=1, c=1))
    assert all(old == new for old, new in zip(before, after, strict=True) if old != "b")


def test_rendezvous_does_not_depend_on_the_order() -> None:
    assert placed("hash", weighted(a=1, b=2, c=3)) == placed("hash", weighted(c=3, a=1, b=2))


def test_rendezvous_gives_each_its_weight() -> None:
    found = Counter(placed("hash", weighted(a=3, b=1)))
    assert 0.70 < found["a"] / len(KEYS) < 0.80


def test_a_modulo_moves_most_keys_when_a_backend_comes() -> None:
    before = placed("hash_mod", weighted(a=1, b=1, c=1, d=1))
    after = placed("hash_mod", weighted(a=1, b=1, c=1, d=1, e=1))
    moved = sum(old != new for old, new in zip(before, after, strict=True))
    assert 0.7 < moved / len(KEYS) < 0.9


def test_a_modulo_follows_the_order_of_the_list() -> None:
    available = weighted(a=1, b=1, c=1)
    policy = POLICIES["hash_mod"]()
    found = policy.pick("a.test", available, BackendLoads(), never)
    assert found is available[key_hash("a.test") % 3]


@pytest.mark.parametrize("name", ["hash", "hash_mod"])
def test_another_case_of_a_key_is_another_key(name: str) -> None:
    available = weighted(a=1, b=1, c=1)
    policy = POLICIES[name]()
    split = [
        key
        for key in KEYS[:50]
        if policy.pick(key, available, BackendLoads(), never)
        is not policy.pick(key.upper(), available, BackendLoads(), never)
    ]
    assert split
