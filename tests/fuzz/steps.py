"""Steps that hypothesis strings together: what networks, kernels and people do."""

from collections.abc import Callable

from hypothesis import strategies as st

from rsp.core.limits import KIB
from rsp.core.vocabulary import CloseReason, PauseReason
from tests.fuzz.world import World

Step = Callable[[World], object]

SIZES = st.one_of(
    st.integers(1, 20), st.integers(1, 3000), st.sampled_from([64 * KIB, 64 * KIB + 1, 300 * KIB])
)
_SIDES = st.integers(0, 1)
_HOLDS = st.sampled_from([PauseReason.OPERATOR, PauseReason.BREAKPOINT])


def named(words: str, step: Step) -> Step:
    """Return `step` with words that hypothesis shows when an example fails."""
    step.__qualname__ = words
    return step


def _arrive(side: int, count: int) -> Step:
    return named(f"arrive({side}, {count})", lambda world: world.pick(side).arrive(count))


def _room(side: int, count: int) -> Step:
    return named(f"room({side}, {count})", lambda world: world.pick(side).make_room(count))


def _no_memory(side: int) -> Step:
    def step(world: World) -> None:
        world.pick(side).lacks_memory = True

    return named(f"no_memory({side})", step)


def _hold(side: int, reason: PauseReason) -> Step:
    return named(f"hold({side}, {reason.name})", lambda world: world.hold(side, reason))


def _let_go(side: int, reason: PauseReason) -> Step:
    return named(f"let_go({side}, {reason.name})", lambda world: world.let_go(side, reason))


def _reset(side: int) -> Step:
    return named(f"reset({side})", lambda world: world.pick(side).reset())


def _end(side: int) -> Step:
    return named(f"end({side})", lambda world: world.pick(side).end_here())


def _close() -> Step:
    return named("close()", lambda world: world.session.close(CloseReason.OPERATOR))


def _accept(world: World) -> None:
    world.pick(1).accept()


def _deliver(world: World) -> None:
    world.poller.deliver()


def _turns(world: World) -> None:
    world.poller.give_turns()


_ORDINARY = (
    st.just(_deliver),
    st.just(_deliver),
    st.just(_turns),
    st.just(_accept),
    st.builds(_arrive, _SIDES, SIZES),
    st.builds(_arrive, _SIDES, SIZES),
    st.builds(_room, _SIDES, SIZES),
    st.builds(_room, _SIDES, SIZES),
    st.builds(_no_memory, _SIDES),
    st.builds(_hold, _SIDES, _HOLDS),
    st.builds(_let_go, _SIDES, _HOLDS),
)
STEPS = st.lists(st.one_of(*_ORDINARY), max_size=60)
"""What delays bytes, and must not change them."""

CALAMITIES = st.lists(
    st.one_of(*_ORDINARY, st.builds(_reset, _SIDES), st.builds(_end, _SIDES), st.builds(_close)),
    max_size=60,
)
"""What ends things as well: resets, refusals, early ends, a person who closes."""
