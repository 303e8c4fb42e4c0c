"""What was found out about a head before must never change what a head means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsp.core.http1 import request
from rsp.core.http1.errors import BadMessage
from rsp.core.http1.forward import request_head_bytes, response_head_bytes
from rsp.core.http1.head import RequestHead, parse_request_head, parse_response_head
from rsp.core.limits import Limits

LIMITS = Limits()
LINES = st.sampled_from(
    [
        b"GET / HTTP/1.1",
        b"GET /a?b=c HTTP/1.1",
        b"HEAD /a HTTP/1.1",
        b"GET /a HTTP/1.0",
        b"POST /a HTTP/1.1",
        b"OPTIONS * HTTP/1.1",
        b"GET http://h/x HTTP/1.1",
        b"GET http://other/x HTTP/1.1",
        b"CONNECT h:1 HTTP/1.1",
        b"TRACE / HTTP/1.1",
        b"get / HTTP/1.1",
        b"GET /a b HTTP/1.1",
    ]
)
BLOCKS = st.sampled_from(
    [
        b"Host: h\r\n",
        b"Host: H\r\nCookie: a=b\r\n",
        b"Host: h\r\nConnection: close\r\n",
        b"Host: h\r\nContent-Length: 5\r\n",
        b"Host: h\r\nTransfer-Encoding: chunked\r\n",
        b"Host: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n",
        b"X: y\r\n",
        b"",
    ]
)
HEADS = st.builds(lambda line, block: line + b"\r\n" + block + b"\r\n", LINES, BLOCKS)


def meaning(head: bytes, last: RequestHead | None, limits: Limits = LIMITS) -> object:
    """Everything that the engine asks of a head; a refusal by its status and sentence."""
    try:
        parsed = parse_request_head(head, limits, last)
    except BadMessage as error:
        return error.status, error.sentence
    written = request_head_bytes(parsed, client_ip="192.0.2.1", trusted_peer=False, host=b"backend")
    own_host = request_head_bytes(parsed, client_ip="192.0.2.1", trusted_peer=False)
    return (
        parsed.method, parsed.target, parsed.minor, parsed.fields, parsed.host, parsed.raw_host,
        parsed.path, parsed.query, parsed.body, parsed.keep_alive, parsed.expects_continue,
        parsed.upgrade, written, own_host,
    )  # fmt: skip


@given(st.lists(HEADS, min_size=2, max_size=8))
def test_a_head_means_the_same_whatever_came_before_it(heads: list[bytes]) -> None:
    last = None
    for head in heads:
        # New limits, even the same ones, are the end of all that was known.
        assert meaning(head, last) == meaning(head, None) == meaning(head, None, Limits())
        try:
            last = parse_request_head(head, LIMITS, last)
        except BadMessage:
            continue
        request_head_bytes(last, client_ip="192.0.2.1", trusted_peer=False, host=b"backend")


def test_a_repeated_head_has_a_target_of_its_own() -> None:
    first = parse_request_head(b"GET /one?a HTTP/1.1\r\nHost: h\r\n\r\n", LIMITS)
    second = parse_request_head(b"GET /two HTTP/1.1\r\nHost: h\r\n\r\n", LIMITS, first)
    assert (second.path, second.query, second.host) == ("/two", "", "h")
    assert (first.path, first.query) == ("/one", "a")


def test_a_target_that_is_too_long_is_refused_also_when_its_fields_are_known() -> None:
    first = parse_request_head(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", LIMITS)
    with pytest.raises(BadMessage) as caught:
        parse_request_head(b"GET /%b HTTP/1.1\r\nHost: h\r\n\r\n" % (b"x" * 9000), LIMITS, first)
    assert caught.value.status == 414


def test_a_known_head_says_where_each_client_came_from() -> None:
    head = b"GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n"
    said = []
    for ip, trusted in (("192.0.2.1", False), ("192.0.2.2", False), ("192.0.2.3", True)):
        parsed = parse_request_head(head, LIMITS)
        written = request_head_bytes(parsed, client_ip=ip, trusted_peer=trusted)
        said += [line for line in written.split(b"\r\n") if line.startswith(b"X-Forwarded-For")]
    assert said == [
        b"X-Forwarded-For: 192.0.2.1",
        b"X-Forwarded-For: 192.0.2.2",
        b"X-Forwarded-For: 203.0.113.9, 192.0.2.3",
    ]


def test_a_target_is_not_remembered() -> None:
    fields = b"Host: forgetful\r\n\r\n"
    parse_request_head(b"GET /?token=secret HTTP/1.1\r\n" + fields, LIMITS)
    known = [head for head in request._known._heads.values() if head.host == "forgetful"]
    assert [(head.target, head.query) for head in known] == [(b"/", "")]


def test_a_head_that_passed_under_other_limits_is_not_remembered_for_these() -> None:
    narrow, fields = Limits(header_fields=2), b"Host: h\r\nE: f\r\nG: h\r\n\r\n"
    last = parse_request_head(b"GET / HTTP/1.1\r\n" + fields, LIMITS)
    with pytest.raises(BadMessage):
        parse_request_head(b"GET / HTTP/1.1\r\n" + fields, narrow)
    # An old session goes on under the old limits, with a head that its last one does not tell.
    parse_request_head(b"HEAD / HTTP/1.1\r\n" + fields, LIMITS, last)
    with pytest.raises(BadMessage):
        parse_request_head(b"HEAD / HTTP/1.1\r\n" + fields, narrow)


def test_known_heads_are_forgotten_when_the_limits_change() -> None:
    head = b"GET / HTTP/1.1\r\nHost: h\r\nA: b\r\nC: d\r\n\r\n"
    parse_request_head(head, LIMITS)
    with pytest.raises(BadMessage, match="more than 2 fields"):
        parse_request_head(head, Limits(header_fields=2))


@pytest.mark.parametrize("secret", [b"Cookie: a=b", b"Authorization: Basic eA=="])
def test_a_head_with_a_secret_is_not_remembered(secret: bytes) -> None:
    head = b"GET / HTTP/1.1\r\nHost: secretive\r\n%b\r\n\r\n" % secret
    first = parse_request_head(head, LIMITS)
    request_head_bytes(first, client_ip="192.0.2.1", trusted_peer=False)
    assert not parse_request_head(head, LIMITS).written
    plain = b"GET / HTTP/1.1\r\nHost: secretive\r\n\r\n"
    request_head_bytes(parse_request_head(plain, LIMITS), client_ip="192.0.2.1", trusted_peer=False)
    assert parse_request_head(plain, LIMITS).written


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_response_repeated_to_the_byte_is_known_for_the_same_method_alone(method: str) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    parse_response_head(head, "GET", LIMITS)
    again = parse_response_head(head, method, LIMITS)
    assert again.body == parse_response_head(head, method, Limits()).body


def test_what_was_written_for_one_client_is_not_written_for_another_kind() -> None:
    head = parse_response_head(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "GET", LIMITS
    )
    kept = response_head_bytes(head, client_minor=1, keep_alive=True, decode_chunked=False)
    ended = response_head_bytes(head, client_minor=0, keep_alive=False, decode_chunked=True)
    assert b"chunked" in kept
    assert b"chunked" not in ended
    assert b"Connection: close" in ended
