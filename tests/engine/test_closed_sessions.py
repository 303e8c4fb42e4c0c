"""A closed session gives its memory back at once, and does not wait for the garbage collector."""

import gc
from collections.abc import Iterator
from typing import cast

import pytest

from rsp.core.limits import CLOSED_SESSIONS_KEPT
from rsp.core.vocabulary import CloseReason, Mode
from rsp.engine.conversation import Conversation
from rsp.engine.relay import Relay
from rsp.engine.session import Session
from rsp.engine.telemetry import Ring
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
    assert world.session.closed_s >= 0
    ring = cast(Ring[object], world.session.registry.closed)
    del world.session
    # It is remembered until a thousand others have closed.
    for _ in range(CLOSED_SESSIONS_KEPT):
        ring.append(None)
    assert alive() == before
