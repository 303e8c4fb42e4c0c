"""What is said of those who wait, and to them: rows, budgets, refusals, pauses."""

import re
import threading
from typing import Any

from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import OpenBackend, StartEngine
from tests.behaviour.queues import FULL_AT_ONE, Gate, full, occupied, wait_for_queue, wait_in_line
from tests.behaviour.running import Engine
from tests.behaviour.waiting import PATIENCE_S, wait_until
from tests.behaviour.wire import Wire, numbered, request


def test_who_has_waited_says_how_long(engine: StartEngine, backend: OpenBackend) -> None:
    proxy, gate = full(engine, backend)
    (client,) = wait_in_line(proxy, ["/next"])
    row = proxy.row(client)
    assert row["client"]["paused_by"] == ["routing"]
    assert "queue" in [part["part"] for part in proxy.ask("connection", id=row["id"])["budget"]]
    gate.open(2)
    client.read_response()
    wait_until(lambda: len(proxy.ask("exchanges")["exchanges"]) == 2)
    parts = {part["part"]: part["s"] for part in proxy.last_exchange()["budget"]}
    first, second = proxy.ask("decisions")["decisions"]
    assert (first["waited_s"], second["backend"]) == (0, "web1")
    assert 0 < parts["queue"] <= second["waited_s"]
    assert second["reason"].startswith("first pool: no route function; waited ")
    assert second["reason"].endswith(" in the queue of pool web")


def test_who_waits_too_long_is_told_for_what(engine: StartEngine, backend: OpenBackend) -> None:
    gate = Gate()
    sites = [backend(answer=gate.answer) for _ in range(2)]
    config = pool(*sites, settings="queue = { timeout = 0.2 },", each=FULL_AT_ONE)
    proxy = engine(LISTEN + config)
    occupied(proxy, gate, 2)
    client = proxy.connect()
    answer = client.ask(request(path="/late"))
    assert answer.status == 503
    said = answer.body.decode()
    assert re.search(r"waited 0\.\d s in the queue of pool web: all 2 backends were full ", said)
    assert "(web1 1 of 1, web2 1 of 1)" in said
    assert proxy.last_exchange()["result"].startswith("backend_timeout: waited 0.")
    client.close()
    (autopsy,) = wait_until(lambda: proxy.ask("autopsies", limit=1)["autopsies"])
    assert autopsy["code"] == "sQ"
    row = proxy.ask("backends")["pools"][0]
    assert (row["queued"], row["waited"], row["queue_timeouts"]) == (0, 1, 1)
    assert (row["queue_length"], row["queue_timeout_s"]) == (100, 0.2)
    assert proxy.ask("decisions")["decisions"][-1]["error"] in said
    gate.open(2)


def test_a_full_queue_refuses_at_once_and_says_so(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy, gate = full(engine, backend, "length = 2")
    waiting = wait_in_line(proxy, ["/1", "/2"])
    answer = proxy.get("/3")
    assert answer.status == 503
    said = "the queue of pool web is full (2 of 2 wait), and its one backend is full (web1 1 of 1)"
    assert said in answer.body.decode()
    assert proxy.ask("backends")["pools"][0]["queue_refused"] == 1
    gate.open(3)
    assert [client.read_response().status for client in waiting] == [200, 200]


def test_nothing_is_read_of_a_client_that_waits(engine: StartEngine, backend: OpenBackend) -> None:
    gate = Gate()
    site = backend(answer=gate.answer)
    proxy = engine(LISTEN + pool(site, settings="queue = { },", each=FULL_AT_ONE))
    occupied(proxy, gate)
    body = numbered(1 << 20)
    client = proxy.connect()
    head = request("PUT", "/1", f"Content-Length: {len(body)}")
    client.send(head)
    wait_for_queue(proxy, 1)
    sender = threading.Thread(target=client.send, args=(body,))
    sender.start()
    wait_until(lambda: held_by_kernel(proxy, client) > 0)
    assert proxy.row(client)["client"]["bytes_in"] == len(head)
    gate.open(2)
    assert client.read_response().status == 200
    sender.join(PATIENCE_S)
    assert site.requests[-1].body == body


def held_by_kernel(proxy: Engine, client: Wire) -> int:
    detail = proxy.ask("connection", id=proxy.row(client)["id"])
    return int(detail["client"]["kernel_receive_queue_bytes"] or 0)


def test_the_pauses_name_the_queue(engine: StartEngine, backend: OpenBackend) -> None:
    proxy, gate = full(engine, backend)
    clients = wait_in_line(proxy, ["/1", "/2", "/3"])

    def group() -> dict[str, Any]:
        found = [g for g in proxy.ask("pauses")["pauses"] if g["cause"] == "routing"]
        return found[0] if found and found[0]["sessions"] == 3 else {}

    seen = wait_until(group)
    assert seen["holder"] == "the queue of pool web"
    assert seen["sentence"] == (
        "the queue of pool web has no place free: 3 sessions, 3 clients not read"
    )
    third = next(x for x in seen["held_up"] if x["session"] == proxy.row(clients[2])["id"])
    assert "because it waits for a place at pool web, 3rd of 3" in third["sentence"]
    gate.open(4)
