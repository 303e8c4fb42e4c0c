"""What a configuration says, as immutable values. `engine/lua_config.py` makes them from Lua."""

from collections import Counter
from dataclasses import dataclass, field

from rsp.core.backends import Pool
from rsp.core.limits import Limits
from rsp.core.vocabulary import Mode

ERROR_PREFIX = "Error parsing config file: "
"""How the C original began to say that a file is missing, or is not Lua."""


class ConfigError(Exception):
    """A configuration that cannot be used. The text is `file:line: message`, or names the file."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.plain = message.removeprefix(ERROR_PREFIX)
        """`file:line: message`, as editors and issue trackers read it."""
        self.line = line
        """The line of the file that is wrong, counted from 1; None when no line is to blame."""


@dataclass(frozen=True, slots=True)
class ListenerConfig:
    """One `listen { … }`."""

    address: str
    """`host:port`, `[v6]:port`, `unix:/path`; port 0 lets the kernel choose. Of a socket that was
    handed over, `fd 5`."""
    mode: Mode = Mode.HTTP
    pool: str | None = None
    """Gets everything, whatever the mode; None: `route` decides, or the first pool has it."""
    trusted_proxies: tuple[str, ...] = ()
    """Networks (`10.0.0.0/8`) whose X-Forwarded-* is appended to instead of replaced."""
    max_connections: int | None = None
    """Client connections at once; None: what the limits say."""
    max_connections_per_client: int | None = None
    """Connections of one client address at once, 0 for any number; None: what the limits say."""
    accept_proxy: tuple[str, ...] = ()
    """Networks whose clients must send a PROXY header first; nobody else may."""
    fd: int | None = None
    """The listening socket that whoever started the process has opened."""


ListenerKey = tuple[str, int]
"""The address in the configuration, and how many of the same came before: many may say port 0."""


def by_key(configs: tuple[ListenerConfig, ...]) -> dict[ListenerKey, ListenerConfig]:
    """Return listeners by what tells them apart, so that a reload finds the same ones again."""
    seen: Counter[str] = Counter()
    keyed: dict[ListenerKey, ListenerConfig] = {}
    for config in configs:
        keyed[config.address, seen[config.address]] = config
        seen[config.address] += 1
    return keyed


@dataclass(frozen=True, slots=True)
class Config:
    """A whole configuration."""

    path: str | None
    """The file; None when it was made from `--to`."""
    source: str
    """Its text, for the Config screen; empty when there is no file."""
    listeners: tuple[ListenerConfig, ...]
    pools: tuple[Pool, ...]
    """In the order of the file: the first one is used when there is no `route`."""
    limits: Limits = field(default_factory=Limits)
    has_route: bool = False
    identities: tuple[str, ...] = ()
    """Lua patterns of paths, each with one capture: what it holds names the same as a Host does."""

    @property
    def source_bytes(self) -> bytes:
        """The text as it is on disk, also where it is no UTF-8."""
        return self.source.encode("utf-8", "surrogateescape")
