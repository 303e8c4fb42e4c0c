"""Where a head ends, and what is refused before it does."""

import pytest

from rsp.core.http1.errors import BadMessage
from rsp.core.http1.head import head_end, parse_request_head, response_head_end
from rsp.core.limits import Limits

LIMITS = Limits()
WHOLE = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n"


def refused(buffer: bytes) -> BadMessage:
    with pytest.raises(BadMessage) as caught:
        head_end(buffer, LIMITS)
    return caught.value


def test_a_head_ends_behind_its_empty_line_however_it_arrives() -> None:
    for cut in range(len(WHOLE)):
        assert head_end(WHOLE[:cut], LIMITS) == 0
    assert head_end(WHOLE, LIMITS) == len(WHOLE)
    assert head_end(bytearray(WHOLE + b"\x00\nbody"), LIMITS) == len(WHOLE)


def test_one_empty_line_before_the_request_is_part_of_the_head() -> None:
    """RFC 9112, section 2.2."""
    for cut in range(len(WHOLE) + 2):
        assert head_end((b"\r\n" + WHOLE)[:cut], LIMITS) == 0
    assert head_end(b"\r\n" + WHOLE, LIMITS) == len(WHOLE) + 2
    assert parse_request_head(b"\r\n" + WHOLE, LIMITS).target == b"/a"
    twice = b"\r\n\r\n" + WHOLE
    with pytest.raises(BadMessage):
        parse_request_head(twice[: head_end(twice, LIMITS)], LIMITS)


@pytest.mark.parametrize(
    ("buffer", "status"),
    [
        (b"GET / HTTP/1.1\nHost: a\n\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\rb", 400),
        (b"\nGET", 400),
        (b"\rG", 400),
        (b" GET", 400),
        (b"\x00", 400),
        (b"\xff", 400),
        (b"GET /\r\n", 400),
        (b"GET / HTTP/0.9\r\n", 400),
        (b"GET / HTTP/2.0\r\n", 505),
        (b"PRI * HTTP/2.0\r\n\r", 505),
        (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", 400),
        (b"GET /" + b"a" * 9000, 414),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n", 414),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 6000, 431),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 6000 + b"\r\n", 431),
    ],
)
def test_what_cannot_become_a_request_is_refused_early(buffer: bytes, status: int) -> None:
    """RFC 9112, sections 2.2, 2.3 and 3."""
    assert refused(buffer).status == status


def test_the_http2_preface_in_one_piece_is_a_505() -> None:
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    with pytest.raises(BadMessage) as caught:
        parse_request_head(preface[: head_end(preface, LIMITS)], LIMITS)
    assert caught.value.status == 505


def test_tls_bytes_are_named_with_the_way_through() -> None:
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
    assert head_end(hello[:1], LIMITS) == 0
    for buffer in (hello[:2], hello, hello + b"\r\n\r\n"):
        error = refused(buffer)
        assert error.status == 400
        assert "TLS" in error.sentence
        assert 'mode = "tcp"' in error.sentence


def test_the_marks_themselves_are_allowed() -> None:
    target = b"/" + b"a" * (LIMITS.request_line_bytes - 1)
    line = b"UNSUBSCRIBE " + target + b" HTTP/1.1"
    assert head_end(line, LIMITS) == 0
    whole = line + b"\r\nHost: a\r\n\r\n"
    assert parse_request_head(whole[: head_end(whole, LIMITS)], LIMITS).target == target
    filler = LIMITS.head_bytes - len(WHOLE)
    field = b"X: " + b"y" * (filler - 5) + b"\r\n"
    head = WHOLE[:-2] + field + b"\r\n"
    assert len(head) == head_end(head, LIMITS) == LIMITS.head_bytes


def test_a_response_head_ends_or_is_a_502() -> None:
    whole = b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n"
    for cut in range(len(whole)):
        assert response_head_end(whole[:cut], LIMITS) == 0
    assert response_head_end(whole + b"\n", LIMITS) == len(whole)
    long = b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 6000
    for buffer in (b"\x15\x03\x01", b"SSH-2.0", b"HTTP/1.1 200 OK\nA: b\n\n", long, long + b"\r\n"):
        with pytest.raises(BadMessage) as caught:
            response_head_end(buffer, LIMITS)
        assert caught.value.status == 502
