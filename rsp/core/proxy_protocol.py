"""The PROXY protocol: a header before the first byte, in which a proxy announces its client.

Version 1 is a line of text, version 2 is binary. Bytes in, an answer out: nothing is guessed, and
whatever is not exactly a header is refused as soon as its bytes cannot become one.

Source: haproxy.org, doc/proxy-protocol.txt, section 2.
"""

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address, ip_address
from struct import Struct

from rsp.core.addresses import PORT_MAX, UNIX_PREFIX
from rsp.core.crc32c import crc32c
from rsp.core.limits import PROXY_LINE_BYTES, PROXY_V2_BYTES
from rsp.core.vocabulary import ProxyVersion

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
"""The first 12 bytes of version 2: no HTTP server takes them for a request."""
_LINE_START = b"PROXY "
_PORT = re.compile(rb"0|[1-9][0-9]{0,4}")

_V2_HEAD = Struct("!12sBBH")
_TLV_HEAD = Struct("!BH")
_TLV_CRC32C = 3
_CRC_BYTES = 4
_VERSION = 2
_LOCAL, _PROXY = 0, 1
_UNSPEC, _TCP4, _TCP6, _UNIX = 0x00, 0x11, 0x21, 0x31
_Address = IPv4Address | IPv6Address
_ADDRESSES = {
    _TCP4: Struct("!4s4sHH"),
    _TCP6: Struct("!16s16sHH"),
    _UNIX: Struct("!108s108s"),
}
"""What follows the first 16 bytes: source, destination, and their ports."""


class BadProxyHeader(Exception):
    """Bytes that are no PROXY header. The text says what is wrong with them."""


@dataclass(frozen=True, slots=True)
class ProxyHeader:
    """A whole header."""

    length: int
    """Its bytes; what follows is the client's."""
    client: str | None
    """`192.0.2.1:4711`, `[2001:db8::1]:4711`, or `unix:0`; None: the proxy speaks for itself, or
    does not say for whom, and the address of the connection stands."""


def parse_proxy_header(data: bytes) -> ProxyHeader | None:
    """Return the header at the beginning of `data`; None while more of it has to come.

    Raises:
        BadProxyHeader: no bytes that may still come can make a header of it.
    """
    if SIGNATURE.startswith(data[: len(SIGNATURE)]):
        return _parse_v2(data)
    if _LINE_START.startswith(data[: len(_LINE_START)]):
        return _parse_v1(data)
    raise BadProxyHeader("the first bytes are no PROXY header")


def _parse_v1(data: bytes) -> ProxyHeader | None:
    end = data.find(b"\n", 0, PROXY_LINE_BYTES)
    if end < 0:
        if len(data) >= PROXY_LINE_BYTES:
            raise BadProxyHeader(f"the PROXY line is longer than {PROXY_LINE_BYTES} bytes")
        return None
    line = data[: end - 1]
    if data[end - 1 : end] != b"\r" or b"\r" in line:
        raise BadProxyHeader("the PROXY line does not end with CR LF")
    words = line.split(b" ")
    if words[1] == b"UNKNOWN":
        # Whatever else stands in the line has to be ignored.
        return ProxyHeader(end + 1, None)
    if len(words) != 6 or words[1] not in (b"TCP4", b"TCP6"):
        raise BadProxyHeader("the PROXY line has not the form PROXY TCP4 FROM TO PORT PORT")
    _protocol, family, source, target, source_port, target_port = words
    address = _v1_address(source, family)
    _v1_address(target, family)
    _v1_port(target_port)
    return ProxyHeader(end + 1, _shown(address, _v1_port(source_port)))


def _v1_address(text: bytes, family: bytes) -> _Address:
    try:
        if family == b"TCP4":
            return IPv4Address(text.decode("ascii"))
        address = IPv6Address(text.decode("ascii"))
    except (AddressValueError, UnicodeDecodeError):
        raise BadProxyHeader(f"the PROXY line has a bad {family.decode()} address") from None
    if address.scope_id is not None:
        raise BadProxyHeader("the PROXY line has an address with a zone")
    return address


def _v1_port(text: bytes) -> int:
    if _PORT.fullmatch(text) is None or int(text) > PORT_MAX:
        raise BadProxyHeader("the PROXY line has a bad port")
    return int(text)


def _parse_v2(data: bytes) -> ProxyHeader | None:
    if len(data) < _V2_HEAD.size:
        _check_v2_start(data)
        return None
    _signature, version, family, rest_bytes = _V2_HEAD.unpack_from(data)
    _check_v2_start(data)
    length = _V2_HEAD.size + rest_bytes
    if length > PROXY_V2_BYTES:
        raise BadProxyHeader(
            f"the PROXY header says {length} bytes; {PROXY_V2_BYTES} are the most that are taken"
        )
    command = version & 0xF
    if command == _PROXY and family not in (_UNSPEC, *_ADDRESSES):
        raise BadProxyHeader(f"the PROXY header announces a client of family 0x{family:02x}")
    if len(data) < length:
        return None
    if command == _LOCAL:
        # Everything behind the length has to be ignored.
        return ProxyHeader(length, None)
    if family != _UNSPEC:
        _check_entries(data[:length], _V2_HEAD.size + _ADDRESSES[family].size)
    return ProxyHeader(length, _v2_client(family, data[_V2_HEAD.size : length]))


def _check_v2_start(data: bytes) -> None:
    """Refuse a version or a command that is not known, as soon as its byte is here."""
    byte = data[len(SIGNATURE) : len(SIGNATURE) + 1]
    if byte and byte[0] >> 4 != _VERSION:
        raise BadProxyHeader(f"the PROXY header has version {byte[0] >> 4}")
    if byte and byte[0] & 0xF not in (_LOCAL, _PROXY):
        raise BadProxyHeader(f"the PROXY header has the command {byte[0] & 0xF}")


def _v2_client(family: int, block: bytes) -> str | None:
    if family == _UNSPEC:
        # The form of what follows is not known, so nothing in it can be checked.
        return None
    form = _ADDRESSES[family]
    source, _target, *ports = form.unpack_from(block)
    return _shown(ip_address(source), ports[0]) if ports else "unix:0"


def _check_entries(header: bytes, at: int) -> None:
    """See that the type-length-value entries fill the rest of `header` exactly, from `at` on.

    One of them may hold a checksum of the whole header, itself taken for zeros.
    """
    if len(header) < at:
        raise BadProxyHeader("the PROXY header is too short for its addresses")
    while at < len(header):
        if at + _TLV_HEAD.size > len(header):
            raise BadProxyHeader("the PROXY header ends inside an entry")
        kind, length = _TLV_HEAD.unpack_from(header, at)
        at += _TLV_HEAD.size
        if kind == _TLV_CRC32C:
            _check_sum(header, at, length)
        at += length
    if at != len(header):
        raise BadProxyHeader("the PROXY header has an entry that is longer than the header")


def _check_sum(header: bytes, at: int, length: int) -> None:
    said, rest = header[at : at + length], header[at + length :]
    if said != crc32c(header[:at] + bytes(length) + rest).to_bytes(_CRC_BYTES, "big"):
        raise BadProxyHeader("the PROXY header has a wrong checksum")


def _shown(address: _Address, port: int) -> str:
    """Return an address as every other one is shown: one that is IPv4 in IPv6 as IPv4."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    host = mapped or address
    return f"{host}:{port}" if isinstance(host, IPv4Address) else f"[{host}]:{port}"


def proxy_header_bytes(version: ProxyVersion, client: str, listener: str) -> bytes:
    """Return the header that announces `client`, which came to `listener`, both as they are shown.

    Where one is IPv4 and the other IPv6, both are written as IPv6. A client of a unix socket has
    no address that the other machine could use: that is said. In the second version by LOCAL, for
    there are receivers that reset a connection whose PROXY has no address (HAProxy 2.6 does).
    """
    source, source_port = _split(client)
    target, target_port = _split(listener)
    if source is None or target is None:
        return own_header_bytes(version)
    if source.version != target.version:
        source, target = _as_v6(source), _as_v6(target)
    if version is ProxyVersion.V1:
        line = f"PROXY TCP{source.version} {source} {target} {source_port} {target_port}\r\n"
        return line.encode("ascii")
    family = _TCP4 if source.version == 4 else _TCP6
    block = _ADDRESSES[family].pack(source.packed, target.packed, source_port, target_port)
    return _V2_HEAD.pack(SIGNATURE, _VERSION << 4 | _PROXY, family, len(block)) + block


def own_header_bytes(version: ProxyVersion) -> bytes:
    """Return the header of a connection that we make for ourselves, as for a health check: LOCAL.

    The first version has no word for that, so there the client is unknown.
    """
    if version is ProxyVersion.V1:
        return b"PROXY UNKNOWN\r\n"
    return _V2_HEAD.pack(SIGNATURE, _VERSION << 4 | _LOCAL, _UNSPEC, 0)


def _split(shown: str) -> tuple[_Address | None, int]:
    if shown.startswith(UNIX_PREFIX):
        return None, 0
    host, _, port = shown.rpartition(":")
    # A zone means something on this machine only.
    return ip_address(host.strip("[]").partition("%")[0]), int(port)


def _as_v6(address: _Address) -> IPv6Address:
    if isinstance(address, IPv6Address):
        return address
    return IPv6Address(f"::ffff:{address}")
