"""While our own loop stands still, whoever waits waits for us: no peer is accused for that."""

import threading
import time

import msgspec

from rsp.core.wire import decode_reply, encode_request
from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import OpenBackend, StartEngine
from tests.behaviour.running import Row
from tests.behaviour.scripted import hold
from tests.behaviour.waiting import PATIENCE_S, wait_until
from tests.behaviour.wire import Message, digest, head, numbered, request, response

BURN = (
    'function route(request) if request.path == "/burn" then while true do end end return "web" end'
)
"""Each such request holds the loop until its 20 ms of processor time are over."""
BURNERS = 20
STOPPED_S = 0.3
PAGE = numbered(8 << 20)


def accused(rows: list[Row]) -> set[tuple[str, str]]:
    """Return who is accused of what in these sessions."""
    return {
        (side, row[side]["stall"]["cause"])
        for row in rows
        for side in ("client", "backend")
        if row[side] and row[side]["stall"]
    }


def pass_time(seconds: float) -> None:
    """Wait. How long the engine is stopped is what is tested; nothing is synchronised by it."""
    time.sleep(seconds)


def test_a_route_that_burns_makes_the_others_wait_for_us(
    engine: StartEngine, backend: OpenBackend
) -> None:
    """A backend answers at once, but the loop runs `route` for others: its answer lies unread."""
    may_answer = threading.Semaphore(0)

    def answer(_: Message) -> bytes:
        assert may_answer.acquire(timeout=PATIENCE_S)
        return response("200 OK", b"at once")

    site = backend(answer=answer)
    proxy = engine(LISTEN + pool(site) + BURN)
    client, looker = proxy.connect(), proxy.connect_control()
    seen: set[tuple[str, str]] = set()

    def look_while_it_burns() -> bool:
        count = len(site.requests) + 1
        client.send(request())
        wait_until(lambda: len(site.requests) == count)
        burners = [proxy.connect() for _ in range(BURNERS)]
        wait_until(lambda: proxy.ask("status")["sessions"] > BURNERS)
        # What comes while it is stopped is one batch for it: the look is next, the answer later.
        with proxy.standing_still():
            for burner in burners:
                burner.send(request(path="/burn"))
            looker.send(encode_request("connections", {}, count))
        may_answer.release()
        rows = decode_reply(looker.read_to(b"\n")).result
        seen.update(accused(msgspec.json.decode(rows)["connections"]))
        assert client.read_response().body == b"at once"
        for burner in burners:
            assert burner.read_response().status == 502
            burner.close()
        wait_until(lambda: proxy.ask("status")["sessions"] == 1)
        return ("backend", "engine_busy") in seen

    wait_until(look_while_it_burns)
    assert {cause for _, cause in seen} == {"engine_busy"}


def test_an_engine_that_was_stopped_accuses_nobody(
    engine: StartEngine, backend: OpenBackend
) -> None:
    """A client waits, its backend answers, a client uploads: all of it while nobody reads."""
    release = threading.Event()
    proxy = engine(LISTEN + pool(backend(hold(release))))
    client, uploader = proxy.connect(), proxy.connect()
    client.send(request())
    uploader.send(head("PUT / HTTP/1.1", "Host: a", f"Content-Length: {len(PAGE)}"))
    for wire in (client, uploader):
        proxy.wait_for_state(wire, "streaming")
    sender = threading.Thread(target=uploader.send, args=(PAGE,))
    with proxy.standing_still():
        sender.start()
        release.set()
        pass_time(STOPPED_S)
    seen: set[tuple[str, str]] = set()
    while sender.is_alive():
        seen |= accused(proxy.ask("connections")["connections"])
    assert client.read_response().body == b"held"
    assert uploader.read_response().body == b"held"
    sender.join()
    assert {cause for _, cause in seen} <= {"engine_busy"}


def test_room_that_a_stopped_engine_has_not_used_is_our_fault(
    engine: StartEngine, backend: OpenBackend
) -> None:
    """The client reads on while the engine is stopped: all that is missing is our next piece."""
    proxy = engine(LISTEN + pool(backend(answer=lambda _: response("200 OK", PAGE))))

    def stop_once() -> Row:
        client = proxy.connect(receive_bytes=8192)
        client.send(request())
        session = proxy.row(client)["id"]
        answers: list[Message] = []
        reader = threading.Thread(target=lambda: answers.append(client.read_response()))
        wait_until(lambda: proxy.row(client)["client"]["blocked_s"] > 0)
        with proxy.standing_still():
            reader.start()
            pass_time(STOPPED_S)
        reader.join(PATIENCE_S)
        assert digest(answers[0].body) == digest(PAGE)
        found = proxy.ask("connection", id=session)["stalls"]
        return next((row for row in found if row["cause"] == "engine_busy"), {})

    stall = wait_until(stop_once)
    assert stall["sentence"].startswith("client takes bytes again, and our loop has not come")
    assert stall["side"] == "client"
