"""What a configuration must look like: from what Lua declared to a `Config`, or a refusal.

Every refusal is `file:line: message`, with the line of the call that it is about, the name of the
thing, and what would be right.
"""

from collections.abc import Iterable, Sequence
from typing import cast

from rsp.core.addresses import AddressError, parse_address
from rsp.core.backends import CONNECTIONS_MOST, Backend, Pool
from rsp.core.config import Config, ConfigError, ListenerConfig
from rsp.core.limits import FIRST_FD, LARGEST_FD
from rsp.core.linting.lua_patterns import check_identity
from rsp.core.vocabulary import Mode
from rsp.engine.limit_rules import limits_from
from rsp.engine.lua_sandbox import Declaration, Declared
from rsp.engine.pool_rules import pools_from
from rsp.engine.schema import LISTEN, SAME_IDENTITY
from rsp.engine.section import Place, Section, Table, line_of


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
        pools = pools_from(path, source, by_kind["pool"])
        listeners = _listeners(path, by_kind["listen"], pools)
        _refuse_no_pool(path, pools)
    else:
        pools, listeners = _original_form(path, source, declared)
    identities = tuple(_identity(path, call) for call in by_kind["same_identity"])
    return Config(path, source, listeners, pools, limits, declared.has_route, identities)


def _identity(path: str, call: Declaration) -> str:
    section = Section(Place(path, call.line), "same_identity", call.value, SAME_IDENTITY)
    pattern = section.text("path")
    try:
        check_identity(pattern)
    except ValueError as error:
        raise section.wrong(
            f'"{pattern[:80]}": {error}; write a Lua pattern of the whole path, '
            'with one capture: "^/sites/([^/]+)/reload$"'
        ) from error
    return pattern


def _refuse_both_forms(path: str, source: str, declared: Declared) -> None:
    for name in declared.globals:
        raise Place(path, line_of(source, rf"\b{name}\s*=")).refuse(
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
    line = line_of(source, r"\bbackendAddress\s*=")
    host = values["backendAddress"]
    address = f"[{host}]" if ":" in host else host
    backend = Backend(
        "default", "default", f"{address}:{values['backendPort']}", defined_at=f"{path}:{line}"
    )
    listen = f"0.0.0.0:{values['listenPort']}"
    try:
        parse_address(listen, port_zero=True)
    except AddressError as error:
        raise Place(path, line_of(source, r"\blistenPort\s*=")).refuse(
            f"listenPort: {error}"
        ) from error
    try:
        parse_address(backend.address)
    except AddressError as error:
        raise Place(path, line).refuse(f"backendAddress and backendPort: {error}") from error
    return (Pool("default", (backend,)),), (ListenerConfig(listen),)


def _listeners(
    path: str, calls: Iterable[Declaration], pools: Sequence[Pool]
) -> tuple[ListenerConfig, ...]:
    listeners: list[ListenerConfig] = []
    for call in calls:
        section = Section(Place(path, call.line), "listen", call.value, LISTEN)
        listener = _listener(section, [pool.name for pool in pools])
        is_chosen_by_kernel = listener.address.endswith(":0")
        if not is_chosen_by_kernel and any(listener.address == x.address for x in listeners):
            raise section.wrong("there are two of it; remove one")
        if listener.mode is Mode.TCP:
            _refuse_cookie(section, listener, pools)
        listeners.append(listener)
    return tuple(listeners)


def _refuse_cookie(section: Section, listener: ListenerConfig, pools: Sequence[Pool]) -> None:
    """Of a tcp listener that names no pool it is the first one, as `Entrance` says."""
    name = listener.pool or (pools[0].name if pools else "")
    pool = next((pool for pool in pools if pool.name == name), None)
    if pool is not None and pool.cookie:
        raise section.wrong(
            f'nobody has a cookie in tcp, and pool "{name}" is sticky by one ({pool.cookie}); '
            'write sticky = { by = "client" } there, or name another pool'
        )


def _listener(section: Section, pool_names: Sequence[str]) -> ListenerConfig:
    fd = _inherited_fd(section)
    if fd is None:
        address = section.text("address")
        check_listen_address(address, section.place)
    else:
        address = f"fd {fd}"
    section.what = f"listen {address}"
    section.check_choice("pool", pool_names)
    return ListenerConfig(
        address,
        Mode(section.text("mode")),
        section.optional_text("pool"),
        section.networks("trusted_proxies"),
        accept_proxy=section.networks("accept_proxy"),
        fd=fd,
        max_connections=section.optional_count("max_connections", least=1, most=CONNECTIONS_MOST),
        max_connections_per_client=section.optional_count(
            "max_connections_per_client", least=0, most=CONNECTIONS_MOST
        ),
    )


def _inherited_fd(section: Section) -> int | None:
    if "fd" not in section:
        return None
    if "address" in section:
        raise section.wrong("it has an address and an fd; a socket handed over has its own")
    fd = section.whole_number("fd")
    if not FIRST_FD <= fd <= LARGEST_FD:
        raise section.wrong(
            f"fd is {fd}; it is the number of a socket that was handed over, from "
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
