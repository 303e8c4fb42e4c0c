"""Which header fields reach the other side, in what order, and which we add."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest

from tests.behaviour.configs import LISTEN, pool
from tests.behaviour.conftest import OpenBackend, StartEngine
from tests.behaviour.running import Engine
from tests.behaviour.scripted import Backend
from tests.behaviour.waiting import wait_until
from tests.behaviour.wire import head, request

DATE = "Date: Sat, 03 Jan 2026 10:00:00 GMT"
TRUSTING = 'listen { address = "127.0.0.1:0", trusted_proxies = { "127.0.0.0/8" } }\n'


def test_a_request_head_keeps_its_order_and_spelling(proxy: Engine, site: Backend) -> None:
    fields = ["X-One: 1", "accept: */*", "COOKIE: a=b", "X-One: 2", "x-Empty:", "X-Latin: caf\xe9"]
    proxy.get("/path/../x?q=%20&r", *fields, host="WWW.Example:80")
    assert site.requests[0].lines == [
        "GET /path/../x?q=%20&r HTTP/1.1",
        f"Host: {site.address}",
        *[field.replace("x-Empty:", "x-Empty: ") for field in fields],
        "X-Forwarded-For: 127.0.0.1",
        "X-Forwarded-Proto: http",
        "X-Forwarded-Host: WWW.Example:80",
        "Via: 1.1 rsp",
    ]


def test_a_response_head_keeps_its_order_and_spelling(proxy: Engine, site: Backend) -> None:
    fields = ["server: old", "Set-Cookie: a=1", DATE, "Set-Cookie: b=2", "ETAG: caf\xe9"]
    answer = head("HTTP/1.1 299 Quite Fine", *fields, "Content-Length: 2") + b"ok"
    site.answer = lambda _: answer
    got = proxy.get()
    assert got.lines == ["HTTP/1.1 299 Quite Fine", *fields, "Content-Length: 2", "Via: 1.1 rsp"]


def test_a_response_without_a_date_gets_one(proxy: Engine, site: Backend) -> None:
    """RFC 9110, section 6.6.1."""
    answers = iter([[], ["date: long ago"], ["X-Date: no"], []])
    site.answer = lambda _: head("HTTP/1.1 204 No Content", *next(answers))
    client = proxy.connect()
    dates = [client.get().all("date") for _ in range(4)]
    assert dates[1] == ["long ago"]
    for said in (dates[0], dates[2], dates[3]):
        (date,) = said
        then = parsedate_to_datetime(date)
        assert abs(datetime.now(UTC) - then) < timedelta(minutes=1)


HOP_BY_HOP = [
    "Connection: keep-alive, X-Hop",
    "X-Hop: only to the proxy",
    "Keep-Alive: timeout=5",
    "Proxy-Connection: keep-alive",
    "TE: trailers",
    "Trailer: X-Later",
    "Upgrade: h2c",
    "HTTP2-Settings: AAMAAABk",
]


def test_hop_by_hop_fields_of_a_request_end_at_the_proxy(proxy: Engine, site: Backend) -> None:
    proxy.get("/", "X-Before: 1", *HOP_BY_HOP, "X-After: 2")
    names = [name for name, _ in site.requests[0].fields]
    ours = ["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Via"]
    assert names == ["Host", "X-Before", "X-After", *ours]


def test_hop_by_hop_fields_of_a_response_end_at_the_proxy(proxy: Engine, site: Backend) -> None:
    answer = head("HTTP/1.1 200 OK", "X-Before: 1", *HOP_BY_HOP, DATE, "Content-Length: 0")
    site.answer = lambda _: answer
    got = proxy.get()
    assert [name for name, _ in got.fields] == ["X-Before", "Date", "Content-Length", "Via"]


@pytest.mark.parametrize("name", ["Host", "Content-Length", "Cookie", "X-Forwarded-For"])
def test_nobody_can_have_an_important_field_removed(
    proxy: Engine, site: Backend, name: str
) -> None:
    assert proxy.get("/", f"Connection: close, {name}").status == 400
    assert site.requests == []


FORGED = [
    "X-Forwarded-For: 10.1.1.1",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Host: forged.example",
    "Forwarded: for=10.1.1.1",
]


def test_forwarded_fields_of_a_stranger_are_replaced(proxy: Engine, site: Backend) -> None:
    proxy.get("/", *FORGED, host="www.example")
    asked = site.requests[0]
    assert asked.get("X-Forwarded-For") == "127.0.0.1"
    assert asked.get("X-Forwarded-Proto") == "http"
    assert asked.get("X-Forwarded-Host") == "www.example"
    assert asked.get("Forwarded") is None


def test_forwarded_fields_of_a_trusted_proxy_are_kept_and_appended_to(
    engine: StartEngine, backend: OpenBackend
) -> None:
    site = backend()
    engine(TRUSTING + pool(site)).get("/", *FORGED)
    asked = site.requests[0]
    assert asked.get("X-Forwarded-For") == "10.1.1.1, 127.0.0.1"
    assert asked.get("X-Forwarded-Proto") == "https"
    assert asked.get("X-Forwarded-Host") == "forged.example"
    assert asked.get("Forwarded") == "for=10.1.1.1"


def test_a_name_with_an_underscore_cannot_pass_for_one_with_a_hyphen(
    proxy: Engine, site: Backend
) -> None:
    proxy.get("/", "X_Forwarded_For: 10.1.1.1", "X-Good: 1")
    names = [name for name, _ in site.requests[0].fields]
    assert "X_Forwarded_For" not in names
    assert "X-Good" in names


def test_via_tells_of_every_proxy_on_the_way(proxy: Engine, site: Backend) -> None:
    proxy.get("/", "Via: 1.0 first, 1.1 second")
    assert site.requests[0].all("Via") == ["1.0 first, 1.1 second", "1.1 rsp"]


def test_a_proxy_that_asks_itself_notices(engine: StartEngine, backend: OpenBackend) -> None:
    proxy = engine(LISTEN + pool(backend()))
    proxy.ask("backend.set", target="web/web1", address=f"127.0.0.1:{proxy.port}")
    assert proxy.get().status == 508


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("", "Www.Example:8080"),
        ('host = "keep",', "Www.Example:8080"),
        ('host = "site.internal",', "site.internal"),
        ('host = "backend",', None),
    ],
)
def test_the_backend_sees_the_host_that_its_pool_says(
    engine: StartEngine, backend: OpenBackend, setting: str, expected: str | None
) -> None:
    site = backend()
    engine(LISTEN + pool(site, settings=setting)).get(host="Www.Example:8080")
    assert site.requests[0].get("Host") == (expected or site.address)
    assert site.requests[0].get("X-Forwarded-Host") == "Www.Example:8080"


def test_hosts_that_differ_by_case_port_or_a_final_dot_are_routed_alike(
    engine: StartEngine, backend: OpenBackend
) -> None:
    sites = [backend() for _ in range(8)]
    proxy = engine(LISTEN + pool(*sites, settings='balance = "hash",'))
    spellings = ["ironhand.example", "IronHand.example", "IRONHAND.EXAMPLE.", "ironhand.example:80"]
    for host in spellings:
        assert proxy.get(host=host).status == 200
    assert sorted(len(site.requests) for site in sites) == [0] * 7 + [4]


def test_a_target_in_absolute_form_is_asked_for_by_its_path(
    engine: StartEngine, backend: OpenBackend
) -> None:
    site = backend()
    client = engine(LISTEN + pool(site)).connect()
    client.ask(request("GET", "http://a.example:81/x?y", host="a.example:81"))
    assert site.requests[0].start_line == "GET /x?y HTTP/1.1"
    assert site.requests[0].get("Host") == "a.example:81"


def test_options_with_a_star_is_passed_on(proxy: Engine, site: Backend) -> None:
    proxy.connect().ask(request("OPTIONS", "*"))
    assert site.requests[0].start_line == "OPTIONS * HTTP/1.1"


def test_a_request_that_ends_here_by_its_own_wish_is_no_error(
    engine: StartEngine, backend: OpenBackend
) -> None:
    site = backend()
    proxy = engine(LISTEN + pool(site))
    client = proxy.connect()
    client.send(request("OPTIONS", "/", "Max-Forwards: 0"))
    answer = client.read_response()
    assert answer.status == 200
    assert b"no backend was asked" in answer.body
    assert site.requests == []
    assert proxy.ask("status")["totals"]["errors"] == 0
    client.close()
    wait_until(lambda: proxy.ask("connection", id=1)["close_reason"] == "finished")
