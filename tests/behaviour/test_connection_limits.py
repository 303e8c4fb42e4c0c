"""A listener that is full lets clients wait; a client with too many connections is told so."""

import pytest

from tests.behaviour.configs import pool
from tests.behaviour.conftest import OpenBackend, StartEngine
from tests.behaviour.running import Engine, Row
from tests.behaviour.waiting import wait_until
from tests.behaviour.wire import Wire, request


def listen(settings: str) -> str:
    return f'listen {{ address = "127.0.0.1:0", {settings} }}\n'


def connect(proxy: Engine) -> Wire | None:
    """Return a new connection; None when it was reset before `connect` returned."""
    try:
        return proxy.connect()
    except ConnectionResetError:
        return None


def listener(proxy: Engine) -> Row:
    return dict(proxy.ask("status")["listeners"][0])


def test_a_full_listener_lets_the_next_client_wait_until_one_leaves(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(listen("max_connections = 3") + pool(backend()))
    present = [proxy.connect() for _ in range(3)]
    assert [client.get().status for client in present] == [200] * 3
    waiting = [proxy.connect() for _ in range(5)]
    for client in waiting:
        client.send(request())
    wait_until(lambda: listener(proxy)["paused_by"] == ["full"])
    assert "it has 3 connections, the most for it (max_connections)" in proxy.wait_for_event("most")
    assert (listener(proxy)["connections"], listener(proxy)["max_connections"]) == (3, 3)
    assert [client.get().status for client in present] == [200] * 3
    for client in present:
        client.close()
    for client in waiting:
        assert client.read_response().status == 200
        client.close()
    wait_until(lambda: listener(proxy)["connections"] == 0)
    assert listener(proxy)["paused_by"] == []
    assert sum("max_connections" in line for line in proxy.events()) == 1


def test_a_client_with_too_many_connections_gets_a_503_that_says_so(
    engine: StartEngine, backend: OpenBackend
) -> None:
    site = backend()
    proxy = engine(listen("max_connections_per_client = 2") + pool(site))
    present = [proxy.connect() for _ in range(2)]
    assert [client.get().status for client in present] == [200] * 2
    for _ in range(20):
        client = proxy.connect()
        client.send(request("POST", body=b"x" * 100_000))
        answer = client.read_response()
        assert (answer.status, answer.get("Connection")) == (503, "close")
        assert answer.body.endswith(
            b"rsp: 127.0.0.1 has 2 connections, the most for one client "
            b"(max_connections_per_client)\n"
        )
        assert client.read_to_end() == b""
        client.close()
    assert len(site.requests) == 2
    assert listener(proxy)["refused"] == 20
    said = [line for line in proxy.events() if "refused: 127.0.0.1 has 2 connections" in line]
    assert len(said) == 1, "one event for each refused client would be a flood of its own"
    present.pop().close()
    wait_until(lambda: proxy.ask("status")["sessions"] == 1)
    assert proxy.get().status == 200


def test_only_a_few_refused_clients_are_told_and_the_others_are_reset(
    engine: StartEngine, backend: OpenBackend
) -> None:
    """Those who are told so hold an fd until they end: a flood must not fill us with them."""
    proxy = engine(listen("max_connections_per_client = 1") + pool(backend()))
    present = proxy.connect()
    present.get()
    flood = [connect(proxy) for _ in range(100)]
    wait_until(lambda: listener(proxy)["refused"] == 100)
    assert listener(proxy)["connections"] == 1 + 64
    assert sum(client is None or client.is_reset() for client in flood) == 36
    assert present.get().status == 200


def test_a_tcp_client_with_too_many_connections_is_reset(
    engine: StartEngine, backend: OpenBackend
) -> None:
    config = listen('mode = "tcp", max_connections_per_client = 1') + pool(backend())
    proxy = engine(config)
    present = proxy.connect()
    assert present.get().status == 200
    client = connect(proxy)
    assert client is None or client.is_reset()
    assert present.get().status == 200


def test_limits_of_connections_can_be_reloaded(engine: StartEngine, backend: OpenBackend) -> None:
    site = backend()
    proxy = engine(listen("max_connections = 1") + pool(site))
    present, waiting = proxy.connect(), proxy.connect()
    assert present.get().status == 200
    waiting.send(request())
    wait_until(lambda: listener(proxy)["paused_by"] == ["full"])
    config = proxy.directory / "config.lua"
    config.write_text(config.read_text().replace("max_connections = 1", "max_connections = 2"))
    proxy.ctl("reload")
    assert waiting.read_response().status == 200


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("max_connections = 0", "max_connections is 0; it must be 1 or more"),
        ("max_connections_per_client = -1", "max_connections_per_client is -1; it must be 0 or"),
        ('max_connections = "9"', 'max_connections is "9"; it must be a whole number'),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused(
    engine: StartEngine, settings: str, message: str
) -> None:
    with pytest.raises(AssertionError, match="did not start") as refused:
        engine(listen(settings) + pool("127.0.0.1:1"))
    assert message in str(refused.value)
