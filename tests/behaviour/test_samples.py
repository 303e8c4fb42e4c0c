"""Both levels of a slow session are on record, and the hidden one can be made to show itself."""

import threading

import pytest

from rsp.core.lab_limits import SAMPLES_S
from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import OpenBackend, StartEngine
from tests.behaviour.running import Engine, Row
from tests.behaviour.waiting import PATIENCE_S, wait_until
from tests.behaviour.wire import Message, Wire, digest, numbered, request, response

KIB, MIB = 1 << 10, 1 << 20
PAGE = numbered(24 * MIB)


def answer(asked: Message) -> bytes:
    return response("200 OK", PAGE if asked.path == "/big" else b"small")


def detail_of(proxy: Engine, client: Wire) -> Row:
    return proxy.ask("connection", id=proxy.row(client)["id"])


def stalled(proxy: Engine, *, receive_bytes: int | None = None) -> Wire:
    """Return a client that has asked for much and reads nothing, once it is stalled."""
    client = proxy.connect(receive_bytes=receive_bytes)
    client.send(request(path="/big"))
    wait_until(lambda: proxy.row(client)["client"]["stall"])
    return client


def kernel_share(sample: Row) -> int:
    return int(sample["kernel_unsent_bytes"])


@pytest.fixture
def proxy(engine: StartEngine, backend: OpenBackend) -> Engine:
    return engine(LISTEN + pool(backend(answer=answer)))


def test_both_levels_of_a_stalled_client_are_on_record(proxy: Engine) -> None:
    client = stalled(proxy)

    row = proxy.row(client)
    detail = wait_until(
        lambda: each if len((each := detail_of(proxy, client))["samples"]["client"]) > 5 else {}
    )
    samples = detail["samples"]["client"]
    newest = samples[-1]
    assert [each["at_s"] for each in samples] == sorted(each["at_s"] for each in samples)
    assert newest["at_s"] - samples[0]["at_s"] < SAMPLES_S
    assert newest["unsent_bytes"] == row["client"]["unsent_bytes"] > 0
    assert newest["kernel_unsent_bytes"] > 0
    sent = [newest[f"{level}_bytes"] for level in ("kernel_unsent", "in_flight", "acknowledged")]
    assert sum(sent) == detail["client"]["bytes_out"]
    assert newest["eagain_writes"] == detail["client"]["eagain_writes"] > 0
    source = detail["samples"]["backend"][-1]
    assert source["paused"]
    assert source["paused_at_s"] <= source["at_s"]
    assert source["receive_queue_bytes"] > 0, "what the backend sends waits at our reading side"
    assert client.read_response().body == PAGE
    assert detail_of(proxy, client)["samples"]["client"][-1]["unsent_bytes"] == 0


def test_whoever_is_looked_at_has_samples_and_whoever_is_gone_has_none(proxy: Engine) -> None:
    client = proxy.connect()
    assert client.get("/").body == b"small"
    detail = wait_until(
        lambda: each if len((each := detail_of(proxy, client))["samples"]["client"]) > 3 else {}
    )
    newest = detail["samples"]["client"][-1]
    assert newest["unsent_bytes"] == newest["kernel_unsent_bytes"] == newest["in_flight_bytes"] == 0
    assert newest["acknowledged_bytes"] == detail["client"]["bytes_out"]
    assert detail["room"]["client"]["writable_in_s"] == 0
    client.close()
    wait_until(lambda: proxy.row_of(client) is None)
    assert proxy.ask("connection", id=detail["id"])["samples"] == {}


def test_the_kernels_share_can_be_made_small_and_moves_into_view(proxy: Engine) -> None:
    client = stalled(proxy, receive_bytes=16 * KIB)
    before = detail_of(proxy, client)
    assert before["room"]["client"]["notsent_lowat_bytes"] == 128 * KIB
    assert before["room"]["client"]["must_leave_bytes"] > 0
    assert kernel_share(before["samples"]["client"][-1]) >= 128 * KIB
    said = proxy.ctl("lowat", str(before["id"]), "4096", "--side", "client")
    assert said["done"] == f"session {before['id']}: TCP_NOTSENT_LOWAT of client is 4,096 bytes"

    def read_a_piece() -> Row:
        client.read(64 * KIB)
        seen = wait_until(
            lambda: each if (each := detail_of(proxy, client))["client"]["blocked_s"] else {}
        )
        return seen if kernel_share(seen["samples"]["client"][-1]) < 80 * KIB else {}

    after = wait_until(read_a_piece)
    newest = after["samples"]["client"][-1]
    assert after["room"]["client"]["notsent_lowat_bytes"] == 4 * KIB
    assert newest["unsent_bytes"] > 0, "what the kernel no longer hides waits here"
    assert after["room"]["backend"]["notsent_lowat_bytes"] == 128 * KIB


def test_a_higher_mark_is_used_at_once_though_nobody_reads(proxy: Engine) -> None:
    client = stalled(proxy, receive_bytes=16 * KIB)
    before = detail_of(proxy, client)
    proxy.ctl("lowat", str(before["id"]), "unlimited")
    refused = proxy.run_ctl("lowat", str(before["id"]), "9" * 5_000)
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "lowat takes 1 to 2,147,483,646 bytes" in refused.stderr
    row = wait_until(
        lambda: (
            each
            if (each := detail_of(proxy, client))["client"]["bytes_out"]
            > before["client"]["bytes_out"] + MIB
            else {}
        )
    )
    assert row["room"]["client"]["notsent_lowat_bytes"] is None
    assert client.read_response().body == PAGE


def test_the_backends_socket_has_the_mark_as_well_and_is_not_passed_on(
    engine: StartEngine, backend: OpenBackend
) -> None:
    read_on = threading.Event()

    def script(wire: Wire) -> None:
        while True:
            asked = wire.read_head()
            if asked.method == "PUT":
                assert read_on.wait(PATIENCE_S)
                wire.send(response("200 OK", digest(wire.read(len(PAGE))).encode()))
            else:
                wire.send(response("200 OK", b"next"))

    site = backend(script)
    proxy = engine(LISTEN + pool(site))
    client = proxy.connect()
    sender = threading.Thread(target=client.send, args=(request("PUT", body=PAGE),))
    sender.start()
    wait_until(lambda: (proxy.row(client)["backend"] or {}).get("stall"))
    detail = detail_of(proxy, client)
    proxy.ctl("lowat", str(detail["id"]), "4096")
    assert detail_of(proxy, client)["room"]["backend"]["notsent_lowat_bytes"] == 4 * KIB
    read_on.set()
    assert client.read_response().body.decode() == digest(PAGE)
    sender.join(PATIENCE_S)
    assert not sender.is_alive()
    assert proxy.connect().get("/").body == b"next"
    assert site.connections == 2, "its connection has another mark than those of others"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("0",), "lowat takes 1 to 2,147,483,646 bytes, or unlimited"),
        (("many",), "lowat takes 1 to 2,147,483,646 bytes, or unlimited"),
        (("4096", "--side", "backend"), "has no TCP connection at its backend now"),
    ],
)
def test_what_cannot_be_set_is_refused(proxy: Engine, words: tuple[str, ...], said: str) -> None:
    client = proxy.connect()
    client.get("/")
    done = proxy.run_ctl("lowat", str(proxy.row(client)["id"]), *words)
    assert done.returncode == 1
    assert said in done.stderr


def test_slow_clients_are_sorted_by_what_they_hold(proxy: Engine) -> None:
    slow = [stalled(proxy) for _ in range(5)]
    quick = proxy.connect()
    quick.get("/")
    ports = {f"127.0.0.1:{client.port}" for client in slow}
    rows = proxy.ctl("connections", "--sort", "-held_bytes")["connections"]

    def held(row: Row) -> int:
        sides = [side for side in (row["client"], row["backend"]) if side]
        return sum(side["unsent_bytes"] + (side["kernel_send_queue_bytes"] or 0) for side in sides)

    assert {row["client"]["address"] for row in rows[:5]} == ports
    assert all(held(row) >= 128 * KIB for row in rows[:5])
    assert [held(row) for row in rows] == sorted(map(held, rows), reverse=True)
    assert held(rows[5]) == 0
    assert rows[5]["client"]["kernel_send_queue_bytes"] == 0, "asked for, as the order needs it"
    assert len(proxy.ctl("connections", "--filter", "held_bytes>100K")["connections"]) == 5
    told = proxy.run_ctl("connections").stdout.splitlines()[-1]
    total, here = sum(map(held, rows)), sum(row["client"]["unsent_bytes"] for row in rows)
    assert told.startswith("5 stalled sessions hold ")
    assert f"{total:,} bytes" in told
    assert f"{here:,} of them here" in told
