"""What became ready while the engine stood still comes to it in one batch, and leaves together.

Between the moment at which a message is ready to leave and the end of its batch, the batch may
bring the end of whoever it is for.
"""

import threading
from collections.abc import Callable

import pytest

from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import OpenBackend, StartEngine
from tests.behaviour.running import Engine
from tests.behaviour.scripted import Backend
from tests.behaviour.waiting import PATIENCE_S, wait_until
from tests.behaviour.wire import Message, Wire, digest, numbered, request, response

COUNT = 24
PAGE = numbered(2000)
"""Small enough to come with its head in one read."""


UNASKED = [
    response("408 Request Timeout", b"idle for too long", "Connection: close"),
    response("200 OK", b"unasked"),
]


class Held:
    """Clients that all wait for their responses, which come when they are told to."""

    def __init__(self, start: StartEngine, open_backend: OpenBackend) -> None:
        self._may_answer = threading.Event()
        self._answered = threading.Semaphore(0)
        self.site: Backend = open_backend(self._serve)
        self.proxy: Engine = start(LISTEN + pool(self.site))
        self.clients = [self.proxy.connect() for _ in range(COUNT)]
        for client in self.clients:
            client.send(request())
        wait_until(lambda: len(self.site.requests) == COUNT)

    def _serve(self, wire: Wire) -> None:
        while True:
            message = wire.read_request()
            self.site.requests.append(message)
            assert self._may_answer.wait(PATIENCE_S)
            wire.send(response("200 OK", PAGE))
            self._answered.release()

    def answer(self) -> None:
        """Let the backend answer all, and return when it has."""
        self._may_answer.set()
        for _ in range(COUNT):
            assert self._answered.acquire(timeout=PATIENCE_S)


def is_whole(answer: Message) -> bool:
    return answer.status == 200 and digest(answer.body) == digest(PAGE)


def ask_again(client: Wire) -> None:
    client.send(request())


def say_fin(client: Wire) -> None:
    client.finish()


@pytest.mark.parametrize("act", [Wire.reset, Wire.close])
def test_a_client_that_leaves_in_the_batch_of_its_response_costs_nobody_else(
    engine: StartEngine, backend: OpenBackend, act: Callable[[Wire], None]
) -> None:
    held = Held(engine, backend)
    leaving, staying = held.clients[::2], held.clients[1::2]
    with held.proxy.standing_still():
        held.answer()
        for client in leaving:
            act(client)
    assert all(is_whole(client.read_response()) for client in staying)
    wait_until(lambda: held.proxy.ask("status")["sessions"] == len(staying))
    if act is Wire.reset:
        rows = held.proxy.ask("exchanges")["exchanges"]
        assert sum(row["status"] == 200 for row in rows) == len(staying), "the others got nothing"
    assert all(is_whole(client.get()) for client in staying)


@pytest.mark.parametrize("act", [ask_again, say_fin])
def test_what_a_client_says_in_the_batch_of_its_response_comes_behind_it(
    engine: StartEngine, backend: OpenBackend, act: Callable[[Wire], None]
) -> None:
    held = Held(engine, backend)
    with held.proxy.standing_still():
        held.answer()
        for client in held.clients:
            act(client)
    assert all(is_whole(client.read_response()) for client in held.clients)
    if act is ask_again:
        assert all(is_whole(client.read_response()) for client in held.clients)
        assert len(held.site.requests) == 2 * COUNT
    else:
        assert [client.read_to_end() for client in held.clients] == [b""] * COUNT


def test_pipelined_requests_of_one_batch_are_answered_in_order(
    engine: StartEngine, backend: OpenBackend
) -> None:
    site = backend(answer=lambda message: response("200 OK", message.path.encode()))
    proxy = engine(LISTEN + pool(site))
    clients = [proxy.connect() for _ in range(COUNT)]
    paths = [f"/{number}" for number in range(5)]
    with proxy.standing_still():
        for client in clients:
            client.send(*(request(path=path) for path in paths))
    for client in clients:
        assert [client.read_response().body.decode() for _ in paths] == paths


def test_a_backend_that_says_too_much_in_one_batch_is_not_used_again(
    engine: StartEngine, backend: OpenBackend
) -> None:
    """Two responses to one request, in one read: the second is for nobody."""
    site = backend(answer=lambda _: response("200 OK", PAGE) + response("200 OK", b"stray"))
    proxy = engine(LISTEN + pool(site))
    clients = [proxy.connect() for _ in range(COUNT)]
    for _ in range(2):
        with proxy.standing_still():
            for client in clients:
                client.send(request())
        assert all(is_whole(client.read_response()) for client in clients)
    assert site.connections == 2 * COUNT


def test_a_connection_that_ends_in_the_batch_of_its_request_gets_none_and_the_next_gets_one(
    engine: StartEngine, backend: OpenBackend
) -> None:
    held = Held(engine, backend)
    held.answer()
    assert all(is_whole(client.read_response()) for client in held.clients)
    wait_until(lambda: held.proxy.backend("web1")["idle_connections"] == COUNT)
    with held.proxy.standing_still():
        for client in held.clients:
            client.send(request())
        held.site.hang_up()
    assert all(is_whole(client.read_response()) for client in held.clients)
    assert all(is_whole(client.get()) for client in held.clients)
    assert len(held.site.requests) == 3 * COUNT
    assert held.site.connections == 2 * COUNT


@pytest.mark.parametrize("unasked", UNASKED, ids=["the end", "more"])
def test_what_a_kept_backend_says_before_it_is_asked_is_nobodys_answer(
    engine: StartEngine, backend: OpenBackend, unasked: bytes
) -> None:
    site = backend(answer=lambda message: response("200 OK", message.path.encode()))
    proxy = engine(LISTEN + pool(site))
    alice, bob = proxy.connect(), proxy.connect()
    assert alice.get("/").body == b"/"
    wait_until(lambda: proxy.backend("web1")["idle_connections"] == 1)
    with proxy.standing_still():
        # In this order: her request has its connection, and has not left, when it speaks.
        alice.send(request(path="/alice"))
        site.wires[0].send(unasked)
    assert alice.read_response().body == b"/alice"
    assert bob.get("/bob").body == b"/bob"
