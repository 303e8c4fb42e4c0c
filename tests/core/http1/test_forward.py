"""What leaves for the backend and for the client, judged by parsers that are not ours."""

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsp.core.http1.forward import request_head_bytes, response_head_bytes
from rsp.core.http1.request import parse_request_head
from rsp.core.http1.response import parse_response_head
from rsp.core.limits import Limits

LIMITS = Limits()
Fields = list[tuple[bytes, bytes]]


def request(*fields: bytes, line: bytes = b"GET / HTTP/1.1", host: bytes = b"Host: a") -> bytes:
    return b"\r\n".join([line, *filter(None, [host]), *fields, b"", b""])


def sent(head: bytes, *, trusted: bool = False, host: bytes | None = None) -> bytes:
    return request_head_bytes(
        parse_request_head(head, LIMITS),
        client_ip="192.0.2.1",
        trusted_peer=trusted,
        host=host,
    )


def fields_sent(*fields: bytes, trusted: bool = False, **line: bytes) -> Fields:
    lines = sent(request(*fields, **line), trusted=trusted).split(b"\r\n")[1:-2]
    return [(name, value) for name, _, value in (line.partition(b": ") for line in lines)]


def values(fields: Fields, name: bytes) -> list[bytes]:
    return [value for key, value in fields if key.lower() == name.lower()]


def returned(head: bytes, *, method: str = "GET", minor: int = 1, kept: bool = True) -> bytes:
    return response_head_bytes(
        parse_response_head(head, method, LIMITS),
        client_minor=minor,
        keep_alive=kept,
        decode_chunked=minor == 0,
    )


def test_a_plain_request_gains_only_the_proxy_fields() -> None:
    head = b"GET /a?b HTTP/1.1\r\nX-Y: z \r\nHost: A.Example:81\r\nx-y: w\r\n\r\n"
    assert sent(head) == (
        b"GET /a?b HTTP/1.1\r\nHost: A.Example:81\r\nX-Y: z\r\nx-y: w\r\n"
        b"X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: http\r\n"
        b"X-Forwarded-Host: A.Example:81\r\nVia: 1.1 rsp\r\n\r\n"
    )


def test_a_given_host_replaces_the_clients() -> None:
    head = sent(request(host=b"Host: A.example"), host=b"backend:81")
    assert b"\r\nHost: backend:81\r\n" in head
    assert b"\r\nX-Forwarded-Host: A.example\r\n" in head


def test_a_request_without_a_host_gets_an_empty_one() -> None:
    """RFC 9112, section 3.2."""
    fields = fields_sent(line=b"GET / HTTP/1.0", host=b"")
    assert values(fields, b"Host") == [b""]
    assert values(fields, b"X-Forwarded-Host") == []
    assert values(fields, b"Via") == [b"1.0 rsp"]


def test_hop_by_hop_fields_end_here() -> None:
    """RFC 9110, section 7.6.1."""
    fields = fields_sent(
        b"Connection: X-Secret, close",
        b"x-secret: 1",
        b"Keep-Alive: 5",
        b"Proxy-Connection: close",
        b"Proxy-Authorization: Basic x",
        b"TE: trailers",
        b"Trailer: A",
        b"Upgrade: h2c",
        b"HTTP2-Settings: x",
        b"X-Kept: 1",
    )
    assert {name.lower() for name, _ in fields} == {
        b"host",
        b"x-kept",
        b"via",
        b"x-forwarded-for",
        b"x-forwarded-proto",
        b"x-forwarded-host",
    }


def test_names_with_an_underscore_are_dropped() -> None:
    fields = fields_sent(b"X_Forwarded_For: 1", b"X-Kept: a_b", b"Content_Length: 5", b"_: 1")
    assert [name for name, _ in fields if b"_" in name] == []
    assert values(fields, b"X-Kept") == [b"a_b"]


FORGED = [
    b"X-Forwarded-For: 198.51.100.1",
    b"x-forwarded-for: 198.51.100.2",
    b"X-Forwarded-Proto: https",
    b"X-Forwarded-Host: b",
    b"Forwarded: for=198.51.100.1",
]


def test_what_a_stranger_says_about_the_way_is_replaced() -> None:
    """RFC 7239, section 8.1."""
    fields = fields_sent(*FORGED)
    assert values(fields, b"X-Forwarded-For") == [b"192.0.2.1"]
    assert values(fields, b"X-Forwarded-Proto") == [b"http"]
    assert values(fields, b"X-Forwarded-Host") == [b"a"]
    assert values(fields, b"Forwarded") == []


def forwarded(
    *fields: bytes, client_ip: str = "192.0.2.1", trusted: bool = False, **line: bytes
) -> list[bytes]:
    """Return `Forwarded` as it is sent where it is wanted."""
    head = parse_request_head(request(*fields, **line), LIMITS)
    wire = request_head_bytes(head, client_ip=client_ip, trusted_peer=trusted, forwarded=True)
    lines = wire.split(b"\r\n")
    assert lines[-2:] == [b"", b""]
    assert b"X-Forwarded-For: " in wire
    return [line.partition(b": ")[2] for line in lines if line.startswith(b"Forwarded: ")]


def test_forwarded_says_who_what_host_and_how() -> None:
    """RFC 7239, section 4."""
    assert forwarded() == [b"for=192.0.2.1;host=a;proto=http"]
    assert forwarded(host=b"Host: A.Example:81") == [
        b'for=192.0.2.1;host="A.Example:81";proto=http'
    ]
    assert forwarded(line=b"GET / HTTP/1.0", host=b"") == [b"for=192.0.2.1;proto=http"]


def test_forwarded_quotes_ipv6() -> None:
    """RFC 7239, section 6."""
    assert forwarded(client_ip="2001:db8::1", host=b"Host: [::1]:80") == [
        b'for="[2001:db8::1]";host="[::1]:80";proto=http'
    ]


def test_forwarded_says_that_a_client_has_no_address() -> None:
    """RFC 7239, section 6.2."""
    assert forwarded(client_ip="unix") == [b"for=unknown;host=a;proto=http"]


def test_forwarded_of_a_stranger_is_replaced_and_of_a_trusted_proxy_appended_to() -> None:
    """RFC 7239, section 8.1."""
    chain = (b"Forwarded: for=198.51.100.1", b"forwarded: for=_x;proto=https", b"Forwarded:")
    assert forwarded(*chain) == [b"for=192.0.2.1;host=a;proto=http"]
    assert forwarded(*chain, trusted=True) == [
        b"for=198.51.100.1, for=_x;proto=https, for=192.0.2.1;host=a;proto=http"
    ]


def test_a_repeated_head_tells_of_its_own_client() -> None:
    head = parse_request_head(request(), LIMITS)
    for last in (1, 2):
        for wanted in (True, False):
            wire = request_head_bytes(
                head, client_ip=f"192.0.2.{last}", trusted_peer=False, forwarded=wanted
            )
            assert (b"Forwarded: for=192.0.2.%d;" % last in wire) is wanted


def test_what_a_trusted_proxy_says_is_kept_and_appended_to() -> None:
    fields = fields_sent(*FORGED, trusted=True)
    chain = b"198.51.100.1, 198.51.100.2, 192.0.2.1"
    assert values(fields, b"X-Forwarded-For") == [chain]
    assert values(fields, b"X-Forwarded-Proto") == [b"https"]
    assert values(fields, b"X-Forwarded-Host") == [b"b"]
    assert values(fields, b"Forwarded") == [b"for=198.51.100.1"]
    alone = fields_sent(b"TE: x", trusted=True)
    assert values(alone, b"X-Forwarded-For") == [b"192.0.2.1"]
    assert values(alone, b"X-Forwarded-Host") == [b"a"]


def test_via_grows_by_one_entry() -> None:
    """RFC 9110, section 7.6.3."""
    fields = fields_sent(b"Via: 1.0 x, 1.1 y", b"Via: 1.1 z")
    assert values(fields, b"Via") == [b"1.0 x, 1.1 y", b"1.1 z", b"1.1 rsp"]


@pytest.mark.parametrize(
    ("field", "line"),
    [
        (b"Content-Length: 5", b"Content-Length: 5"),
        (b"content-length:0", b"Content-Length: 0"),
        (b"transfer-encoding: CHUNKED", b"Transfer-Encoding: chunked"),
    ],
)
def test_framing_is_written_anew(field: bytes, line: bytes) -> None:
    """RFC 9112, section 6.2."""
    head = request(field, b"Expect: 100-continue", line=b"POST / HTTP/1.1")
    assert sent(head).split(b"\r\n").count(line) == 1


def test_an_expectation_passes_when_there_is_one() -> None:
    """RFC 9110, section 10.1.1."""
    expect = b"Expect: 100-Continue"
    assert values(fields_sent(expect, b"Content-Length: 5"), b"Expect") == [b"100-continue"]
    assert values(fields_sent(expect, b"Content-Length: 0"), b"Expect") == []


def test_only_a_websocket_upgrade_passes() -> None:
    """RFC 9110, section 7.8."""
    fields = fields_sent(b"Connection: keep-alive, Upgrade", b"Upgrade: WebSocket")
    assert values(fields, b"Connection") == [b"Upgrade"]
    assert values(fields, b"Upgrade") == [b"websocket"]


def test_a_response_keeps_its_fields_and_loses_hop_by_hop_ones() -> None:
    head = (
        b"HTTP/1.1 200 Fine\r\nServer: s\r\nDate: d\r\nKeep-Alive: 5\r\nConnection: close, X-H\r\n"
        b"X-H: 1\r\nX_Y: kept\r\nTrailer: A\r\nContent-Length: 2\r\nSet-Cookie: a\r\n"
        b"Set-Cookie: b\r\n\r\n"
    )
    assert returned(head) == (
        b"HTTP/1.1 200 Fine\r\nServer: s\r\nDate: d\r\nX_Y: kept\r\nSet-Cookie: a\r\n"
        b"Set-Cookie: b\r\nContent-Length: 2\r\nVia: 1.1 rsp\r\n\r\n"
    )


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
SIZED = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"


@pytest.mark.parametrize(
    ("head", "minor", "kept", "present", "absent"),
    [
        (SIZED, 1, True, b"Content-Length: 2", b"Connection"),
        (SIZED, 1, False, b"Connection: close", b"keep-alive"),
        (SIZED, 0, True, b"Connection: keep-alive", b"close"),
        (SIZED, 0, False, b"Connection: close", b"keep-alive"),
        (CHUNKED, 1, True, b"Transfer-Encoding: chunked", b"Connection"),
        (CHUNKED, 0, True, b"Connection: close", b"Transfer-Encoding"),
        (b"HTTP/1.1 200 OK\r\n\r\n", 1, True, b"Connection: close", b"Content-Length"),
        (b"HTTP/1.0 200 OK\r\n\r\n", 1, True, b"Via: 1.0 rsp", b"Content-Length"),
        (b"HTTP/1.1 304 X\r\nContent-Length: 2\r\n\r\n", 1, True, b"Content-Length: 2", b"Conn"),
        (b"HTTP/1.1 204 X\r\nContent-Length: 2\r\n\r\n", 1, True, b"Via", b"Content-Length"),
        (b"HTTP/1.1 103 X\r\nLink: a\r\n\r\n", 1, False, b"Link: a", b"Connection"),
    ],
)
def test_the_client_is_told_how_the_body_ends(
    head: bytes, minor: int, kept: bool, present: bytes, absent: bytes
) -> None:
    """RFC 9112, sections 6 and 9.3."""
    result = returned(head, minor=minor, kept=kept)
    assert b"\r\n" + present in result
    assert b"\r\n" + absent not in result


def test_the_answer_to_head_keeps_the_length_that_it_describes() -> None:
    """RFC 9110, section 9.3.2."""
    assert b"Content-Length: 2" in returned(SIZED, method="HEAD")
    assert b"Transfer-Encoding" not in returned(CHUNKED, method="HEAD")


def test_a_101_keeps_upgrade_and_connection() -> None:
    head = b"HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: websocket\r\nA: b\r\n\r\n"
    assert returned(head, kept=False) == (
        b"HTTP/1.1 101 X\r\nA: b\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Via: 1.1 rsp\r\n\r\n"
    )


TOKENS = st.from_regex(rb"[Xx]-[A-Za-z0-9!#$%&'*+.^`|~_-]{0,12}", fullmatch=True)
VALUES = st.from_regex(rb"([!-~\x80-\xff]([\t -~\x80-\xff]{0,20}[!-~\x80-\xff])?)?", fullmatch=True)
TARGETS = st.from_regex(rb"(http://a)?/[!\"$-~]{0,30}", fullmatch=True)
BODIES = st.sampled_from([b"", b"Content-Length: 7", b"Transfer-Encoding: chunked"])
FRAMING = {b"content-length", b"transfer-encoding"}


@given(
    st.sampled_from([b"GET", b"POST", b"PUT", b"OPTIONS"]),
    TARGETS,
    BODIES,
    st.lists(st.tuples(TOKENS, VALUES), max_size=6),
)
def test_h11_reads_what_we_send_as_what_we_received(
    method: bytes, target: bytes, body: bytes, fields: Fields
) -> None:
    lines = [b"%b:%b" % field for field in fields]
    head = request(*filter(None, [body]), *lines, line=method + b" " + target + b" HTTP/1.1")
    server = h11.Connection(h11.SERVER)
    server.receive_data(sent(head))
    event = server.next_event()
    assert isinstance(event, h11.Request)
    assert event.method == method
    assert event.target == target.removeprefix(b"http://a")
    headers = list(event.headers)
    assert [value for name, value in headers if name == b"host"] == [b"a"]
    framing = {name: value for name, value in headers if name in FRAMING}
    name, _, value = body.lower().partition(b": ")
    assert framing == ({name: value} if body else {})
    kept = [(key.lower(), text) for key, text in fields if b"_" not in key]
    assert [field for field in headers if field in kept] == kept
