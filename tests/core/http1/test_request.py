"""Each rule for request heads, with the section that it comes from."""

from dataclasses import replace

import pytest

from rsp.core.http1.errors import BadMessage
from rsp.core.http1.framing import CHUNKED_BODY, NO_BODY, Body, BodyKind
from rsp.core.http1.request import RequestHead, parse_request_head
from rsp.core.limits import Limits

LIMITS = Limits()


def request(*fields: bytes, line: bytes = b"GET / HTTP/1.1", host: bytes = b"Host: a") -> bytes:
    return b"\r\n".join([line, *filter(None, [host]), *fields, b"", b""])


def parse(*fields: bytes, line: bytes = b"GET / HTTP/1.1", host: bytes = b"Host: a") -> RequestHead:
    return parse_request_head(request(*fields, line=line, host=host), LIMITS)


def test_a_request_is_read_as_it_was_written() -> None:
    head = parse(b"X-A: 1 ", b"x-a:\t2", b"Empty:", line=b"GET /p%20a?q=1?2 HTTP/1.1")
    assert (head.method, head.target, head.minor) == ("GET", b"/p%20a?q=1?2", 1)
    assert (head.path, head.query) == ("/p%20a", "q=1?2")
    assert head.fields == [(b"Host", b"a"), (b"X-A", b"1"), (b"x-a", b"2"), (b"Empty", b"")]
    assert (head.host, head.raw_host) == ("a", "a")
    assert (head.body, head.keep_alive, head.expects_continue) == (NO_BODY, True, False)
    assert (head.upgrade, head.connection_options) == (b"", frozenset())


def test_the_host_is_lowered_for_routing_and_kept_for_the_backend() -> None:
    head = parse(host=b"HOST: IronHand.Example.:8080")
    assert (head.host, head.raw_host) == ("ironhand.example", "IronHand.Example.:8080")


REFUSED = [
    # Connection must not remove what guards a request (RFC 9110, 7.6.1).
    *[
        (request(b"Connection: close, " + name), 400)
        for name in (b"Host", b"content-length", b"Transfer-Encoding", b"Authorization", b"COOKIE")
    ],
    (request(b"Connection: X-Forwarded-For"), 400),
    (request(b"Connection: X-Forwarded-Port"), 400),
    (request(b"Connection: Forwarded"), 400),
    (request(b"Connection: a b"), 400),
    (request(b'Connection: "close"'), 400),
    # Transfer-Encoding with Content-Length (RFC 9112, 6.1).
    (request(b"Transfer-Encoding: chunked", b"Content-Length: 0"), 400),
    (request(b"Content-Length: 5", b"Transfer-Encoding: chunked"), 400),
    (request(b"Transfer-Encoding: gzip", b"Content-Length: 5"), 400),
    # HTTP/1.0 with Transfer-Encoding (RFC 9112, 6.1).
    (request(b"Transfer-Encoding: chunked", line=b"POST / HTTP/1.0"), 400),
    # Exactly one `chunked` (RFC 9112, 6.1 and 6.3).
    (request(b"Transfer-Encoding: gzip, chunked"), 501),
    (request(b"Transfer-Encoding: gzip", b"Transfer-Encoding: chunked"), 501),
    (request(b"Transfer-Encoding: chunked, gzip"), 400),
    (request(b"Transfer-Encoding: chunked, chunked"), 400),
    (request(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"), 400),
    (request(b"Transfer-Encoding: identity"), 400),
    (request(b"Transfer-Encoding: xchunked"), 400),
    (request(b"Transfer-Encoding: chunked,"), 400),
    (request(b"Transfer-Encoding:"), 400),
    (request(b"Transfer-Encoding: \x0bchunked"), 400),
    (request(b"Transfer-Encoding: chun\xe2\x84\xaaed"), 400),
    # One Content-Length of plain digits (RFC 9112, 6.3).
    *[
        (request(b"Content-Length: " + value), 400)
        for value in (b"", b"+1", b"-1", b"1_0", b"0x1", b"01", b"1,1", b"1, 1", b"1 1", b"1.0")
    ],
    (request(b"Content-Length: \xb2"), 400),
    (request(b"Content-Length: 9223372036854775808"), 400),
    (request(b"Content-Length: 99999999999999999999"), 400),
    (request(b"Content-Length: 1", b"Content-Length: 1"), 400),
    # Line ends (RFC 9112, 2.2), names (5.1), folding (5.2), the first line (2.2).
    (request(b"A: b\nC: d"), 400),
    (request(b"A: b\rC: d"), 400),
    (request(b"A: b\r\r\nC: d"), 400),
    (request(b"A : b"), 400),
    (request(b"A\t: b"), 400),
    (request(b"A: b", b" folded"), 400),
    (request(b"A: b", b"\tfolded"), 400),
    (request(host=b" Host: a"), 400),
    (request(b"no colon"), 400),
    (request(b": no name"), 400),
    (request(b"A(b): c"), 400),
    (request(b"\xc3\xa4: c"), 400),
    # Values (RFC 9110, 5.5).
    *[(request(b"A: b" + bytes([code])), 400) for code in (0, 1, 8, 11, 12, 27, 31, 127)],
    # Host (RFC 9112, 3.2 and 3.2.2).
    (request(host=b""), 400),
    (request(host=b"Host:"), 400),
    (request(b"Host: a"), 400),
    (request(b"host: b"), 400),
    (request(host=b"Host: a, b"), 400),
    (request(host=b"Host: user@a"), 400),
    (request(line=b"GET http://b/ HTTP/1.1"), 400),
    (request(line=b"GET http://a:81/ HTTP/1.1"), 400),
    (request(line=b"GET http://user@a/ HTTP/1.1"), 400),
    (request(line=b"GET http:/// HTTP/1.1"), 400),
    (request(line=b"GET https://a/ HTTP/1.1"), 400),
    (request(line=b"GET ftp://a/ HTTP/1.1"), 400),
    # Forms of the target (RFC 9112, 3.2).
    (request(line=b"GET * HTTP/1.1"), 400),
    (request(line=b"GET a:80 HTTP/1.1"), 400),
    (request(line=b"GET a/b HTTP/1.1"), 400),
    (request(line=b"GET ?a HTTP/1.1"), 400),
    (request(line=b"GET /a b HTTP/1.1"), 400),
    (request(line=b"GET  / HTTP/1.1"), 400),
    (request(line=b"GET /a#b HTTP/1.1"), 400),
    (request(line=b"GET /\xc3\xa4 HTTP/1.1"), 400),
    (request(line=b"GET /\x7f HTTP/1.1"), 400),
    (request(line=b"GET\t/ HTTP/1.1"), 400),
    (request(line=b"CONNECT a:443 HTTP/1.1"), 405),
    (request(line=b"TRACE / HTTP/1.1"), 405),
    (request(line=b"get / HTTP/1.1"), 501),
    (request(line=b"BREW / HTTP/1.1"), 501),
    (request(line=b"G(T / HTTP/1.1"), 400),
    (request(line=b"A" * 33 + b" / HTTP/1.1"), 400),
    # Sizes (RFC 9112, 3; RFC 6585, 5).
    (request(line=b"GET /" + b"a" * 8192 + b" HTTP/1.1"), 414),
    (request(b"A: " + b"b" * 8192), 431),
    (request(*[b"A: b"] * 100), 431),
    # Versions (RFC 9112, 2.3; RFC 9110, 15.6.6).
    (request(line=b"GET /"), 400),
    (request(line=b"GET / HTTP/0.9"), 400),
    (request(line=b"GET / HTTP/1.2"), 505),
    (request(line=b"GET / HTTP/2.0"), 505),
    (request(line=b"GET / HTTP/3.0"), 505),
    (request(line=b"GET / HTTP/11.1"), 400),
    (request(line=b"GET / http/1.1"), 400),
    (request(line=b"GET / HTTP/1.1 "), 400),
    (request(line=b"GET / HTTP/1.\xb9"), 400),
    # Expect (RFC 9110, 10.1.1).
    (request(b"Expect: 100-continue, x", b"Content-Length: 5"), 417),
    (request(b"Expect: y 100-continue", b"Content-Length: 5"), 417),
    (request(b"Expect:", b"Content-Length: 5"), 417),
    (request(b"Expect: 100-continue", b"Expect: 100-continue", b"Content-Length: 5"), 417),
    # Loops (RFC 9110, 7.6.3).
    (request(b"Via: " + b", ".join([b"1.1 x"] * 9)), 508),
    (request(*[b"Via: 1.1 x"] * 9), 508),
]


@pytest.mark.parametrize(("head", "status"), REFUSED, ids=lambda value: repr(value)[:80])
def test_a_request_that_breaks_a_rule_is_refused(head: bytes, status: int) -> None:
    with pytest.raises(BadMessage) as caught:
        parse_request_head(head, LIMITS)
    assert caught.value.status == status, caught.value
    assert caught.value.sentence.endswith(".")


ACCEPTED = [
    request(b"A: \xc3\xa4\tb"),
    request(b"Connection: close, , keep-alive,,"),
    request(b"Connection: upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: a"),
    request(b"Content-Length: 0"),
    request(b"Content-Length: 9223372036854775807"),
    request(b"tRANSFER-eNCODING: \tCHUNKED "),
    request(line=b"OPTIONS * HTTP/1.1"),
    request(line=b'GET /a"b<c>{d}|e\\f^`?g?h/i HTTP/1.1'),
    request(line=b"GET HTTP://A:80/x HTTP/1.1"),
    request(line=b"QUERY / HTTP/1.1"),
    request(line=b"GET //b/c HTTP/1.1"),
    request(host=b"", line=b"GET / HTTP/1.0"),
    request(*[b"A: b"] * 99),
    request(b"A: " + b"b" * 8191),
    request(*[b"Via: 1.1 x"] * 8),
]


@pytest.mark.parametrize("head", ACCEPTED, ids=lambda value: repr(value)[:80])
def test_an_unusual_request_that_breaks_no_rule_passes(head: bytes) -> None:
    assert parse_request_head(head, LIMITS).minor in (0, 1)


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        ([], NO_BODY),
        ([b"Content-Length: 0"], Body(BodyKind.LENGTH, 0)),
        ([b"Content-Length: 42"], Body(BodyKind.LENGTH, 42)),
        ([b"Transfer-Encoding: Chunked"], CHUNKED_BODY),
    ],
)
def test_the_framing_is_what_the_fields_say(fields: list[bytes], body: Body) -> None:
    assert parse(*fields, line=b"POST / HTTP/1.1").body == body


@pytest.mark.parametrize(
    ("minor", "connection", "kept"),
    [
        (1, None, True),
        (1, b"close", False),
        (1, b"Keep-Alive, CLOSE", False),
        (1, b"x", True),
        (0, None, False),
        (0, b"Keep-Alive", True),
        (0, b"keep-alive, close", False),
    ],
)
def test_who_stays_connected(minor: int, connection: bytes | None, kept: bool) -> None:
    """RFC 9112, section 9.3."""
    fields = [] if connection is None else [b"Connection: " + connection]
    assert parse(*fields, line=b"GET / HTTP/1.%d" % minor).keep_alive is kept


@pytest.mark.parametrize(
    ("fields", "line", "expects"),
    [
        ([b"Content-Length: 5", b"Expect: 100-Continue"], b"POST / HTTP/1.1", True),
        ([b"Transfer-Encoding: chunked", b"Expect: 100-continue"], b"POST / HTTP/1.1", True),
        ([b"Content-Length: 0", b"Expect: 100-continue"], b"POST / HTTP/1.1", False),
        ([b"Expect: 100-continue"], b"POST / HTTP/1.1", False),
        ([b"Content-Length: 5", b"Expect: 100-continue"], b"POST / HTTP/1.0", False),
    ],
)
def test_who_waits_for_a_100(fields: list[bytes], line: bytes, expects: bool) -> None:
    assert parse(*fields, line=line).expects_continue is expects


@pytest.mark.parametrize(
    ("fields", "line", "upgrade"),
    [
        ([b"Connection: Upgrade", b"Upgrade: WebSocket"], b"GET / HTTP/1.1", b"websocket"),
        (
            [b"Connection: keep-alive, upgrade", b"Upgrade: websocket"],
            b"GET / HTTP/1.1",
            b"websocket",
        ),
        ([b"Upgrade: websocket"], b"GET / HTTP/1.1", b""),
        ([b"Connection: Upgrade", b"Upgrade: h2c"], b"GET / HTTP/1.1", b""),
        ([b"Connection: Upgrade", b"Upgrade: websocket, h2c"], b"GET / HTTP/1.1", b""),
        ([b"Connection: Upgrade"], b"GET / HTTP/1.1", b""),
        ([b"Connection: Upgrade", b"Upgrade: websocket"], b"GET / HTTP/1.0", b""),
        (
            [b"Connection: Upgrade", b"Upgrade: websocket", b"Content-Length: 5"],
            b"POST / HTTP/1.1",
            b"",
        ),
    ],
)
def test_only_a_websocket_is_asked_for(fields: list[bytes], line: bytes, upgrade: bytes) -> None:
    """RFC 9110, section 7.8."""
    assert parse(*fields, line=line).upgrade == upgrade


@pytest.mark.parametrize(
    ("line", "target", "path", "query"),
    [
        (b"GET http://A/x?y HTTP/1.1", b"/x?y", "/x", "y"),
        (b"GET http://a HTTP/1.1", b"/", "/", ""),
        (b"GET http://a?y HTTP/1.1", b"/?y", "/", "y"),
        (b"OPTIONS http://a HTTP/1.1", b"*", "*", ""),
        (b"OPTIONS http://a/ HTTP/1.1", b"/", "/", ""),
        (b"GET /? HTTP/1.1", b"/?", "/", ""),
    ],
)
def test_absolute_form_becomes_origin_form(
    line: bytes, target: bytes, path: str, query: str
) -> None:
    """RFC 9112, sections 3.2.1, 3.2.2 and 3.2.4."""
    head = parse(line=line)
    assert (head.origin_target, head.path, head.query, head.host) == (target, path, query, "a")


def test_absolute_form_names_the_host_when_nothing_else_does() -> None:
    head = parse(line=b"GET http://B.example:81/ HTTP/1.0", host=b"")
    assert (head.host, head.raw_host) == ("b.example", "B.example:81")


def test_a_body_over_the_limit_is_a_413() -> None:
    limits = replace(LIMITS, request_body_bytes=5)
    parse_request_head(request(b"Content-Length: 5"), limits)
    with pytest.raises(BadMessage) as caught:
        parse_request_head(request(b"Content-Length: 6"), limits)
    assert caught.value.status == 413


def test_a_refused_line_is_named() -> None:
    with pytest.raises(BadMessage, match="blank between its name and the colon"):
        parse(b"A : b")
    with pytest.raises(BadMessage, match="folded"):
        parse(b"A: b", b" c")
    with pytest.raises(BadMessage, match="bare CR or LF"):
        parse(b"A: b\nC: d")
    with pytest.raises(BadMessage, match="no colon"):
        parse(b"abc")
