"""`-- expect:` lines: what they say, and how they differ from a decision."""

import pytest

from rsp.core.backends import Backend, Pool
from rsp.core.expectations import ExpectationError, asked_for, expectations_in
from rsp.core.routing import RouteDecision

WEB1 = Backend("web", "web1", "127.0.0.1:9001")
ROUTED = RouteDecision(Pool("web", (WEB1,)), WEB1, None, "host match", 1)
REFUSED = RouteDecision(None, None, None, "no backend", 1, status=502, error="no pool x here")


def test_a_whole_line_is_understood() -> None:
    source = (
        "listen {}\n"
        "  --  expect:  POST http://A.test:81/b?c=d#e -H 'X-A: 1' -H 'X-B:2'"
        " -> web/web1 (why (so))\n"
        "-- expected: nothing\n"
        "-- expect: GET a.test -> 503\n"
    )
    first, second = expectations_in(source)
    assert (first.line, first.pool, first.backend, first.status) == (2, "web", "web1", 0)
    assert first.reason == "why (so)"
    asked = first.asked
    assert (asked.method, asked.path, asked.query) == ("POST", "/b", "c=d")
    assert (asked.host, asked.raw_host) == ("a.test", "A.test:81")
    assert asked.fields == ((b"Host", b"A.test:81"), (b"X-A", b"1"), (b"X-B", b"2"))
    assert (second.line, second.status, second.pool, second.asked.path) == (4, 503, None, "/")


@pytest.mark.parametrize(
    ("outcome", "decision", "is_met"),
    [
        ("web", ROUTED, True),
        ("web/web1", ROUTED, True),
        ("web/web1 (host match)", ROUTED, True),
        ("web (…)", ROUTED, True),
        ("web (host)", ROUTED, False),
        ("web/web2", ROUTED, False),
        ("api", ROUTED, False),
        ("502", ROUTED, False),
        ("502", REFUSED, True),
        ("502 (...)", REFUSED, True),
        ("502 (no pool x)", REFUSED, True),
        ("502 (no pool y)", REFUSED, False),
        ("503", REFUSED, False),
        ("web", REFUSED, False),
    ],
)
def test_a_decision_is_compared(outcome: str, decision: RouteDecision, is_met: bool) -> None:
    (expectation,) = expectations_in(f"-- expect: GET http://a.test/ -> {outcome}")
    difference = expectation.difference(decision)
    assert (difference is None) is is_met
    if difference and decision is ROUTED:
        assert "host match" in difference
    elif difference:
        assert difference == "it was 502 (no pool x here)"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("GET http://a.test/", "says no outcome"),
        ("GET http://a.test/ ->", "says no outcome"),
        ("GET http://a.test/ -> web because", "says no outcome"),
        ("GET -> web", "is not one method and one URL"),
        ("GET a b -> web", "is not one method and one URL"),
        ("GET http://a.test/ -> /web1", "is no target"),
        ("GET http://a.test/ -> web/", "is no target"),
        ("GET http://a.test/ -H 'x -> web", "No closing quotation"),
        ("GET http://a.test/ -H -> web", "is no header field"),
        ("GET http://a.test/ -H 'no colon' -> web", "is no header field"),
        ("G:T http://a.test/ -> web", "is no method"),
        ("GET ftp://a.test/ -> web", "ftp is not known"),
        ("GET http:/// -> web", "not a valid host name"),
    ],
)
def test_a_line_that_cannot_be_understood_is_named(line: str, message: str) -> None:
    with pytest.raises(ExpectationError) as caught:
        expectations_in(f"\n-- expect: {line}")
    assert message in str(caught.value)
    assert caught.value.line == 2


def test_a_host_among_the_fields_wins() -> None:
    asked = asked_for("GET", "http://127.0.0.1:8080/x", ["hOST: IronHand.Example"])
    assert (asked.host, asked.raw_host) == ("ironhand.example", "IronHand.Example")
    assert asked.fields == ((b"hOST", b"IronHand.Example"),)


def test_text_is_utf_8_on_its_way_to_bytes() -> None:
    asked = asked_for("GET", "http://a.test/ü?ü", ["X: ü"])
    assert (asked.path, asked.query) == ("/Ã¼", "Ã¼")
    assert asked.fields[1] == (b"X", b"\xc3\xbc")


def test_a_query_needs_no_path() -> None:
    asked = asked_for("GET", "http://a.test?x=/y")
    assert (asked.raw_host, asked.path, asked.query) == ("a.test", "/", "x=/y")


def test_a_tcp_listener_can_be_asked_about() -> None:
    assert asked_for("CONNECT", "tcp://127.0.0.1:8443").tcp_listener == "127.0.0.1:8443"


def test_it_becomes_a_request() -> None:
    request = asked_for("GET", "http://A.test/x").request("192.0.2.1", "127.0.0.1:8080")
    assert (request.method, request.path, request.host) == ("GET", "/x", "a.test")
    assert (request.client_ip, request.listener) == ("192.0.2.1", "127.0.0.1:8080")
    assert request.fields == [(b"Host", b"A.test")]
