"""Listening sockets as the engine tells of them, and what is to be said of a crowd at the door."""

import msgspec


class ListenerRow(msgspec.Struct):
    """A listening socket."""

    address: str
    mode: str
    pool: str | None = None
    connections: int = 0
    """Client connections that came in here and have not ended."""
    max_connections: int = 0
    max_connections_per_client: int = 0
    """0: no limit."""
    refused: int = 0
    """Clients that were refused for it, ever."""
    paused_by: list[str] = []
    """Why nobody is let in: `no_fds`, `full`, `memory`, `down`; empty when everybody is."""
    accept_queue: int | None = None
    """Connections that the kernel has made and that wait to be accepted; null on a unix socket."""
    accept_backlog: int | None = None
    """With more than this many waiting the kernel drops whoever comes next."""
    accept_dropped: int | None = None
    """Tries to connect that were lost because the queue was full; a client that tries again counts
    again. Null: unknown."""

    @property
    def is_overrun(self) -> bool:
        """Whether the kernel drops whoever comes now."""
        queue, backlog = self.accept_queue, self.accept_backlog
        return queue is not None and backlog is not None and queue > backlog


_WHY_NOT = {
    "full": "it has as many connections as it may (max_connections)",
    "no_fds": "no fd is left (ulimit -n)",
    "memory": "the memory budget is spent",
    "down": "a fault holds it down",
}


def crowd_sentence(row: ListenerRow, dropped: int) -> str | None:
    """Return what is to be said of the accept queue; None when nobody is kept out by it.

    `dropped` are the tries to connect that were dropped in the time that is spoken of.
    """
    if not row.is_overrun and not dropped:
        return None
    tries = f"{dropped:,} {'try' if dropped == 1 else 'tries'} to connect"
    now = "full" if row.is_overrun else "not full any more"
    said = f"accept queue of {row.address} {now} ({row.accept_queue:,} of {row.accept_backlog:,})"
    lost = f", the kernel dropped {tries}" if dropped else ""
    why = "; ".join(_WHY_NOT.get(reason, reason) for reason in row.paused_by)
    return f"{said}{lost}: not the backends' doing{f'; {why}' if why else ''}"
