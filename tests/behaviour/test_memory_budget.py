"""The memory budget used up by stalled readers: each step is seen, and it is climbed down again."""

from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import OpenBackend, StartEngine
from tests.behaviour.running import Engine, Row
from tests.behaviour.waiting import wait_until
from tests.behaviour.wire import Message, Wire, numbered, request, response

KIB, MIB = 1 << 10, 1 << 20
BUDGET_BYTES = 2 * MIB
PAGE = numbered(8 * MIB)
LIMITS = f"""limits {{
  memory_budget_bytes = {BUDGET_BYTES}, head_bytes = {128 * KIB}, client_head_s = 60,
}}
"""
STALLED = 8
"""Each holds 64 to 128 KiB: together they use a quarter to half of the budget."""
FILLERS = 20
FILLER_BYTES = 100 * KIB
LAST_MARK = 0.98
"""Beyond it, what is used goes down again at once."""


def answer(asked: Message) -> bytes:
    return response("200 OK", PAGE if asked.path == "/big" else b"small")


def memory(proxy: Engine) -> Row:
    return dict(proxy.ask("status")["memory"])


def wait_for_step(proxy: Engine, step: str) -> None:
    wait_until(lambda: memory(proxy)["step"] == step)


class Crowd:
    """Clients that fill the memory of an engine: stalled readers, then heads without an end."""

    def __init__(self, proxy: Engine) -> None:
        self._proxy = proxy
        self.readers = [self._connect() for _ in range(STALLED)]
        self.fillers = [self._connect() for _ in range(FILLERS)]
        """Those that have sent nothing yet; the oldest first."""
        self.filling: list[Wire] = []
        for client in self.readers:
            client.send(request(path="/big"))
        wait_until(lambda: self._stalled() == STALLED)

    def _connect(self) -> Wire:
        client = self._proxy.connect(receive_bytes=8192)
        self._proxy.row(client)
        return client

    def _stalled(self) -> int:
        rows = self._proxy.ask("connections", filter="fill>=1")["connections"]
        return len(rows)

    def fill_to(self, share: float) -> None:
        """Send parts of heads until that share of the budget is used: exactly so many bytes."""
        wanted = int(share * BUDGET_BYTES)
        missing = wanted - memory(self._proxy)["used_bytes"]
        while missing > 0:
            count = min(missing, FILLER_BYTES)
            client = self.fillers.pop(0)
            client.send(b"GET / HTTP/1.1\r\nX: ".ljust(count, b"x")[:count])
            self.filling.append(client)
            missing -= count
        wait_until(lambda: share > LAST_MARK or memory(self._proxy)["used_bytes"] >= wanted)


def test_each_step_of_the_ladder_and_back(engine: StartEngine, backend: OpenBackend) -> None:
    proxy = engine(LISTEN + pool(backend(answer=answer)) + LIMITS)
    good = [proxy.connect() for _ in range(3)]
    assert [client.get().get("Connection") for client in good] == [None] * 3
    assert memory(proxy) == {"used_bytes": 0, "budget_bytes": BUDGET_BYTES, "step": "calm"}
    crowd = Crowd(proxy)
    assert memory(proxy)["step"] == "calm"

    crowd.fill_to(0.85)
    wait_for_step(proxy, "no_keep_alive")
    last = good[0].get()
    assert (last.status, last.get("Connection")) == (200, "close")
    crowd.fill_to(0.96)
    wait_for_step(proxy, "no_accept")
    assert proxy.ask("status")["listeners"][0]["paused_by"] == ["memory"]
    waiting = proxy.connect()
    waiting.send(request())
    assert good[1].get().status == 200
    assert proxy.row_of(waiting) is None

    for client in crowd.filling:
        client.close()
    wait_for_step(proxy, "calm")
    assert waiting.read_response().status == 200
    assert good[2].get().get("Connection") is None
    assert crowd.readers[0].read_response().body == PAGE, "whoever was served goes on"
    steps = [line.rpartition(": ")[2] for line in proxy.events() if line.startswith("memory:")]
    assert steps == [
        "client connections close after their response",
        "no new client is let in, and reads are small",
        "everything is as usual again",
    ]


def test_at_the_last_step_the_newest_go_and_requests_are_refused(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(LISTEN + pool(backend(answer=answer)) + LIMITS)
    good = proxy.connect()
    assert good.get().status == 200
    crowd = Crowd(proxy)
    crowd.fill_to(0.99)
    wait_for_step(proxy, "shed")
    refused = good.get()
    assert (refused.status, refused.get("Retry-After")) == (503, "1")
    assert b"memory_budget_bytes" in refused.body
    proxy.wait_for_event("memory: closed the newest sessions, ")
    assert memory(proxy)["used_bytes"] < 0.93 * BUDGET_BYTES
    assert crowd.filling[-1].is_reset()
    for reader in crowd.readers:
        assert reader.read_response().body == PAGE, "an older one went before a newer one"
    proxy.hang_up()
    wait_for_step(proxy, "calm")
    assert proxy.get().status == 200


def test_heads_that_never_end_count_too(engine: StartEngine, backend: OpenBackend) -> None:
    proxy = engine(LISTEN + pool(backend(answer=answer)) + LIMITS)
    clients = [proxy.connect() for _ in range(20)]
    for client in clients:
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: 123456\r\n" * 90)
    wait_until(lambda: memory(proxy)["used_bytes"] == 20 * (25 + 90 * 11))
    for client in clients:
        client.close()
    wait_until(lambda: memory(proxy)["used_bytes"] == 0)


def test_a_body_that_may_have_to_go_again_counts_too(
    engine: StartEngine, backend: OpenBackend
) -> None:
    def answer_the_first(wire: Wire) -> None:
        wire.read_request()
        wire.send(response("200 OK", b"first"))
        wire.read_to_end()

    proxy = engine(LISTEN + pool(backend(answer_the_first)) + LIMITS)
    client = proxy.connect()
    assert client.get().body == b"first"
    client.send(request("PUT", "/", "Content-Length: 9000"), bytes(5000))
    wait_until(lambda: memory(proxy)["used_bytes"] >= 5000)
    client.close()
    wait_until(lambda: memory(proxy)["used_bytes"] == 0)


def test_recorded_calls_count_also_after_their_session(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(LISTEN + pool(backend(answer=answer)) + LIMITS)
    client = proxy.connect()
    number = str(proxy.row(client)["id"])
    proxy.ctl("watch", number)
    assert client.get("/big").body == PAGE
    used = memory(proxy)["used_bytes"]
    assert used > 10_000
    client.close()
    wait_until(lambda: not proxy.ask("connections")["total"])
    assert memory(proxy)["used_bytes"] >= used
