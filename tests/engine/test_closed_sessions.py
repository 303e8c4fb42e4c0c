"""A closed session gives its memory back at once, and does not wait for the garbage collector."""

import gc
from collections.abc import Iterator

import pytest

from rsp.core.vocabulary import CloseReason, Mode
from rsp.engine.conversation import Conversation
from rsp.engine.relay import Relay
from rsp.engine.session import Session
from tests.fuzz.world import World


@pytest.fixture
def without_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def alive() -> int:
    return sum(isinstance(each, Session | Conversation | Relay) for each in gc.get_objects())


@pytest.mark.usefixtures("without_collector")
@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("reset", [True, False])
def test_nothing_of_a_closed_session_holds_itself(mode: Mode, reset: bool) -> None:
    before = alive()
    world = World(mode)
    with world.running():
        assert alive() > before
        world.session.close(CloseReason.OPERATOR, reset=reset)
        world.session.client.close()
        world.session.close(CloseReason.OPERATOR, reset=True)
    closed = world.session.registry.closed.newest()
    assert [(each.id, each.reason) for each in closed] == [(1, CloseReason.OPERATOR)]
    del world.session
    assert alive() == before, "it is remembered, but not kept"
