"""What a person names by its number."""

import pytest

from rsp.core.wire import CommandRefused
from rsp.engine.lab.naming import chosen


def test_one_by_its_number_or_all() -> None:
    live = {3: "three", 7: "seven"}
    assert chosen(live, 7, "fault") == chosen(live, "7", "fault") == [7]
    assert chosen(live, "all", "fault") == [3, 7]


@pytest.mark.parametrize("given", [4, "seven", "²", "9" * 5_000], ids=lambda given: str(given)[:9])
def test_whatever_is_no_number_of_one_is_refused(given: int | str) -> None:
    with pytest.raises(CommandRefused, match="; there are 3, 7"):
        chosen({3: "three", 7: "seven"}, given, "fault")
