"""Who came in by a listener and is still there, and whether one more may come."""

import ipaddress
from collections.abc import Callable

from rsp.core.limits import IPV6_CLIENT_BITS, REFUSALS_TOLD


class Door:
    """Counts the connections of one listener, and those of each client where that is limited.

    It outlives reloads: sessions leave by the door that they came in by.
    """

    __slots__ = ("_clients", "_told", "_whose", "is_awaited", "is_watched", "live", "most",
                 "most_each", "on_room", "refused")  # fmt: skip

    def __init__(self, on_room: Callable[[], None] = lambda: None) -> None:
        self.live = 0
        """Connections that came in here and have not ended; those that are refused among them."""
        self.refused = 0
        """Clients that were refused or reset, ever."""
        self.most = 1
        """Most connections at once."""
        self.most_each = 0
        """Most connections of one client at once; 0: any number."""
        self.is_watched = False
        """Whether `on_left` has to hear of each session that ends."""
        self.is_awaited = False
        """Whether clients wait for room: `on_room` is called when there is some."""
        self.on_room = on_room
        """Called when somebody may come in again."""
        self._clients: dict[str, int] = {}
        """How many connections each client has, where that is limited."""
        self._whose: dict[int, str] = {}
        """The client of each session that is counted, by the session's id."""
        self._told: set[int] = set()
        """Sessions in which a refused client is being told so."""

    @property
    def is_full(self) -> bool:
        """Whether nobody else may come in until somebody has left."""
        return self.live >= self.most

    def limit(self, most: int, most_each: int) -> None:
        """Set both limits; whoever is inside stays."""
        self.most, self.most_each = most, most_each
        self._watch()

    def await_room(self) -> None:
        """It is full, and more clients want to come in."""
        self.is_awaited = self.is_watched = True

    def _watch(self) -> None:
        if self.is_awaited and not self.is_full:
            self.is_awaited = False
            self.on_room()
        self.is_watched = self.is_awaited or bool(self.most_each or self._whose or self._told)

    def has_all(self, client_ip: str) -> bool:
        """Tell whether a client has as many connections as it may have; if so, it is refused."""
        if self._clients.get(client_of(client_ip), 0) < self.most_each:
            return False
        self.refused += 1
        return True

    def count(self, session: int, client_ip: str) -> None:
        """A client that does not have all yet came in."""
        self._whose[session] = client = client_of(client_ip)
        self._clients[client] = self._clients.get(client, 0) + 1

    def limit_sentence(self, client_ip: str) -> str:
        """Return why a client that `has_all` is refused."""
        return (
            f"{client_of(client_ip)} has {self.most_each:,} connections, the most for one client "
            "(max_connections_per_client)"
        )

    @property
    def may_tell(self) -> bool:
        """Whether one more refused client can be told so: there is room for a few at a time."""
        return len(self._told) < REFUSALS_TOLD

    def tell(self, session: int) -> None:
        """A refused client is being told so in a session of its own."""
        self._told.add(session)

    def on_left(self, session: int) -> None:
        """A session has ended; `live` is counted down already."""
        self._told.discard(session)
        client = self._whose.pop(session, None)
        if client is not None:
            self._clients[client] -= 1
            if not self._clients[client]:
                del self._clients[client]
        self._watch()


def client_of(address: str) -> str:
    """Return what counts as one client: an IPv4 address, or the network that IPv6 gives to one.

    Source: RFC 6177, section 2: a site has a network of 64 bits at least.
    """
    if ":" not in address:
        return address
    numbers = ipaddress.IPv6Address(address.partition("%")[0])
    if numbers.ipv4_mapped is not None:
        return str(numbers.ipv4_mapped)
    return str(ipaddress.IPv6Network((numbers, IPV6_CLIENT_BITS), strict=False))
