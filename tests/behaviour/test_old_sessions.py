"""Sessions that go where an old generation sent them: told of, drained, or closed."""

import threading

from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import OpenBackend, StartEngine
from tests.behaviour.running import Engine
from tests.behaviour.scripted import hold
from tests.behaviour.test_tcp_mode import LISTEN_TCP, echo
from tests.behaviour.waiting import wait_until
from tests.behaviour.wire import Wire, request, response


def change(proxy: Engine) -> None:
    proxy.ask("backend.set", target="web/web1", weight=proxy.backend("web1")["weight"] + 1)


def idle(proxy: Engine) -> Wire:
    client = proxy.connect()
    client.get()
    proxy.wait_for_state(client, "idle")
    return client


def test_they_are_told_by_generation_and_left_alone(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(LISTEN + pool(backend()))
    first = idle(proxy)
    change(proxy)
    second, fresh = idle(proxy), proxy.connect()
    ids = [proxy.row(client)["id"] for client in (first, second, fresh)]
    change(proxy)
    idle(proxy)
    found = proxy.ctl("old-sessions")
    assert (found["generation"], found["before"], found["sessions"]) == (3, 3, ids[:2])
    assert (found["generations"], found["done"]) == ({"1": 1, "2": 1}, "")
    assert proxy.ctl("old-sessions", "--before", "2")["sessions"] == ids[:1]
    assert first.get().status == 200
    assert proxy.ctl("old-sessions")["sessions"] == ids[1:2], "its last request was decided anew"
    assert (
        "1 session before generation 3\n  generation 2: 1" in proxy.run_ctl("old-sessions").stdout
    )


def test_drained_they_end_with_their_present_exchange(
    engine: StartEngine, backend: OpenBackend
) -> None:
    release = threading.Event()
    proxy = engine(LISTEN + pool(backend(hold(release)), settings='balance = "first",'))
    busy = proxy.connect()
    busy.send(request())
    proxy.wait_for_state(busy, "streaming")
    second = proxy.connect()
    second.send(request())
    proxy.wait_for_state(second, "streaming")
    change(proxy)
    found = proxy.ctl("old-sessions", "--drain")
    assert len(found["ending"]) == 2
    assert found["closed"] == found["staying"] == []
    release.set()
    for client in (busy, second):
        answer = client.read_response()
        assert (answer.status, answer.get("Connection"), answer.body) == (200, "close", b"held")
        assert client.read_to_end() == b""


def test_an_idle_one_is_closed_now_and_a_new_one_is_not(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(LISTEN + pool(backend()))
    old, fresh = idle(proxy), proxy.connect()
    proxy.row(fresh)
    change(proxy)
    new = idle(proxy)
    found = proxy.ctl("old-sessions", "--drain")
    assert (len(found["sessions"]), found["closed"]) == (1, found["sessions"])
    assert old.read_to_end() == b""
    assert fresh.get().status == new.get().status == 200
    proxy.wait_for_event("sessions before generation 2: 1 session idle, told to close")


def test_one_whose_response_has_begun_ends_behind_it(
    engine: StartEngine, backend: OpenBackend
) -> None:
    release = threading.Event()

    def halting(wire: Wire) -> None:
        wire.read_request()
        whole = response("200 OK", b"0123456789")
        wire.send(whole[:-5])
        assert release.wait(30)
        wire.send(whole[-5:])
        wire.read_to_end()

    proxy = engine(LISTEN + pool(backend(halting)))
    client = proxy.connect()
    client.send(request())
    head = client.read_head()
    change(proxy)
    assert len(proxy.ctl("old-sessions", "--drain")["ending"]) == 1
    release.set()
    assert client.read_body(head) == b"0123456789"
    assert client.read_to_end() == b""


def test_a_tcp_session_stays_when_drained_and_the_answer_says_so(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(LISTEN_TCP + pool(backend(echo)))
    client = proxy.connect()
    client.send(b"ping")
    assert client.read(4) == b"ping"
    change(proxy)
    found = proxy.ctl("old-sessions", "--drain")
    assert found["staying"] == found["sessions"] == [proxy.row(client)["id"]]
    assert "left to end by themselves: tunnels have no requests" in found["done"]
    client.send(b"pong")
    assert client.read(4) == b"pong"
    assert proxy.ctl("old-sessions", "--close")["closed"] == found["sessions"]
    assert client.read_to_end() == b""
    wait_until(lambda: not proxy.ctl("old-sessions")["sessions"])


def test_to_drain_and_to_close_at_once_is_refused(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(LISTEN + pool(backend()))
    done = proxy.run_ctl("old-sessions", "--drain", "--close")
    assert (done.returncode, "choose one of drain and close" in done.stderr) == (1, True)
