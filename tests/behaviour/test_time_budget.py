"""Where the time of an exchange went: the slow part is named, and all parts add up."""

import threading
from collections.abc import Callable

from rsp.core.limits import SLOW_EXCHANGE_S, TIMER_TICK_S
from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import OpenBackend, StartEngine
from tests.behaviour.running import Engine, Row
from tests.behaviour.scripted import FullPort, hold
from tests.behaviour.waiting import PATIENCE_S, wait_until
from tests.behaviour.wire import Message, Wire, head, numbered, request, response

PAGE = numbered(16 << 20)


def seconds(row: Row) -> dict[str, float | None]:
    return {part["part"]: part["s"] for part in row["budget"]}


def so_far(engine: Engine, client: Wire) -> dict[str, float | None]:
    """Return the budget of the exchange that a client waits for."""
    return seconds(engine.ask("connection", id=engine.row(client)["id"]))


def took(engine: Engine, client: Wire, part: str, at_least_s: float = 0.0) -> Callable[[], bool]:
    return lambda: (so_far(engine, client).get(part) or 0.0) > at_least_s


def finished(engine: Engine) -> list[Row]:
    """Return the finished exchanges, oldest first; the parts of each add up."""
    rows: list[Row] = engine.ask("exchanges")["exchanges"][::-1]
    for row in rows:
        assert sum(part["s"] or 0.0 for part in row["budget"]) == row["duration_s"]
        shares = [part["share"] for part in row["budget"] if part["share"] is not None]
        assert not shares or abs(sum(shares) - 1) < 1e-9
    return rows


def ask_three(engine: Engine) -> list[Wire]:
    """Ask three times: round robin gives each backend one request."""
    clients = [engine.connect() for _ in range(3)]
    for client in clients:
        client.send(request())
    return clients


def test_the_slow_backend_is_named_and_not_the_proxy(
    engine: StartEngine, backend: OpenBackend
) -> None:
    turns = threading.Semaphore(0)

    def answer_late(_asked: Message) -> bytes:
        assert turns.acquire(timeout=PATIENCE_S)
        return response("200 OK", b"late")

    proxy = engine(LISTEN + pool(backend(), backend(), backend(answer=answer_late)))
    waiting = [ask_three(proxy)[2], ask_three(proxy)[2]]
    for client in waiting:
        wait_until(took(proxy, client, "backend_think", SLOW_EXCHANGE_S))
    turns.release()
    answer = wait_until(lambda: said if (said := proxy.ask("exchanges"))["sentence"] else {})
    slow = [row for row in answer["exchanges"] if row["sentence"]]
    assert [row["backend"] for row in slow] == ["web3"]
    assert slow[0]["sentence"].startswith("backend think ")
    assert " on web3; " in slow[0]["sentence"]
    said = answer["sentence"]
    assert said.startswith("Backend think ")
    assert " on web3 only; " in said
    assert "; loop lag p99 " in said
    assert "web3 has 1 in flight, the others 0 at most." in said
    assert said.endswith(" This slowed 1 of the last 5 exchanges.")
    assert "Backend think " in proxy.run_ctl("exchanges").stdout.partition("\n")[0]
    turns.release()
    for client in waiting:
        assert client.read_response().body == b"late"
    assert len(finished(proxy)) == 6


def test_the_same_traffic_in_health_accuses_nobody(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(LISTEN + pool(backend(), backend(), backend()))
    for client in (*ask_three(proxy), *ask_three(proxy)):
        assert client.read_response().status == 200
    rows = finished(proxy)
    assert len(rows) == 6
    assert [row["sentence"] for row in rows] == [None] * 6
    assert proxy.ask("exchanges")["sentence"] is None


def test_a_head_in_pieces_and_an_upload_in_pieces_are_waited_for(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(LISTEN + pool(backend()))
    client = proxy.connect()
    begin, rest = head("PUT /a HTTP/1.1", "Host: a", "Content-Length: 2000"), bytes(1000)
    client.send(begin[:9])
    wait_until(lambda: proxy.row(client)["client"]["bytes_in"] == 9)
    client.send(begin[9:] + rest)
    wait_until(took(proxy, client, "upload"))
    client.send(rest)
    assert client.read_response().status == 200
    (row,) = finished(proxy)
    assert list(seconds(row))[:2] == ["head_wait", "lua"]
    assert {"connect", "upload", "backend_think"} <= seconds(row).keys()
    assert seconds(row)["kernel_drain"] is None


def test_a_pipelined_request_queues_behind_the_one_before(
    engine: StartEngine, backend: OpenBackend
) -> None:
    release = threading.Event()

    def answer_late(_asked: Message) -> bytes:
        assert release.wait(PATIENCE_S)
        return response("200 OK", b"late")

    proxy = engine(LISTEN + pool(backend(answer=answer_late)))
    client = proxy.connect()
    client.send(request())
    proxy.wait_for_state(client, "streaming")
    client.send(request(path="/next"))
    wait_until(lambda: "pipelined" in proxy.row(client)["client"]["paused_by"])
    release.set()
    assert client.read_response().body == client.read_response().body == b"late"
    first, second = finished(proxy)
    assert "pipelined" not in seconds(first)
    assert (seconds(second)["pipelined"] or 0.0) > 0


def test_a_request_that_found_no_backend_has_a_budget(engine: StartEngine) -> None:
    route = 'function route(request)\n  error("no")\nend\n'
    proxy = engine(LISTEN + pool("127.0.0.1:1") + route)
    assert proxy.connect().get().status == 502
    (row,) = finished(proxy)
    assert list(seconds(row)) == ["lua", "kernel_drain"]
    assert row["backend"] is None


def test_who_is_held_by_a_person_waits_for_that_person(
    engine: StartEngine, backend: OpenBackend
) -> None:
    release = threading.Event()
    proxy = engine(LISTEN + pool(backend(hold(release))))
    client = proxy.connect()
    client.send(request())
    number = str(proxy.wait_for_state(client, "streaming")["id"])
    proxy.ctl("pause", number)
    release.set()
    wait_until(took(proxy, client, "held", 0.05))
    proxy.ctl("resume", number)
    assert client.read_response().body == b"held"
    (row,) = finished(proxy)
    assert (seconds(row)["held"] or 0.0) > 0.05


def test_a_client_that_takes_nothing_is_what_its_exchange_waited_for(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(LISTEN + pool(backend(answer=lambda _: response("200 OK", PAGE))))
    client = proxy.connect(receive_bytes=8192)
    client.send(request())
    wait_until(took(proxy, client, "blocked", SLOW_EXCHANGE_S))
    client.read(len(PAGE) - (1 << 19))
    while (row := proxy.row(client))["state"] != "idle" or row["client"]["unsent_bytes"]:
        client.read(4096)
    (passed_on,) = finished(proxy)
    assert seconds(passed_on)["kernel_drain"] is None
    # A look has to find the last byte on its way, and there is one at each tick.
    wait_until(lambda: proxy.row(client)["age_s"] > row["age_s"] + 3 * TIMER_TICK_S)
    assert seconds(finished(proxy)[0])["kernel_drain"] is None
    client.read_to(PAGE[-100:])
    arrived = wait_until(lambda: [row for row in finished(proxy) if seconds(row)["kernel_drain"]])
    assert arrived[0]["sentence"].startswith("client takes nothing ")
    said = proxy.ask("exchanges")["sentence"]
    assert said.startswith("Client takes nothing ")
    assert " on client 127.0.0.1; " in said


def test_a_fault_that_holds_a_response_back_is_what_it_waited_for_and_not_the_client(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(LISTEN + pool(backend(answer=lambda _: response("200 OK", PAGE[: 1 << 20]))))
    added = proxy.ctl("fault", "add", "bandwidth", "--rate", "2000")
    client = proxy.connect()
    assert client.get().body == PAGE[: 1 << 20]
    # Most of it waits behind the fault when all of it has come: a look finds when it has gone.
    (row,) = wait_until(lambda: [row for row in finished(proxy) if seconds(row).get("injected")])
    # The client's kernel may be full for a moment, if it has not been given a processor.
    spent = seconds(row)
    assert (spent.get("blocked") or 0.0) < (spent["injected"] or 0.0) / 2
    proxy.ctl("fault", "remove", str(added["id"]))


def test_a_fault_that_holds_a_small_response_back_is_known_to_the_moment(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(LISTEN + pool(backend()))
    proxy.ctl("fault", "add", "latency", "--latency", "20", "--direction", "response")
    client = proxy.connect()
    for _ in range(5):
        # The next request is sent, or the client is gone, before any look.
        client.get()
    client.close()
    spent = [seconds(row).get("injected") or 0.0 for row in finished(proxy)]
    assert len(spent) == 5
    assert min(spent) >= 0.015


def test_a_fault_on_the_way_to_the_backend_is_no_thinking_of_the_backend(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(LISTEN + pool(backend()))
    wait_s = str(1000 * (SLOW_EXCHANGE_S + 0.2))
    proxy.ctl("fault", "add", "latency", "--latency", wait_s, "--direction", "request")
    proxy.get()
    proxy.ctl("fault", "remove", "all")
    (row,) = finished(proxy)
    assert " while a fault was in force; " in row["sentence"]
    assert "on web1" not in row["sentence"]
    assert "on web1" not in proxy.ask("exchanges")["sentence"]


def test_a_backend_that_does_not_accept_has_the_time_and_not_the_next_one(
    engine: StartEngine, backend: OpenBackend, full_port: FullPort
) -> None:
    limits = f"limits {{ connect_s = {SLOW_EXCHANGE_S + 0.2} }}\n"
    pools = pool(full_port.address, backend(), settings='balance = "first",')
    proxy = engine(limits + LISTEN + pools)
    assert proxy.get().status == 200
    (row,) = finished(proxy)
    assert row["backend"] == "web2"
    assert (seconds(row)["failed_tries"] or 0.0) >= SLOW_EXCHANGE_S
    assert row["sentence"].startswith("tries in vain ")
    assert " on web1; " in row["sentence"]


def test_a_connection_that_dies_with_a_request_is_no_slow_connect(
    engine: StartEngine, backend: OpenBackend
) -> None:
    died = threading.Event()
    turns = iter([True])

    def dies_with_the_second(wire: Wire) -> None:
        is_first = next(turns, False)
        wire.read_request()
        wire.send(response("200 OK", b"one"))
        if is_first:
            wire.read_request()
            assert died.wait(PATIENCE_S)

    proxy = engine(LISTEN + pool(backend(dies_with_the_second)))
    client = proxy.connect()
    assert client.get().body == b"one"
    client.send(request())
    wait_until(took(proxy, client, "backend_think", SLOW_EXCHANGE_S))
    died.set()
    assert client.read_response().body == b"one"
    _, row = finished(proxy)
    assert row["sentence"].startswith("tries in vain ")
    assert " on web1; " in row["sentence"]
    assert (seconds(row).get("connect") or 0.0) < SLOW_EXCHANGE_S / 2


def test_interim_responses_end_neither_the_upload_nor_the_thinking(
    engine: StartEngine, backend: OpenBackend
) -> None:
    may_answer = threading.Event()

    def script(wire: Wire) -> None:
        wire.read_head()
        wire.send(head("HTTP/1.1 100 Continue"))
        wire.read(2)
        wire.send(head("HTTP/1.1 103 Early Hints", "Link: </x>"))
        assert may_answer.wait(PATIENCE_S)
        wire.send(response("200 OK", b"done"))
        wire.read_to_end()

    proxy = engine(LISTEN + pool(backend(script)))
    client = proxy.connect()
    client.send(head("POST / HTTP/1.1", "Host: a", "Content-Length: 2", "Expect: 100-continue"))
    assert client.read_head().status == 100
    wait_until(took(proxy, client, "upload", 0.2))
    client.send(b"up")
    assert client.read_head().status == 103
    wait_until(took(proxy, client, "backend_think", 0.2))
    may_answer.set()
    assert client.read_response().body == b"done"
    (row,) = finished(proxy)
    spent = seconds(row)
    assert (spent["upload"] or 0.0) >= 0.2
    assert (spent["backend_think"] or 0.0) >= 0.2
    assert (spent.get("transfer") or 0.0) < 0.2
    assert row["first_byte_s"] >= 0.4
