"""Queues: in order of arrival, nobody overtaken by who could have gone in their stead."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from rsp.core.backends import Backend, Pool, QueueRules
from rsp.core.loads import BackendLoads
from rsp.core.queue import Line, Place, awaited, who_is_full
from tests.core.making import DRAIN, MAINT, backend, busy

QUEUE = QueueRules(100, 5.0)
NAMES = ("a", "b", "c")


def pool(*backends: Backend) -> Pool:
    return Pool("web", backends, queue=QUEUE)


FULL_AT_TWO = pool(*(backend(name, max_connections=2) for name in NAMES))


def place(name: str = "", *excluded: str) -> Place:
    return Place(name, tuple(f"web/{each}" for each in excluded), 0.0, 5.0)


def awaited_names(of: Pool, loads: BackendLoads, waits: Place) -> list[str]:
    return [each.name for each in awaited(of, waits.name, waits.excluded, loads)]


def test_a_request_waits_for_those_that_could_take_it() -> None:
    full = busy(a=2, b=2, c=2)
    assert awaited_names(FULL_AT_TWO, full, place()) == ["a", "b", "c"]
    assert awaited_names(FULL_AT_TWO, full, place("b")) == ["b"]
    assert awaited_names(FULL_AT_TWO, full, place("", "a")) == ["b", "c"]


def test_where_one_is_free_nobody_waits() -> None:
    assert awaited_names(FULL_AT_TWO, busy(a=2, b=1, c=2), place()) == []
    assert awaited_names(FULL_AT_TWO, busy(a=2, b=1, c=2), place("b")) == []
    assert awaited_names(FULL_AT_TWO, busy(a=2, b=1, c=2), place("a")) == ["a"]
    assert awaited_names(FULL_AT_TWO, busy(a=2, b=1, c=2), place("", "b")) == ["a", "c"]


def test_where_nobody_could_ever_take_it_nobody_waits() -> None:
    out = pool(backend("a", state=DRAIN), backend("b", state=MAINT), backend("c", weight=0))
    assert awaited_names(out, busy(), place()) == []
    assert awaited_names(out, busy(), place("a")) == []
    assert awaited_names(FULL_AT_TWO, busy(a=2), place("d")) == []
    assert awaited_names(FULL_AT_TWO, busy(a=2), place("a", "a")) == []
    assert awaited_names(replace(FULL_AT_TWO, queue=None), busy(a=2, b=2, c=2), place()) == []


def test_one_without_weight_is_waited_for_by_who_needs_it() -> None:
    of = pool(backend("a", weight=0, max_connections=1), backend("b", max_connections=1))
    assert awaited_names(of, busy(a=1, b=1), place()) == ["b"]
    assert awaited_names(of, busy(a=1, b=1), place("a")) == ["a"]


def test_who_is_full_is_said_with_how_many() -> None:
    full = busy(a=2, b=2, c=3)
    of = FULL_AT_TWO.backends
    assert who_is_full(of, "", full, now=False) == (
        "all 3 backends were full (a 2 of 2, b 2 of 2, c 3 of 2)"
    )
    assert who_is_full(of[:1], "", full, now=True) == "its one backend is full (a 2 of 2)"
    assert who_is_full(of[:1], "a", full, now=True) == (
        "backend a, the only one for it, is full (2 of 2)"
    )


def test_when_the_pool_is_gone_nobody_waits_any_longer() -> None:
    line, places = Line[Place]("web"), [place(), place("a")]
    for each in places:
        line.join(each)
    assert list(line.turns(None, busy())) == places


def test_positions_are_counted_from_one() -> None:
    line, places = Line[Place]("web"), [place() for _ in range(3)]
    for each in places:
        line.join(each)
    assert [line.position(each) for each in places] == [1, 2, 3]
    line.leave(places[0])
    assert [line.position(each) for each in places[1:]] == [1, 2]
    assert (len(line), line.waited) == (2, 3)


wants = st.tuples(
    st.sampled_from(("", "", "", *NAMES)), st.sets(st.sampled_from(NAMES), max_size=2)
).map(lambda said: place(said[0], *said[1]))
steps = st.one_of(
    st.tuples(st.just("come"), wants),
    st.tuples(st.just("leave"), st.integers(0, 20)),
    st.tuples(st.just("release"), st.sampled_from(NAMES)),
)


@given(st.lists(steps, max_size=60))
def test_nobody_is_overtaken_and_nobody_waits_for_nothing(
    script: list[tuple[str, Place | int | str]],
) -> None:
    """Against the plainest model: a list, looked through from its beginning for each place."""
    line, loads, model = Line[Place]("web"), busy(a=2, b=2, c=2), list[Place]()
    for what, value in script:
        if what == "come" and isinstance(value, Place):
            newcomer = Place(value.name, value.excluded, 0.0, 5.0)
            if awaited(FULL_AT_TWO, newcomer.name, newcomer.excluded, loads):
                line.join(newcomer)
                model.append(newcomer)
        elif what == "leave" and isinstance(value, int) and value < len(model):
            line.leave(model.pop(value))
        elif what == "release" and loads[f"web/{value}"].sessions:
            loads[f"web/{value}"].sessions -= 1
            expected = [each for each in model if could_take(each, str(value))][:1]
            went = []
            for each in line.turns(FULL_AT_TWO, loads):
                line.leave(each)
                loads[f"web/{value}"].sessions += 1
                went.append(each)
            assert went == expected
            model = [each for each in model if each not in went]
        assert line.all() == model
        assert all(awaited(FULL_AT_TWO, e.name, e.excluded, loads) for e in model)


def could_take(waits: Place, name: str) -> bool:
    return waits.name in ("", name) and f"web/{name}" not in waits.excluded
