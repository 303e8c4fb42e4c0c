"""To which backend a client comes back: its cookie names it, or its address is remembered.

The value of a cookie is made from the name of the backend alone: the same in every engine, after a
restart, and at another address. It is no name itself, for a cookie's value is a secret in whatever
is shown, and the names of backends are not.
"""

from collections import OrderedDict
from functools import lru_cache
from typing import Protocol

from rsp.core.addresses import UNIX_CLIENT_IP
from rsp.core.backends import Backend, Pool
from rsp.core.http1.cookies import cookie_values
from rsp.core.http1.lines import Field
from rsp.core.limits import STICKY_CLIENT_IDLE_S, STICKY_CLIENTS
from rsp.core.policies.key_hash import key_hash
from rsp.core.vocabulary import BackendState


@lru_cache(maxsize=4096)
def cookie_value(key: str) -> str:
    """Return the value that stands for the backend `pool/name`: 16 hexadecimal digits."""
    return f"{key_hash(key):016x}"


class Comer(Protocol):
    """A request, as far as it says who comes."""

    client_ip: str

    @property
    def fields(self) -> list[Field]:
        """All header fields, as received."""


def sticky_words(pool: Pool, request: Comer) -> str:
    """Return why somebody sticks: `sticky by cookie srv`, `sticky by client 192.0.2.1`."""
    return f"sticky by {f'cookie {pool.cookie}' if pool.cookie else f'client {request.client_ip}'}"


class StickyClients:
    """Which backend each client of one pool comes back to, by its address.

    A table, and no hash: an edit of the pool moves nobody. Bounded; who has not come for longest
    is forgotten first, and after a time in any case. Some 200 bytes a client.
    """

    __slots__ = ("_rows", "now_s")

    def __init__(self, now_s: float) -> None:
        self.now_s = now_s
        """Monotonic seconds, a second old at most: told by `tick`."""
        self._rows: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def __deepcopy__(self, _memo: object) -> "StickyClients":
        copied = StickyClients(self.now_s)
        copied._rows = self._rows.copy()
        return copied

    def __len__(self) -> int:
        return len(self._rows)

    def find(self, client_ip: str) -> str | None:
        """Return the name of the backend that a client has; None: it is not known."""
        row = self._rows.get(client_ip)
        return None if row is None else row[0]

    def note(self, client_ip: str, name: str) -> None:
        """A client goes to the backend `name`."""
        rows = self._rows
        rows[client_ip] = name, self.now_s
        rows.move_to_end(client_ip)
        if len(rows) > STICKY_CLIENTS:
            rows.popitem(last=False)

    def tick(self, now_s: float) -> None:
        """Forget who has not come for long."""
        self.now_s = now_s
        rows = self._rows
        while rows and next(iter(rows.values()))[1] < now_s - STICKY_CLIENT_IDLE_S:
            rows.popitem(last=False)


class Stickiness:
    """Who comes back to what, for the pools of one balancer that want it."""

    __slots__ = ("_clients", "_now_s")

    def __init__(self) -> None:
        self._clients: dict[str, StickyClients] = {}
        """By pool, where clients stick by their address."""
        self._now_s = 0.0

    def backend_of(self, pool: Pool, request: Comer) -> Backend | None:
        """Return the backend that a client comes back to; None: it has none that takes it.

        A cookie that was never ours means none, and so does one whose backend is gone, down or in
        maintenance; of several the first that means one counts. While a backend drains it is
        there for those that stick to it: that they end in their own time is what that is for.
        """
        backend = self._by_cookie(pool, request) if pool.cookie else self._by_client(pool, request)
        if backend is None or backend.state is BackendState.MAINT:
            return None
        return None if pool.condition(backend.name).is_out else backend

    def _by_cookie(self, pool: Pool, request: Comer) -> Backend | None:
        for value in cookie_values(request.fields, pool.cookie.encode("ascii")):
            for backend in pool.backends:
                if cookie_value(backend.key).encode("ascii") == value:
                    return backend
        return None

    def _by_client(self, pool: Pool, request: Comer) -> Backend | None:
        clients = self._clients.get(pool.name)
        name = clients.find(request.client_ip) if clients is not None else None
        return pool.by_name.get(name) if name is not None else None

    def note(self, pool: Pool, request: Comer, backend: Backend) -> bool:
        """A client goes to `backend`; tell whether it needs a cookie to come back to it.

        All clients of a unix socket have one address: they do not stick.
        """
        if pool.cookie:
            return True
        if request.client_ip != UNIX_CLIENT_IP:
            clients = self._clients.get(pool.name)
            if clients is None:
                clients = self._clients[pool.name] = StickyClients(self._now_s)
            clients.note(request.client_ip, backend.name)
        return False

    def tick(self, now_s: float) -> None:
        """Forget clients that have not come for long: to be called once a second or so."""
        self._now_s = now_s
        for clients in self._clients.values():
            clients.tick(now_s)
