"""What a configuration must look like: from what Lua declared to a `Config`, or a refusal.

Every refusal is `file:line: message`, with the line of the call that it is about, the name of the
thing, and what would be right.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import cast

from rsp.core.addresses import UNIX_PREFIX
from rsp.core.backends import (
    AddressError,
    Backend,
    EditRefused,
    Pool,
    check_backend,
    is_name,
    parse_address,
)
from rsp.core.config import Config, ConfigError, ListenerConfig
from rsp.core.limits import FIRST_FD, LARGEST_FD
from rsp.core.linting.lua_patterns import check_identity
from rsp.core.policies import POLICIES
from rsp.core.vocabulary import BackendState, Mode, ProxyVersion
from rsp.engine.limit_rules import limits_from, nearest
from rsp.engine.lua_sandbox import Declaration, Declared, Plain

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?")


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a file something stands."""

    path: str
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"

    def refuse(self, message: str) -> ConfigError:
        """Return the error that says `message` about this place."""
        return ConfigError(f"{self}: {message}", self.line)


Table = dict[str | int, Plain]

_LISTEN_KEYS = (
    *("address", "fd", "mode", "pool", "trusted_proxies", "accept_proxy"),
    *("max_connections", "max_connections_per_client"),
)


def config_from(path: str, source: str, declared: Declared) -> Config:
    """Return the configuration that the file `path` declares.

    Raises:
        ConfigError: the first declaration that cannot be used.
    """
    by_kind: dict[str, list[Declaration]] = {
        "listen": [],
        "pool": [],
        "limits": [],
        "same_identity": [],
    }
    for declaration in declared.declarations:
        by_kind[declaration.what].append(declaration)
    limits = limits_from(
        [(Place(path, call.line).refuse, cast(Table, call.value)) for call in by_kind["limits"]]
    )
    if by_kind["listen"] or by_kind["pool"]:
        _refuse_both_forms(path, source, declared)
        pools = _pools(path, source, by_kind["pool"])
        listeners = _listeners(path, by_kind["listen"], pools)
        _refuse_no_pool(path, pools)
    else:
        pools, listeners = _original_form(path, source, declared)
    identities = tuple(_identity(path, call) for call in by_kind["same_identity"])
    return Config(path, source, listeners, pools, limits, declared.has_route, identities)


def _identity(path: str, call: Declaration) -> str:
    place, table = Place(path, call.line), cast(Table, call.value)
    check_keys(place, "same_identity", table, ("path",))
    pattern = _text(place, "same_identity", table, "path")
    try:
        check_identity(pattern)
    except ValueError as error:
        raise place.refuse(
            f'same_identity: "{pattern[:80]}": {error}; write a Lua pattern of the whole path, '
            'with one capture: "^/sites/([^/]+)/reload$"'
        ) from error
    return pattern


def _refuse_both_forms(path: str, source: str, declared: Declared) -> None:
    for name in declared.globals:
        raise Place(path, _line_of(source, rf"\b{name}\s*=")).refuse(
            f"{name} is set, and so are listen or pool; use either the three globals "
            "listenPort, backendAddress, backendPort or the full form, not both"
        )


def _refuse_no_pool(path: str, pools: Sequence[Pool]) -> None:
    if not pools:
        raise ConfigError(
            f"{path}: there is no pool, so a request could go nowhere; "
            'add pool("web", { backends = { { name = "web1", address = "127.0.0.1:9001" } } })'
        )


def _original_form(
    path: str, source: str, declared: Declared
) -> tuple[tuple[Pool, ...], tuple[ListenerConfig, ...]]:
    values = {}
    for name in ("listenPort", "backendAddress", "backendPort"):
        value = declared.globals.get(name)
        if value is None:
            # Word for word what the C original says, for scripts that look for it.
            raise ConfigError(f"{name} must be a string")
        values[name] = value
    line = _line_of(source, r"\bbackendAddress\s*=")
    host = values["backendAddress"]
    address = f"[{host}]" if ":" in host else host
    backend = Backend(
        "default", "default", f"{address}:{values['backendPort']}", defined_at=f"{path}:{line}"
    )
    listen = f"0.0.0.0:{values['listenPort']}"
    try:
        parse_address(listen, port_zero=True)
    except AddressError as error:
        raise Place(path, _line_of(source, r"\blistenPort\s*=")).refuse(
            f"listenPort: {error}"
        ) from error
    try:
        parse_address(backend.address)
    except AddressError as error:
        raise Place(path, line).refuse(f"backendAddress and backendPort: {error}") from error
    return (Pool("default", (backend,)),), (ListenerConfig(listen),)


def _line_of(source: str, pattern: str, start_line: int = 1, default: int = 1) -> int:
    """Return the first line from `start_line` on that matches `pattern` before any comment."""
    for number, text in enumerate(source.splitlines()[start_line - 1 :], start_line):
        if re.search(pattern, text.partition("--")[0]):
            return number
    return default


def _pools(path: str, source: str, calls: Iterable[Declaration]) -> tuple[Pool, ...]:
    pools: dict[str, Pool] = {}
    for call in calls:
        place = Place(path, call.line)
        name = call.name or ""
        if not is_name(name):
            raise place.refuse(
                f'"{name}" cannot name a pool: use letters, digits, "_", "." and "-"'
            )
        if name in pools:
            raise place.refuse(f'pool "{name}" is there twice; give one of them another name')
        pools[name] = _pool(place, source, name, cast(Table, call.value))
    return tuple(pools.values())


def _pool(place: Place, source: str, name: str, table: Table) -> Pool:
    what = f'pool "{name}"'
    check_keys(place, what, table, ("balance", "host", "send_proxy", "forwarded", "backends"))
    balance = _choice(place, what, table, "balance", tuple(POLICIES), "round_robin")
    host = _text(place, what, table, "host", "keep")
    if not _HOST.fullmatch(host):
        raise place.refuse(
            f'{what}: host is "{host}"; it is "keep" (what the client sent), '
            '"backend" (the address of the backend), or a host name'
        )
    listed = table.get("backends", {})
    if listed != {} and not isinstance(listed, list):
        raise place.refuse(
            f'{what}: backends is a list: {{ {{ name = "web1", address = "127.0.0.1:9001" }} }}'
        )
    backends: dict[str, Backend] = {}
    for number, entry in enumerate(cast(list[Plain], listed or []), 1):
        backend = _backend(place, source, name, number, entry)
        if backend.name in backends:
            raise place.refuse(
                f'{what}: backend "{backend.name}" is there twice; give one another name'
            )
        backends[backend.name] = backend
    send_proxy = _choice(place, what, table, "send_proxy", tuple(ProxyVersion), "")
    return Pool(
        name,
        tuple(backends.values()),
        balance,
        host,
        ProxyVersion(send_proxy) if send_proxy else None,
        _truth(place, what, table, "forwarded"),
    )


def _backend(place: Place, source: str, pool: str, number: int, entry: Plain) -> Backend:
    what = f'backend {number} of pool "{pool}"'
    if not isinstance(entry, dict):
        raise place.refuse(
            f'{what}: write a table: {{ name = "web1", address = "127.0.0.1:9001" }}'
        )
    check_keys(place, what, entry, ("name", "address", "weight", "max_connections", "state"))
    name = _text(place, what, entry, "name")
    what = f'backend "{pool}/{name}"'
    pattern = rf"""\bname\s*=\s*["']{re.escape(name)}["']"""
    backend = Backend(
        pool,
        name,
        _text(place, what, entry, "address"),
        _whole_number(place, what, entry, "weight", 1),
        _whole_number(place, what, entry, "max_connections", 0),
        BackendState(_choice(place, what, entry, "state", tuple(BackendState), "ready")),
        defined_at=f"{place.path}:{_line_of(source, pattern, place.line, place.line)}",
    )
    try:
        check_backend(backend)
    except EditRefused as error:
        raise place.refuse(f"{what}: {error}") from error
    return backend


def _listeners(
    path: str, calls: Iterable[Declaration], pools: Sequence[Pool]
) -> tuple[ListenerConfig, ...]:
    listeners: list[ListenerConfig] = []
    for call in calls:
        place = Place(path, call.line)
        listener = _listener(place, cast(Table, call.value), [pool.name for pool in pools])
        is_chosen_by_kernel = listener.address.endswith(":0")
        if not is_chosen_by_kernel and any(listener.address == x.address for x in listeners):
            raise place.refuse(f"listen {listener.address}: there are two of it; remove one")
        listeners.append(listener)
    return tuple(listeners)


def _listener(place: Place, table: Table, pool_names: Sequence[str]) -> ListenerConfig:
    check_keys(place, "listen", table, _LISTEN_KEYS)
    fd = _inherited_fd(place, table)
    if fd is None:
        address = _text(place, "listen", table, "address")
        check_listen_address(address, place)
    else:
        address = f"fd {fd}"
    what = f"listen {address}"
    pool = _choice(place, what, table, "pool", pool_names, "") or None
    mode = Mode(_choice(place, what, table, "mode", tuple(Mode), "http"))
    return ListenerConfig(
        address,
        mode,
        pool,
        _networks(place, what, table, "trusted_proxies"),
        accept_proxy=_networks(place, what, table, "accept_proxy"),
        fd=fd,
        max_connections=_count(place, what, table, "max_connections", least=1),
        max_connections_per_client=_count(
            place, what, table, "max_connections_per_client", least=0
        ),
    )


def _inherited_fd(place: Place, table: Table) -> int | None:
    if "fd" not in table:
        return None
    if "address" in table:
        raise place.refuse("listen: it has an address and an fd; a socket handed over has its own")
    fd = _whole_number(place, "listen", table, "fd", 0)
    if not FIRST_FD <= fd <= LARGEST_FD:
        raise place.refuse(
            f"listen: fd is {fd}; it is the number of a socket that was handed over, from "
            f"{FIRST_FD} to {LARGEST_FD:,}"
        )
    return fd


def check_listen_address(address: str, place: Place | None = None) -> None:
    """Check that a listener can be given `address`; port 0 lets the kernel choose.

    Raises:
        ConfigError: it cannot; `place` is where it stands, None for the command line.
    """
    try:
        parse_address(address, port_zero=True)
    except AddressError as error:
        message = f"listen: {error}"
        raise (place.refuse(message) if place else ConfigError(message)) from error


def _networks(place: Place, what: str, table: Table, key: str) -> tuple[str, ...]:
    listed = table.get(key, {})
    if listed != {} and not isinstance(listed, list):
        raise place.refuse(f'{what}: {key} is a list: {{ "10.0.0.0/8" }}')
    networks = []
    for network in cast(list[Plain], listed or []):
        if network == UNIX_PREFIX:
            networks.append(UNIX_PREFIX)
            continue
        try:
            networks.append(str(ip_network(network if isinstance(network, str) else "", False)))
        except ValueError as error:
            raise place.refuse(
                f"{what}: {_shown(network)} in {key} is no network; write an address or a "
                f'network, such as "10.0.0.0/8", or "{UNIX_PREFIX}" for a unix socket'
            ) from error
    return tuple(networks)


def check_keys(place: Place, what: str, table: Plain, known: Sequence[str]) -> None:
    """Check that every key of `table` is one of `known`.

    Raises:
        ConfigError: one is not; the message names the nearest that is.
    """
    if isinstance(table, list):
        raise place.refuse(f"{what} takes names with values: {', '.join(known)}")
    for key in cast(Table, table):
        if key not in known:
            raise place.refuse(f"{what} has no {_shown(key)}; {nearest(str(key), known)}")


def _shown(value: Plain) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value[:80]}"'
    return "a table" if isinstance(value, list | dict) else f"{value}"


def _text(place: Place, what: str, table: Table, key: str, default: str | None = None) -> str:
    value = table.get(key, default)
    if value is None:
        raise place.refuse(f"{what}: {key} is missing")
    if not isinstance(value, str):
        raise place.refuse(f'{what}: {key} is {_shown(value)}; it must be a string, in quotes: "…"')
    return value


def _choice(
    place: Place, what: str, table: Table, key: str, known: Sequence[str], default: str
) -> str:
    value = _text(place, what, table, key, default)
    if value not in known and key in table:
        raise place.refuse(f'{what}: {key} "{value[:80]}" is not there; {nearest(value, known)}')
    return value


def _truth(place: Place, what: str, table: Table, key: str) -> bool:
    value = table.get(key, False)
    if not isinstance(value, bool):
        raise place.refuse(f"{what}: {key} is {_shown(value)}; it must be true or false")
    return value


def _whole_number(place: Place, what: str, table: Table, key: str, default: int) -> int:
    value = table.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int):
        raise place.refuse(f"{what}: {key} is {_shown(value)}; it must be a whole number")
    return value


def _count(place: Place, what: str, table: Table, key: str, *, least: int) -> int | None:
    if key not in table:
        return None
    value = _whole_number(place, what, table, key, least)
    if value < least:
        raise place.refuse(f"{what}: {key} is {value}; it must be {least} or more")
    return value
