"""The history of generations, and what is told to whoever saw an older one."""

from rsp.core.generations import Change, History
from rsp.core.limits import CHANGES_KEPT, CHANGES_TOLD
from rsp.core.vocabulary import ChangeKind

AT = "2014-03-01T03:00:00Z"


def history(last: int, first: int = 1) -> History:
    made = History()
    for number in range(first, last + 1):
        made.record(Change(number, AT, f"eve{number}", f"weight {number}", ChangeKind.EDIT))
    return made


def test_who_missed_one_change_is_told_of_it() -> None:
    assert history(2).mismatch(1, 2) == (
        f"the generation is 2, not 1: weight 2, by eve2 at {AT}; look at it, then try again"
    )


def test_who_missed_many_is_told_of_each_in_order() -> None:
    said = history(9).mismatch(6, 9)
    places = [said.index(f"generation {n}, weight {n}, by eve{n} at") for n in (7, 8, 9)]
    assert places == sorted(places)
    assert "weight 6" not in said


def test_what_is_no_longer_known_is_counted() -> None:
    said = history(CHANGES_KEPT + 50).mismatch(1, CHANGES_KEPT + 50)
    assert f"{CHANGES_KEPT + 49 - CHANGES_TOLD} changes, and then generation" in said
    assert said.count("by eve") == CHANGES_TOLD
    said = history(CHANGES_TOLD + 2).mismatch(1, CHANGES_TOLD + 2)
    assert "is 22, not 1: 1 change, and then generation 3, weight 3, by" in said


def test_a_generation_that_never_was_is_called_so() -> None:
    assert "is 2, not 7: this engine has never had it" in history(2).mismatch(7, 2)


def test_the_history_is_bounded() -> None:
    changes = history(CHANGES_KEPT + 3).changes()
    assert [changes[0].generation, changes[-1].generation] == [4, CHANGES_KEPT + 3]
    assert History().last is None
