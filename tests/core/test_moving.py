"""The closed forms, held against keys that are really picked for."""

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsp.core.loads import BackendLoads
from rsp.core.moving import moved_by_modulo, moved_by_rendezvous, together_by_luck
from rsp.core.policies import POLICIES
from tests.core.making import backend, never

KEYS = [f"site{number}.example" for number in range(2_000)]
COUNTS = st.integers(1, 12)


@cache
def picked(balance: str, count: int, gone: int | None = None) -> list[str]:
    """Return who has each key, of `count` backends less the one at `gone`."""
    policy, loads = POLICIES[balance](), BackendLoads()
    some = tuple(backend(f"web{number}") for number in range(count) if number != gone)
    return [policy.pick(key, some, loads, never).name for key in KEYS]


def moved(balance: str, before: int, after: int) -> float:
    pairs = zip(picked(balance, before), picked(balance, after), strict=True)
    return sum(one != other for one, other in pairs) / len(KEYS)


def test_what_doubling_and_nine_instead_of_four_do() -> None:
    assert moved_by_modulo(4, 8) == pytest.approx(1 / 2)
    assert moved_by_modulo(4, 9) == pytest.approx(8 / 9)
    assert moved_by_modulo(4, 4) == moved_by_rendezvous(4, 4) == 0
    assert moved_by_rendezvous(4, 8) == pytest.approx(1 / 2)
    assert moved_by_modulo(0, 3) == moved_by_rendezvous(3, 0) == 1
    assert together_by_luck(4) == 1 / 4
    assert together_by_luck(0) == 0


@given(before=COUNTS, after=COUNTS)
def test_the_closed_forms_say_what_happens(before: int, after: int) -> None:
    # 2,000 keys: five standard deviations of a share are 0.056 at most.
    assert moved("hash_mod", before, after) == pytest.approx(
        moved_by_modulo(before, after), abs=0.06
    )
    assert moved("hash", before, after) == pytest.approx(
        moved_by_rendezvous(before, after), abs=0.06
    )


@given(count=st.integers(2, 12), gone=st.integers(0, 11))
def test_when_one_of_n_goes_rendezvous_moves_its_keys_and_no_other(count: int, gone: int) -> None:
    gone %= count
    pairs = zip(picked("hash", count), picked("hash", count, gone), strict=True)
    moves = [one for one, other in pairs if one != other]
    assert set(moves) <= {f"web{gone}"}
    assert len(moves) <= 1.3 * len(KEYS) / count
