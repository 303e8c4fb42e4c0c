"""A pool with a queue: who finds all backends full waits for a place, first come, first served."""

import re
import signal
from collections.abc import Callable

import pytest

from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import OpenBackend, StartEngine
from tests.behaviour.queues import (
    FULL_AT_ONE,
    Gate,
    full,
    occupied,
    queued,
    wait_for_queue,
    wait_in_line,
)
from tests.behaviour.running import Engine
from tests.behaviour.waiting import PATIENCE_S, wait_until
from tests.behaviour.wire import Wire, request


def test_ten_clients_share_three_places_in_the_order_in_which_they_came(
    engine: StartEngine, backend: OpenBackend
) -> None:
    gate = Gate()
    site = backend(answer=gate.answer)
    proxy = engine(LISTEN + pool(site, settings="queue = { },", each=", max_connections = 3"))
    first = occupied(proxy, gate, 3)
    paths = [f"/{number}" for number in range(10)]
    waiting = wait_in_line(proxy, paths)
    assert proxy.row(waiting[0])["state"] == "queued"
    for number in range(10):
        gate.open()
        gate.wait_for_arrivals(number + 4)
    gate.open(3)
    assert gate.arrived[3:] == paths
    assert [client.read_response().body for client in waiting] == [p.encode() for p in paths]
    assert [client.read_response().status for client in first] == [200] * 3
    assert site.connections == 3
    assert proxy.backend("web1")["sessions"] == 0


@pytest.mark.parametrize("leave", [Wire.close, Wire.reset])
def test_a_client_that_leaves_has_no_place_any_more(
    engine: StartEngine, backend: OpenBackend, leave: Callable[[Wire], None]
) -> None:
    proxy, gate = full(engine, backend)
    first, second, third = wait_in_line(proxy, ["/1", "/2", "/3"])
    leave(second)
    wait_for_queue(proxy, 2)
    wait_until(lambda: proxy.ask("status")["sessions"] == 3)
    gate.open(3)
    assert first.read_response().body == b"/1"
    assert third.read_response().body == b"/3"
    assert gate.arrived == ["/first", "/1", "/3"]


def test_who_has_said_that_it_ends_is_not_waited_with(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy, gate = full(engine, backend)
    client = proxy.connect()
    client.send(request())
    client.finish()
    assert client.read_response().status == 503
    assert client.read_to_end() == b""
    gate.open()


def test_a_person_may_send_one_away(engine: StartEngine, backend: OpenBackend) -> None:
    proxy, gate = full(engine, backend)
    gently, at_once, stays = wait_in_line(proxy, ["/1", "/2", "/3"])
    proxy.ask("close", id=proxy.row(gently)["id"])
    assert gently.read_to_end() == b""
    proxy.ask("close", id=proxy.row(at_once)["id"], reset=True)
    assert at_once.is_reset()
    wait_for_queue(proxy, 1)
    gate.open(2)
    assert stays.read_response().body == b"/3"
    assert gate.arrived == ["/first", "/3"]


NAMED = 'function route(request) return request.path:match("^/(web%d)") and "web/" .. ' + (
    'request.path:match("^/(web%d)") or "web" end\n'
)


def test_who_needs_one_backend_has_its_own_turn(engine: StartEngine, backend: OpenBackend) -> None:
    one, other = Gate(), Gate()
    sites = [backend(answer=one.answer), backend(answer=other.answer)]
    proxy = engine(LISTEN + pool(*sites, settings="queue = { },", each=FULL_AT_ONE) + NAMED)
    holders = [*occupied(proxy, one, path="/web1/"), *occupied(proxy, other, path="/web2/")]
    waiting = wait_in_line(proxy, ["/web1/a", "/b", "/web1/c", "/d"])
    rows = [proxy.row(client)["queued"] for client in waiting]
    assert [(row["backend"], row["position"], row["of"]) for row in rows] == [
        ("web1", 1, 4), (None, 2, 4), ("web1", 3, 4), (None, 4, 4),
    ]  # fmt: skip
    other.open()
    other.wait_for_arrivals(2)
    one.open()
    one.wait_for_arrivals(2)
    other.open()
    other.wait_for_arrivals(3)
    one.open()
    one.wait_for_arrivals(3)
    one.open()
    other.open()
    assert one.arrived == ["/web1/", "/web1/a", "/web1/c"]
    assert other.arrived == ["/web2/", "/b", "/d"]
    for client in (*holders, *waiting):
        assert client.read_response().status == 200


@pytest.mark.parametrize(
    "edit",
    [
        ("backend.set", {"target": "web/web1", "max_connections": 2}),
        ("backend.set", {"target": "web/web2", "state": "ready"}),
        ("backend.add", {}),
    ],
)
def test_an_edit_that_makes_room_lets_the_first_go(
    engine: StartEngine, backend: OpenBackend, edit: tuple[str, dict[str, object]]
) -> None:
    gate = Gate()
    sites = [backend(answer=gate.answer) for _ in range(3)]
    proxy = engine(LISTEN + pool(*sites[:2], settings="queue = { },", each=FULL_AT_ONE))
    proxy.ask("backend.set", target="web/web2", state="maint")
    occupied(proxy, gate)
    first, second = wait_in_line(proxy, ["/1", "/2"])
    method, values = edit
    if method == "backend.add":
        values = {"pool": "web", "name": "web3", "address": sites[2].address, "max_connections": 1}
    proxy.ask(method, **values)
    gate.wait_for_arrivals(2)
    assert (gate.arrived[1], queued(proxy)) == ("/1", 1)
    gate.open(3)
    assert [each.read_response().body for each in (first, second)] == [b"/1", b"/2"]


def test_a_backend_that_comes_up_takes_who_waits(engine: StartEngine, backend: OpenBackend) -> None:
    gate = Gate()
    site, other = backend(answer=gate.answer), backend()
    other.refuse()
    health = "health = { tcp = true, interval = 0.1, rise = 1, fall = 1 }, queue = { },"
    proxy = engine(LISTEN + pool(site, other, settings=health, each=FULL_AT_ONE))
    wait_until(lambda: proxy.backend("web2")["health"] == "down")
    occupied(proxy, gate)
    (client,) = wait_in_line(proxy, ["/1"])
    other.listen_again()
    assert client.read_response().body == b"hello"
    gate.open()


def test_who_waits_for_what_is_gone_is_told_at_once(
    engine: StartEngine, backend: OpenBackend
) -> None:
    gate = Gate()
    site = backend(answer=gate.answer)
    proxy = engine(LISTEN + pool(site, settings="queue = { timeout = 600 },", each=FULL_AT_ONE))
    (holder,) = occupied(proxy, gate)
    (client,) = wait_in_line(proxy, ["/1"])
    proxy.ask("backend.set", target="web/web1", state="maint")
    answer = client.read_response()
    assert answer.status == 503
    assert "no backend of pool web is available: web1 is in maintenance" in answer.body.decode()
    gate.open()
    assert holder.read_response().status == 200


def test_a_draining_engine_serves_who_waits(engine: StartEngine, backend: OpenBackend) -> None:
    gate = Gate()
    site = backend(answer=gate.answer)
    proxy = engine(LISTEN + pool(site, settings="queue = { },", each=FULL_AT_ONE))
    (holder,) = occupied(proxy, gate)
    (client,) = wait_in_line(proxy, ["/1"])
    proxy.process.send_signal(signal.SIGTERM)
    proxy.wait_for_event("Stopping")
    gate.open(2)
    assert [each.read_response().status for each in (holder, client)] == [200, 200]
    assert proxy.process.wait(PATIENCE_S) == 0


def test_who_still_waits_when_the_engine_ends_is_told(
    engine: StartEngine, backend: OpenBackend
) -> None:
    gate = Gate()
    site = backend(answer=gate.answer)
    config = pool(site, settings="queue = { timeout = 600 },", each=FULL_AT_ONE)
    proxy = engine("limits { drain_s = 0.5 }\n" + LISTEN + config)
    occupied(proxy, gate)
    (client,) = wait_in_line(proxy, ["/1"])
    proxy.process.send_signal(signal.SIGTERM)
    answer = client.read_response()
    assert answer.status == 503
    assert re.search(
        r"waited .* in the queue of pool web: the engine is stopping", str(answer.body)
    )
    gate.open()
    assert proxy.process.wait(PATIENCE_S) == 0


def is_turned_away(proxy: Engine) -> bool:
    try:
        return proxy.connect().is_reset()
    except ConnectionResetError:
        return True  # before `connect` has returned


def test_a_tcp_session_waits_as_well(engine: StartEngine, backend: OpenBackend) -> None:
    def echo(wire: Wire) -> None:
        wire.send(b"hello ", wire.read(4))
        wire.read_to_end()

    site = backend(echo)
    listen = 'listen { address = "127.0.0.1:0", mode = "tcp" }\n'
    proxy = engine(listen + pool(site, settings="queue = { length = 2 },", each=FULL_AT_ONE))
    first = proxy.connect()
    site.wait_for_connections(1)
    second, third = proxy.connect(), proxy.connect()
    wait_for_queue(proxy, 2)
    second.send(b"2222")
    assert proxy.row(second)["state"] == "queued"
    assert is_turned_away(proxy)
    first.close()
    assert second.read(10) == b"hello 2222"
    third.close()
    wait_for_queue(proxy, 0)
    second.close()
    wait_until(lambda: proxy.backend("web1")["sessions"] == 0)
    assert site.connections == 2


def test_a_place_is_not_taken_by_who_comes_when_it_is_given_up(
    engine: StartEngine, backend: OpenBackend
) -> None:
    """The client that has the place asks again in the same segment: it goes to the end."""
    gate = Gate()
    site = backend(answer=gate.answer)
    proxy = engine(LISTEN + pool(site, settings="queue = { },", each=FULL_AT_ONE))
    client = proxy.connect()
    client.send(request(path="/1"), request(path="/3"))
    gate.wait_for_arrivals(1)
    (other,) = wait_in_line(proxy, ["/2"])
    gate.open()
    gate.wait_for_arrivals(2)
    wait_for_queue(proxy, 1)
    gate.open(2)
    assert [client.read_response().body, other.read_response().body] == [b"/1", b"/2"]
    assert client.read_response().body == b"/3"
    assert gate.arrived == ["/1", "/2", "/3"]


def test_who_waits_after_a_failed_connect_waits_for_the_others(
    engine: StartEngine, backend: OpenBackend
) -> None:
    gate = Gate()
    dead, site = backend(), backend(answer=gate.answer)
    dead.refuse()
    config = pool(dead, site, settings='balance = "first", queue = { },', each=FULL_AT_ONE)
    proxy = engine(LISTEN + config)
    occupied(proxy, gate)
    (client,) = wait_in_line(proxy, ["/1"])
    gate.open(2)
    assert client.read_response().body == b"/1"
    assert proxy.backend("web1")["failures"] == 2
