"""A storm that is the accept queue's and not the backend's is told as that."""

import socket
from contextlib import ExitStack

from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import OpenBackend, StartEngine
from tests.behaviour.waiting import wait_until


def test_a_full_accept_queue_is_named(engine: StartEngine, backend: OpenBackend) -> None:
    proxy = engine(LISTEN + pool(backend()))
    listener = proxy.ask("status")["listeners"][0]
    assert listener["accept_queue"] == 0
    backlog = listener["accept_backlog"]
    assert backlog > 0
    with ExitStack() as clients:
        with proxy.standing_still():
            for _ in range(backlog + 20):
                client = clients.enter_context(socket.socket())
                client.setblocking(False)
                client.connect_ex(("127.0.0.1", proxy.port))
        said = proxy.wait_for_event("the kernel dropped")
        assert said.startswith(f"accept queue of 127.0.0.1:{proxy.port} ")
        assert f" of {backlog:,}), the kernel dropped " in said
        assert "not the backends' doing" in said
    # It was the storm's, and is over: who comes now is served, and nobody is accused.
    assert proxy.get().status == 200
    backends = proxy.ask("backends")["pools"][0]["backends"]
    assert [row["failures"] for row in backends] == [0]
    wait_until(lambda: proxy.ask("status")["listeners"][0]["accept_queue"] == 0)
