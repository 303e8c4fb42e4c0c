"""Breakpoints on what happens to fds: who stops, what moves then, and that nothing is lost."""

import threading

import pytest

from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import OpenBackend, StartEngine
from tests.behaviour.running import Engine
from tests.behaviour.scripted import Backend, hold
from tests.behaviour.stops import PAGE, SIZE, add, ask_late, ledger_of, page, stopped
from tests.behaviour.waiting import PATIENCE_S, wait_until
from tests.behaviour.wire import Wire, digest, head, numbered, request, response


def shared_config(site: Backend) -> str:
    return LISTEN + pool(site)


@pytest.fixture(autouse=True)
def no_breakpoints_left(proxy: Engine) -> object:
    """Every test begins without any, also after one that failed."""
    yield
    proxy.ask("break.remove", id="all")


def test_a_filter_stops_the_session_and_nobody_else(proxy: Engine, site: Backend) -> None:
    site.answer = page
    number = proxy.ctl("break", "add", "client.eagain_writes>0")["id"]
    client = ask_late(proxy)
    row = stopped(proxy, client)
    assert row["stopped"]["breakpoint"] == number
    assert row["stopped"]["why"] == "client.eagain_writes>0 (1)"
    assert 50 < row["stopped"]["goes_on_in_s"] <= 60
    assert row["client"]["paused_by"] == ["breakpoint"]
    assert "breakpoint" in row["backend"]["paused_by"]
    assert row["backend"]["stall"]["cause"] == "breakpoint"
    site.answer = lambda _: response("200 OK", b"small")
    assert [proxy.get().body for _ in range(3)] == [b"small"] * 3
    assert proxy.ask("status")["breaks"] == {"in_force": 1, "stopped": 1, "first": row["id"]}
    listed = proxy.ctl("break", "list")["breakpoints"]
    assert [(each["hits"], each["stopped"]) for each in listed] == [(1, [row["id"]])]
    proxy.wait_for_event(f"session {row['id']} stopped at breakpoint {number}: client.eagain")
    proxy.ctl("continue", str(row["id"]))
    assert digest(client.read_response().body) == digest(PAGE)
    books = ledger_of(proxy, row["id"])["response"]
    assert (books["in"], books["dropped"], books["balanced"]) == (SIZE, 0, True)
    assert proxy.ask("status")["breaks"]["stopped"] == 0


def test_a_half_close_stops_before_it_is_acted_on(proxy: Engine, site: Backend) -> None:
    answer_now = threading.Event()
    site.script = hold(answer_now)
    number = add(proxy, "any half-close")
    client = proxy.connect()
    client.send(request("GET", "/", version="1.0"))
    client.finish()
    row = stopped(proxy, client)
    assert (row["stopped"]["breakpoint"], row["half_closed"]) == (number, None)
    proxy.ask("continue", id=row["id"])
    answer_now.set()
    assert client.read_response().body == b"held"


def test_clients_that_end_at_rest_are_no_half_close(proxy: Engine, site: Backend) -> None:
    add(proxy, "any half-close")
    client = proxy.connect()
    assert client.get().status == 200
    row = proxy.wait_for_state(client, "idle")
    client.close()
    wait_until(lambda: proxy.ask("connection", id=row["id"])["state"] == "closed")
    assert proxy.ask("break.list")["breakpoints"][0]["hits"] == 0


def test_an_eof_is_not_told_to_the_backend_before_it_goes_on(
    engine: StartEngine, backend: OpenBackend
) -> None:
    site = backend(lambda wire: wire.send(wire.read_to_end()))
    proxy = engine('listen { address = "127.0.0.1:0", mode = "tcp", pool = "web" }\n' + pool(site))
    add(proxy, "client eof")
    client = proxy.connect()
    client.send(b"all of it")
    client.finish()
    row = stopped(proxy, client)
    wait_until(lambda: site.wires and site.wires[0].received is not None)
    assert row["client"]["bytes_in"] == 9
    assert row["half_closed"] is None
    proxy.ask("continue", id=row["id"])
    assert client.read_to_end() == b"all of it"


def reset_in_the_midst(wire: Wire) -> None:
    wire.read_request()
    wire.send(head("HTTP/1.1 200 OK", "Content-Length: 100"), b"begun")
    wire.reset()


def test_a_reset_stops_before_the_session_hears_of_it(proxy: Engine, site: Backend) -> None:
    site.script = reset_in_the_midst
    add(proxy, "backend rst")
    client = proxy.connect()
    client.send(request())
    row = stopped(proxy, client)
    assert row["state"] == "streaming"
    assert row["backend"]["bytes_in"] > 0
    proxy.ask("step", id=row["id"], kind="event")
    proxy.ask("continue", all=True)
    client.sock.settimeout(PATIENCE_S)
    assert client.is_reset() or b"begun" in client.received
    detail = wait_until(
        lambda: found if (found := proxy.ask("connection", id=row["id"]))["close_reason"] else {}
    )
    assert detail["close_reason"] == "backend_gone"


@pytest.mark.parametrize("event", ["client eagain", "any short-write"])
def test_a_kernel_that_takes_too_little_stops(proxy: Engine, site: Backend, event: str) -> None:
    site.answer = page
    add(proxy, event)
    client = ask_late(proxy)
    row = stopped(proxy, client)
    counter = "eagain_writes" if event == "client eagain" else "short_writes"
    assert row["client"][counter] > 0
    assert f"fd {row['client']['fd']}, client" in row["stopped"]["why"]
    proxy.ask("break.remove", id="all")
    assert digest(client.read_response().body) == digest(PAGE)
    assert ledger_of(proxy, row["id"])["response"]["balanced"]


def test_the_first_byte_is_not_read_yet(proxy: Engine, site: Backend) -> None:
    add(proxy, "first-byte")
    client = proxy.connect()
    client.send(request())
    row = stopped(proxy, client)
    assert (row["backend"]["bytes_in"], row["response"]) == (0, None)
    assert proxy.ask("connection", id=row["id"])["backend"]["kernel_receive_queue_bytes"] > 0
    proxy.ask("continue", id=row["id"])
    assert client.read_response().body == b"hello"
    client.send(request())
    again = stopped(proxy, client)
    assert again["id"] == row["id"]
    proxy.ask("continue", id=row["id"])
    assert client.read_response().body == b"hello"


def test_a_request_that_goes_elsewhere_than_the_one_before(
    engine: StartEngine, backend: OpenBackend
) -> None:
    one, two = backend(), backend()
    route = "function route(request) return 'web/' .. request.headers['x-to'] end"
    proxy = engine(LISTEN + pool(one, two) + route)
    client = proxy.connect()
    client.get("/", "X-To: web1")
    add(proxy, "route!=last")
    client.get("/same", "X-To: web1")
    client.send(request("GET", "/other", "X-To: web2"))
    row = stopped(proxy, client)
    assert row["stopped"]["why"] == "route!=last (web/web1, then web/web2)"
    assert two.requests == []
    proxy.ask("continue", id=row["id"])
    assert client.read_response().status == 200
    assert [asked.path for asked in two.requests] == ["/other"]


def test_a_new_client_is_held_before_its_first_byte_is_routed(proxy: Engine, site: Backend) -> None:
    add(proxy, "client.bytes_in>0")
    client = proxy.connect()
    client.send(b"GET / HT")
    row = stopped(proxy, client)
    assert row["state"] == "reading_head"
    client.send(b"TP/1.1\r\nHost: a.example\r\n\r\n")
    assert site.requests == []
    proxy.ask("continue", id=row["id"])
    assert client.read_response().body == b"hello"


def test_it_goes_on_by_itself(proxy: Engine, site: Backend) -> None:
    proxy.ctl("break", "add", "first-byte", "--for", "0.2")
    assert proxy.get().body == b"hello"
    assert proxy.wait_for_event(": nobody said anything")


def test_who_is_stopped_goes_on_when_the_breakpoint_is_removed(
    proxy: Engine, site: Backend
) -> None:
    first, second = add(proxy, "first-byte", hold=True), add(proxy, "client rst")
    client = proxy.connect()
    client.send(request())
    stopped(proxy, client)
    proxy.ctl("break", "remove", str(second))
    assert proxy.row(client)["stopped"]
    proxy.ctl("break", "remove", str(first))
    assert client.read_response().body == b"hello"
    assert proxy.get().body == b"hello"
    assert proxy.run_ctl("break", "remove", str(first)).returncode == 1


def test_a_fault_and_a_breakpoint_together(proxy: Engine, site: Backend) -> None:
    fault = proxy.ask("fault.add", kind="slicer", values={"average_size": 4000, "delay": 0})["id"]
    site.answer = lambda _: response("200 OK", PAGE[:200_000])
    add(proxy, "first-byte", hold=True)
    client = proxy.connect()
    client.send(request())
    row = stopped(proxy, client)
    proxy.ask("step", id=row["id"], kind="read")
    assert proxy.row(client)["client"]["bytes_out"] == 0
    proxy.ask("fault.remove", id=fault)
    assert proxy.row(client)["client"]["bytes_out"] == 0
    proxy.ask("fault.add", kind="slicer", values={"average_size": 4000, "delay": 0})
    proxy.ask("break.remove", id="all")
    assert digest(client.read_response().body) == digest(PAGE[:200_000])
    proxy.ask("fault.remove", id="all")
    assert ledger_of(proxy, row["id"])["response"]["balanced"]


def test_a_half_close_that_a_fault_takes_for_the_end_is_seen_before_it_does(
    proxy: Engine, site: Backend
) -> None:
    answer_now = threading.Event()

    def script(wire: Wire) -> None:
        wire.read_request()
        assert answer_now.wait(PATIENCE_S)
        wire.send_what_is_taken(response("200 OK", numbered(5120)))

    site.script = script
    proxy.ask("fault.add", kind="rdhup_is_close")
    add(proxy, "client half-close", hold=True)
    client = proxy.connect()
    client.send(request("GET", "/", version="1.0"))
    site.wait_for_requests(1)
    client.finish()
    row = stopped(proxy, client)
    assert (row["state"], row["client"]["bytes_out"]) == ("streaming", 0)
    proxy.ask("fault.remove", id="all")
    proxy.ask("continue", id=row["id"])
    answer_now.set()
    assert client.read_response().body == numbered(5120)


def test_allowances_stand_still_and_a_warning_says_which(
    engine: StartEngine, backend: OpenBackend
) -> None:
    limits = "limits { response_head_s = 1 }\n"
    proxy = engine(LISTEN + pool(backend()) + limits)
    add(proxy, "first-byte", hold=True)
    client = proxy.connect()
    client.send(request())
    number = stopped(proxy, client)["id"]
    said = proxy.wait_for_event(f"session {number} has stood still")
    assert "the backend began no response: our own allowance of 1 s stands still" in said
    wait_until(lambda: proxy.row(client)["stopped"]["for_s"] > 1.5)
    assert "may give up" in proxy.row(client)["stopped"]["warning"]
    proxy.ask("continue", id=number)
    assert client.read_response().body == b"hello"


def test_what_cannot_be_waited_for_is_refused(proxy: Engine, site: Backend) -> None:
    for expression, said in (
        ("client gone", 'no event "gone"; there are rst'),
        ("rst", "client rst, backend rst or any rst"),
        ("halfclose", '"halfclose" is no event'),
        ("client.eagain_writes>x", "is not a number"),
        ("", "needs something to wait for"),
    ):
        done = proxy.run_ctl("break", "add", expression)
        assert said in done.stderr, done.stderr
    assert proxy.ask("break.list")["breakpoints"] == []


def test_an_engine_on_its_way_out_lets_everybody_go(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(LISTEN + pool(backend()))
    add(proxy, "first-byte", hold=True)
    client = proxy.connect()
    client.send(request())
    stopped(proxy, client)
    proxy.ask("stop")
    assert client.read_response().body == b"hello"
