"""Who blocks whom: pauses, by their cause and by whoever holds the others up, biggest first."""

from collections import Counter
from collections.abc import Sequence

import msgspec

from rsp.core.addresses import client_ip_of
from rsp.core.limits import STALL_S
from rsp.core.listener_rows import ListenerRow
from rsp.core.replies import ConnectionRow, PeerRow
from rsp.core.units import counted, full_size
from rsp.core.vocabulary import StallCause

ACCEPT = "accept"
"""Cause of a listener's letting nobody in."""

_HELD = {
    "operator": ("a person", "holds them"),
    "injected": ("a fault", "keeps them from being read"),
    "breakpoint": ("a breakpoint", "holds them"),
}
_NOT_YET = {
    "connecting": "has not accepted",
    "pipelined": "has not ended the exchange before",
    "routing": "has no place free",
}
_TAKES_LESS = {
    StallCause.PEER_NOT_READING.value: "not reading",
    StallCause.PATH_LOSS.value: "is behind a path that likely loses packets",
    StallCause.PATH_CONGESTION.value: "is behind a path that is likely full",
    StallCause.INJECTED.value: "gets less: a fault holds it back",
    StallCause.SEND_BUFFER_SMALL.value: "waits for ACKs: our send buffer is too small",
}
_SINK_FULL = "sink_full"
_QUEUED = "routing"
_SLOW = "takes less than comes"
"""Of a sink that has not stood still for long enough to have a cause."""
_NAMED = 4
"""As many backends are named in a sentence; the others are counted."""


class HeldUpRow(msgspec.Struct):
    """One side of a session that is not read."""

    session: int
    side: str
    """`client` or `backend`."""
    name: str
    """`client`, or the backend's name."""
    since_s: float
    held_bytes: int
    """What the holder has not taken: ours, and the kernel's as far as it is known."""
    sentence: str


class PauseGroup(msgspec.Struct):
    """Whoever holds others up, for one cause."""

    cause: str
    """A `StallCause` or `PauseReason`; `accept` for a listener."""
    holder: str
    """`client` and its address without a port, `pool/backend`, `a person`, a listener."""
    not_read: str
    """Who is held up, in words."""
    sentence: str
    sessions: int
    held_bytes: int
    since_s: float | None
    """The longest; null where it is not noted."""
    held_up: list[HeldUpRow] = []
    """The longest first."""


class Pauses(msgspec.Struct):
    """`pauses`: listeners that let nobody in, then the biggest groups first."""

    pauses: list[PauseGroup]


class PauseTree:
    """Collects the pauses of one snapshot, row by row."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], list[HeldUpRow]] = {}

    def add(self, row: ConnectionRow) -> None:
        """Add what is not read of a session. A moment is no pause, unless a person made it."""
        for side, source, sink in (
            ("client", row.client, row.backend),
            ("backend", row.backend, row.client),
        ):
            pause = source.pause if source is not None else None
            if pause is None or (pause.since_s < STALL_S and pause.reason not in _HELD):
                continue
            is_full = pause.reason == _SINK_FULL and sink is not None
            held_bytes = _held_bytes(sink) if is_full and sink is not None else 0
            name = "client" if side == "client" else _backend(row).rpartition("/")[2]
            leaf = HeldUpRow(row.id, side, name, pause.since_s, held_bytes, pause.sentence)
            key = _cause(pause.reason, sink), _holder(row, side, pause.reason)
            self._found.setdefault(key, []).append(leaf)

    def groups(self, listeners: Sequence[ListenerRow] = ()) -> list[PauseGroup]:
        """Return the groups, and what `listeners` let nobody in."""
        found = [_group(cause, holder, leaves) for (cause, holder), leaves in self._found.items()]
        found.sort(key=lambda group: (-group.sessions, -group.held_bytes, group.holder))
        return [*(_shut(each) for each in listeners if each.paused_by), *found]


def _cause(reason: str, sink: PeerRow | None) -> str:
    if reason != _SINK_FULL or sink is None or sink.stall is None:
        return reason
    return sink.stall.cause if sink.stall.cause in _TAKES_LESS else reason


def _holder(row: ConnectionRow, side: str, reason: str) -> str:
    """Return whom the `side` of a session waits for."""
    if reason in _HELD:
        return _HELD[reason][0]
    if row.queued is not None and reason == _QUEUED:
        return f"the queue of pool {row.queued.pool}"
    if reason == _SINK_FULL and side == "backend":
        return f"client {client_ip_of(row.client.address)}"
    return _backend(row)


def _backend(row: ConnectionRow) -> str:
    return f"{row.route.pool}/{row.route.backend}" if row.route is not None else "the backend"


def _held_bytes(sink: PeerRow) -> int:
    return sink.unsent_bytes + (sink.kernel_send_queue_bytes or 0)


def _group(cause: str, holder: str, leaves: list[HeldUpRow]) -> PauseGroup:
    leaves.sort(key=lambda leaf: -leaf.since_s)
    sessions = len({leaf.session for leaf in leaves})
    held_bytes = sum(leaf.held_bytes for leaf in leaves)
    held = f", {full_size(held_bytes)} held" if held_bytes else ""
    not_read = _not_read(leaves)
    count = counted(sessions, "session")
    said = f"{holder} {_words(cause, holder)}: {count}{held}, {not_read} not read"
    since_s = leaves[0].since_s
    return PauseGroup(cause, holder, not_read, said, sessions, held_bytes, since_s, leaves)


def _words(cause: str, holder: str) -> str:
    """Return a cause as it stands behind its holder."""
    # A fault may hold back what somebody is to get, too: then that one is the holder.
    if cause in _HELD and holder == _HELD[cause][0]:
        return _HELD[cause][1]
    return _NOT_YET.get(cause) or _TAKES_LESS.get(cause, _SLOW)


def _not_read(leaves: Sequence[HeldUpRow]) -> str:
    """Say who is not read: how many clients, and how many connections of which backends."""
    names = Counter(leaf.name for leaf in leaves if leaf.side == "backend")
    clients = len(leaves) - names.total()
    parts = [counted(clients, "client")] if clients else []
    if names:
        shown = sorted(names, key=lambda name: (-names[name], name))[:_NAMED]
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        backends = counted(names.total(), "backend connection")
        parts.append(f"{backends} of {', '.join(shown)}{more}")
    return " and ".join(parts)


def _shut(listener: ListenerRow) -> PauseGroup:
    reasons = ", ".join(reason.replace("_", " ") for reason in listener.paused_by)
    inside = f"{listener.connections:,} connections inside"
    if listener.max_connections:
        inside = f"{listener.connections:,} of {listener.max_connections:,} connections inside"
    holder = f"listener {listener.address}"
    said = f"{holder} lets nobody in: {reasons}; {inside}"
    return PauseGroup(ACCEPT, holder, "new clients", said, 0, 0, None)
