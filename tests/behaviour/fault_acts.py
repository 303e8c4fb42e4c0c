"""What goes wrong: 24 faults, each as the step that somebody takes in the midst of a session."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

from tests.behaviour.fault_scene import (
    BODY,
    BULK_BYTES,
    HALF,
    HEAD_BEGUN_BYTES,
    NEED_NO_BACKEND,
    Scene,
)
from tests.behaviour.waiting import PATIENCE_S, wait_until
from tests.behaviour.wire import Wire, numbered, response

Act = Callable[[Scene], str]
"""Does it, goes on as far as one can, and returns what the client sees."""

SLOW_STEP_S = 0.25
SLOW_STEPS = 8
"""A slow peer takes twice as long in all as any allowance of the short limits."""
OVERSIZED = b"X-Large: " + b"x" * 40_000 + b"\r\n\r\n"
GARBAGE = b"\x00\x01 what?\r\n\r\n"
BURST = 3


def slowly(wire: Wire, data: bytes) -> None:
    """Send the last bytes of `data` one by one: slowness is the fault."""
    assert len(data) >= SLOW_STEPS
    wire.send(data[:-SLOW_STEPS])
    for at in range(len(data) - SLOW_STEPS, len(data)):
        time.sleep(SLOW_STEP_S)
        wire.send_what_is_taken(data[at : at + 1])


def fill(wire: Wire) -> int:
    """Send until nothing is taken for a while; return how many bytes were."""
    piece, taken = numbered(1 << 20), 0
    wire.sock.settimeout(SLOW_STEP_S)
    with contextlib.suppress(TimeoutError):
        while taken < BULK_BYTES - len(BODY):
            taken += wire.sock.send(piece[: BULK_BYTES - len(BODY) - taken])
    wire.sock.settimeout(PATIENCE_S)
    return taken


@contextlib.contextmanager
def sending(wire: Wire, data: bytes) -> Iterator[None]:
    """Send `data` beside what the block does, for as long as it is taken."""
    sender = threading.Thread(target=wire.send_what_is_taken, args=(data,))
    sender.start()
    yield
    sender.join(PATIENCE_S)
    assert not sender.is_alive()


def whole(scene: Scene) -> str:
    """Go on to the end, and return what the client sees."""
    scene.go_on()
    if scene.phase == "tunnel":
        return "whole"
    return scene.seen()


def ended(scene: Scene) -> str:
    """Return how it ends, when nobody goes on."""
    return scene.tunnel_seen() if scene.phase == "tunnel" else scene.seen()


# -- the client's


def client_fin(scene: Scene) -> str:
    scene.client.close()
    return _after_the_client(scene)


def client_reset(scene: Scene) -> str:
    scene.client.reset()
    return "gone"


def _after_the_client(scene: Scene) -> str:
    """A FIN alone may be a half-close: whoever has been asked answers all the same."""
    if scene.phase in ("waiting", "response_head", "response_body"):
        wait_until(lambda: scene.row()["half_closed"] == "client")
        scene.go_on()
    elif scene.phase == "connecting":
        scene.origin.make_room()
        scene.serve(1)
    return "gone"


def client_half_close(scene: Scene) -> str:
    scene.client.finish()
    if scene.phase in ("accepted", "request_head", "request_body", "idle"):
        return ended(scene)
    if scene.phase != "tunnel":
        return whole(scene)
    assert scene.backend.read_to_end() == b""
    scene.backend.send(b"pong")
    assert scene.client.read(4) == b"pong"
    return "whole"


def client_stall(scene: Scene) -> str:
    if scene.is_bulk:
        fill(scene.backend)
        scene.wait_for_state("closed")
    return ended(scene)


def client_slow(scene: Scene) -> str:
    match scene.phase:
        case "accepted" | "idle":
            slowly(scene.client, scene.get()[:HEAD_BEGUN_BYTES])
        case "request_head":
            slowly(scene.client, scene.rest_of_head()[:-2])
        case "request_body":
            slowly(scene.client, BODY[HALF:])
        case "response_body":
            with sending(scene.backend, numbered(BULK_BYTES)):
                while scene.row()["state"] != "closed":
                    time.sleep(SLOW_STEP_S)
                    scene.client.received += scene.client.sock.recv(1)
            return scene.seen()
        case "tunnel":
            slowly(scene.client, numbered(SLOW_STEPS))
            scene.backend.read(SLOW_STEPS)
            return whole(scene)
    return scene.seen()


def client_burst(scene: Scene) -> str:
    burst = scene.get() * BURST
    if scene.phase == "tunnel":
        scene.client.send(burst)
        scene.backend.read(len(burst))
        return whole(scene)
    scene.answers += BURST
    match scene.phase:
        case "accepted" | "idle" | "request_head":
            scene.client.send(scene.rest_of_head() + burst)
            scene.serve(scene.answers)
        case "request_body":
            scene.client.send(BODY[HALF:] + burst)
            scene.backend.read(HALF)
            scene.finish_answer(scene.answer())
        case _:
            scene.client.send(burst)
            scene.go_on()
    return scene.seen()


def client_garbage(scene: Scene) -> str:
    return _bad_next(scene, GARBAGE, in_head=b"\x00: what\r\n\r\n", in_chunks=b"what?\r\n")


def client_oversized(scene: Scene) -> str:
    next_request = scene.get()[:-2] + OVERSIZED
    return _bad_next(scene, next_request, in_head=OVERSIZED, in_chunks=b"0\r\n" + OVERSIZED)


def _bad_next(scene: Scene, data: bytes, *, in_head: bytes, in_chunks: bytes) -> str:
    """Send what is no request where one may be sent; what was asked before is answered."""
    if scene.phase == "request_head":
        data = scene.rest_of_head()[:-2] + in_head
    elif scene.phase == "request_body":
        data = in_chunks
    with sending(scene.client, data):
        if scene.phase in (*NEED_NO_BACKEND, "request_body"):
            return scene.seen()
        if scene.phase == "tunnel":
            assert scene.backend.read(len(data)) == data
            return whole(scene)
        scene.go_on()
        scene.answers += 1
        return scene.seen()


# -- the backend's


def backend_refuses(scene: Scene) -> str:
    scene.origin.refuse()
    if scene.phase == "idle":
        scene.backend.close()
        wait_until(lambda: not scene.idle_connections())
    if scene.phase != "connecting":
        scene.client.send(scene.rest_of_head())
    return scene.seen()


def backend_blackhole(scene: Scene) -> str:
    if scene.phase != "connecting":
        scene.origin.fill()
        scene.client.send(scene.rest_of_head())
    return scene.seen()


def _backend_ends(scene: Scene, end: Callable[[Wire], None]) -> str:
    if scene.phase == "connecting":
        scene.origin.make_room()
        scene.backend = scene.origin.next_request()
    end(scene.backend)
    if scene.phase == "idle":
        wait_until(lambda: not scene.idle_connections())
        return whole(scene)
    return ended(scene)


def backend_fin(scene: Scene) -> str:
    return _backend_ends(scene, Wire.close)


def backend_reset(scene: Scene) -> str:
    return _backend_ends(scene, Wire.reset)


def backend_half_close(scene: Scene) -> str:
    return _backend_ends(scene, Wire.finish)


def backend_stall(scene: Scene) -> str:
    if scene.is_bulk:
        fill(scene.client)
    return ended(scene)


def backend_slow(scene: Scene) -> str:
    match scene.phase:
        case "request_body":
            with sending(scene.client, numbered(BULK_BYTES)):
                for _ in range(SLOW_STEPS):
                    time.sleep(SLOW_STEP_S)
                    scene.backend.received += scene.backend.sock.recv(300_000)
                scene.backend.read(BULK_BYTES)
            scene.is_bulk = False
            scene.backend.send(scene.answer())
        case "waiting":
            slowly(scene.backend, scene.answer())
        case "response_head":
            slowly(scene.backend, scene.answer()[HEAD_BEGUN_BYTES:30])
            scene.backend.send(scene.answer()[30:])
        case "response_body":
            slowly(scene.backend, scene.answer()[-HALF:])
        case "tunnel":
            slowly(scene.backend, numbered(SLOW_STEPS))
            scene.client.read(SLOW_STEPS)
            return whole(scene)
    return scene.seen()


def _backend_says(scene: Scene, data: bytes) -> str:
    """Send what is no response at this place."""
    if scene.phase == "connecting":
        scene.origin.make_room()
        scene.backend = scene.origin.next_request()
    with sending(scene.backend, data):
        if scene.phase == "tunnel":
            assert scene.client.read(len(data)) == data
            return whole(scene)
        if scene.phase == "idle":
            wait_until(lambda: not scene.idle_connections())
            return whole(scene)
        return scene.seen()


def backend_garbage(scene: Scene) -> str:
    return _backend_says(scene, GARBAGE)


def backend_oversized(scene: Scene) -> str:
    begin = b"HTTP/1.1 200 OK\r\n"
    if scene.phase == "response_head":
        begin = b""
    elif scene.phase == "response_body":
        begin = scene.answer()[-HALF:-2]
    return _backend_says(scene, begin + OVERSIZED)


def backend_early(scene: Scene) -> str:
    return _backend_says(scene, scene.answer())


def backend_short_body(scene: Scene) -> str:
    """Say less than was announced, and end."""
    whole_answer = scene.answer()
    rest = {
        "request_body": whole_answer[:-HALF],
        "waiting": whole_answer[:-HALF],
        "response_head": whole_answer[HEAD_BEGUN_BYTES:-HALF],
        "response_body": whole_answer[-HALF:-5],
    }[scene.phase]
    scene.backend.send(rest)
    # So that no unread byte of the request turns the FIN into a reset.
    scene.backend.finish()
    return scene.seen()


def backend_extra(scene: Scene) -> str:
    extra = response("200 OK", b"nobody asked")
    begin = {
        "request_body": scene.answer(),
        "waiting": scene.answer(),
        "response_head": scene.answer()[HEAD_BEGUN_BYTES:],
        "response_body": scene.answer()[-HALF:],
        "idle": b"",
    }[scene.phase]
    if scene.phase == "request_body":
        scene.client.send(BODY[HALF:])
        scene.backend.read(HALF)
    return _backend_says(scene, begin + extra)


# -- ours


def out_of_fds(scene: Scene) -> str:
    """Clients come until none is let in any more; whoever is in goes on."""
    held: list[socket.socket] = []
    sessions = scene.ask("status")["sessions"]

    def is_full() -> bool:
        return "no_fds" in scene.ask("status")["listeners"][0]["paused_by"]

    try:
        while not is_full():
            held.append(socket.create_connection(("127.0.0.1", scene.proxy.port), PATIENCE_S))
            count = sessions + len(held)
            wait_until(lambda: is_full() or scene.ask("status")["sessions"] >= count)  # noqa: B023
        return whole(scene)
    finally:
        for sock in held:
            sock.close()
        wait_until(lambda: scene.ask("status")["sessions"] <= sessions)


def backend_removed(scene: Scene) -> str:
    scene.ask("backend.remove", target=f"{scene.pool}/{scene.pool}1")
    if scene.phase in NEED_NO_BACKEND:
        scene.client.send(scene.rest_of_head())
        return scene.seen()
    return whole(scene)


def reload(scene: Scene) -> str:
    scene.ask("reload")
    return whole(scene)


def lua_error(scene: Scene) -> str:
    scene.client.send(scene.rest_of_head("X-Raise: yes"))
    return scene.seen()


ACTS: dict[str, Act] = {
    act.__name__: act
    for act in (
        *(client_fin, client_reset, client_half_close, client_stall, client_slow, client_burst),
        *(client_garbage, client_oversized, backend_refuses, backend_blackhole, backend_fin),
        *(backend_reset, backend_half_close, backend_stall, backend_slow, backend_garbage),
        *(backend_oversized, backend_early, backend_short_body, backend_extra, out_of_fds),
        *(backend_removed, reload, lua_error),
    )
}
