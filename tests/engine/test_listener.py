"""A listener that the kernel refuses to watch: it says so, rests, and tries again."""

import socket
from unittest import mock

from rsp.core.vocabulary import AcceptPause
from rsp.engine.lua_config import load_source
from rsp.engine.nonblocking import OutOfFds
from rsp.engine.server import Engine
from rsp.engine.telemetry import Telemetry
from tests.conftest import wait_until
from tests.engine.fakes import Here

CONFIG = b"""
listen { address = "127.0.0.1:0" }
pool("web", { backends = { { name = "a", address = "127.0.0.1:9001" } } })
"""


async def test_a_listener_that_cannot_be_watched_tries_again() -> None:
    engine = Engine(load_source(CONFIG, "rsp.lua"), Telemetry(), Here(), listen=None)
    await engine.start()
    engine.accept()
    (listener,) = engine.listeners.values()
    listener.pause(AcceptPause.FULL)
    with mock.patch.object(listener.context.poller, "watch", side_effect=OutOfFds("ENOSPC")):
        listener.resume(AcceptPause.FULL)
        assert listener.paused_by is AcceptPause.NO_FDS
    said = [event.message for _, event in engine.telemetry.events.since(0)[0]]
    assert any("no fd left (ENOSPC)" in line for line in said)
    with socket.create_connection(listener.sock.getsockname()):
        await wait_until(lambda: engine.telemetry.totals.accepted == 1)
    await engine.stop()
