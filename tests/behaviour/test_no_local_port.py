"""No port left for our side of a connection: told as what it is, and blamed on nobody."""

import shutil
import subprocess
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.behaviour.configs import pool
from tests.behaviour.conftest import ConnectUnix, OpenBackend
from tests.behaviour.running import Engine
from tests.behaviour.waiting import PATIENCE_S, wait_until
from tests.behaviour.wire import Message, Wire, response

PORTS = 4
IN_A_NETWORK_OF_ITS_OWN = [
    *("unshare", "--map-root-user", "--net", "sh", "-c"),
    'ip link set lo up && echo 40000 40003 > /proc/sys/net/ipv4/ip_local_port_range && exec "$@"',
    "sh",
]


def has_networks() -> bool:
    if not (shutil.which("unshare") and shutil.which("ip")):
        return False
    return subprocess.run([*IN_A_NETWORK_OF_ITS_OWN, "true"], check=False).returncode == 0


@pytest.mark.capability("network namespaces")
@pytest.mark.skipif(not has_networks(), reason="unshare --net, or ip of iproute2, is not here")
def test_no_local_port_is_a_503_that_says_so_and_no_failure_of_the_backend(
    backend: OpenBackend, connect_unix: ConnectUnix, closing: ExitStack, directory: Path
) -> None:
    """The engine is its own backend there: from outside, only unix sockets reach into it."""
    release = threading.Event()

    def answer(asked: Message) -> bytes:
        assert asked.path != "/held" or release.wait(PATIENCE_S)
        return response("200 OK", b"hello")

    site = backend(answer=answer, host=f"unix:{directory}/site.sock")
    door = directory / "door.sock"
    listen = f'listen {{ address = "unix:{door}" }}\n'
    inner = 'listen { address = "127.0.0.1:9001", pool = "site" }\n'
    pools = pool("127.0.0.1:9001", "127.0.0.2:9001", settings='balance = "first",')
    (directory / "config.lua").write_text(listen + inner + pools + pool(site, name="site"))
    proxy = Engine(directory, str(directory / "config.lua"), before=IN_A_NETWORK_OF_ITS_OWN)
    closing.callback(proxy.close)
    closing.callback(release.set)

    def held_ones() -> list[Wire]:
        clients = [connect_unix(door) for _ in range(PORTS)]
        for client in clients:
            client.send(b"GET /held HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_until(lambda: proxy.backend("web1")["sessions"] == PORTS and len(site.wires) == PORTS)
        return clients

    holding = held_ones()
    refused = connect_unix(door).get()
    assert refused.status == 503
    assert b"no free local port (EADDRNOTAVAIL)" in refused.body
    assert proxy.wait_for_event("answered 503: backend web/web1 (127.0.0.1:9001), connecting: no")
    for name in ("web1", "web2"):
        row = proxy.backend(name)
        assert (row["failures"], row["last_error"], row["state"]) == (0, None, "ready")
    release.set()
    assert [client.read_response().status for client in holding] == [200] * PORTS
    assert connect_unix(door).get().body == b"hello", "an idle connection needs no port"
