"""Each rule for response heads, with the section that it comes from."""

import pytest

from rsp.core.http1.errors import BadMessage
from rsp.core.http1.framing import BODY_UNTIL_CLOSE, CHUNKED_BODY, NO_BODY, Body, BodyKind
from rsp.core.http1.response import ResponseHead, described_length, parse_response_head
from rsp.core.limits import Limits

LIMITS = Limits()


def response(*fields: bytes, line: bytes = b"HTTP/1.1 200 OK") -> bytes:
    return b"\r\n".join([line, *fields, b"", b""])


def parse(*fields: bytes, line: bytes = b"HTTP/1.1 200 OK", method: str = "GET") -> ResponseHead:
    return parse_response_head(response(*fields, line=line), method, LIMITS)


def test_a_response_is_read_as_it_was_written() -> None:
    head = parse(b"X-A: 1", b"Content-Length: 3", line=b"HTTP/1.1 299 So \xfc")
    assert (head.status, head.reason, head.minor) == (299, b"So \xfc", 1)
    assert head.fields == [(b"X-A", b"1"), (b"Content-Length", b"3")]
    assert (head.body, head.keep_alive) == (Body(BodyKind.LENGTH, 3), True)


@pytest.mark.parametrize("line", [b"HTTP/1.1 200", b"HTTP/1.1 200 ", b"HTTP/1.0 999 Odd"])
def test_an_unusual_status_line_passes(line: bytes) -> None:
    assert parse(line=line).status in (200, 999)


@pytest.mark.parametrize(
    "head",
    [
        response(line=b"HTTP/1.1 20 OK"),
        response(line=b"HTTP/1.1 099 OK"),
        response(line=b"HTTP/1.1 2000 OK"),
        response(line=b"HTTP/1.1  200 OK"),
        response(line=b"HTTP/2 200 OK"),
        response(line=b"HTTP/1.2 200 OK"),
        response(line=b"ICY 200 OK"),
        response(line=b"HTTP/1.1 200 O\x00K"),
        response(b"A: b\nC: d"),
        response(b"A: b\rC: d"),
        response(b"A: b", b" folded"),
        response(b"A: b\x00"),
        response(b" A: b"),
        response(b"no colon"),
        response(b"Transfer-Encoding: chunked", b"Content-Length: 5"),
        response(b"Transfer-Encoding: chunked", line=b"HTTP/1.0 200 OK"),
        response(b"Transfer-Encoding: gzip, chunked"),
        response(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"),
        response(b"Transfer-Encoding: identity"),
        response(b"Content-Length: 5", b"Content-Length: 5"),
        response(b"Content-Length: 5, 5"),
        response(b"Content-Length: +5"),
        response(b"Content-Length: 05"),
        response(b"Connection: a b"),
        response(*[b"A: b"] * 101),
        response(b"A: " + b"b" * 8192),
    ],
    ids=lambda value: repr(value)[:80],
)
def test_a_response_that_breaks_a_rule_is_a_502(head: bytes) -> None:
    """RFC 9112, sections 2.2, 4, 5 and 6."""
    with pytest.raises(BadMessage) as caught:
        parse_response_head(head, "GET", LIMITS)
    assert caught.value.status == 502


def test_a_blank_before_the_colon_is_removed() -> None:
    """RFC 9112, section 5.1: a proxy must do so in a response."""
    head = parse(b"Content-Length \t: 5", b"A : b")
    assert head.body == Body(BodyKind.LENGTH, 5)
    assert head.fields[1] == (b"A", b"b")


@pytest.mark.parametrize(
    ("status", "method", "fields", "body"),
    [
        (200, "GET", [], BODY_UNTIL_CLOSE),
        (200, "GET", [b"Content-Length: 0"], Body(BodyKind.LENGTH, 0)),
        (200, "GET", [b"Transfer-Encoding: chunked"], CHUNKED_BODY),
        (200, "HEAD", [b"Content-Length: 5"], NO_BODY),
        (200, "HEAD", [b"Transfer-Encoding: chunked"], NO_BODY),
        (200, "HEAD", [], NO_BODY),
        (100, "POST", [b"Content-Length: 5"], NO_BODY),
        (103, "GET", [], NO_BODY),
        (204, "GET", [b"Content-Length: 5"], NO_BODY),
        (204, "GET", [b"Transfer-Encoding: chunked"], NO_BODY),
        (304, "GET", [b"Content-Length: 5"], NO_BODY),
        (404, "GET", [b"Content-Length: 5"], Body(BodyKind.LENGTH, 5)),
    ],
)
def test_the_framing_follows_status_and_method_first(
    status: int, method: str, fields: list[bytes], body: Body
) -> None:
    """RFC 9112, section 6.3."""
    assert parse(*fields, line=b"HTTP/1.1 %d X" % status, method=method).body == body


@pytest.mark.parametrize(
    ("minor", "fields", "kept"),
    [
        (1, [b"Content-Length: 5"], True),
        (1, [b"Content-Length: 5", b"Connection: Close"], False),
        (1, [], False),
        (0, [b"Content-Length: 5"], False),
        (0, [b"Content-Length: 5", b"Connection: keep-alive"], True),
        (0, [b"Connection: keep-alive"], False),
    ],
)
def test_when_the_backend_connection_can_be_used_again(
    minor: int, fields: list[bytes], kept: bool
) -> None:
    """RFC 9112, section 9.3."""
    assert parse(*fields, line=b"HTTP/1.%d 200 OK" % minor).keep_alive is kept


def test_a_101_says_what_the_connection_speaks_now() -> None:
    fields = (b"Connection: Upgrade", b"Upgrade: WebSocket")
    assert parse(*fields, line=b"HTTP/1.1 101 X").upgrade == b"websocket"
    assert parse(*fields).upgrade == b""
    assert parse(fields[1], line=b"HTTP/1.1 101 X").upgrade == b""


@pytest.mark.parametrize(("status", "length"), [(200, 5), (304, 5), (204, None), (103, None)])
def test_the_described_length_of_a_body_that_is_not_there(status: int, length: int | None) -> None:
    """RFC 9110, section 8.6."""
    head = parse(b"Content-Length: 5", line=b"HTTP/1.1 %d X" % status, method="HEAD")
    assert described_length(head) == length
