"""PROXY headers of both versions: what is taken, what is refused, and how soon."""

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsp.core.crc32c import crc32c
from rsp.core.proxy_protocol import (
    SIGNATURE,
    BadProxyHeader,
    ProxyHeader,
    own_header_bytes,
    parse_proxy_header,
    proxy_header_bytes,
)
from rsp.core.vocabulary import ProxyVersion

A4, B4 = "192.0.2.1", "192.0.2.2"
A6, B6 = "2001:db8::1", "2001:db8::2"
REST = b"GET / HTTP/1.1\r\n"


def v2(
    block: bytes = b"", *, family: int = 0, command: int = 1, version: int = 2, says: int = -1
) -> bytes:
    length = len(block) if says < 0 else says
    return SIGNATURE + struct.pack("!BBH", version << 4 | command, family, length) + block


def tcp4(*tlvs: bytes) -> bytes:
    pair = socket.inet_aton(A4) + socket.inet_aton(B4)
    return pair + struct.pack("!HH", 4711, 80) + b"".join(tlvs)


def tcp6(source: str = A6) -> bytes:
    pair = socket.inet_pton(socket.AF_INET6, source) + socket.inet_pton(socket.AF_INET6, B6)
    return pair + struct.pack("!HH", 4711, 80)


def tlv(kind: int, value: bytes) -> bytes:
    return struct.pack("!BH", kind, len(value)) + value


def with_checksum(header: bytes, *, off_by: int = 0) -> bytes:
    """Return a header whose last entry has four bytes, with its checksum in their place."""
    value = crc32c(header[:-4] + bytes(4)) ^ off_by
    return header[:-4] + struct.pack("!I", value)


SUMMED = v2(tcp4(tlv(2, b"www.example"), tlv(3, bytes(4))), family=0x11)

TAKEN: dict[str, tuple[bytes, str | None]] = {
    "v1 over IPv4": (b"PROXY TCP4 192.0.2.1 192.0.2.2 4711 80\r\n", f"{A4}:4711"),
    "v1 over IPv6": (b"PROXY TCP6 2001:db8::1 2001:db8::2 4711 80\r\n", f"[{A6}]:4711"),
    "v1 with the smallest and the largest port": (
        b"PROXY TCP4 192.0.2.1 192.0.2.2 0 65535\r\n",
        f"{A4}:0",
    ),
    "v1 of an address in capitals": (b"PROXY TCP6 2001:DB8::1 ::1 1 2\r\n", f"[{A6}]:1"),
    "v1 of IPv4 in IPv6": (b"PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n", f"{A4}:1"),
    "v1 as long as it can be": (
        b"PROXY TCP6 " + b" ".join([b"ffff:" * 7 + b"ffff"] * 2) + b" 65535 65535\r\n",
        "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
    ),
    "v1 that does not know": (b"PROXY UNKNOWN\r\n", None),
    "v1 that does not know, with something behind": (b"PROXY UNKNOWN ::1 x  y\r\n", None),
    "v2 over IPv4": (v2(tcp4(), family=0x11), f"{A4}:4711"),
    "v2 over IPv6": (v2(tcp6(), family=0x21), f"[{A6}]:4711"),
    "v2 of IPv4 in IPv6": (v2(tcp6("::ffff:192.0.2.1"), family=0x21), f"{A4}:4711"),
    "v2 of a unix socket": (v2(bytes(216), family=0x31), "unix:0"),
    "v2 with entries": (
        v2(tcp4(tlv(2, b"www.example"), tlv(4, b""), tlv(0xEA, bytes(300))), family=0x11),
        f"{A4}:4711",
    ),
    "v2 with a checksum": (with_checksum(SUMMED), f"{A4}:4711"),
    "v2 that does not know": (v2(), None),
    "v2 that does not know, with something behind": (v2(b"whatever"), None),
    "v2 of the proxy itself": (v2(command=0), None),
    "v2 of the proxy itself, with what has to be skipped": (
        v2(b"what it likes", command=0, family=0xFF),
        None,
    ),
    "v2 as long as is taken": (v2(bytes(4080), command=0), None),
}


@pytest.mark.parametrize(("header", "client"), TAKEN.values(), ids=TAKEN)
@pytest.mark.parametrize("rest", [b"", REST, b"\0"], ids=["alone", "request", "nul"])
def test_a_header_is_taken_and_the_rest_is_left(
    header: bytes, client: str | None, rest: bytes
) -> None:
    assert parse_proxy_header(header + rest) == ProxyHeader(len(header), client)


@pytest.mark.parametrize(("header", "client"), TAKEN.values(), ids=TAKEN)
def test_a_header_may_come_a_byte_at_a_time(header: bytes, client: str | None) -> None:
    for end in range(1, len(header)):
        assert parse_proxy_header(header[:end]) is None
    assert parse_proxy_header(header) == ProxyHeader(len(header), client)


REFUSED: dict[str, tuple[bytes, str]] = {
    "a request": (REST, "no PROXY header"),
    "one wrong letter": (b"PROXI", "no PROXY header"),
    "small letters": (b"proxy TCP4", "no PROXY header"),
    "a tab": (b"PROXY\tTCP4", "no PROXY header"),
    "an empty line": (b"\r\n\r\nG", "no PROXY header"),
    "a TLS hello": (b"\x16\x03\x01", "no PROXY header"),
    "a signature with a wrong end": (SIGNATURE[:-1] + b"\r", "no PROXY header"),
    "nothing said": (b"PROXY \r\n", "has not the form"),
    "another protocol": (b"PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n", "has not the form"),
    "small letters in the family": (b"PROXY tcp4 192.0.2.1 192.0.2.2 1 2\r\n", "not the form"),
    "a word glued to UNKNOWN": (b"PROXY UNKNOWNS\r\n", "has not the form"),
    "two spaces": (b"PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n", "has not the form"),
    "a space at the end": (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n", "has not the form"),
    "a port missing": (b"PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n", "has not the form"),
    "LF alone": (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n", "CR LF"),
    "a CR inside": (b"PROXY TCP4 192.0.2.1\r 192.0.2.2 1 2\r\n", "CR LF"),
    "IPv6 called IPv4": (b"PROXY TCP4 ::1 ::1 1 2\r\n", "bad TCP4 address"),
    "IPv4 called IPv6": (b"PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n", "bad TCP6 address"),
    "a bad target": (b"PROXY TCP4 192.0.2.1 192.0.2 1 2\r\n", "bad TCP4 address"),
    "octal": (b"PROXY TCP4 192.0.02.1 192.0.2.2 1 2\r\n", "bad TCP4 address"),
    "a zone": (b"PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n", "zone"),
    "digits of another script": (
        "PROXY TCP4 192.0.2.\u0661 192.0.2.2 1 2\r\n".encode(),
        "bad TCP4 address",
    ),
    "a port with a sign": (b"PROXY TCP4 192.0.2.1 192.0.2.2 +1 2\r\n", "bad port"),
    "a port with a zero before": (b"PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n", "bad port"),
    "a port beyond": (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n", "bad port"),
    "a line too long": (b"PROXY UNKNOWN " + b"x" * 92 + b"\r\n", "longer than 107"),
    "a line without an end": (b"PROXY " + b"x" * 101, "longer than 107"),
    "version 1 in the binary form": (v2(version=1)[:13], "version 1"),
    "version 3": (v2(version=3)[:13], "version 3"),
    "a command that nobody knows": (v2(command=2)[:13], "command 2"),
    "datagrams": (v2(tcp4(), family=0x12)[:16], "family 0x12"),
    "a family that nobody knows": (v2(family=0x41), "family 0x41"),
    "longer than is taken": (v2(says=4081)[:16], "4096 are the most"),
    "the longest that can be said": (v2(says=65535)[:16], "4096 are the most"),
    "too short for IPv4": (v2(tcp4()[:11], family=0x11), "too short"),
    "too short for IPv6": (v2(tcp4(), family=0x21), "too short"),
    "too short for a path": (v2(bytes(215), family=0x31), "too short"),
    "a wrong checksum": (with_checksum(SUMMED, off_by=1), "wrong checksum"),
    "a checksum of two bytes": (
        v2(tcp4(tlv(3, b"ab")), family=0x11),
        "wrong checksum",
    ),
    "half an entry": (v2(tcp4(b"\1\0"), family=0x11), "inside an entry"),
    "an entry beyond the end": (v2(tcp4(b"\1\0\2x"), family=0x11), "longer than the header"),
}


@pytest.mark.parametrize(("data", "why"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_become_a_header_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(BadProxyHeader, match=why.replace("(", r"\(")):
        parse_proxy_header(data)


@given(st.binary(max_size=300), st.sampled_from([b"", b"PROXY ", b"PROXY TCP4 ", SIGNATURE]))
def test_any_bytes_are_a_header_or_part_of_one_or_none(tail: bytes, start: bytes) -> None:
    """And what is whole was never refused while it came, nor is it read another way with more."""
    data = start + tail
    if not data:
        return
    try:
        header = parse_proxy_header(data)
    except BadProxyHeader:
        return
    if header is not None:
        assert parse_proxy_header(data[: header.length]) == header
        assert all(parse_proxy_header(data[:end]) is None for end in range(1, header.length))


SENT: dict[str, tuple[str, str, bytes, bytes]] = {
    "IPv4": (
        "192.0.2.1:4711",
        "192.0.2.2:80",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 4711 80\r\n",
        v2(tcp4(), family=0x11),
    ),
    "IPv6": (
        "[2001:db8::1]:4711",
        "[2001:db8::2]:80",
        b"PROXY TCP6 2001:db8::1 2001:db8::2 4711 80\r\n",
        v2(tcp6(), family=0x21),
    ),
    "a unix socket": ("unix:1234", "unix:/run/a:b.sock", b"PROXY UNKNOWN\r\n", v2(command=0)),
    "announced at a unix socket": (
        "192.0.2.1:4711",
        "unix:/run/a.sock",
        b"PROXY UNKNOWN\r\n",
        v2(command=0),
    ),
}


@pytest.mark.parametrize(("client", "listener", "line", "binary"), SENT.values(), ids=SENT)
def test_what_is_sent_is_exactly_the_header(
    client: str, listener: str, line: bytes, binary: bytes
) -> None:
    assert proxy_header_bytes(ProxyVersion.V1, client, listener) == line
    assert proxy_header_bytes(ProxyVersion.V2, client, listener) == binary


@pytest.mark.parametrize("version", ProxyVersion)
@pytest.mark.parametrize(
    ("client", "listener"),
    [
        ("[2001:db8::7]:4711", "127.0.0.1:80"),
        ("192.0.2.1:4711", "[::1]:80"),
        ("[fe80::1%eth0]:4711", "[fe80::2%eth0]:80"),
    ],
)
def test_two_families_are_written_as_one_and_a_zone_stays_here(
    version: ProxyVersion, client: str, listener: str
) -> None:
    header = proxy_header_bytes(version, client, listener)
    assert b"TCP6" in header or header[13] == 0x21
    assert parse_proxy_header(header) == ProxyHeader(len(header), client.replace("%eth0", ""))


@pytest.mark.parametrize("version", ProxyVersion)
def test_a_connection_of_our_own_announces_nobody(version: ProxyVersion) -> None:
    header = own_header_bytes(version)
    assert parse_proxy_header(header) == ProxyHeader(len(header), None)
    assert version is ProxyVersion.V1 or header[12] == 0x20
