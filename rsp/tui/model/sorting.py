"""What a list of sessions can be sorted by. The first one puts trouble on top."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from rsp.core.replies import ConnectionRow
from rsp.core.vocabulary import SessionState


class Sortable(Protocol):
    """A session with its rates."""

    row: ConnectionRow

    @property
    def eagain_per_s(self) -> float:
        """EAGAIN of writes per second."""

    @property
    def is_quiet(self) -> bool:
        """Whether it is live, and nothing is to be said of it."""

    @property
    def is_held(self) -> bool:
        """Whether bytes wait in it."""

    @property
    def blocked_total_s(self) -> float:
        """For how long bytes have waited in its life."""

    @property
    def fill(self) -> float:
        """Its fuller buffer."""

    @property
    def client_in_per_s(self) -> float:
        """Bytes per second from the client."""

    @property
    def client_out_per_s(self) -> float:
        """Bytes per second to the client."""


_CLOSED = SessionState.CLOSED.value

Key = tuple[float | str, ...]


@dataclass(frozen=True, slots=True)
class SortField:
    """One way to sort."""

    id: str
    title: str
    key: Callable[[Sortable], Key]
    greatest_first: bool = False


_QUIET: Key = (True, False, 0.0, 0, 0.0)
"""What `_trouble` says of a session that is live and has none."""


def _trouble(session: Sortable) -> Key:
    # The longest in trouble first: those sums grow alike, so that rows keep their places. The
    # others are rounded for the same reason. What is over is no trouble any more.
    if session.is_quiet:
        return _QUIET
    is_held = session.is_held
    return (
        session.row.state != _CLOSED,
        is_held,
        session.blocked_total_s if is_held else 0.0,
        round(session.eagain_per_s / 10),
        round(session.fill, 1),
    )


def _request(session: Sortable) -> Key:
    request = session.row.request
    return (request.path, request.method) if request else ("", "")


def _host(session: Sortable) -> Key:
    return (session.row.request.host.lower() if session.row.request else "",)


def _backend(session: Sortable) -> Key:
    return (session.row.route.backend if session.row.route else "",)


def _status(session: Sortable) -> Key:
    return (session.row.response.status if session.row.response else 0,)


def _first_byte(session: Sortable) -> Key:
    return (session.row.response.first_byte_s if session.row.response else -1.0,)


def _request_fill(session: Sortable) -> Key:
    return (session.row.backend.unsent_bytes if session.row.backend else 0,)


TROUBLE = SortField("trouble", "trouble", _trouble, True)

SORT_FIELDS: tuple[SortField, ...] = (
    TROUBLE,
    SortField("id", "id", lambda s: (s.row.id,)),
    SortField("client", "client", lambda s: (s.row.client.address,)),
    SortField("host", "host", _host),
    SortField("request", "request", _request),
    SortField("backend", "backend", _backend),
    SortField("state", "state", lambda s: (s.row.state,)),
    SortField("status", "status", _status, True),
    SortField("first_byte", "time to first byte", _first_byte, True),
    SortField("fill_request", "C→B buffer", _request_fill, True),
    SortField("fill", "B→C buffer", lambda s: (s.row.client.unsent_bytes,), True),
    SortField("in", "in", lambda s: (s.client_in_per_s,), True),
    SortField("out", "out", lambda s: (s.client_out_per_s,), True),
    SortField("eagain", "EAGAIN/s", lambda s: (s.eagain_per_s,), True),
    SortField("age", "age", lambda s: (s.row.age_s,), True),
)
"""In the order of the columns: `<` and `>` walk through it."""


def field_named(field_id: str) -> SortField:
    """Return the field with this id; the default one when there is none."""
    return next((field for field in SORT_FIELDS if field.id == field_id), TROUBLE)
