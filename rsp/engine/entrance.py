"""What a listener tells the sessions that come in through it."""

import ipaddress

from rsp.core.config import ListenerConfig
from rsp.core.routing import FixedRouter
from rsp.core.vocabulary import Mode
from rsp.engine.door import Door

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Entrance:
    """A listener as its sessions see it: its address, its mode, its pool, whom it trusts."""

    __slots__ = ("address", "config", "door", "mode", "router", "trusted")

    def __init__(self, address: str, config: ListenerConfig, pools: tuple[str, ...]) -> None:
        self.address = address
        """With the real port."""
        self.config = config
        self.door = Door()
        """Who came in here; a listener has one for all its entrances."""
        self.mode = config.mode
        self.router = _router(config, pools)
        """Set when this listener's pool is fixed; None: the configuration's `route` decides."""
        self.trusted: tuple[Network, ...] = tuple(
            ipaddress.ip_network(network) for network in config.trusted_proxies
        )

    def trusts(self, client_ip: str) -> bool:
        """Tell whether a client is a proxy whose X-Forwarded-* counts."""
        if not self.trusted:
            return False
        address = ipaddress.ip_address(client_ip)
        return any(address in network for network in self.trusted)


def _router(config: ListenerConfig, pools: tuple[str, ...]) -> FixedRouter | None:
    if config.pool is not None:
        return FixedRouter(config.pool, f"the listener names pool {config.pool}")
    if config.mode is Mode.TCP and pools:
        return FixedRouter(pools[0], "first pool: a tcp listener has no route")
    return None
