"""A backend may leave at any byte of its response: the client is told, sees it, or has it all."""

import random
from collections.abc import Callable

import pytest

from tests.behaviour.running import Engine
from tests.behaviour.scripted import Backend
from tests.behaviour.wire import Truncated, Wire, chunked, head, numbered, request, response

BODY = numbered(3_000)
SIZED = response("200 OK", BODY, "X-Field: value")
CHUNKED = head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked") + chunked(BODY[:1000], BODY[1000:])
HINTED = head("HTTP/1.1 103 Early Hints", "Link: </x>") + SIZED
TIMES = 120


def outcome(client: Wire) -> str:
    """Return what a client makes of its answer: whole, an error of ours, or cut off."""
    try:
        answer = client.read_response()
    except (Truncated, ConnectionResetError):
        return "cut off"
    if answer.status == 502:
        assert b"backend default/default" in answer.body
        return "told"
    assert (answer.status, answer.body) == (200, BODY)
    return "whole"


@pytest.mark.parametrize("answer", [SIZED, CHUNKED, HINTED], ids=["sized", "chunked", "hinted"])
@pytest.mark.parametrize("leave", [Wire.close, Wire.reset], ids=["FIN", "RST"])
def test_wherever_a_backend_leaves_nobody_takes_a_part_for_the_whole(
    proxy: Engine, site: Backend, answer: bytes, leave: Callable[[Wire], None]
) -> None:
    choose = random.Random(len(answer))
    cuts = [0, 1, len(answer) - 1, *(choose.randrange(len(answer)) for _ in range(TIMES))]
    head_bytes = answer.index(b"\r\n\r\n", answer.index(b" 200 ")) + 4
    for cut in cuts:

        def script(wire: Wire, cut: int = cut) -> None:
            wire.read_request()
            wire.send(answer[:cut])
            leave(wire)

        site.script = script
        client = proxy.connect()
        client.send(request())
        # A reset overtakes what was said before it only where nobody had read that yet.
        expected = {"told"} if cut < head_bytes else {"cut off"}
        assert outcome(client) in expected | ({"told"} if leave is Wire.reset else set()), cut
        client.close()


@pytest.mark.parametrize("answer", [SIZED, CHUNKED, HINTED], ids=["sized", "chunked", "hinted"])
def test_a_response_in_any_two_pieces_is_the_same_response(
    proxy: Engine, site: Backend, answer: bytes
) -> None:
    choose = random.Random(3)
    cuts = [choose.randrange(1, len(answer)) for _ in range(TIMES)]
    client = proxy.connect()

    def script(wire: Wire) -> None:
        for cut in cuts:
            wire.read_request()
            wire.send(answer[:cut])
            wire.send(answer[cut:])

    site.script = script
    for _ in cuts:
        client.send(request())
        assert outcome(client) == "whole"
    assert site.connections == 1
