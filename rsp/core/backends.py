"""WHERE A BACKEND IS ADDED, EDITED, DRAINED, REMOVED: an immutable table.

Every edit returns a new table and a sentence that says what changed. Running sessions keep the
`Backend` they were given, so an edit can never pull a running thing from under its feet.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from rsp.core.addresses import UNIX_PREFIX, EditRefused, parse_address
from rsp.core.health_rules import NOT_KNOWN, RAMPED, Condition, Ejection, HealthCheck
from rsp.core.lab_limits import NAME_CHARACTERS, QUOTED_CHARACTERS
from rsp.core.limits import QUEUE_LENGTH, QUEUE_TIMEOUT_S
from rsp.core.vocabulary import BackendState, ProxyVersion

WEIGHT_MAX = 256
"""Largest weight. Enough for a share of a third of a percent; the smooth round robin of a pool
repeats after the sum of its weights, so larger numbers would only make that cycle longer."""

CONNECTIONS_MOST = 1_000_000_000
"""Largest `max_connections`: each takes an fd and some KiB of the kernel, which no machine has.
What is beyond it is a slip of the keyboard."""

_NAME = re.compile(rf"[A-Za-z0-9_.-]{{1,{NAME_CHARACTERS}}}")
NAME_RULE = f'use letters, digits, "_", "." and "-", {NAME_CHARACTERS} at most'


@dataclass(frozen=True, slots=True)
class Backend:
    """One address that answers requests."""

    pool: str
    name: str
    address: str
    """As written: `127.0.0.1:9001`, `[::1]:9001`, `app.internal:80`."""
    weight: int = 1
    """Its share, 0 to 256. With 0 a policy gives it nothing; it can still be named directly."""
    max_connections: int = 0
    """Exchanges (http) or sessions (tcp) it may have at once; 0: any number."""
    state: BackendState = BackendState.READY
    resolved: tuple[str, int] | None = None
    """Numeric host and port, filled in off the data path when the address is loaded or edited."""
    defined_at: str = ""
    """`file:line` of its definition, for errors."""
    key: str = field(init=False, compare=False)
    """`pool/name`: its name everywhere outside its pool."""

    def __post_init__(self) -> None:
        # Made once here, because it is asked for several times in every request.
        object.__setattr__(self, "key", f"{self.pool}/{self.name}")

    @property
    def in_full(self) -> str:
        """How a sentence names it: `backend web/web1 (127.0.0.1:9001)`."""
        return f"backend {self.key} ({self.address})"


@dataclass(frozen=True, slots=True)
class QueueRules:
    """Who may wait while all backends of a pool are full."""

    length: int = QUEUE_LENGTH
    """Requests (http) or sessions (tcp) at once."""
    timeout_s: float = QUEUE_TIMEOUT_S
    """For how long each of them waits at most."""

    def __str__(self) -> str:
        return f"length {self.length}, timeout {self.timeout_s:g} s"


@dataclass(frozen=True, slots=True)
class StickyRules:
    """By what a client comes back to the same backend."""

    cookie: str = ""
    """Name of the cookie that says which; empty: the client's address does."""

    def __str__(self) -> str:
        return f"cookie {self.cookie}" if self.cookie else "client"


@dataclass(frozen=True, slots=True)
class Pool:
    """A named set of backends and the policy that picks among them."""

    name: str
    backends: tuple[Backend, ...]
    balance: str = "round_robin"
    host: str = "keep"
    """Which Host the backend sees: `keep`, `backend` (its own address), or a name."""
    send_proxy: ProxyVersion | None = None
    """The PROXY header that each connection to a backend begins with. It carries one client's
    address, so none of them serves a second one."""
    forwarded: bool = False
    """Whether a backend is told of the client by `Forwarded` too (RFC 7239)."""
    health: HealthCheck | None = None
    """How its backends are checked; None: nobody checks them."""
    eject: Ejection | None = None
    """When one that fails requests is left out for a while; None: never."""
    slow_start_s: float = 0.0
    """For how long the weight of a backend that has come back grows."""
    fallback: str = ""
    """The pool that takes what nobody here is available for; empty: none does."""
    conditions: Mapping[str, Condition] = field(default_factory=dict, hash=False)
    """What is known of the health of its backends, by their names. Files and edits say nothing of
    it: `core/health.py` puts it over their table."""
    queue: QueueRules | None = None
    """None: nobody waits, a request that finds all full is refused at once."""
    sticky: StickyRules | None = None
    """None: the policy decides each time."""
    ready: tuple[Backend, ...] = field(init=False, compare=False, repr=False)
    """Those that a policy may pick unless they are full: ready, with a weight, and not down. Where
    one may start slowly, weights are counted in tenths here."""
    is_plain: bool = field(init=False, compare=False, repr=False)
    """Whether nothing but the policy decides: none of `ready` can be full, and nobody sticks."""
    is_passing_heads: bool = field(init=False, compare=False, repr=False)
    """Whether a backend sees Host and cookies as the client sent them."""
    keys: tuple[str, ...] = field(init=False, compare=False, repr=False)
    """The keys of `backends`, in their order."""
    by_name: Mapping[str, Backend] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        ready = tuple(
            b
            for b in self.backends
            if b.state is BackendState.READY and b.weight > 0 and not self.condition(b.name).is_out
        )
        if self.slow_start_s and self.balance in RAMPED:
            # Always, so that what a policy has added up keeps its measure when a start is over.
            ready = tuple(replace(b, weight=b.weight * self.condition(b.name).ramp) for b in ready)
        object.__setattr__(self, "ready", ready)
        is_plain = self.sticky is None and not any(b.max_connections for b in ready)
        object.__setattr__(self, "is_plain", is_plain)
        has_cookie = self.sticky is not None and bool(self.sticky.cookie)
        object.__setattr__(self, "is_passing_heads", self.host == "keep" and not has_cookie)
        object.__setattr__(self, "keys", tuple(b.key for b in self.backends))
        object.__setattr__(self, "by_name", {b.name: b for b in self.backends})

    def condition(self, name: str) -> Condition:
        """Return what is known of the health of the backend called `name`."""
        return self.conditions.get(name, NOT_KNOWN)

    @property
    def cookie(self) -> str:
        """The name of the cookie that clients stick by; empty: they do not."""
        return self.sticky.cookie if self.sticky is not None else ""

    def host_for(self, backend: Backend, asked: str = "") -> bytes | None:
        """Return the Host that the backend sees instead of the one `asked` for, if it is another.

        A request of HTTP/1.0 may ask for none: it gets the backend's own, for an empty one is
        legal and refused by many servers, nginx among them. A path is no host.
        """
        host = self.host
        if host == "keep" and asked:
            return None
        if host in ("keep", "backend"):
            host = "localhost" if backend.address.startswith(UNIX_PREFIX) else backend.address
        return host.encode("latin-1")


@dataclass(frozen=True, slots=True)
class BackendChanges:
    """New values for a backend; None leaves a value as it is."""

    weight: int | None = None
    state: BackendState | None = None
    max_connections: int | None = None
    address: str | None = None
    resolved: tuple[str, int] | None = None
    """What `address` resolves to; needed with it, for nothing here asks a resolver."""

    def without(self, other: "BackendChanges") -> "BackendChanges":
        """Return those that `other` leaves as they are."""
        gone = [name for name in _SETTINGS if getattr(other, name) is not None]
        gone += ["resolved"] if "address" in gone else []
        return replace(self, **dict.fromkeys(gone))


@dataclass(frozen=True, slots=True)
class BackendTable:
    """Every pool by its name, in the order of the file, and the number of this state of affairs."""

    pools: Mapping[str, Pool]
    generation: int

    @classmethod
    def of(cls, pools: Iterable[Pool], generation: int) -> "BackendTable":
        """Return a table of `pools`, whose names the loader has found to be distinct."""
        return cls({pool.name: pool for pool in pools}, generation)

    def addresses(self) -> dict[str, str]:
        """Return the addresses of all backends by their keys."""
        return {each.key: each.address for pool in self.pools.values() for each in pool.backends}

    def find(self, key: str) -> Backend:
        """Return the backend called `pool/name`.

        Raises:
            EditRefused: there is none; the message names those that exist.
        """
        pool_name, slash, name = key.partition("/")
        if not slash:
            raise EditRefused(f'"{key}" names no backend: write POOL/NAME, such as web/web1')
        backend = self._pool(pool_name).by_name.get(name)
        if backend is None:
            raise EditRefused(f"no backend {key}; {names_in(self.pools[pool_name])}")
        return backend

    def add(self, backend: Backend, generation: int) -> tuple["BackendTable", str]:
        """Return the table with `backend` at the end of its pool, and what changed.

        Raises:
            EditRefused: no such pool, the name is taken, or a value is out of its range.
        """
        pool = self._pool(backend.pool)
        check_backend(backend)
        if backend.name in pool.by_name:
            raise EditRefused(
                f"backend {backend.key} is already there ({pool.by_name[backend.name].address}); "
                "change it with `backend set`, or choose another name"
            )
        table = self._with(replace(pool, backends=(*pool.backends, backend)), generation)
        return table, f"added {backend.key} ({_described(backend)})"

    def change(
        self, key: str, changes: BackendChanges, generation: int
    ) -> tuple["BackendTable", str]:
        """Return the table with the backend `key` changed, and what changed.

        When it already has all the new values, this very table is returned, whatever
        `generation` is.

        Raises:
            EditRefused: no such backend, nothing to change, or a value is out of its range.
        """
        old = self.find(key)
        new = _changed(old, changes)
        check_backend(new)
        changed = _differences(old, new)
        if not changed:
            return self, f"{key} already has {_asked_for(changes)}"
        pool = self.pools[old.pool]
        backends = tuple(new if b.name == old.name else b for b in pool.backends)
        table = self._with(replace(pool, backends=backends), generation)
        return table, f"{key}: {', '.join(changed)}"

    def remove(self, key: str, generation: int) -> tuple["BackendTable", str]:
        """Return the table without the backend `key`, and what changed.

        Raises:
            EditRefused: there is no such backend.
        """
        gone = self.find(key)
        pool = self.pools[gone.pool]
        left = tuple(b for b in pool.backends if b.name != gone.name)
        sentence = f"removed {key} ({gone.address})"
        if not left:
            sentence += f"; pool {pool.name} is empty now"
        return self._with(replace(pool, backends=left), generation), sentence

    def _pool(self, name: str) -> Pool:
        pool = self.pools.get(name)
        if pool is None:
            raise EditRefused(f"no pool {name}; {pool_names(self)}")
        return pool

    def _with(self, pool: Pool, generation: int) -> "BackendTable":
        return BackendTable({**self.pools, pool.name: pool}, generation)


def is_name(text: str) -> bool:
    """Tell whether `text` may name a pool or a backend; `NAME_RULE` says it in words."""
    return _NAME.fullmatch(text) is not None


def check_backend(backend: Backend) -> None:
    """Check every value of `backend`, as both the file and a live edit must.

    Raises:
        EditRefused: the message says which value, and what would be right.
    """
    if not is_name(backend.name):
        shown = backend.name[:NAME_CHARACTERS]
        raise EditRefused(f'"{shown}" cannot name a backend: {NAME_RULE}')
    if not 0 <= backend.weight <= WEIGHT_MAX:
        raise EditRefused(
            f"weight {_short(backend.weight)} of {backend.key} is out of range: 0 to {WEIGHT_MAX}"
        )
    if not 0 <= backend.max_connections <= CONNECTIONS_MOST:
        raise EditRefused(
            f"max_connections {_short(backend.max_connections)} of {backend.key} is out of range: "
            f"0 (any number) to {CONNECTIONS_MOST:,}"
        )
    parse_address(backend.address)


def _short(number: int) -> str:
    """Return a number as an error quotes it: whoever types digits may type thousands of them."""
    text = f"{number}"
    return text if len(text) <= QUOTED_CHARACTERS else f"{text[:QUOTED_CHARACTERS]}…"


def names_in(pool: Pool) -> str:
    """Return the words that name the backends of `pool`: `pool web has web1, web2`."""
    if not pool.backends:
        return f"pool {pool.name} is empty"
    return f"pool {pool.name} has {', '.join(b.name for b in pool.backends)}"


def pool_names(table: BackendTable) -> str:
    """Return the words that name the pools of `table`: `there are web, api`."""
    names = list(table.pools)
    if not names:
        return "there is no pool at all"
    return f"there is only {names[0]}" if len(names) == 1 else f"there are {', '.join(names)}"


def _described(backend: Backend) -> str:
    words = [backend.address, f"weight {backend.weight}"]
    if backend.max_connections:
        words.append(f"at most {backend.max_connections} connections")
    if backend.state is not BackendState.READY:
        words.append(backend.state.value)
    return ", ".join(words)


def _changed(old: Backend, changes: BackendChanges) -> Backend:
    if changes == BackendChanges():
        raise EditRefused(
            f"nothing to change at {old.key}: give a weight, a state, an address "
            "or a number of connections"
        )
    new_address = changes.address is not None and changes.address != old.address
    return replace(
        old,
        weight=old.weight if changes.weight is None else changes.weight,
        state=old.state if changes.state is None else changes.state,
        max_connections=(
            old.max_connections if changes.max_connections is None else changes.max_connections
        ),
        address=old.address if changes.address is None else changes.address,
        resolved=changes.resolved if new_address else changes.resolved or old.resolved,
    )


_SETTINGS = ("weight", "state", "max_connections", "address")


def _differences(old: Backend, new: Backend) -> list[str]:
    found = []
    for name in _SETTINGS:
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            found.append(f"{name} {before} → {after}")
    if not found and old.resolved != new.resolved:
        found.append(f"address {new.address} resolved again")
    return found


def _asked_for(changes: BackendChanges) -> str:
    asked = ((name, getattr(changes, name)) for name in _SETTINGS)
    return " and ".join(f"{name} {value}" for name, value in asked if value is not None)


def same_settings(one: Backend, other: Backend) -> bool:
    """Tell whether two backends agree in everything that a person can set."""
    return all(getattr(one, name) == getattr(other, name) for name in _SETTINGS)
