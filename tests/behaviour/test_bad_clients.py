"""Clients that send garbage, stop in the middle, or leave at any moment: the engine lives on."""

import random
from contextlib import suppress

import pytest

from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import OpenBackend, StartEngine
from tests.behaviour.running import Engine
from tests.behaviour.scripted import Backend
from tests.behaviour.waiting import wait_until
from tests.behaviour.wire import Message, Wire, chunked, head, numbered, request, response

LEAVERS = 300
QUICK = "limits { linger_idle_s = 0.5, client_head_s = 2, backend_idle_s = 60 }\n"


def shared_config(site: Backend) -> str:
    return LISTEN + pool(site) + QUICK


def own_fds(proxy: Engine) -> int:
    """Return how many fds the engine has that are no connection, once no session is left."""
    wait_until(lambda: not proxy.ask("connections")["total"])
    return proxy.fds() - int(proxy.backend("web1")["idle_connections"])


@pytest.mark.parametrize("seed", range(10))
def test_garbage_is_refused_or_ends(proxy: Engine, site: Backend, seed: int) -> None:
    choose = random.Random(seed)
    for size in (1, 10, 1000, 40_000):
        client = proxy.connect()
        client.send_what_is_taken(choose.randbytes(size))
        with suppress(ConnectionError):
            client.finish()
        with suppress(ConnectionResetError):
            answer = client.read_to_end()
            assert answer == b"" or answer[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 431"), answer
    assert site.connections == 0


def test_a_header_of_100_kib_is_a_431(proxy: Engine, site: Backend) -> None:
    client = proxy.connect()
    client.send(request("GET", "/", "X-Big: " + "x" * 100 * 1024))
    assert client.read_response().status == 431
    assert site.connections == 0


def mutated(choose: random.Random, text: bytes) -> bytes:
    """Return `text` with some bytes changed, doubled or left out."""
    changed = bytearray(text)
    for _ in range(choose.randint(1, 4)):
        at = choose.randrange(len(changed))
        match choose.randrange(3):
            case 0:
                changed[at] = choose.choice(b"\0\r\n :;,=/\x7f\x80\xffAz09")
            case 1:
                changed[at:at] = changed[at : at + choose.randint(1, 8)]
            case _:
                del changed[at : at + choose.randint(1, 8)]
    return bytes(changed)


def test_clients_may_leave_at_any_moment(engine: StartEngine, backend: OpenBackend) -> None:
    page = numbered(200_000)

    def answer(asked: Message) -> bytes:
        if asked.path == "/chunked":
            pieces = chunked(page[:70_000], page[70_000:])
            return head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked") + pieces
        return response("200 OK", page)

    proxy = engine(LISTEN + pool(backend(answer=answer)) + QUICK)
    asked = [
        request(path="/sized") * 2,
        request("POST", "/chunked", "Transfer-Encoding: chunked") + chunked(page),
        request("PUT", "/sized", body=page),
    ]
    proxy.get("/sized")
    base_fds = own_fds(proxy)
    choose = random.Random(7)
    for number in range(LEAVERS):
        whole = asked[number % len(asked)]
        client = proxy.connect(receive_bytes=4096)
        with suppress(OSError):
            client.send(whole[: choose.randint(0, len(whole))])
            leave(client, choose)
        client.close()
    wait_until(lambda: own_fds(proxy) == base_fds)
    assert len(proxy.get("/sized").body) == len(page)
    assert proxy.ask("status")["unsent_bytes"] == 0


def leave(client: Wire, choose: random.Random) -> None:
    """Read some of the answer perhaps, then end with RST, FIN or half a FIN."""
    client.sock.settimeout(0.02)
    if choose.random() < 0.5:
        with suppress(TimeoutError):
            while choose.random() < 0.8:
                client.sock.recv(choose.choice((1, 100, 50_000)))
    match choose.randrange(3):
        case 0:
            client.reset()
        case 1:
            client.finish()
        case _:
            client.close()


def test_requests_that_are_almost_right_never_upset_it(proxy: Engine, site: Backend) -> None:
    choose = random.Random(20)
    models = [
        request("GET", "/a?b", "Accept: */*", "Connection: keep-alive"),
        request("POST", "/a", "Expect: 100-continue", body=b"hello"),
        request("PUT", "/a", "Transfer-Encoding: chunked") + chunked(b"one", b"two"),
        request("GET", "/chat", "Connection: Upgrade", "Upgrade: websocket") + b"early",
    ]
    for number in range(LEAVERS):
        client = proxy.connect()
        client.send(mutated(choose, models[number % len(models)]))
        with suppress(OSError):
            client.finish()
        answer = b""
        with suppress(ConnectionResetError):
            answer = client.read_to_end()
        assert answer[:9] in (b"", b"HTTP/1.1 "), answer
        client.close()
    assert proxy.get().status == 200


def test_with_no_fd_left_the_present_clients_are_served_and_it_recovers(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(LISTEN + pool(backend()), fds=64)
    present = proxy.connect()
    assert present.get().status == 200
    crowd = [proxy.connect() for _ in range(150)]
    said = proxy.wait_for_event("no fd left")
    assert "raise the limit of open files (ulimit -n)" in said
    assert [present.get().status for _ in range(20)] == [200] * 20
    # A listener that cannot accept must not keep the loop busy.
    proxy.wait_for_calm()
    for client in crowd:
        client.close()
    assert proxy.get().status == 200
