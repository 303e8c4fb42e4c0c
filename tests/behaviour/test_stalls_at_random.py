"""Stalls of known cause, made at random and all at once: each is named right, cause and side."""

import random
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field

import pytest

from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import OpenBackend, StartEngine
from tests.behaviour.running import Engine, Row
from tests.behaviour.scripted import Script
from tests.behaviour.waiting import PATIENCE_S, wait_until
from tests.behaviour.wire import Wire, chunked, head, numbered, request

STALLS = 50
LOOKS = 20
SMALL_BYTES = 8192
PAGE = numbered(4 << 20)
SILENT = "peer_sending_nothing"
NOT_READING = "peer_not_reading"
ROUTE = 'function route(request) return request.path == "/unread" and "deaf" or "web" end\n'
CHUNKED = head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked")


@dataclass
class Made:
    """A stall, and what is true about it."""

    client: Wire
    causes: dict[str, str]
    """By side."""
    words: str = ""
    """How the sentence ends, where its numbers are known."""
    sender: threading.Thread | None = field(default=None, repr=False)


class Maker:
    """Makes stalls: each method makes one of its kind, with sizes that chance has chosen."""

    def __init__(self, proxy: Engine, chance: random.Random) -> None:
        self._proxy = proxy
        self._chance = chance
        self.kinds: list[Callable[[], Made]] = [
            self.client_does_not_read,
            self.client_does_not_read_chunks,
            self.client_stops_in_its_head,
            self.client_stops_in_its_upload,
            self.client_stops_in_a_chunk,
            self.backend_does_not_read,
            self.backend_does_not_read_a_small_request,
            self.backend_does_not_answer,
            self.backend_stops_in_its_head,
            self.backend_stops_in_its_body,
            self.backend_stops_in_a_chunk,
            self.operator_pauses_a_client,
            self.operator_pauses_both,
        ]

    def _connect(self, *pieces: bytes, receive_bytes: int | None = None) -> Wire:
        client = self._proxy.connect(receive_bytes=receive_bytes)
        client.send(*pieces)
        return client

    def _cut(self) -> tuple[int, int]:
        """Return how much of how much is sent."""
        whole = self._chance.randint(2, 100_000)
        return self._chance.randint(1, whole - 1), whole

    def client_does_not_read(self) -> Made:
        client = self._connect(request(path="/page"), receive_bytes=SMALL_BYTES)
        return Made(client, {"client": NOT_READING})

    def client_does_not_read_chunks(self) -> Made:
        client = self._connect(request(path="/chunks"), receive_bytes=SMALL_BYTES)
        return Made(client, {"client": NOT_READING})

    def client_stops_in_its_head(self) -> Made:
        whole = request(path="/" + "a" * self._chance.randint(1, 2000))
        client = self._connect(whole[: self._chance.randint(1, len(whole) - 1)])
        return Made(client, {"client": SILENT}, "half a request head is here")

    def client_stops_in_its_upload(self) -> Made:
        sent, whole = self._cut()
        put = head("PUT / HTTP/1.1", "Host: a", f"Content-Length: {whole}")
        client = self._connect(put, bytes(sent))
        words = f"its request body pauses after {sent:,} of {whole:,} body bytes"
        return Made(client, {"client": SILENT}, words)

    def client_stops_in_a_chunk(self) -> Made:
        sent, whole = self._cut()
        put = head("PUT / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked")
        client = self._connect(put, b"%x\r\n" % whole, bytes(sent))
        return Made(client, {"client": SILENT}, f"said {whole:,}, {sent:,} arrived")

    def backend_does_not_read(self) -> Made:
        client = self._connect()

        def send() -> None:
            with suppress(OSError):
                client.send(request("PUT", "/unread", body=PAGE))

        sender = threading.Thread(target=send)
        sender.start()
        return Made(client, {"backend": NOT_READING}, sender=sender)

    def backend_does_not_read_a_small_request(self) -> Made:
        body = bytes(self._chance.randint(4 * SMALL_BYTES, 8 * SMALL_BYTES))
        client = self._connect(request("PUT", "/unread", body=body))
        return Made(client, {"backend": NOT_READING})

    def backend_does_not_answer(self) -> Made:
        client = self._connect(request(path="/nothing"))
        return Made(client, {"backend": SILENT}, "the whole request and has not begun to answer")

    def backend_stops_in_its_head(self) -> Made:
        client = self._connect(request(path="/head"))
        return Made(client, {"backend": SILENT}, "the whole request and has not begun to answer")

    def backend_stops_in_its_body(self) -> Made:
        sent, whole = self._cut()
        client = self._connect(request(path=f"/body/{sent}/{whole}"))
        words = f"its response pauses after {sent:,} of {whole:,} body bytes"
        return Made(client, {"backend": SILENT}, words)

    def backend_stops_in_a_chunk(self) -> Made:
        sent, whole = self._cut()
        client = self._connect(request(path=f"/chunk/{sent}/{whole}"))
        return Made(client, {"backend": SILENT}, f"said {whole:,}, {sent:,} arrived")

    def operator_pauses_a_client(self) -> Made:
        client = self._connect()
        self._proxy.ask("pause", id=self._proxy.row(client)["id"])
        return Made(client, {"client": "operator"}, "a person paused it")

    def operator_pauses_both(self) -> Made:
        made = self.backend_does_not_answer()
        row = self._proxy.wait_for_state(made.client, "streaming")
        self._proxy.ask("pause", id=row["id"])
        return Made(
            made.client, {"client": "operator", "backend": "operator"}, "a person paused it"
        )


def stop_where_told(over: threading.Event) -> Script:
    """Return a script that begins to answer as the path says, and then says no more."""

    def script(wire: Wire) -> None:
        _, kind, *numbers = wire.read_head().path.split("/")
        sent, whole = (int(number) for number in numbers or ("0", "0"))
        pieces = {
            "page": head("HTTP/1.1 200 OK", f"Content-Length: {len(PAGE)}") + PAGE,
            "chunks": CHUNKED + chunked(PAGE[: len(PAGE) // 2], PAGE[len(PAGE) // 2 :]),
            "head": b"HTTP/1.1 200 OK\r\nServer: slo",
            "body": head("HTTP/1.1 200 OK", f"Content-Length: {whole}") + bytes(sent),
            "chunk": CHUNKED + b"%x\r\n" % whole + bytes(sent),
        }
        wire.send_what_is_taken(pieces.get(kind, b""))
        assert over.wait(PATIENCE_S)

    return script


def hear_nothing(over: threading.Event) -> Script:
    """Return a script that does not read."""

    def script(_: Wire) -> None:
        assert over.wait(PATIENCE_S)

    return script


def accused(row: Row) -> dict[str, str]:
    """Return who is accused of what; a busy machine may make our own loop late."""
    stalls = {side: row[side]["stall"] for side in ("client", "backend") if row[side]}
    found = {side: stall["cause"] for side, stall in stalls.items() if stall}
    return {side: cause for side, cause in found.items() if cause != "engine_busy"}


def is_named_right(made: Made, row: Row) -> bool:
    if accused(row) != made.causes:
        return False
    return all(row[side]["stall"]["sentence"].endswith(made.words) for side in made.causes)


def let_all_go(proxy: Engine, rows: list[tuple[Made, Row]]) -> None:
    """End every stall, and return when no session is left."""
    for made, row in rows:
        if "operator" in made.causes.values():
            proxy.ask("resume", id=row["id"])
    proxy.hang_up()
    for made, _ in rows:
        if made.sender is not None:
            made.sender.join(PATIENCE_S)
            assert not made.sender.is_alive()
    wait_until(lambda: not proxy.ask("status")["sessions"])


def assert_all_balanced(proxy: Engine, ids: list[int]) -> None:
    for number in ids:
        for flow in proxy.ask("connection", id=number)["ledger"].values():
            assert flow["balanced"], (number, flow)


@pytest.mark.parametrize("seed", [1, 2])
def test_fifty_stalls_are_all_named_right(
    engine: StartEngine, backend: OpenBackend, closing: ExitStack, seed: int
) -> None:
    over = threading.Event()
    web, deaf = backend(stop_where_told(over)), backend(hear_nothing(over))
    deaf.limit_receiving(SMALL_BYTES)
    proxy = engine(LISTEN + pool(web) + pool(deaf, name="deaf") + ROUTE)
    closing.callback(over.set)
    chance = random.Random(seed)
    maker = Maker(proxy, chance)
    kinds = [*maker.kinds, *chance.choices(maker.kinds, k=STALLS - len(maker.kinds))]
    chance.shuffle(kinds)
    made = {f"127.0.0.1:{one.client.port}": one for one in (make() for make in kinds)}

    def rows() -> list[tuple[Made, Row]]:
        found = proxy.ask("connections")["connections"]
        return [(made[row["client"]["address"]], row) for row in found]

    wait_until(lambda: all(is_named_right(one, row) for one, row in rows()))
    ids = [row["id"] for _, row in rows()]
    assert len(ids) == STALLS
    for _ in range(LOOKS):
        for one, row in rows():
            assert accused(row).items() <= one.causes.items(), (one, row)
    over.set()
    let_all_go(proxy, rows())
    assert_all_balanced(proxy, ids)
