"""What an address may look like. Nothing is resolved here: that needs a resolver, and time."""

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address

ADDRESS_SHOWN_CHARACTERS = 120
"""An address is quoted in errors up to this length; the longest legal one has 259."""

HOST_CHARACTERS = 253
"""Longest name that the DNS can hold. Source: RFC 1035, section 2.3.4."""

PORT_MAX = 65535

UNIX_PREFIX = "unix:"
"""Before the path of a unix socket; alone, in a list of networks: whoever comes through one."""

UNIX_PATH_BYTES = 107
"""Longest path of a unix socket: `sun_path` holds 108 with its final NUL. Source: unix(7)."""

UNIX_CLIENT_IP = "unix"
"""What stands for the IP address of a client that came through a unix socket."""

_PORT = re.compile(r"[0-9]{1,5}")
_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_NUMERIC = re.compile(r"[0-9.]+")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


class EditRefused(Exception):
    """A change that cannot be made. The text says why, and names what exists instead."""


class AddressError(EditRefused):
    """An address that cannot be used. The text says what is wrong and what would be right."""


def parse_address(text: str, *, port_zero: bool = False) -> tuple[str, int]:
    """Return host and port of `host:port` or `[v6]:port`; the host comes without brackets.

    Of `unix:/path` it is the path, which no host begins like, and port 0. `port_zero` allows
    port 0, with which a listener lets the kernel choose.

    Raises:
        AddressError: anything else, with what would be right.
    """
    shown = text if len(text) <= ADDRESS_SHOWN_CHARACTERS else f"{text[:ADDRESS_SHOWN_CHARACTERS]}…"
    if text.startswith(UNIX_PREFIX):
        return _unix_path(text.removeprefix(UNIX_PREFIX), shown), 0
    _refuse_other_forms(text, shown)
    host, port_text = _split(text, shown)
    if _PORT.fullmatch(port_text) is None or int(port_text) > PORT_MAX:
        raise AddressError(f'"{shown}": "{port_text[:20]}" is no port; a port is 1 to {PORT_MAX}')
    port = int(port_text)
    if port == 0 and not port_zero:
        raise AddressError(f'"{shown}": nothing can be reached at port 0; a port is 1 to 65535')
    return host, port


def _refuse_other_forms(text: str, shown: str) -> None:
    if not text:
        raise AddressError("the address is empty; write host:port, such as 127.0.0.1:9001")
    scheme = _SCHEME.match(text)
    if scheme and scheme[1].lower() == "https":
        raise AddressError(
            f'"{shown}": rsp speaks plain HTTP to a backend. To pass TLS through as it is, '
            'give the listener mode = "tcp" and write the backend as host:443'
        )
    if scheme:
        raise AddressError(f'"{shown}": write host:port alone, without "{scheme[0]}"')
    if text.startswith("/"):
        raise AddressError(f'"{shown}": write the path of a unix socket as unix:{shown}')
    if "/" in text:
        raise AddressError(f'"{shown}": an address has no path; write host:port alone')


def _unix_path(path: str, shown: str) -> str:
    if not path.startswith("/"):
        raise AddressError(f'"{shown}": write the whole path, such as unix:/run/app.sock')
    if not path.isascii() or not path.isprintable() or path.endswith("/"):
        raise AddressError(f'"{shown}": that is no path of a socket; use printable ASCII')
    if len(path) > UNIX_PATH_BYTES:
        raise AddressError(
            f'"{shown}": the path has {len(path)} bytes, and a unix socket\'s may have '
            f"{UNIX_PATH_BYTES}"
        )
    return path


def _split(text: str, shown: str) -> tuple[str, str]:
    if text.startswith("["):
        return _split_v6(text, shown)
    host, colon, port_text = text.rpartition(":")
    if not colon and text.isdigit():
        raise AddressError(f'"{shown}": the host is missing; write 127.0.0.1:{shown}')
    if not colon:
        raise AddressError(f'"{shown}": the port is missing; write {shown}:80')
    if ":" in host:
        raise AddressError(f'"{shown}": write an IPv6 address in brackets, such as [::1]:9001')
    if not host:
        raise AddressError(
            f'"{shown}": the host is missing; 0.0.0.0 is every address of this machine'
        )
    _check_host(host, shown)
    return host, port_text


def _split_v6(text: str, shown: str) -> tuple[str, str]:
    host, bracket, rest = text[1:].partition("]")
    if not bracket:
        raise AddressError(f'"{shown}": the closing bracket is missing; write [::1]:9001')
    if not rest.startswith(":"):
        raise AddressError(f'"{shown}": the port is missing; write [{host[:60]}]:80')
    if "%" in host:
        # Python takes any text for a zone, line ends too, and a Host must not carry one (RFC 6874).
        raise AddressError(
            f'"{shown}": an address with a zone ("%" and an interface) is not supported; '
            "write one that is valid on every interface, such as [fd00::1]:80, or a host name"
        )
    try:
        IPv6Address(host)
    except AddressValueError as error:
        raise AddressError(f'"{shown}": "{host[:60]}" is not an IPv6 address') from error
    return host, rest[1:]


def _check_host(host: str, shown: str) -> None:
    if _NUMERIC.fullmatch(host):
        try:
            IPv4Address(host)
        except AddressValueError as error:
            raise AddressError(f'"{shown}": "{host[:60]}" is not an IPv4 address') from error
        return
    if not host.isascii():
        raise AddressError(f'"{shown}": write a host name in its ASCII form (xn--…)')
    name = host.removesuffix(".")
    if len(name) > HOST_CHARACTERS or not all(map(_LABEL.fullmatch, name.split("."))):
        raise AddressError(f'"{shown}": "{host[:60]}" is not a host name')


def client_ip_of(address: str) -> str:
    """Return the address of a client without its port and without brackets."""
    return address.rpartition(":")[0].strip("[]")


def address_text(address: object) -> str:
    """Return `127.0.0.1:80`, `[::1]:80` or `unix:/path` for a socket address."""
    if not isinstance(address, tuple):
        return f"{UNIX_PREFIX}{address}"
    host, port = address[0], address[1]
    if host.startswith("::ffff:") and "." in host:
        host = host[7:]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
