"""Who takes nothing is named, with its cause; who takes all is accused of nothing."""

import threading

from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import OpenBackend, StartEngine
from tests.behaviour.running import Engine, Row
from tests.behaviour.scripted import hold
from tests.behaviour.waiting import PATIENCE_S, wait_until
from tests.behaviour.wire import Message, Wire, digest, head, numbered, request, response

MIB = 1 << 20
PAGE = numbered(16 * MIB)


def answer(asked: Message) -> bytes:
    return response("200 OK", PAGE if asked.path == "/big" else b"small")


def stalled_row(engine: Engine, client: Wire, side: str) -> Row:
    return wait_until(
        lambda: row if (row := engine.row(client)) and (row[side] or {}).get("stall") else {}
    )


def test_a_client_that_does_not_read_is_named(engine: StartEngine, backend: OpenBackend) -> None:
    proxy = engine(LISTEN + pool(backend(answer=answer)))
    client = proxy.connect(receive_bytes=8192)
    client.send(request(path="/big"))
    row = stalled_row(proxy, client, "client")
    stall = row["client"]["stall"]
    assert stall["cause"] == "peer_not_reading"
    assert stall["sentence"].startswith("client not reading: its window")
    assert stall["since_s"] >= 0.1
    assert stall["unsent_bytes"] == row["client"]["unsent_bytes"]
    assert stall["evidence"]["notsent_bytes"] > 0
    assert row["backend"]["stall"] is None
    pause = row["backend"]["pause"]
    client_fd, backend_fd = row["client"]["fd"], row["backend"]["fd"]
    assert pause["sentence"].startswith(f"fd {backend_fd} (web1) not read for ")
    assert pause["sentence"].endswith(
        f"because fd {client_fd} (client) holds {pause['by_bytes']:,} bytes"
    )
    assert (pause["by_fd"], pause["by_bytes"]) == (client_fd, row["client"]["unsent_bytes"])
    assert row["client"]["pause"] is None
    assert client.read_response().body == PAGE
    assert proxy.row(client)["client"]["stall"] is None


def test_a_backend_that_does_not_read_is_named(engine: StartEngine, backend: OpenBackend) -> None:
    read_on = threading.Event()

    def script(wire: Wire) -> None:
        wire.read_head()
        assert read_on.wait(PATIENCE_S)
        wire.send(response("200 OK", digest(wire.read(len(PAGE))).encode()))

    proxy = engine(LISTEN + pool(backend(script)))
    client = proxy.connect()
    sender = threading.Thread(target=client.send, args=(request("PUT", body=PAGE),))
    sender.start()
    stall = stalled_row(proxy, client, "backend")["backend"]["stall"]
    assert stall["cause"] == "peer_not_reading"
    assert stall["sentence"].startswith("web1 not reading: its window")
    read_on.set()
    assert client.read_response().body.decode() == digest(PAGE)
    sender.join(PATIENCE_S)
    assert not sender.is_alive()


def test_whoever_reads_is_accused_of_nothing(engine: StartEngine, backend: OpenBackend) -> None:
    proxy = engine(LISTEN + pool(backend(answer=answer)))
    client = proxy.connect()
    for _ in range(20):
        assert client.get("/big").body == PAGE
        row = proxy.row(client)
        assert (row["client"]["stall"], row["backend"]) == (None, None)


def test_a_backend_that_does_not_answer_is_named(engine: StartEngine, backend: OpenBackend) -> None:
    release = threading.Event()
    proxy = engine(LISTEN + pool(backend(hold(release))))
    client = proxy.connect()
    client.send(request())
    row = stalled_row(proxy, client, "backend")
    assert row["client"]["stall"] is None
    assert row["backend"]["stall"]["cause"] == "peer_sending_nothing"
    assert row["backend"]["stall"]["sentence"].endswith(
        "it has the whole request and has not begun to answer"
    )
    release.set()
    assert client.read_response().body == b"held"
    idle = proxy.wait_for_state(client, "idle")
    assert (idle["client"]["stall"], idle["backend"]) == (None, None)


def test_a_response_that_breaks_off_says_where(engine: StartEngine, backend: OpenBackend) -> None:
    def send_half(wire: Wire) -> None:
        wire.read_request()
        wire.send(head("HTTP/1.1 200 OK", "Content-Length: 1000"), bytes(400))
        wire.read_to_end()

    proxy = engine(LISTEN + pool(backend(send_half)))
    client = proxy.connect()
    client.send(request())
    stall = stalled_row(proxy, client, "backend")["backend"]["stall"]
    assert stall["cause"] == "peer_sending_nothing"
    assert stall["sentence"].endswith("its response pauses after 400 of 1,000 body bytes")


def test_a_client_that_stops_in_its_upload_is_named(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(LISTEN + pool(backend()))
    client = proxy.connect()
    client.send(head("PUT / HTTP/1.1", "Host: a", "Content-Length: 1000"), bytes(300))
    row = stalled_row(proxy, client, "client")
    assert row["backend"]["stall"] is None
    assert row["client"]["stall"]["cause"] == "peer_sending_nothing"
    assert row["client"]["stall"]["sentence"].endswith("after 300 of 1,000 body bytes")


def test_whom_a_person_paused_is_not_accused(engine: StartEngine, backend: OpenBackend) -> None:
    proxy = engine(LISTEN + pool(backend()))
    client = proxy.connect()
    proxy.ctl("pause", str(proxy.row(client)["id"]))
    stall = stalled_row(proxy, client, "client")["client"]["stall"]
    assert (stall["cause"], stall["evidence"]) == ("operator", {})
    assert "a person paused it" in stall["sentence"]
