"""Who waits for room is looked at: a stall has a cause, and a late loop accuses nobody else."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import cast

import pytest

from rsp.core.limits import STALL_S, Limits
from rsp.core.stall import SocketLook
from rsp.core.vocabulary import Side, StallCause
from rsp.engine.connection import Connection
from rsp.engine.context import Context
from rsp.engine.kernel import has_room, raw_look, read_look
from rsp.engine.poller import Poller
from rsp.engine.session import Session
from rsp.engine.stalls import StallWatch
from rsp.engine.wait import Stall, Wait
from tests.behaviour.waiting import wait_until
from tests.conftest import Pairs, fill

SHUT = SocketLook(snd_mss=1000, notsent_bytes=5000, snd_wnd_bytes=0)
FULL = SocketLook(snd_mss=1000, notsent_bytes=5000, snd_wnd_bytes=65_536, unacked=10)
ROOM = SocketLook(has_room=True)
NOTHING = SocketLook()


class Scene:
    """A watch over one connection that has waited since second 0."""

    def __init__(self, poller: Poller, pairs: Pairs, *, lag_s: float) -> None:
        self.near, self.far = pairs.tcp()
        self.kept: list[Stall] = []
        context = SimpleNamespace(
            poller=poller,
            deadlines=SimpleNamespace(set=lambda *_: None, lag_now_s=lambda: lag_s),
            telemetry=SimpleNamespace(stalls=self.kept),
        )
        connection = Connection(poller, self.near, "1.2.3.4:5", Side.CLIENT, Limits())
        session = Session.__new__(Session)
        session.id, session.client = 7, connection
        connection.owner = session
        self.wait = poller.blocked[connection] = Wait(0.0, raw_look(self.near))
        self.watch = StallWatch(cast(Context, context))


@pytest.fixture
def scene(poller: Poller, pairs: Pairs) -> Callable[..., Scene]:
    return lambda lag_s=0.0: Scene(poller, pairs, lag_s=lag_s)


async def test_a_wait_is_a_stall_from_a_tenth_of_a_second(scene: Callable[..., Scene]) -> None:
    at = scene()
    fill(at.near)
    at.watch.on_deadline(0.9 * STALL_S)
    assert at.kept == []
    # The kernel tries for a moment to send more than the peer has room for.
    wait_until(lambda: read_look(raw_look(at.near)).snd_wnd_bytes == 0)
    at.watch.on_deadline(STALL_S)
    assert at.kept == [at.wait.stall]
    assert at.kept[0].row(STALL_S).cause == "peer_not_reading"


async def test_whoever_has_made_room_is_not_stalled(scene: Callable[..., Scene]) -> None:
    at = scene()
    assert has_room(at.near)
    at.watch.on_deadline(1.0)
    assert at.kept == []


async def test_room_that_a_late_loop_has_not_used_is_our_fault(
    scene: Callable[..., Scene],
) -> None:
    at = scene(lag_s=0.9)
    at.watch.on_deadline(1.0)
    row = at.kept[0].row(1.0)
    assert row.cause == "engine_busy"
    assert row.sentence.startswith("client takes bytes again, and our loop has not come to send")


def stall_of(*looks: SocketLook) -> Stall:
    stall = Stall(7, Side.CLIENT, "client", Wait(0.0, (b"", b"")))
    for look in looks:
        stall.see(look, 0, 65_536)
    return stall


@pytest.mark.parametrize(
    ("looks", "cause"),
    [
        ((SHUT, SHUT, FULL), StallCause.PEER_NOT_READING),
        ((FULL, SHUT, SHUT), StallCause.PEER_NOT_READING),
        ((SHUT, ROOM), StallCause.PEER_NOT_READING),
        ((SHUT, NOTHING, NOTHING), StallCause.PEER_NOT_READING),
        ((NOTHING, FULL), StallCause.PATH_CONGESTION),
        ((NOTHING,), StallCause.UNKNOWN),
    ],
)
def test_the_cause_is_what_was_seen_most(looks: tuple[SocketLook, ...], cause: StallCause) -> None:
    """While a client begins to read, its last bytes are on the path: that was not the cause."""
    assert stall_of(*looks).cause is cause


def test_the_widest_window_is_remembered() -> None:
    stall = Stall(7, Side.CLIENT, "client", Wait(0.0, (b"", b"")))
    assert stall.see(FULL, 0, 0) == 65_536
    assert stall.see(SHUT, 0, 0) == 0
    assert stall.see(SHUT, 0, 65_536) == 65_536


def test_what_a_fault_held_back_is_told_when_it_is_gone() -> None:
    stall = Stall(7, Side.CLIENT, "client", Wait(0.0, (b"", b"")))
    stall.wait.held_by = "fault 1 (latency)"
    stall.see(NOTHING, 10, 0)
    stall.wait.held_by = ""
    said = stall.row(1.0).sentence
    assert said == "fault 1 (latency) holds back what client is to get, for 1.0 s"
