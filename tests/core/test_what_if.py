"""What a preview counts, and the sentence for a change of spelling that harms nobody."""

import pytest

from rsp.core.backends import Backend, BackendTable, Pool
from rsp.core.what_if import Comparison
from rsp.core.what_if_text import ONLY_CAPITALS, sums

EMPTY = BackendTable.of((), 1)


@pytest.mark.parametrize(
    ("keys", "is_said"),
    [
        (("IronHand.example", "JoeButy.example"), True),
        (("IronHand.example", "joebuty.example"), False),
        (("IronHand.example", None), False),
        ((), False),
    ],
)
def test_it_is_said_when_only_keys_with_capitals_move(
    keys: tuple[str | None, ...], is_said: bool
) -> None:
    comparison = Comparison(EMPTY, EMPTY)
    comparison.add("apps/apps1", "apps/apps1", "ironhand.example")
    for key in keys:
        comparison.add("apps/apps1", "apps/apps2", key)
    found = comparison.result()
    assert (found.recorded, found.moved) == (len(keys) + 1, len(keys))
    assert (ONLY_CAPITALS in sums(found)) == is_said


def test_who_leaves_a_policy_that_nobody_can_foresee_is_not_said_to_stay() -> None:
    backends = tuple(Backend("web", name, "127.0.0.1:1") for name in ("a", "b"))
    tables = [
        BackendTable.of([Pool("web", backends, balance=balance)], number)
        for number, balance in enumerate(("least_connections", "hash"), 1)
    ]
    comparison = Comparison(*tables)
    comparison.add("web", "web/a")
    found = comparison.result()
    assert found.cannot_be_known == {"web": "least_connections"}
    assert sums(found)[:2] == [
        "of 1 recorded requests none is known to move",
        "cannot be known (load or turns decide): the backends of web (least_connections)",
    ]
    same = Comparison(tables[1], tables[1])
    same.add("web/a", "web/a")
    assert sums(same.result()) == ["none of 1 recorded requests would move"]
