"""A closed session gives its memory back at once, and does not wait for the garbage collector."""

import gc
from collections.abc import Iterator
from unittest import mock

import pytest

from rsp.core.lifecycle import Fact
from rsp.core.vocabulary import CloseReason, Mode
from rsp.engine.connection import Connection
from rsp.engine.conversation import Conversation
from rsp.engine.poller import run_guarded
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


@pytest.mark.parametrize("mode", list(Mode))
def test_a_bug_in_the_midst_of_the_end_leaves_nothing_behind(
    mode: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(mode)
    with world.running():
        session = world.session
        bugs = [KeyError("a bug"), None, None]
        monkeypatch.setattr(Connection, "_unblock", mock.Mock(side_effect=bugs))
        run_guarded(session, session.advance, Fact.ABORTED)
        assert session.client.is_closed
        assert not session.registry.live
        assert [each.id for each in session.registry.closed.newest()] == [session.id]
