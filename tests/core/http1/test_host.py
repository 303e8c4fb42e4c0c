"""Host names as routing sees them (RFC 9110, section 7.2; RFC 3986, section 3.2.2)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsp.core.http1.errors import BadMessage
from rsp.core.http1.host import parse_host


@pytest.mark.parametrize(
    ("value", "name", "port"),
    [
        (b"IronHand.example", "ironhand.example", 80),
        (b"ironhand.example.", "ironhand.example", 80),
        (b"a.example.:8080", "a.example", 8080),
        (b"a:", "a", 80),
        (b"127.0.0.1:9001", "127.0.0.1", 9001),
        (b"[::1]", "[::1]", 80),
        (b"[2001:DB8::1]:443", "[2001:db8::1]", 443),
        (b"xn--mnchen-3ya.example", "xn--mnchen-3ya.example", 80),
        (b"my_service", "my_service", 80),
    ],
)
def test_a_host_is_reduced_to_what_routing_compares(value: bytes, name: str, port: int) -> None:
    assert parse_host(value) == (name, port)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b".",
        b":80",
        b"a..b",
        b".a",
        b"a..",
        b"a b",
        b"a,b",
        b"a/b",
        b"a@b",
        b"a:b",
        b"a:80:80",
        b"a:123456",
        b"a%2eb",
        b"[::1",
        b"[]",
        b"[1.2.3.4]",
        b"[:::]",
        b"::1",
        b"m\xc3\xbcnchen.example",
        b"\xe2\x84\xaaelvin.example",
        b"a\x00",
        b"a" * 256,
    ],
)
def test_what_is_no_host_name_is_refused(value: bytes) -> None:
    with pytest.raises(BadMessage) as caught:
        parse_host(value)
    assert caught.value.status == 400


@given(st.from_regex(rb"[a-zA-Z0-9-]{1,20}(\.[a-zA-Z0-9-]{1,20}){0,3}", fullmatch=True))
def test_letter_case_and_final_dot_and_port_do_not_change_the_name(host: bytes) -> None:
    name = parse_host(host)[0]
    assert parse_host(host.upper())[0] == name
    assert parse_host(host.lower())[0] == name
    assert parse_host(host + b".:81") == (name, 81)
