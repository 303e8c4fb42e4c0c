"""Anything may break at any moment: no bug of ours, nothing left open, nothing made up."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsp.core.lifecycle import State
from rsp.core.vocabulary import Mode
from tests.conftest import fuzz_examples
from tests.fuzz.steps import CALAMITIES, Step
from tests.fuzz.world import Kernel, World

REQUESTS = (
    b"GET /1 HTTP/1.1\r\nHost: a.test\r\n\r\n",
    b"POST /2 HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhello",
    b"PUT /3 HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    b"GET /4 HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n",
    b"GET /5 HTTP/1.1\r\nHost: a.test\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    b"HEAD /6 HTTP/1.0\r\n\r\n",
    b"no request at all\r\n\r\n",
)
RESPONSES = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n\r\nuntil the end",
    b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nbytes",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello, and more",
    b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n" + b"x" * 9000,
    b"no response at all\r\n\r\n",
)


def end_everything(world: World) -> None:
    """Let every peer end, and everything that follows from it happen."""
    world.let_everything_happen()
    while speaking := [kernel for kernel in world.kernels() if not kernel.ends]:
        for kernel in speaking:
            kernel.ends = True
            kernel.arrive(0)
        # A kept connection that ends may be dialled anew, and that one is to end as well.
        world.let_everything_happen()


def nothing_is_left(world: World) -> None:
    assert world.session.state is State.CLOSED
    assert world.session.close_reason is not None
    assert world.kernels() == []
    assert world.context.dispatcher.loads["web/a"].sessions == 0


@settings(max_examples=fuzz_examples(700))
@given(CALAMITIES, st.integers(0, 20_000), st.integers(0, 20_000), st.integers(0, 9))
def test_a_tunnel(steps: list[Step], request_bytes: int, response_bytes: int, seed: int) -> None:
    world = World(Mode.TCP)
    request, response = (Random(seed).randbytes(n) for n in (request_bytes, response_bytes))
    world.client.stream = request

    def answer(kernel: Kernel) -> None:
        kernel.stream = response

    world.on_dialled = answer
    with world.running():
        for step in steps:
            step(world)
            world.check()
        end_everything(world)
    for kernel in world.backends:
        assert request.startswith(bytes(kernel.taken))
    assert response.startswith(bytes(world.client.taken))
    nothing_is_left(world)


@settings(max_examples=fuzz_examples(700))
@given(
    CALAMITIES,
    st.lists(st.sampled_from(REQUESTS), max_size=4),
    st.lists(st.sampled_from(RESPONSES), min_size=1, max_size=4),
)
def test_a_conversation(steps: list[Step], requests: list[bytes], responses: list[bytes]) -> None:
    """Also when a backend says what nobody asked for, and when its answer is none."""
    world = World(Mode.HTTP)
    world.client.stream = b"".join(requests)

    def answer(kernel: Kernel) -> None:
        kernel.stream = b"".join(responses)

    world.on_dialled = answer
    with world.running():
        for step in steps:
            step(world)
            world.check()
        end_everything(world)
    assert bytes(world.client.taken[:5]) in (b"HTTP/", b""), "a client is never told anything else"
    nothing_is_left(world)


@pytest.mark.parametrize("mode", Mode)
def test_a_client_that_says_nothing_and_leaves(mode: Mode) -> None:
    world = World(mode)
    with world.running():
        end_everything(world)
    nothing_is_left(world)
