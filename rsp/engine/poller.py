"""The only file that touches epoll or the loop's fd API: readiness, in batches.

One `select.epoll`, edge-triggered, whose own fd hangs on the asyncio loop: one callback per batch,
and true RDHUP, HUP and ERR, also while nobody reads (uvloop's own watchers cannot see those).
Each fd is registered once, for everything. Three rules keep stale readiness harmless:

- `forget` drops the handler at once, so that the rest of the batch passes it by;
- sockets are closed at the end of the batch, so that no number in it can be reused;
- a handler that has more to do (its turn was over, or it was resumed) asks for another turn with
  `again`, for an edge that was seen once does not come twice.
"""

import asyncio
import select
import socket
import time
from collections.abc import Callable
from typing import Any, Protocol

from rsp.core.limits import EVENTS_PER_POLL
from rsp.engine.nonblocking import close_all, out_of_fds
from rsp.engine.siphon import Siphon
from rsp.engine.wait import Wait

READABLE = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR
WRITABLE = select.EPOLLOUT
HANG_UP = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR
DEAD = select.EPOLLHUP | select.EPOLLERR
BROKEN = select.EPOLLERR
URGENT = select.EPOLLPRI

ACCEPTABLE = select.EPOLLIN
"""Of a listener: level-triggered, for it accepts a few at a time."""
_EDGES = select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLPRI | select.EPOLLET


_WORDS = {
    select.EPOLLIN: "IN",
    select.EPOLLPRI: "PRI",
    select.EPOLLRDHUP: "RDHUP",
    select.EPOLLHUP: "HUP",
    select.EPOLLERR: "ERR",
}


def readiness_words(readiness: int) -> str:
    """Return the bits of a readiness in words: `IN RDHUP`."""
    return " ".join(word for bit, word in _WORDS.items() if readiness & bit)


class Guarded(Protocol):
    """Whoever pays when our own code fails."""

    def on_bug(self, error: Exception) -> None:
        """Our own code failed while acting for you: give up what you hold, and nothing else."""


class Handler(Guarded, Protocol):
    """Whoever owns an fd."""

    def on_ready(self, readiness: int) -> None:
        """Act on what epoll reported: a mask of its bits; 0 for a turn asked for with `again`."""


def run_guarded(owner: Guarded, act: Callable[..., None], *arguments: object) -> None:
    """Call `act`; a bug in it costs `owner` and nobody else: the one catch-all of the data path."""
    try:
        act(*arguments)
    except Exception as error:
        charge(owner, error)


def charge(owner: Guarded, error: Exception) -> None:
    """Let `owner` pay; where that fails as well, the others still have their turns."""
    try:
        owner.on_bug(error)
    except Exception as worse:
        failure = {"message": f"giving up {owner!r}", "exception": worse}
        asyncio.get_running_loop().call_exception_handler(failure)


class Parcel(Guarded, Protocol):
    """Something that is to leave at the end of a batch."""

    def send(self) -> bool:
        """Give it to the kernel; tell whether more is to be done when the others have left."""

    def on_sent(self) -> None:
        """The others have left."""


class Poller:
    """Delivers readiness to handlers, one batch at a time."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.now_s = time.monotonic()
        """The time at the start of this batch: exact enough for every deadline."""
        self.siphon = Siphon()
        """Shared by all connections, as nobody uses it for longer than one call."""
        self.holders: set[Any] = set()
        """Whoever keeps bytes of the traffic, or did lately; `memory.py` adds them up."""
        self.blocked: dict[Any, Wait] = {}
        """Connections that wait for room."""
        self.parcels: list[Parcel] | None = None
        """What leaves at the end of the present batch (`parcels.py`). None between batches, when
        nobody would send it, and in a batch of one, which has nothing to wait for."""
        self._loop = loop
        self._epoll = select.epoll()
        self._handlers: dict[int, Handler] = {}
        self._again: dict[Handler, None] = {}
        self._closing: list[socket.SocketType] = []
        loop.add_reader(self._epoll.fileno(), self._on_readiness)

    def look_at_clock(self) -> None:
        """Set `now_s` to the present: for whoever acts without a batch (timers, commands)."""
        self.now_s = time.monotonic()

    def watch(self, fd: int, handler: Handler, events: int = _EDGES) -> None:
        """Deliver what happens to `fd` to `handler` from now on: every edge, or what `events` says.

        Raises:
            OutOfFds: the kernel has no memory for it, or may watch no more (ENOSPC; epoll(7),
                max_user_watches).
        """
        try:
            self._epoll.register(fd, events)
        except OSError as error:
            raise out_of_fds(error) from None
        self._handlers[fd] = handler

    def forget(self, fd: int) -> None:
        """Deliver nothing of `fd` any more, not even from the present batch."""
        if self._handlers.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def again(self, handler: Handler) -> None:
        """Give `handler` another turn, with a readiness of 0, after the others had theirs."""
        if not self._again:
            self._loop.call_soon(self._on_again)
        self._again[handler] = None

    def at(self, when_s: float, handler: Handler) -> None:
        """Give `handler` a turn at a monotonic time, or soon after: timers have steps of 1 ms."""
        self._loop.call_later(max(0.0, when_s - time.monotonic()), self.again, handler)

    def close_later(self, sock: socket.SocketType, fd: int) -> None:
        """Deliver nothing of `fd` any more, and close it when nothing of this batch can name it.

        Closing takes it out of epoll as well (epoll(7)): nobody else holds our sockets open.
        """
        self._handlers.pop(fd, None)
        if not self._closing:
            self._loop.call_soon(self._close_all)
        self._closing.append(sock)

    def close(self) -> None:
        """Let go of the loop and of epoll."""
        self._loop.remove_reader(self._epoll.fileno())
        self._close_all()
        self._epoll.close()
        self.siphon.close()

    def _on_readiness(self) -> None:
        self.now_s = time.monotonic()
        handlers = self._handlers
        records = self._epoll.poll(0, EVENTS_PER_POLL)
        self.parcels = [] if len(records) > 1 else None
        for fd, readiness in records:
            handler = handlers.get(fd)
            if handler is not None:
                # `run_guarded`, written out: a call less for each record.
                try:
                    handler.on_ready(readiness)
                except Exception as error:
                    charge(handler, error)
        if self.parcels is not None:
            self._send_together()

    def _on_again(self) -> None:
        self.now_s = time.monotonic()
        turns, self._again = self._again, {}
        self.parcels = [] if len(turns) > 1 else None
        for handler in turns:
            run_guarded(handler, handler.on_ready, 0)
        if self.parcels is not None:
            self._send_together()

    def _send_together(self) -> None:
        """Let what is to leave at the end of the batch go; what that leads to goes as well."""
        while self.parcels:
            parcels, self.parcels = self.parcels, []
            unfinished = []
            for parcel in parcels:
                try:
                    if parcel.send():
                        unfinished.append(parcel)
                except Exception as error:
                    charge(parcel, error)
            for parcel in unfinished:
                run_guarded(parcel, parcel.on_sent)
        self.parcels = None

    def _close_all(self) -> None:
        closing, self._closing = self._closing, []
        close_all(closing)
