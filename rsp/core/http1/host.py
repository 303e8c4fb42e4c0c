"""Host names as routing sees them: lower-cased once, here, without port and final dot.

A backend chosen by a name that kept its letter case sends `IronHand.example` and
`ironhand.example` two different ways.
"""

import re
from functools import lru_cache
from ipaddress import AddressValueError, IPv6Address

from rsp.core.http1.errors import BadMessage
from rsp.core.limits import HOST_BYTES

_PORT = rb"(?::([0-9]{0,5}))?"
_NAME = re.compile(rb"([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)\.?" + _PORT).fullmatch
_V6 = re.compile(rb"\[([0-9A-Fa-f:.]+)\]" + _PORT).fullmatch

DEFAULT_PORT = 80


@lru_cache(maxsize=1024)
def parse_host(value: bytes) -> tuple[str, int]:
    """Return the name to route by and the port (80 when there is none) of a Host field's value.

    An IPv6 address keeps its brackets.

    Raises:
        BadMessage: 400, it is not a host name, or there is none.

    Source: RFC 9110, section 7.2; RFC 3986, section 3.2.2. Stricter than these: no
    percent-encoding and no other delimiters, because no host that exists has them.
    """
    match = _NAME(value) or _V6(value)
    if match is None or len(match[1]) > HOST_BYTES:
        raise BadMessage(400, "The Host is not a valid host name.")
    port = int(match[2]) if match[2] else DEFAULT_PORT
    name = match[1].decode("ascii").lower()
    if value[:1] != b"[":
        return name, port
    try:
        IPv6Address(name)
    except AddressValueError:
        raise BadMessage(400, "The Host is not a valid IPv6 address.") from None
    return f"[{name}]", port
