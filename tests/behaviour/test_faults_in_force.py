"""Whom a fault is for, when it comes and goes, and what it does to those who are there."""

import socket
import threading
from pathlib import Path

import pytest

from rsp.cli.failure import Failure
from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import ConnectUnix, OpenBackend, StartEngine
from tests.behaviour.running import Engine
from tests.behaviour.waiting import PATIENCE_S, wait_until
from tests.behaviour.wire import Message, Truncated, Wire, numbered, request, response

TCP = 'listen { address = "127.0.0.1:0", mode = "tcp" }\n'
PAGE = numbered(300_000)


def fails(proxy: Engine, port: int | None = None, host: str = "www.example") -> bool:
    """Ask once; tell whether the connection broke off."""
    client = proxy.connect(port)
    try:
        client.get(host=host)
    except (Truncated, ConnectionResetError):
        return True
    return False


def test_it_is_for_one_listener_pool_backend_or_session(
    engine: StartEngine, backend: OpenBackend
) -> None:
    config = (
        LISTEN * 2
        + pool(backend(), name="a")
        + pool(backend(), backend(), name="b", settings='balance = "round_robin",')
        + 'function route(r) return r.host == "b" and "b" or "a" end\n'
    )
    proxy = engine(config)
    one, two = proxy.ports

    def with_fault(**scope: object) -> None:
        proxy.ask("fault.remove", id="all")
        proxy.ask("fault.add", kind="limit_data", **scope)

    with_fault(listener=f"127.0.0.1:{two}")
    assert (fails(proxy, one), fails(proxy, two)) == (False, True)
    with_fault(listener=str(one))
    assert (fails(proxy, one), fails(proxy, two)) == (True, False)
    with_fault(pool="b")
    assert (fails(proxy), fails(proxy, host="b")) == (False, True)
    with_fault(backend="b/b2")
    assert sorted(fails(proxy, host="b") for _ in range(4)) == [False, False, True, True]
    with_fault(pool="b", listener=str(two))
    assert (fails(proxy, one, "b"), fails(proxy, two), fails(proxy, two, "b")) == (
        False, False, True,
    )  # fmt: skip
    proxy.ask("fault.remove", id="all")
    chosen, other = proxy.connect(), proxy.connect()
    assert chosen.get().status == other.get().status == 200
    with_fault(session=proxy.row(chosen)["id"])
    assert other.get().status == 200
    with pytest.raises(Truncated):
        chosen.get()
    # It goes with its session.
    chosen.close()
    wait_until(lambda: not proxy.ask("status")["faults"])
    assert proxy.wait_for_event("ended with session")


@pytest.mark.parametrize(
    ("scope", "said"),
    [
        ({"listener": "127.0.0.1:1"}, 'no listener "127.0.0.1:1"; there are 127.0.0.1:'),
        ({"pool": "none"}, 'no pool "none"; there are default'),
        ({"backend": "web/none"}, 'no backend "web/none"; there are default/default'),
        ({"session": 77}, "no session 77 is open"),
        ({"every": 0}, "every takes 1 or more"),
        ({"toxicity": 1.5}, "toxicity a share from 0 to 1"),
        ({"direction": "down"}, 'no direction "down"; there are request and response'),
        ({"kind": "down", "every": 2}, "down takes no first, every or toxicity"),
        ({"kind": "lateness"}, 'no fault "lateness"'),
    ],
)
def test_what_nobody_would_meet_is_refused(
    proxy: Engine, scope: dict[str, object], said: str
) -> None:
    with pytest.raises(Failure) as refused:
        proxy.ask("fault.add", **{"kind": "latency"} | scope)
    assert said in str(refused.value)
    assert proxy.ask("status")["faults"] == 0


def test_the_first_few_every_so_manieth_and_a_share(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(to=backend())

    def met(count: int, **some: object) -> list[bool]:
        number = proxy.ask("fault.add", kind="limit_data", **some)["id"]
        found = [fails(proxy) for _ in range(count)]
        row = proxy.ask("fault.list")["faults"][0]
        assert row["touched"] == sum(found)
        proxy.ask("fault.remove", id=number)
        return found

    assert met(4, first=2) == [True, True, False, False]
    assert met(6, every=3) == [False, False, True] * 2
    assert met(8, every=2, first=4) == [False, True] * 2 + [False] * 4
    by_chance = met(20, toxicity=0.5, seed=3)
    assert 0 < sum(by_chance) < 20
    assert met(20, toxicity=0.5, seed=3) == by_chance
    assert met(20, toxicity=0.5, seed=4) != by_chance
    assert met(3, toxicity=0) == [False] * 3


def test_a_listener_that_is_down_refuses(engine: StartEngine, backend: OpenBackend) -> None:
    proxy = engine(LISTEN + TCP + pool(backend()))
    inside = proxy.connect()
    assert inside.get().status == 200
    number = proxy.ask("fault.add", kind="down", listener=str(proxy.port))["id"]
    assert inside.is_reset()
    with pytest.raises(ConnectionRefusedError):
        proxy.connect()
    assert proxy.ask("status")["listeners"][0]["paused_by"] == ["down"]
    assert not fails(proxy, proxy.ports[1])
    # A reload changes nothing about it, and undoes nothing.
    proxy.ask("reload")
    with pytest.raises(ConnectionRefusedError):
        proxy.connect()
    proxy.ask("fault.remove", id=number)
    assert proxy.get().status == 200


def test_the_port_of_a_listener_that_is_down_stays_ours(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(LISTEN + pool(backend()))
    number = proxy.ask("fault.add", kind="down")["id"]
    with socket.socket() as thief, pytest.raises(OSError, match="in use"):
        thief.bind(("127.0.0.1", proxy.port))
    proxy.ask("fault.remove", id=number)
    assert proxy.get().status == 200


def test_a_unix_listener_that_is_down_resets(
    engine: StartEngine, backend: OpenBackend, directory: Path, connect_unix: ConnectUnix
) -> None:
    path = directory / "in.sock"
    proxy = engine(f'listen {{ address = "unix:{path}" }}\n' + LISTEN + pool(backend()))
    number = proxy.ask("fault.add", kind="down", listener=f"unix:{path}")["id"]
    client = connect_unix(path)
    try:
        client.send_what_is_taken(request())
        assert client.read_to_end() == b""
    except ConnectionResetError:
        pass
    proxy.ask("fault.remove", id=number)
    assert connect_unix(path).get().status == 200


def test_backends_that_are_down_refuse(engine: StartEngine, backend: OpenBackend) -> None:
    one, two = backend(answer=lambda _: response("200 OK", b"one")), backend()
    config = LISTEN + pool(one, two) + pool(backend(), name="other")
    proxy = engine(config + 'function route(r) return r.host == "o" and "other" or "web" end\n')
    assert {proxy.get().body for _ in range(4)} == {b"one", b"hello"}
    number = proxy.ask("fault.add", kind="down", backend="web/web1")["id"]
    # The other one is tried; an idle connection is not used.
    assert {proxy.get().body for _ in range(4)} == {b"hello"}
    proxy.ask("fault.add", kind="down", pool="web")
    answer = proxy.get()
    assert answer.status == 502
    assert "web/web1" in proxy.wait_for_event(f"refused (the fault {number} (down))")
    assert proxy.get(host="o").status == 200
    proxy.ask("fault.remove", id="all")
    assert wait_until(lambda: proxy.get().status == 200)


def test_a_pooled_connection_that_missed_something_is_not_used_again(
    engine: StartEngine, backend: OpenBackend
) -> None:
    site = backend()
    proxy = engine(to=site)
    client = proxy.connect()
    assert client.get().status == 200
    proxy.ask("fault.add", kind="half_close", direction="request", values={"bytes": 1_000_000})
    assert client.get().status == 200
    assert site.connections == 1
    proxy.ask("fault.remove", id="all")
    proxy.ask("fault.add", kind="half_close", direction="request")
    # The backend gets FIN, and no request.
    assert client.get().status == 502
    proxy.ask("fault.remove", id="all")
    before = site.connections
    assert proxy.get().status == 200
    assert site.connections == before + 1


def test_a_fault_comes_to_a_session_that_is_in_the_middle(
    engine: StartEngine, backend: OpenBackend
) -> None:
    go_on = threading.Event()

    def script(wire: Wire) -> None:
        wire.read(1)
        wire.send(PAGE[:1000])
        assert go_on.wait(PATIENCE_S)
        wire.send(PAGE[1000:])

    proxy = engine(TCP + pool(backend(script)))
    client = proxy.connect()
    client.send(b"x")
    assert client.read(1000) == PAGE[:1000]
    session = proxy.row(client)["id"]
    number = proxy.ask("fault.add", kind="latency", values={"latency": 3_600_000})["id"]
    go_on.set()
    wait_until(lambda: proxy.row(client)["client"]["unsent_bytes"] == len(PAGE) - 1000)
    proxy.ask("fault.remove", id=number)
    assert client.read_to_end() == PAGE[1000:]
    client.close()
    row = wait_until(
        lambda: row if (row := proxy.ask("connection", id=session))["state"] == "closed" else {}
    )
    assert row["ledger"]["response"]["balanced"]


LIMITS = "limits { client_write_idle_s = 0.3, response_head_s = 0.3, response_idle_s = 0.3 }\n"


@pytest.mark.parametrize("way", ["request", "response"])
def test_no_allowance_runs_out_while_a_fault_holds(
    engine: StartEngine, backend: OpenBackend, way: str
) -> None:
    proxy = engine(LIMITS + LISTEN + pool(backend()))
    proxy.ask("fault.add", kind="latency", direction=way, values={"latency": 1000})
    assert proxy.get("/", "Connection: close").body == b"hello"
    proxy.ask("fault.remove", id="all")
    proxy.ask("fault.add", kind="stall_reads", direction=way, values={"seconds": 1})
    assert proxy.get("/", "Connection: close").body == b"hello"
    assert not any("timeout" in event for event in proxy.events())


def test_nothing_is_held_for_ever_for_one_that_has_ended(
    engine: StartEngine, backend: OpenBackend
) -> None:
    def answer(_: Message) -> bytes:
        return response("200 OK", b"held", "Connection: close")

    proxy = engine(LIMITS + LISTEN + pool(backend(answer=answer)))
    number = proxy.ask("fault.add", kind="timeout")["id"]
    client = proxy.connect()
    client.send(request("GET", "/", "Connection: close"))
    session = proxy.row(client)["id"]
    wait_until(lambda: proxy.row(client)["client"]["unsent_bytes"])
    client.finish()
    row = wait_until(
        lambda: row if (row := proxy.ask("connection", id=session))["state"] == "closed" else {}
    )
    assert row["close_reason"] == "injected"
    assert f"the fault {number} (timeout) held bytes back" in row["close_detail"]


def test_a_reload_leaves_faults_in_force(engine: StartEngine, backend: OpenBackend) -> None:
    site = backend()
    proxy = engine(LISTEN + pool(site))
    path = proxy.directory / "config.lua"
    client = proxy.connect()
    assert client.get().status == 200
    proxy.ask("fault.add", kind="down", listener=str(proxy.port))
    path.write_text(LISTEN + TCP + pool(site))
    proxy.ask("reload")
    assert proxy.ask("status")["faults"] == 1
    with pytest.raises(ConnectionRefusedError):
        proxy.connect()
    proxy.ask("fault.add", kind="down")
    path.write_text(LISTEN + TCP * 2 + pool(site))
    proxy.ask("reload")
    new = int(proxy.ask("status")["listeners"][2]["address"].rpartition(":")[2])
    with pytest.raises(ConnectionRefusedError):
        proxy.connect(new)
    proxy.ask("fault.remove", id="all")
    assert proxy.get().status == 200
    assert not fails(proxy, new)


def test_a_backend_that_refused_is_another_try_of_the_same_exchange(
    engine: StartEngine, backend: OpenBackend
) -> None:
    dead, live = backend(), backend()
    dead.refuse()
    proxy = engine(LISTEN + pool(dead, live, settings='balance = "first",'))
    proxy.ask("fault.add", kind="limit_data", values={"bytes": 0}, direction="response", every=2)
    assert sum(fails(proxy, None) for _ in range(6)) == 3
    assert proxy.ask("fault.list")["faults"][0]["touched"] == 3


def test_a_session_that_a_fault_closed_ends_as_any_other(
    engine: StartEngine, backend: OpenBackend
) -> None:
    """It lingered for ever: a gate that was gone was taken for one that still holds something."""
    site = backend(answer=lambda _: response("200 OK", PAGE))
    proxy = engine(LISTEN + pool(site) + "limits { linger_idle_s = 0.2, linger_s = 1 }\n")
    proxy.ask("fault.add", kind="limit_data", values={"bytes": 60}, direction="response")
    client = proxy.connect()
    client.send(request())
    assert len(client.read_to_end()) == 60
    # The client does not end its own side.
    wait_until(lambda: not proxy.ask("status")["sessions"])


def test_what_one_fault_holds_goes_when_it_is_removed_also_after_another_has_closed(
    engine: StartEngine, backend: OpenBackend
) -> None:
    went = threading.Event()

    def script(wire: Wire) -> None:
        wire.read_head()
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello")
        assert went.wait(PATIENCE_S)

    proxy = engine(LISTEN + pool(backend(script)))
    held = proxy.ask("fault.add", kind="timeout", values={"timeout": 0}, direction="response")
    proxy.ask("fault.add", kind="limit_data", values={"bytes": 1000}, direction="request")
    client = proxy.connect()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n")
    wait_until(lambda: proxy.row(client)["client"]["unsent_bytes"])
    client.send(b"x" * 5000)
    wait_until(lambda: proxy.row(client)["state"] == "draining")
    proxy.ask("fault.remove", id=held["id"])
    assert client.read_to_end().endswith(b"hello")
    went.set()


def test_a_fault_is_removed_by_its_name(engine: StartEngine, backend: OpenBackend) -> None:
    proxy = engine(LISTEN + pool(backend()))
    named = [proxy.ask("fault.add", kind="latency", name=name)["id"] for name in ("a", "b", "a")]
    assert proxy.ctl("fault", "remove", "a")["removed"] == [named[0], named[2]]
    assert proxy.run_ctl("fault", "remove", "a").returncode == 1
    assert [fault["name"] for fault in proxy.ask("fault.list")["faults"]] == ["b"]
