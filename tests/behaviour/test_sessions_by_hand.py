"""What a person does to one session: pause, resume, watch, close; and what they can read of it."""

import json
import subprocess
import threading

import pytest

from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import OpenBackend, StartEngine
from tests.behaviour.running import RSP, Engine
from tests.behaviour.scripted import Backend, hold
from tests.behaviour.waiting import PATIENCE_S, wait_until
from tests.behaviour.wire import Wire, digest, head, numbered, request, response

SIZE = 3_000_000


def shared_config(site: Backend) -> str:
    return LISTEN + pool(site)


def paused_by(proxy: Engine, client: Wire) -> list[str]:
    """Return why the backend of a client's session is not read."""
    return list(proxy.row(client)["backend"]["paused_by"])


def test_a_paused_response_stops_and_goes_on_without_a_loss(proxy: Engine, site: Backend) -> None:
    content = numbered(SIZE)
    go_on = threading.Event()

    def script(wire: Wire) -> None:
        wire.read_request()
        wire.send(head("HTTP/1.1 200 OK", f"Content-Length: {SIZE}"), content[:1000])
        assert go_on.wait(PATIENCE_S)
        wire.send(content[1000:])

    site.script = script
    client = proxy.connect()
    client.send(request())
    client.read_head()
    assert client.read(1000) == content[:1000]
    number = str(proxy.row(client)["id"])
    proxy.ctl("pause", number, "--direction", "response")
    go_on.set()
    assert proxy.row(client)["backend"]["paused_by"] == ["operator"]
    assert proxy.row(client)["response"]["body_bytes"] == 1000
    proxy.ctl("resume", number)
    assert digest(client.read(SIZE - 1000)) == digest(content[1000:])


def test_a_paused_request_stops_at_the_proxy(proxy: Engine, site: Backend) -> None:
    client = proxy.connect()
    client.get()
    number = proxy.row(client)["id"]
    proxy.ctl("pause", str(number), "--direction", "request")
    client.send(request(path="/held"))
    proxy.get("/other")
    assert [asked.path for asked in site.requests] == ["/", "/other"]
    assert proxy.row(client)["client"]["paused_by"] == ["operator"]
    proxy.ctl("resume", str(number), "--direction", "request")
    assert client.read_response().status == 200
    assert site.requests[-1].path == "/held"


def test_what_a_person_paused_no_low_water_mark_resumes(proxy: Engine, site: Backend) -> None:
    site.answer = lambda _: response("200 OK", numbered(SIZE))
    client = proxy.connect(receive_bytes=8192)
    client.send(request())
    client.read_head()
    wait_until(lambda: paused_by(proxy, client) == ["sink_full"])
    row = proxy.row(client)
    proxy.ctl("pause", str(row["id"]), "--direction", "response")
    assert sorted(paused_by(proxy, client)) == ["operator", "sink_full"]
    # What the proxy and the kernels hold still comes; then the low-water mark has been passed.
    held = proxy.row(client)["response"]["body_bytes"]
    first = client.read(held)
    assert paused_by(proxy, client) == ["operator"]
    proxy.ctl("resume", str(row["id"]))
    assert digest(first + client.read(SIZE - held)) == digest(numbered(SIZE))


@pytest.mark.parametrize("reset", [False, True])
def test_a_session_that_is_closed_by_hand_ends_for_both(
    proxy: Engine, site: Backend, reset: bool
) -> None:
    release = threading.Event()
    site.script = hold(release)
    client = proxy.connect()
    client.send(request())
    row = proxy.wait_for_state(client, "streaming")
    proxy.ctl("close", str(row["id"]), *(["--reset"] if reset else []))
    assert client.is_reset() == reset
    client.close()
    release.set()
    wait_until(lambda: proxy.row_of(client) is None)
    detail = proxy.ctl("connection", str(row["id"]))
    assert (detail["state"], detail["close_reason"]) == ("closed", "operator")
    done = proxy.run_ctl("close", str(row["id"]))
    assert done.returncode == 1
    assert "is closed already" in done.stderr


def test_a_watched_session_shows_its_calls(proxy: Engine, site: Backend) -> None:
    site.answer = lambda _: response("200 OK", numbered(SIZE))
    client = proxy.connect(receive_bytes=8192)
    number = proxy.row(client)["id"]
    proxy.ctl("watch", str(number))
    client.send(request())
    wait_until(lambda: proxy.row(client)["client"]["eagain_writes"])
    detail = proxy.ctl("connection", str(number))
    assert detail["watched"]
    calls = detail["calls"]
    row = detail["client"]
    blocked = [call for call in calls if call["error"] == "EAGAIN" and call["call"] == "send"]
    assert len(blocked) == row["eagain_writes"]
    assert all(call["fd"] == row["fd"] and call["direction"] == "response" for call in blocked)
    taken = [call["got_bytes"] for call in calls if call["call"] == "send" and not call["error"]]
    assert sum(taken) == row["bytes_out"] + detail["backend"]["bytes_out"]
    assert detail["tcp_info"]["client"]
    assert digest(client.read_response().body) == digest(numbered(SIZE))
    proxy.ctl("watch", str(number), "--off")
    assert proxy.ctl("connection", str(number))["calls"] == []


def test_events_can_be_followed(proxy: Engine, site: Backend) -> None:
    since = proxy.ask("events")["next_since"]
    words = ["ctl", "--control", str(proxy.control), "--json", "events", "--follow"]
    with subprocess.Popen(
        [*RSP, *words, "--since", str(since)], stdout=subprocess.PIPE, text=True
    ) as follower:
        try:
            assert follower.stdout is not None
            for weight in (2, 3, 4):
                proxy.ask("backend.set", target="web/web1", weight=weight)
                event = json.loads(follower.stdout.readline())
                assert event["source"] == "control"
                assert "web/web1" in event["message"]
                assert event["fields"]["generation"] == proxy.ask("status")["generation"]
        finally:
            follower.terminate()


def test_explain_says_where_a_request_would_go_and_sends_nothing(
    engine: StartEngine, backend: OpenBackend
) -> None:
    site = backend()
    route = """
    function route(request)
      if request.headers["x-try"] then return "web/web2", { reason = "asked for" } end
      return "web", { key = request.host, reason = "host decides" }
    end
    """
    proxy = engine(LISTEN + pool(site, "127.0.0.1:1", settings='balance = "hash",') + route)
    found = proxy.ctl("explain", "GET", "http://WWW.Example/x")
    assert (found["pool"], found["key"], found["reason"]) == ("web", "www.example", "host decides")
    assert sorted(row["verdict"] for row in found["candidates"]) == ["chosen", "not picked"]
    named = proxy.ctl("explain", "GET", "http://www.example/", "-H", "X-Try: 1")
    assert (named["backend"], named["reason"]) == ("web2", "asked for")
    assert site.connections == 0
    assert proxy.ask("decisions")["decisions"] == []


def test_rows_say_what_a_session_is_doing(engine: StartEngine, backend: OpenBackend) -> None:
    release = threading.Event()
    site = backend(hold(release))
    proxy = engine(LISTEN + pool(site))
    silent, half, busy = (proxy.connect() for _ in range(3))
    half.send(b"GET / HT")
    busy.send(request("GET", "/page?secret", host="www.example:80"))
    site.wait_for_requests(1)
    assert proxy.row(silent)["state"] == "reading_head"
    assert proxy.row(half)["client"]["bytes_in"] == 8
    row = proxy.row(busy)
    assert row["state"] == "streaming"
    assert (row["request"]["method"], row["request"]["host"]) == ("GET", "www.example:80")
    assert (row["route"]["pool"], row["route"]["backend"]) == ("web", "web1")
    assert row["listener"] == f"127.0.0.1:{proxy.port}"
    assert row["backend"]["address"] == site.address
    release.set()
    assert busy.read_response().status == 200
    assert proxy.wait_for_state(busy, "idle")["backend"] is None
    assert proxy.ask("connections")["total"] == 3


def test_tables_can_be_filtered_sorted_and_cut(proxy: Engine, site: Backend) -> None:
    clients = [proxy.connect() for _ in range(4)]
    for number, client in enumerate(clients):
        for _ in range(number):
            client.get("/" + "x" * number * 10, host=f"site{number}.example")
    proxy.wait_for_state(clients[3], "idle")
    rows = proxy.ctl("connections", "--sort", "-exchanges", "--limit", "2")
    assert [row["exchanges"] for row in rows["connections"]] == [3, 2]
    assert rows["total"] == 4
    idle = proxy.ctl("connections", "--filter", "state:idle exchanges>1")
    assert [row["exchanges"] for row in idle["connections"]] == [2, 3]
    hosts = [row["host"] for row in proxy.ctl("exchanges", "--limit", "3")["exchanges"]]
    assert hosts == ["site3.example"] * 3


def test_decisions_can_be_exported(engine: StartEngine, backend: OpenBackend) -> None:
    proxy = engine(LISTEN + pool(backend()))
    for number in range(3):
        proxy.get(f"/{number}")
    file = proxy.directory / "decisions.jsonl"
    done = proxy.run_ctl("decisions", "--export", str(file))
    assert (done.returncode, done.stdout) == (0, "")
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert [row["path"] for row in rows] == ["/0", "/1", "/2"]
    assert {row["backend"] for row in rows} == {"web1"}
