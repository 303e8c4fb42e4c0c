"""What the C original was tested for, with its own three globals as the configuration."""

import re
import socket
import threading
from pathlib import Path

import pytest

from tests.behaviour.configs import original
from tests.behaviour.conftest import OpenBackend, StartEngine
from tests.behaviour.running import run_rsp
from tests.behaviour.scripted import hold
from tests.behaviour.waiting import PATIENCE_S
from tests.behaviour.wire import Message, Wire, digest, numbered, request, response


def test_it_passes_requests_to_the_backend_and_answers_back(
    engine: StartEngine, backend: OpenBackend
) -> None:
    site = backend(answer=lambda asked: response("200 OK", asked.path.encode()))
    proxy = engine(original(site.port))
    assert proxy.get("/first").body == b"/first"
    assert proxy.get("/second").body == b"/second"
    assert [message.path for message in site.requests] == ["/first", "/second"]


def test_it_listens_on_every_address_of_the_machine(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(original(backend().port))
    with socket.create_connection(("127.0.0.2", proxy.port)) as sock:
        assert Wire(sock).get().body == b"hello"


def test_a_response_of_eleven_megabytes_arrives_whole(
    engine: StartEngine, backend: OpenBackend
) -> None:
    page = numbered(11_000_000)
    proxy = engine(original(backend(answer=lambda _: response("200 OK", page)).port))
    assert digest(proxy.get().body) == digest(page)


def test_a_client_that_disconnects_is_no_trouble_for_the_next_one(
    engine: StartEngine, backend: OpenBackend
) -> None:
    page = numbered(2_000_000)
    proxy = engine(original(backend(answer=lambda _: response("200 OK", page)).port))
    leaver = proxy.connect(receive_bytes=4096)
    leaver.send(request())
    leaver.read(1000)
    leaver.close()
    assert digest(proxy.get().body) == digest(page)


def test_four_clients_are_served_at_once(engine: StartEngine, backend: OpenBackend) -> None:
    together = threading.Barrier(4)

    def answer(_: Message) -> bytes:
        # Nobody is answered until all four requests are at the backend.
        together.wait(PATIENCE_S)
        return response("200 OK", b"together")

    proxy = engine(original(backend(answer=answer).port))
    clients = [proxy.connect() for _ in range(4)]
    for client in clients:
        client.send(request())
    assert [client.read_response().body for client in clients] == [b"together"] * 4


def test_a_client_that_says_nothing_holds_nobody_up(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(original(backend().port))
    proxy.connect()
    proxy.connect().send(b"GET / HT")
    assert proxy.get().body == b"hello"


def test_one_slow_backend_answer_holds_nobody_up(engine: StartEngine, backend: OpenBackend) -> None:
    release = threading.Event()
    site = backend(hold(release))
    proxy = engine(original(site.port))
    waiting = proxy.connect()
    waiting.send(request())
    site.wait_for_requests(1)
    site.script = lambda wire: wire.send(response("200 OK", b"quick"))
    assert proxy.get().body == b"quick"
    release.set()
    assert waiting.read_response().body == b"held"


def test_a_configuration_that_is_missing_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "no.lua"
    done = run_rsp("serve", str(missing))
    assert done.returncode == 1
    assert done.stderr.startswith(f"Error parsing config file: cannot open {missing}")


def test_a_configuration_that_is_no_lua_is_refused_with_its_line(tmp_path: Path) -> None:
    broken = tmp_path / "broken.lua"
    broken.write_text('listenPort = "8000"\nthis is no Lua\n')
    done = run_rsp("serve", str(broken))
    assert done.returncode == 1
    assert done.stderr.startswith(f"Error parsing config file: {broken}:2: ")


GLOBALS = ("listenPort", "backendAddress", "backendPort")


@pytest.mark.parametrize("missing", GLOBALS)
@pytest.mark.parametrize("value", ["", "= { }", "= true"])
def test_each_global_must_be_there_and_be_a_string(
    tmp_path: Path, missing: str, value: str
) -> None:
    config = tmp_path / "config.lua"
    lines = [f'{name} = "8000"' for name in GLOBALS if name != missing]
    config.write_text("\n".join([*lines, f"{missing} {value}" if value else ""]))
    done = run_rsp("serve", str(config))
    assert (done.returncode, done.stderr) == (1, f"{missing} must be a string\n")


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (request(path="/" + "x" * 10_000), 414),
        (request("GET", "/", "X-Long: " + "x" * 10_000), 431),
        (request("GET", "/", *(f"X-{number}: {'y' * 900}" for number in range(40))), 431),
        (request("GET", "/", *(f"X-{number}: y" for number in range(200))), 431),
    ],
    ids=["target", "field", "head", "fields"],
)
def test_a_request_that_is_too_long_gets_its_status(
    engine: StartEngine, backend: OpenBackend, asked: bytes, status: int
) -> None:
    site = backend()
    proxy = engine(original(site.port))
    client = proxy.connect()
    client.send_what_is_taken(asked)
    assert client.read_response().status == status
    assert client.read_to_end() == b""
    assert site.requests == []
    assert proxy.get().status == 200


def test_each_line_of_the_log_begins_with_its_time(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(original(backend().port))
    proxy.get()
    lines = proxy.log.splitlines()
    stamp = r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6} \+0000\] "
    assert re.fullmatch(stamp + rf"Started\.  Listening on port {proxy.port}\.", lines[0])
    assert all(re.match(stamp, line) for line in lines)
