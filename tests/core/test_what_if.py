"""What a preview counts, and the sentence for a change of spelling that harms nobody."""

import pytest

from rsp.core.backends import BackendTable
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
