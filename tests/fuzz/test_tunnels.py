"""A tcp session: what comes out is what went in, both ways, whatever happens in between."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from rsp.core.lifecycle import State
from rsp.core.limits import KIB
from rsp.core.vocabulary import CloseReason, Mode, Side
from tests.conftest import fuzz_examples
from tests.fuzz.steps import STEPS, Step
from tests.fuzz.world import World

LENGTHS = st.one_of(st.integers(0, 5000), st.sampled_from([0, 1, 64 * KIB, 200 * KIB]))
MARKS = st.one_of(st.just(-1), st.integers(1, 5000), st.integers(64 * KIB, 200 * KIB))
"""Where an urgent byte stands in the stream, if one does."""


def conserved(world: World) -> None:
    """Fail when a byte was lost or added between two kernels; in which order, the end tells."""
    backend = world.session.backend
    if backend is None:
        return
    client, kernel = world.session.client, world.backends[-1]
    for source, sink, given_to in (
        (world.client, kernel, backend),
        (kernel, world.client, client),
    ):
        if not given_to.is_closed and not world.session.state.is_ending:
            assert source.read == len(sink.taken) + len(given_to.unsent)
        assert given_to.bytes_out == len(sink.taken)
    assert (client.bytes_in, backend.bytes_in) == (world.client.read, kernel.read)


@settings(max_examples=fuzz_examples(800))
@given(STEPS, LENGTHS, LENGTHS, st.integers(0, 9), MARKS)
def test_bytes_and_ends_pass_both_ways(
    steps: list[Step], request_bytes: int, response_bytes: int, seed: int, mark: int
) -> None:
    world = World(Mode.TCP)
    world.client.stream = Random(seed).randbytes(request_bytes)
    world.client.ends = True
    world.client.mark = mark
    with world.running():
        backend = world.pick(1)
        backend.mark = mark
        backend.stream = Random(seed + 1).randbytes(response_bytes)
        backend.ends = True
        for step in steps:
            step(world)
            world.check()
            conserved(world)
            # An end is passed on behind the last byte before it, and no earlier.
            for source, sink in ((world.client, backend), (backend, world.client)):
                if sink.shut or sink.closed:
                    assert source.fin_arrived
                    assert bytes(sink.taken) == source.stream
        world.let_everything_happen()
    assert bytes(backend.taken) == world.client.stream
    assert bytes(world.client.taken) == backend.stream
    # The first end is passed on as a half-close, the second one ends both.
    assert backend.shut != world.client.shut
    assert backend.closed
    assert world.client.closed
    assert world.session.state is State.CLOSED
    assert world.session.close_reason is CloseReason.FINISHED


@settings(max_examples=fuzz_examples(800))
@given(STEPS, STEPS, LENGTHS, st.sampled_from(Side))
def test_one_way_goes_on_after_the_other_has_ended(
    before: list[Step], after: list[Step], length: int, first: Side
) -> None:
    """A half-close is a half-close: the other side may speak for as long as it likes."""
    world = World(Mode.TCP)
    with world.running():
        ended, speaker = world.client, world.pick(1)
        if first is Side.BACKEND:
            ended, speaker = speaker, ended
        ended.ends = True
        for step in before:
            step(world)
        world.let_everything_happen()
        assert speaker.shut
        assert not speaker.closed
        assert not ended.closed
        assert world.session.state.half_closed is first
        speaker.stream = Random(length).randbytes(length)
        for step in after:
            step(world)
            world.check()
        world.let_everything_happen()
        assert bytes(ended.taken) == speaker.stream
        assert not speaker.closed
        speaker.ends = True
        world.let_everything_happen()
    assert world.session.state is State.CLOSED
    assert world.session.close_reason is CloseReason.FINISHED
