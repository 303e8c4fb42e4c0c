"""What a listener tells the sessions that come in through it."""

from rsp.core.config import ListenerConfig
from rsp.core.networks import Networks
from rsp.core.route import FixedRouter
from rsp.core.vocabulary import Mode
from rsp.engine.door import Door


class Entrance:
    """A listener as its sessions see it: its address, its mode, its pool, whom it trusts."""

    __slots__ = (
        "address", "announcers", "config", "door", "mode", "router", "trusted", "trusts_anybody",
    )  # fmt: skip

    def __init__(self, address: str, config: ListenerConfig, pools: tuple[str, ...]) -> None:
        self.address = address
        """With the real port."""
        self.config = config
        self.door = Door()
        """Who came in here; a listener has one for all its entrances."""
        self.mode = config.mode
        self.router = _router(config, pools)
        """Set when this listener's pool is fixed; None: the configuration's `route` decides."""
        self.trusted = Networks(config.trusted_proxies)
        self.trusts_anybody = bool(self.trusted)
        self.announcers = Networks(config.accept_proxy) if config.accept_proxy else None
        """Whose connections begin with a PROXY header; None: nobody's, which costs one look."""

    def trusts(self, client_ip: str) -> bool:
        """Tell whether a client is a proxy whose X-Forwarded-* counts."""
        return self.trusts_anybody and client_ip in self.trusted


def _router(config: ListenerConfig, pools: tuple[str, ...]) -> FixedRouter | None:
    if config.pool is not None:
        return FixedRouter(config.pool, f"the listener names pool {config.pool}")
    if config.mode is Mode.TCP and pools:
        return FixedRouter(pools[0], "first pool: a tcp listener has no route")
    return None
