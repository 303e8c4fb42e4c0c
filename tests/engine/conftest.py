"""Fixtures of the engine's tests: the loop that the engine runs on, a poller, and an engine."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import uvloop

from rsp.core import lua_limits
from rsp.engine.poller import Poller
from tests.engine.control_site import Site
from tests.engine.office import Office


@pytest.hookimpl(optionalhook=True)
def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run the asynchronous tests of the engine on uvloop, as the engine itself does."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Lua have time enough on any machine, so that another budget is used up first."""
    monkeypatch.setattr(lua_limits, "LUA_CALL_S", 10.0)
    monkeypatch.setattr(lua_limits, "LUA_LOAD_S", 10.0)


@pytest.fixture
async def poller() -> AsyncIterator[Poller]:
    """Yield a poller on the test's loop; sockets that it was given to close are closed after."""
    made = Poller(asyncio.get_running_loop())
    yield made
    made.close()


@pytest.fixture
async def office(poller: Poller) -> AsyncIterator[Office]:
    """Yield changes over a file with two backends."""
    made = Office(poller)
    yield made
    made.changes.trials.stop()
    made.context.deadlines.stop()


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    """Yield a running engine that answers on its control socket, whose path is short enough."""
    with tempfile.TemporaryDirectory(prefix="rsp") as directory:
        made = Site(Path(directory))
        await made.engine.start()
        await made.server.start()
        yield made
        await made.end()
