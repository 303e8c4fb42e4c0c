"""A process beside the engine, for what must not hold up traffic: previews and traces.

It is forked before the engine opens anything and has threads, so it shares the engine's memory as
it was then and costs little of its own until it has work. For each job it forks once more: a job
leaves nothing behind, and the kernel ends one that takes too long. Forking later, from an engine
with traffic, would stop that traffic while its page tables are copied; starting a new interpreter
later would load whatever version is installed by then.

It dies with the engine: by the end of its socket, and by the kernel (PR_SET_PDEATHSIG of prctl(2)).
"""

import asyncio
import contextlib
import ctypes
import gc
import os
import signal
import socket
import traceback
from collections.abc import AsyncIterator, Sequence
from typing import NoReturn, Protocol

from rsp.core.lua_limits import WHAT_IF_GRACE_S, WHAT_IF_S
from rsp.core.wire import CommandRefused
from rsp.engine.privileges import Account, UserRefused, become
from rsp.engine.unbroken import begin_unbroken
from rsp.engine.worker_jobs import carry_out

_PR_SET_PDEATHSIG = 1
_LENGTH_BYTES = 8
_STDERR = 2
_ANSWERED = b"+"
_KILLED = b"-"
_NICENESS = 10
"""Traffic goes first where there are more jobs than processors."""


class Rehearser(Protocol):
    """Whoever carries out the jobs of `worker_jobs.py`."""

    async def ask(self, pieces: AsyncIterator[bytes]) -> bytes:
        """Return the answer to the job that the pieces are.

        Raises:
            CommandRefused: it could not be done; says why.
        """


class Worker:
    """The engine's side of the process."""

    def __init__(self, sock: socket.socket, pid: int) -> None:
        self.pid = pid
        self._socket = sock
        self._lock = asyncio.Lock()
        self._job: asyncio.Task[bytes] | None = None
        """The last one."""
        self._gone = ""
        """Why it cannot be used any more."""

    async def ask(self, pieces: AsyncIterator[bytes]) -> bytes:
        """Return the answer to a job; jobs come one at a time. See `Rehearser.ask`."""
        async with self._lock:
            if self._job is not None:
                # Whoever asked for it may have gone meanwhile: its answer is for nobody else.
                await asyncio.wait([self._job])
            self._job = job = begin_unbroken(self._carry_out(pieces))
            return await asyncio.shield(job)

    async def _carry_out(self, pieces: AsyncIterator[bytes]) -> bytes:
        if self._gone:
            raise CommandRefused(self._gone)
        try:
            async with asyncio.timeout(WHAT_IF_S + WHAT_IF_GRACE_S):
                return await self._exchange(pieces)
        except TimeoutError:
            self._kill("it did not answer in time and was killed")
        except (ConnectionError, EOFError):
            self._kill("it is gone")
        raise CommandRefused(self._gone)

    async def _exchange(self, pieces: AsyncIterator[bytes]) -> bytes:
        loop = asyncio.get_running_loop()
        try:
            async for piece in pieces:
                await loop.sock_sendall(self._socket, _frame(piece))
            await loop.sock_sendall(self._socket, _frame(b""))
        except BaseException:
            # It waits for the rest of this job, and would take the next one for that.
            self._kill("a job broke off on its way there")
            raise
        answer = await self._read(loop, _length(await self._read(loop, _LENGTH_BYTES)))
        if answer[:1] == _ANSWERED:
            return answer[1:]
        raise CommandRefused(answer[1:].decode())

    async def _read(self, loop: asyncio.AbstractEventLoop, count: int) -> bytes:
        parts = []
        while count:
            part = await loop.sock_recv(self._socket, count)
            if not part:
                raise EOFError
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def _kill(self, what: str) -> None:
        self._gone = (
            f"the process for previews and traces cannot be used: {what}; the traffic is not "
            "concerned, and an engine that is started anew has another one"
        )
        self.stop()

    def stop(self) -> None:
        """End the process."""
        self._socket.close()
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.pid = 0


def start_worker(account: Account | None) -> Worker:
    """Start the process. Call it while nothing is open that it must not have, and no thread runs.

    `account` is whom it becomes at once, as the engine will.
    """
    ours, its = socket.socketpair()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            # Whom the engine cannot become, it refuses in its own words.
            with contextlib.suppress(UserRefused):
                _prepare(its, account)
                if os.getppid() == parent:
                    _serve(its)
            status = 0
        finally:
            _leave(status)
    its.close()
    ours.setblocking(False)
    return Worker(ours, pid)


def _prepare(sock: socket.socket, account: Account | None) -> None:
    """Keep nothing of the engine but its memory; ends of the engine come by the socket."""
    # What is shared stays shared: the collector would write into every object.
    gc.disable()
    os.closerange(_STDERR + 1, sock.fileno())
    os.closerange(sock.fileno() + 1, os.sysconf("SC_OPEN_MAX"))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    if account is not None:
        become(account)
    os.nice(_NICENESS)
    _die_with_parent()


def _die_with_parent() -> None:
    # After `become`: the kernel forgets it when the user changes.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _leave(status: int) -> NoReturn:
    """End this process without what the engine does at its end; say what went wrong."""
    if status:
        # Not to `sys.stderr`: what lies below it may be closed here.
        os.write(_STDERR, traceback.format_exc().encode("utf-8", "replace"))
    os._exit(status)


def _serve(sock: socket.socket) -> None:
    while (pieces := _receive(sock)) is not None:
        sock.sendall(_frame(_in_child(pieces)))


def _receive(sock: socket.socket) -> list[bytes] | None:
    """Return the pieces of the next job; None: the engine is gone."""
    pieces: list[bytes] = []
    while (head := _read(sock, _LENGTH_BYTES)) is not None:
        if not _length(head):
            return pieces
        piece = _read(sock, _length(head))
        if piece is None:
            return None
        pieces.append(piece)
    return None


def _read(sock: socket.socket, count: int) -> bytes | None:
    parts = []
    while count:
        part = sock.recv(count)
        if not part:
            return None
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def _in_child(pieces: Sequence[bytes]) -> bytes:
    """Let a process of its own do the job, and return what the engine is told."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            _die_with_parent()
            signal.setitimer(signal.ITIMER_REAL, WHAT_IF_S)
            with os.fdopen(writer, "wb") as pipe:
                pipe.write(carry_out(pieces))
            status = 0
        finally:
            _leave(status)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        answer = pipe.read()
    _, outcome = os.waitpid(pid, 0)
    if outcome == 0:
        return _ANSWERED + answer
    if os.WIFSIGNALED(outcome) and os.WTERMSIG(outcome) == signal.SIGALRM:
        why = f"it took more than {WHAT_IF_S:g} s and was stopped"
    else:
        why = "it failed; the engine's standard error has the traceback"
    return _KILLED + f"the preview or trace was not made: {why}; nothing was changed".encode()


def _frame(piece: bytes) -> bytes:
    return len(piece).to_bytes(_LENGTH_BYTES, "big") + piece


def _length(head: bytes) -> int:
    return int.from_bytes(head, "big")
