"""Networks whose members are believed: what they say about their own clients counts."""

import ipaddress
from collections.abc import Iterable

from rsp.core.addresses import UNIX_CLIENT_IP, UNIX_PREFIX


class Networks:
    """A set of networks, and of those who come through a unix socket; false when it is empty."""

    __slots__ = ("_has_unix", "_networks")

    def __init__(self, networks: Iterable[str]) -> None:
        listed = tuple(networks)
        self._has_unix = UNIX_PREFIX in listed
        self._networks = tuple(ipaddress.ip_network(n) for n in listed if n != UNIX_PREFIX)

    def __bool__(self) -> bool:
        return self._has_unix or bool(self._networks)

    def __contains__(self, client_ip: str) -> bool:
        if client_ip == UNIX_CLIENT_IP:
            return self._has_unix
        address = ipaddress.ip_address(client_ip)
        return any(address in network for network in self._networks)
