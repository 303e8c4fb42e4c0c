"""The kernel refuses a call now and then: the process lives, and nobody else pays.

strace injects an error into some calls of one kind while requests pass. RSP_SOAK=1 tries every
pair, with 500 requests each.
"""

import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import OpenBackend, StartEngine
from tests.behaviour.running import Engine
from tests.behaviour.scale import IS_SOAK, scaled
from tests.behaviour.waiting import PATIENCE_S, wait_until
from tests.behaviour.wire import Truncated, request

CLIENTS = 4
REQUESTS = scaled(120, 500)
EVERY = scaled(15, 50)
PER_CONNECTION = 3
LIMITS = """
limits {
  client_head_s = 3, client_write_idle_s = 3, response_head_s = 3, response_idle_s = 3,
  connect_s = 3, linger_idle_s = 3, keep_alive_idle_s = 3,
}
"""
"""An EAGAIN that is not true leaves a session waiting for an edge that never comes: its timer ends
it."""


class Fault(NamedTuple):
    """An error of a system call, and whether it may cost the request that meets it."""

    call: str
    error: str
    costs: bool
    is_quick: bool = False


FAULTS = [
    Fault("recvfrom", "EINTR", costs=False),
    Fault("recvfrom", "EAGAIN", costs=True),
    Fault("recvfrom", "ECONNRESET", costs=True, is_quick=True),
    Fault("recvfrom", "ETIMEDOUT", costs=True),
    Fault("recvfrom", "ENOMEM", costs=True),
    Fault("sendto", "EINTR", costs=False),
    Fault("sendto", "EAGAIN", costs=True),
    Fault("sendto", "ENOBUFS", costs=False, is_quick=True),
    Fault("sendto", "ENOMEM", costs=False),
    Fault("sendto", "EPIPE", costs=True, is_quick=True),
    Fault("sendto", "ECONNRESET", costs=True),
    Fault("accept4", "EINTR", costs=False),
    Fault("accept4", "EAGAIN", costs=False),
    Fault("accept4", "ECONNABORTED", costs=False, is_quick=True),
    Fault("accept4", "EMFILE", costs=False),
    Fault("accept4", "ENFILE", costs=False),
    Fault("accept4", "ENOBUFS", costs=False),
    Fault("accept4", "ENOMEM", costs=False),
    Fault("connect", "ECONNREFUSED", costs=True),
    Fault("connect", "EADDRNOTAVAIL", costs=True),
    Fault("connect", "ENETUNREACH", costs=True),
    Fault("connect", "EAGAIN", costs=True),
    Fault("connect", "ENOBUFS", costs=True),
    Fault("socket", "EMFILE", costs=True, is_quick=True),
    Fault("socket", "ENFILE", costs=True),
    Fault("socket", "ENOBUFS", costs=True),
    Fault("socket", "ENOMEM", costs=True),
    Fault("epoll_ctl", "ENOMEM", costs=True, is_quick=True),
    Fault("epoll_ctl", "ENOSPC", costs=True),
    Fault("epoll_wait", "EINTR", costs=False),
    Fault("close", "EINTR", costs=True),
    Fault("close", "EIO", costs=True, is_quick=True),
]


def can_trace() -> bool:
    """Tell whether strace is here, and may look at and change the calls of a process."""
    if shutil.which("strace") is None:
        return False
    words = ["strace", "-qq", "-e", "trace=close", "-e", "inject=close:error=EIO:when=1", "true"]
    tried = subprocess.run(words, capture_output=True, check=False, timeout=PATIENCE_S)
    return b"INJECTED" in tried.stderr


pytestmark = [
    pytest.mark.capability("strace"),
    pytest.mark.skipif(not can_trace(), reason="needs Debian's strace, and leave to use it"),
    pytest.mark.timeout(scaled(180, 300)),
]


@contextmanager
def injected(proxy: Engine, fault: Fault) -> Iterator[Path]:
    """Let every so-manieth call fail while the block runs; yield the record of all such calls."""
    record = proxy.directory / "strace"
    what = f"inject={fault.call}:error={fault.error}:when={EVERY}+{EVERY}"
    words = ["strace", "-f", "-p", str(proxy.pid), "-o", str(record)]
    with subprocess.Popen(
        [*words, "-e", f"trace={fault.call}", "-e", what], stderr=subprocess.PIPE, text=True
    ) as strace:
        assert strace.stderr is not None
        attached = strace.stderr.readline()
        try:
            assert "attached" in attached, attached
            yield record
        finally:
            strace.terminate()
            strace.wait(PATIENCE_S)


def ask(proxy: Engine, count: int) -> int:
    """Ask so often, on connections of a few requests each; return how many were not answered."""
    failed = 0
    for _ in range(0, count, PER_CONNECTION):
        wire = proxy.connect()
        try:
            # The first one is unsafe, so it gets a backend connection of its own.
            asked = [request("POST", body=b"once"), request(), request("GET", "/last")]
            for position, one in enumerate(asked):
                if wire.ask(one).status != 200:
                    raise Truncated(f"request {position} was not answered")
        except (OSError, Truncated):
            failed += 1
        finally:
            wire.close()
    return failed


@pytest.mark.parametrize(
    "fault",
    [fault for fault in FAULTS if fault.is_quick or IS_SOAK],
    ids=lambda fault: f"{fault.call}-{fault.error}",
)
def test_a_call_that_fails_costs_its_own_request_alone(
    engine: StartEngine, backend: OpenBackend, fault: Fault
) -> None:
    proxy = engine(LISTEN + pool(backend()) + LIMITS)
    with injected(proxy, fault) as record:
        with ThreadPoolExecutor(CLIENTS) as clients:
            failed = sum(clients.map(ask, [proxy] * CLIENTS, [REQUESTS // CLIENTS] * CLIENTS))
        calls = record.read_text().count("(INJECTED)")
    assert calls > 0
    assert failed <= (calls if fault.costs else 0)
    assert ask(proxy, 30) == 0
    proxy.hang_up()
    wait_until(lambda: not proxy.ask("status")["sessions"])
