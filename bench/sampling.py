"""`python -m bench.sampling`: what the samples of 1,000 sessions cost, and how long a turn takes.

Real sockets and the engine's own sampler, without traffic: the clock is moved by hand, tick by
tick, and the processor time of the thread is what the samples have cost.
"""

import asyncio
import socket
import time
from statistics import median

from bench.machine import description, raise_fd_limit
from rsp.core.backends import BackendTable
from rsp.core.config import ListenerConfig
from rsp.core.limits import STALL_S, TIMER_TICK_S, Limits
from rsp.core.route import FixedRouter
from rsp.core.vocabulary import Mode, Side
from rsp.engine.connection import Connection
from rsp.engine.context import Context
from rsp.engine.deadlines import Deadlines
from rsp.engine.dispatch import Dispatcher
from rsp.engine.entrance import Entrance
from rsp.engine.kernel import raw_look
from rsp.engine.poller import Poller
from rsp.engine.sampling import Sampler
from rsp.engine.session import Registry, Session
from rsp.engine.telemetry import Telemetry
from rsp.engine.wait import Wait

SESSIONS = 1_000
SECONDS = 20
"""As the sampler sees it; the bench does not wait."""

ENTRANCE = Entrance("127.0.0.1:80", ListenerConfig("127.0.0.1:80", Mode.HTTP, "web"), ("web",))


class Crowd:
    """A sampler with sessions whose both sides are sockets of their own."""

    def __init__(self, poller: Poller, deadlines: Deadlines) -> None:
        dispatcher = Dispatcher(BackendTable.of([], 1), FixedRouter("web"))
        self.poller = poller
        self.context = Context(poller, deadlines, Telemetry(), dispatcher, Limits())
        self.registry = Registry()
        self.sampler = Sampler(self.context, self.registry)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._far: list[socket.socket] = []
        for _ in range(SESSIONS):
            session = Session(self.context, self.registry, self._side(Side.CLIENT), ENTRANCE)
            session.backend = self._side(Side.BACKEND)
            session.client.owner = session.backend.owner = session
            self.registry.live[session.id] = session

    def _side(self, side: Side) -> Connection:
        self._far.append(socket.create_connection(self._listener.getsockname()))
        accepted, _ = self._listener.accept()
        # As the engine has it: without the wrapper.
        near = socket.SocketType(accepted.family, accepted.type, 0, accepted.detach())
        near.setblocking(False)
        return Connection(self.poller, near, "peer", side, Limits())

    def stall(self) -> None:
        """Let each client be one that does not read."""
        for session in self.registry.live.values():
            client = session.client
            try:
                while True:
                    client.sock.send(bytes(65536))
            except BlockingIOError:
                client.unsent.append(bytes(1024))
                began_s = self.poller.now_s - STALL_S
                self.poller.blocked[client] = Wait(began_s, raw_look(client.sock))

    def run(self) -> tuple[float, list[float]]:
        """Return the share of a core that sampling takes, and how long each turn took, in ms."""
        turns_ms: list[float] = []
        now_s = self.poller.now_s
        began_s = time.thread_time()
        for _ in range(round(SECONDS / TIMER_TICK_S)):
            now_s += TIMER_TICK_S
            self.poller.now_s = now_s
            self.sampler.look((), now_s)
            turn = self.sampler.on_deadline
            turns_ms.append(_timed_ms(turn, now_s))
            while self.sampler.is_taking:
                turns_ms.append(_timed_ms(self.sampler.on_ready, 0))
        return (time.thread_time() - began_s) / SECONDS, turns_ms


def _timed_ms(act: object, argument: float) -> float:
    began_s = time.thread_time()
    act(argument)  # type: ignore[operator]
    return (time.thread_time() - began_s) * 1e3


def _told(what: str, crowd: Crowd) -> str:
    share, turns_ms = crowd.run()
    ordered = sorted(turns_ms)
    held = crowd.sampler.held_bytes / SESSIONS / 1024
    return (
        f"{SESSIONS:,} sessions, {what}: {share:.1%} of a core; a turn of the loop "
        f"{median(ordered):.2f} ms (p99 {ordered[len(ordered) * 99 // 100]:.2f}); "
        f"{held:.1f} KiB a session"
    )


async def _main() -> None:
    loop = asyncio.get_running_loop()
    deadlines = Deadlines(loop)
    crowd = Crowd(Poller(loop), deadlines)
    print(description())
    print(_told("all well, both sides", crowd))
    crowd.stall()
    print(_told("all clients stalled, backends well", crowd))
    deadlines.stop()


if __name__ == "__main__":
    raise_fd_limit()
    asyncio.run(_main())
