"""A small engine of our own: it answers on a real unix socket, and notes what it was told."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rsp.core.decision_rows import Decisions
from rsp.core.exchange_rows import Exchanges
from rsp.core.generation_rows import Edits
from rsp.core.replies import Changed, Connections, Done, Events
from rsp.core.wire import CommandRefused, Request, decode_request, encode_error, encode_result
from tests.tui import canned, canned_endings

READS = {
    "status",
    "connections",
    "connection",
    "exchanges",
    "pauses",
    "autopsies",
    "events",
    "backends",
    "edits",
    "decisions",
    "peek",
    "break.list",
    "pending",
}


CANNED: dict[str, Callable[[], object]] = {
    "exchanges": lambda: Exchanges(canned_endings.exchanges()),
    "autopsies": canned_endings.autopsies,
    "pauses": canned.pauses,
    "backends": canned.backends,
    "peek": canned.peek,
    "break.list": canned.breaks,
    "pending": canned.pending,
}
"""What is always the same."""


class FakeEngine:
    """Answers canned rows. `step` moves their counters; `commands` is what changed anything."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.step = 0
        self.auto_step = True
        self.commands: list[tuple[str, dict[str, Any]]] = []
        self.pulls: list[tuple[str, dict[str, Any]]] = []
        self.refuse: dict[str, str] = {}
        self.rows: Callable[[int], Connections] = canned.connections
        self.status_changes: dict[str, Any] = {}
        self.detail_changes: dict[str, Any] = {}
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._new_events = asyncio.Event()

    async def start(self) -> None:
        self._server = await asyncio.start_unix_server(self._serve, self.path)

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in list(self._writers):
            writer.close()
        await self._server.wait_closed()
        self.path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while line := await reader.readline():
                request = decode_request(line)
                try:
                    reply = encode_result(request.id, await self._answer(request))
                except CommandRefused as refusal:
                    reply = encode_error(request.id, refusal)
                writer.write(reply)
                await writer.drain()
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _answer(self, request: Request) -> object:
        params = dict(request.params)
        if request.method in self.refuse:
            raise CommandRefused(self.refuse[request.method])
        if request.method == "events":
            return await self._events(params)
        if request.method in READS:
            self.pulls.append((request.method, params))
            return self._read(request.method)
        self.commands.append((request.method, params))
        if request.method in ("undo", "redo", "reload", "confirm"):
            return Changed(8, ["weight of web/web1: 2 → 1"], [])
        if request.method == "old-sessions":
            return canned.old_sessions(params)
        return Done(f"{request.method} done")

    def _read(self, method: str) -> object:
        if method in CANNED:
            return CANNED[method]()
        match method:
            case "status":
                self.step += self.auto_step
                return canned.status(self.step, **self.status_changes)
            case "connections":
                return self.rows(self.step)
            case "connection":
                return canned.detail(self.step, **self.detail_changes)
            case "decisions":
                return Decisions([], 0)
            case _:
                return Edits([], [])

    async def _events(self, params: dict[str, Any]) -> Events:
        since = params.get("since", 0)
        rows = canned.events(since)
        if not rows:
            await self._new_events.wait()
        return Events(rows, rows[-1].seq if rows else since, 0)
