"""Sticky pools over real sockets: a client that keeps its cookie keeps its backend."""

import re
import threading
from pathlib import Path

import pytest

from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import OpenBackend, StartEngine
from tests.behaviour.queues import FULL_AT_ONE, Gate, wait_for_queue
from tests.behaviour.running import Engine, run_rsp
from tests.behaviour.scripted import Answer, Backend, hold
from tests.behaviour.waiting import wait_until
from tests.behaviour.wire import Message, Wire, head, request, response

BY_COOKIE = 'sticky = { cookie = "srv" },'
BY_CLIENT = 'sticky = { by = "client" },'
OURS = re.compile(r"srv=([0-9a-f]{16}); Path=/; HttpOnly; SameSite=Lax")


class Jar:
    """A client that keeps cookies as curl does: by their names, and sends all that it has."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.cookies: dict[str, str] = {}

    def get(self, path: str = "/", *fields: str) -> Message:
        answer = self.wire.get(path, *self.field(), *fields)
        for line in answer.all("Set-Cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer

    def field(self) -> list[str]:
        pairs = [f"{name}={value}" for name, value in self.cookies.items()]
        return [f"Cookie: {'; '.join(pairs)}"] if pairs else []


def saying(name: str) -> Answer:
    return lambda _asked: response("200 OK", name.encode())


def named_sites(backend: OpenBackend, count: int) -> list[Backend]:
    """Open backends that answer with their names, as `pool` gives them."""
    return [backend(answer=saying(f"web{number}")) for number in range(1, count + 1)]


def who(answer: Message) -> str:
    assert answer.status == 200
    return answer.body.decode()


def jar_at(proxy: Engine, wanted: str) -> Jar:
    """Return a client that sticks to the backend `wanted`; each has a turn."""
    for _ in range(10):
        jar = Jar(proxy.connect())
        if who(jar.get()) == wanted:
            return jar
    raise AssertionError(f"nobody was sent to {wanted}")


def test_a_client_with_its_cookie_comes_back(engine: StartEngine, backend: OpenBackend) -> None:
    sites = named_sites(backend, 3)
    proxy = engine(LISTEN + pool(*sites, settings=BY_COOKIE))
    jar = Jar(proxy.connect())
    first = jar.get()
    assert OURS.fullmatch(first.get("Set-Cookie") or "")
    assert first.get("Cache-Control") == "private"
    again = [jar.get() for _ in range(4)]
    assert {who(answer) for answer in again} == {who(first)}
    assert [answer.all("Set-Cookie") for answer in again] == [[]] * 4
    *_, last = proxy.ask("decisions")["decisions"]
    assert last["reason"] == (
        f"first pool: no route function; sticky by cookie srv: web/{who(first)}"
    )
    assert last["sticky"] is True
    assert len({who(Jar(proxy.connect()).get()) for _ in range(3)}) == 3


def test_no_backend_sees_the_cookie_and_each_sees_the_others(
    engine: StartEngine, backend: OpenBackend
) -> None:
    (site,) = named_sites(backend, 1)
    proxy = engine(LISTEN + pool(site, settings=BY_COOKIE))
    jar = Jar(proxy.connect())
    jar.get()
    value = jar.cookies["srv"]
    client = proxy.connect()
    fields = (f"cookie: a=1; srv={value}; b=2", f"Cookie: srv={value}", "COOKIE: SRV=x;c=3")
    assert client.get("/", *fields).all("Set-Cookie") == []
    assert site.requests[-1].all("Cookie") == ["a=1; b=2", "SRV=x; c=3"]
    assert client.get("/", "Cookie: SRV=" + value).get("Set-Cookie") == (
        f"srv={value}; Path=/; HttpOnly; SameSite=Lax"
    )


def test_what_the_backend_sets_is_kept(engine: StartEngine, backend: OpenBackend) -> None:
    site = backend(answer=lambda _: response("200 OK", b"x", "Set-Cookie: a=1", "Set-Cookie: b=2"))
    proxy = engine(LISTEN + pool(site, settings=BY_COOKIE))
    jar = Jar(proxy.connect())
    assert [line[:2] for line in jar.get().all("Set-Cookie")] == ["a=", "b=", "sr"]
    assert jar.get().all("Set-Cookie") == ["a=1", "b=2"]
    assert site.requests[-1].all("Cookie") == ["a=1; b=2"]


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        ("HEAD", head("HTTP/1.1 200 OK", "Content-Length: 5")),
        ("GET", head("HTTP/1.1 304 Not Modified", 'ETag: "x"')),
        ("GET", head("HTTP/1.1 204 No Content")),
    ],
)
def test_a_response_without_a_body_has_it_as_well(
    engine: StartEngine, backend: OpenBackend, method: str, answer: bytes
) -> None:
    proxy = engine(LISTEN + pool(backend(answer=lambda _: answer), settings=BY_COOKIE))
    client = proxy.connect()
    found = client.ask(request(method), method=method)
    assert OURS.fullmatch(found.get("Set-Cookie") or "")
    assert client.ask(request(method), method=method).status == found.status


def test_of_several_responses_the_final_one_has_it(
    engine: StartEngine, backend: OpenBackend
) -> None:
    early = head("HTTP/1.1 103 Early Hints", "Link: </a>")
    site = backend(answer=lambda _: early + response("200 OK", b"x"))
    proxy = engine(LISTEN + pool(site, settings=BY_COOKIE))
    found = proxy.connect().get()
    assert [each.all("Set-Cookie") for each in found.interim] == [[]]
    assert OURS.fullmatch(found.get("Set-Cookie") or "")


def test_an_upgrade_has_it_too(engine: StartEngine, backend: OpenBackend) -> None:
    agreed = head("HTTP/1.1 101 Switching", "Connection: Upgrade", "Upgrade: websocket")

    def speak(wire: Wire) -> None:
        wire.read_request()
        wire.send(agreed, b"hello")
        wire.read_to_end()

    proxy = engine(LISTEN + pool(backend(speak), settings=BY_COOKIE))
    client = proxy.connect()
    found = client.get("/", "Connection: Upgrade", "Upgrade: websocket")
    assert (found.status, bool(OURS.fullmatch(found.get("Set-Cookie") or ""))) == (101, True)
    assert client.read(5) == b"hello"
    client.close()


def test_a_backend_that_drains_keeps_its_own(engine: StartEngine, backend: OpenBackend) -> None:
    sites = named_sites(backend, 2)
    proxy = engine(LISTEN + pool(*sites, settings=BY_COOKIE))
    jar = jar_at(proxy, "web2")
    proxy.ask("backend.set", target="web/web2", state="drain")
    assert [who(jar.get()) for _ in range(3)] == ["web2"] * 3
    assert {who(Jar(proxy.connect()).get()) for _ in range(3)} == {"web1"}


@pytest.mark.parametrize("what", ["maint", "removed", "refusing"])
def test_who_loses_its_backend_gets_another_and_keeps_that(
    engine: StartEngine, backend: OpenBackend, what: str
) -> None:
    sites = named_sites(backend, 3)
    proxy = engine(LISTEN + pool(*sites, settings=BY_COOKIE))
    jar = jar_at(proxy, "web2")
    old = jar.cookies["srv"]
    if what == "maint":
        proxy.ask("backend.set", target="web/web2", state="maint")
    elif what == "removed":
        proxy.ask("backend.remove", target="web/web2")
    else:
        sites[1].refuse()
        sites[1].hang_up()
    other = who(jar.get())
    assert other != "web2"
    assert jar.cookies["srv"] != old
    assert [who(jar.get()) for _ in range(3)] == [other] * 3


def test_an_edit_of_the_pool_moves_nobody(engine: StartEngine, backend: OpenBackend) -> None:
    sites = named_sites(backend, 3)
    proxy = engine(LISTEN + pool(*sites[:2], settings=BY_COOKIE))
    jars = [jar_at(proxy, name) for name in ("web1", "web2")]
    proxy.ask("backend.add", pool="web", name="web3", address=sites[2].address, weight=200)
    proxy.ask("backend.set", target="web/web1", weight=1)
    assert [who(jar.get()) for jar in jars] == ["web1", "web2"]


def test_what_is_forged_is_replaced(engine: StartEngine, backend: OpenBackend) -> None:
    proxy = engine(LISTEN + pool(*named_sites(backend, 2), settings=BY_COOKIE))
    answer = proxy.connect().get("/", "Cookie: srv=web2; srv=0000000000000000")
    assert OURS.fullmatch(answer.get("Set-Cookie") or "")


def test_a_full_backend_is_waited_for_by_those_that_stick_to_it(
    engine: StartEngine, backend: OpenBackend
) -> None:
    gate = Gate()
    sites = named_sites(backend, 2)
    proxy = engine(LISTEN + pool(*sites, settings=f"{BY_COOKIE} queue = {{ }},", each=FULL_AT_ONE))
    jar = jar_at(proxy, "web2")
    sites[1].hang_up()
    sites[1].answer = gate.answer
    client = proxy.connect()
    client.send(request("GET", "/first", *jar.field()))
    gate.wait_for_arrivals(1)
    waiter = proxy.connect()
    waiter.send(request("GET", "/second", *jar.field()))
    wait_for_queue(proxy, 1)
    assert proxy.row(waiter)["queued"]["backend"] == "web2"
    assert who(proxy.connect().get()) == "web1"
    gate.open(2)
    assert [each.read_response().body for each in (client, waiter)] == [b"/first", b"/second"]


def test_the_cookie_is_a_secret_in_whatever_is_shown(
    engine: StartEngine, backend: OpenBackend
) -> None:
    proxy = engine(LISTEN + pool(backend(), settings=BY_COOKIE))
    jar = Jar(proxy.connect())
    jar.get()
    proxy.ask("watch", id=proxy.row(jar.wire)["id"])
    jar.get()
    value = jar.cookies["srv"]
    session = str(proxy.row(jar.wire)["id"])
    for words in (["decisions"], ["exchanges"], ["events"], ["peek", session]):
        assert value not in proxy.run_ctl("--json", *words).stdout
    rows = proxy.ask("decisions", with_inputs=True)["decisions"]
    assert value not in str(rows)


def test_an_address_comes_back_whatever_becomes_of_the_pool(
    engine: StartEngine, backend: OpenBackend
) -> None:
    sites = named_sites(backend, 3)
    proxy = engine(LISTEN + pool(*sites[:2], settings=BY_CLIENT))
    first = proxy.get()
    assert first.all("Set-Cookie") == []
    proxy.ask("backend.add", pool="web", name="web3", address=sites[2].address)
    assert {who(proxy.get()) for _ in range(4)} == {who(first)}
    assert proxy.ask("decisions")["decisions"][-1]["reason"] == (
        f"first pool: no route function; sticky by client 127.0.0.1: web/{who(first)}"
    )
    proxy.ask("backend.set", target=f"web/{who(first)}", state="maint")
    second = who(proxy.get())
    assert second != who(first)
    proxy.ask("backend.set", target=f"web/{who(first)}", state="ready")
    assert who(proxy.get()) == second


def test_tcp_sessions_stick_by_address(engine: StartEngine, backend: OpenBackend) -> None:
    release = threading.Event()
    sites = [backend(hold(release)) for _ in range(2)]
    listen = 'listen { address = "127.0.0.1:0", mode = "tcp" }\n'
    proxy = engine(listen + pool(*sites, settings=BY_CLIENT))
    clients = [proxy.connect() for _ in range(4)]
    wait_until(lambda: sum(site.connections for site in sites) == 4)
    assert sorted(site.connections for site in sites) == [0, 4]
    release.set()
    for client in clients:
        client.close()


def test_a_preview_moves_nobody_whose_cookie_it_knows(
    engine: StartEngine, backend: OpenBackend
) -> None:
    sites = named_sites(backend, 3)
    proxy = engine(LISTEN + pool(*sites, settings=f'{BY_COOKIE} balance = "hash",'))
    jar = Jar(proxy.connect())
    for _ in range(5):
        jar.get()
    previewed = proxy.ask("backend.set", target="web/web1", weight=200, preview=True)["what_if"]
    assert (previewed["moved"], previewed["recorded"] >= 5) == (0, True)
    assert previewed["cannot_be_known"] == {"web": "sticky by cookie srv"}
    assert proxy.ctl("audit")["splits"] == []


def test_a_cookie_and_tcp_do_not_go_together(directory: Path) -> None:
    config = 'listen { address = "127.0.0.1:0", mode = "tcp" }\n' + pool(
        "127.0.0.1:1", settings=BY_COOKIE
    )
    (directory / "config.lua").write_text(config)
    done = run_rsp("check", str(directory / "config.lua"))
    assert done.returncode != 0
    assert "nobody has a cookie in tcp" in done.stdout + done.stderr
