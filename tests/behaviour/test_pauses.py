"""Who blocks whom: each pause names its owner, and whoever is not held up is not accused."""

import threading

from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import OpenBackend, StartEngine
from tests.behaviour.running import Engine, Row
from tests.behaviour.scripted import FullPort, hold
from tests.behaviour.waiting import PATIENCE_S, wait_until
from tests.behaviour.wire import Message, Wire, digest, numbered, request, response

PAGE = numbered(16 << 20)


def answer(asked: Message) -> bytes:
    return response("200 OK", PAGE if asked.path == "/big" else b"small")


def pauses(engine: Engine) -> list[Row]:
    return list(engine.ask("pauses")["pauses"])


def the_one(engine: Engine, cause: str, sessions: int = 1) -> Row:
    """Return the only group, once it has that cause and so many sessions."""

    def look() -> Row:
        groups = pauses(engine)
        is_it = [(group["cause"], group["sessions"]) for group in groups] == [(cause, sessions)]
        return groups[0] if is_it else {}

    return wait_until(look)


def test_a_client_that_does_not_read_holds_up_its_own_download_and_nobody_else(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(LISTEN + pool(backend(answer=answer)))
    slow = proxy.connect(receive_bytes=8192)
    slow.send(request(path="/big"))
    group = the_one(proxy, "peer_not_reading")
    other = proxy.connect()
    for _ in range(20):
        assert other.get().body == b"small"
    assert the_one(proxy, "peer_not_reading")["holder"] == "client 127.0.0.1"
    row = proxy.row(slow)
    (leaf,) = group["held_up"]
    assert (leaf["session"], leaf["side"], leaf["name"]) == (row["id"], "backend", "web1")
    assert f"fd {row['backend']['fd']} (web1) not read for " in leaf["sentence"]
    assert f" because fd {row['client']['fd']} (client) holds " in leaf["sentence"]
    assert row["backend"]["pause"]["by_fd"] == row["client"]["fd"]
    assert group["held_bytes"] >= row["client"]["unsent_bytes"] > 0
    assert group["sentence"].startswith("client 127.0.0.1 not reading: 1 session, ")
    assert group["sentence"].endswith(" held, 1 backend connection of web1 not read")
    told = proxy.run_ctl("pauses").stdout
    assert told.startswith("client 127.0.0.1 not reading: 1 session, ")
    assert f" {row['id']}  fd {row['backend']['fd']} (web1) not read for " in told
    assert slow.read_response().body == PAGE
    assert pauses(proxy) == []


def test_clients_of_one_address_are_one_group_and_two_backends_are_named(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(LISTEN + pool(backend(answer=answer), backend(answer=answer)))
    for _ in range(3):
        proxy.connect(receive_bytes=8192).send(request(path="/big"))
    group = the_one(proxy, "peer_not_reading", sessions=3)
    assert len(group["held_up"]) == 3
    assert group["held_bytes"] == sum(leaf["held_bytes"] for leaf in group["held_up"])
    assert group["sentence"].endswith(", 3 backend connections of web1, web2 not read")


def test_a_backend_that_does_not_read_holds_up_a_client(
    engine: StartEngine, backend: OpenBackend
) -> None:
    read_on = threading.Event()

    def script(wire: Wire) -> None:
        wire.read_head()
        assert read_on.wait(PATIENCE_S)
        wire.send(response("200 OK", digest(wire.read(len(PAGE))).encode()))

    proxy = engine(LISTEN + pool(backend(script)))
    client = proxy.connect()
    sender = threading.Thread(target=client.send, args=(request("PUT", body=PAGE),))
    sender.start()
    group = the_one(proxy, "peer_not_reading")
    assert group["holder"] == "web/web1"
    assert group["sentence"].endswith(" held, 1 client not read")
    read_on.set()
    assert client.read_response().body.decode() == digest(PAGE)
    sender.join(PATIENCE_S)
    assert not sender.is_alive()
    assert pauses(proxy) == []


def test_a_backend_that_does_not_accept_is_waited_for(
    engine: StartEngine, full_port: FullPort
) -> None:
    proxy = engine(LISTEN + pool(full_port.address))
    client = proxy.connect()
    client.send(request())
    group = the_one(proxy, "connecting")
    assert group["sentence"] == "web/web1 has not accepted: 1 session, 1 client not read"
    assert group["held_up"][0]["sentence"].endswith(" (web1) has not accepted our connection")


def test_a_request_before_its_turn_waits_for_the_exchange_before(
    engine: StartEngine, backend: OpenBackend
) -> None:
    release = threading.Event()
    proxy = engine(LISTEN + pool(backend(hold(release))))
    client = proxy.connect()
    client.send(request())
    proxy.wait_for_state(client, "streaming")
    client.send(request(path="/next"))
    group = the_one(proxy, "pipelined")
    assert group["sentence"].startswith("web/web1 has not ended the exchange before: 1 session")
    release.set()
    assert client.read_response().body == b"held"


def test_whom_a_person_paused_is_held_by_that_person(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(LISTEN + pool(backend()))
    client = proxy.connect()
    assert client.get().status == 200
    proxy.ctl("pause", str(proxy.row(client)["id"]))
    group = the_one(proxy, "operator")
    assert group["sentence"] == "a person holds them: 1 session, 1 client not read"
    assert group["held_up"][0]["sentence"].endswith(" because a person paused it")


def test_a_listener_that_lets_nobody_in_says_why(engine: StartEngine, backend: OpenBackend) -> None:
    listen = 'listen { address = "127.0.0.1:0", max_connections = 1 }\n'
    proxy = engine(listen + pool(backend()))
    assert proxy.connect().get().status == 200
    proxy.connect()
    (group,) = wait_until(lambda: pauses(proxy))
    assert group["cause"] == "accept"
    assert group["holder"] == f"listener 127.0.0.1:{proxy.port}"
    assert group["sentence"].endswith(" lets nobody in: full; 1 of 1 connections inside")
    assert proxy.ctl("pauses") == {"pauses": [group]}


def test_nobody_is_held_up_in_health(engine: StartEngine, backend: OpenBackend) -> None:
    proxy = engine(LISTEN + pool(backend(answer=answer), backend(answer=answer)))
    clients = [proxy.connect() for _ in range(4)]
    for client in clients:
        assert client.get("/big").body == PAGE
        assert pauses(proxy) == []
    assert proxy.run_ctl("pauses").stdout == "nobody is held up\n"
