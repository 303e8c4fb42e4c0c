"""An engine that answers on its control socket, and clients that ask it."""

import asyncio
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from rsp.core.events import level_of
from rsp.core.vocabulary import EventLevel
from rsp.engine.control import ControlServer
from rsp.engine.lua_config import load_source
from rsp.engine.server import Engine
from rsp.engine.telemetry import Telemetry
from tests.engine.fakes import Here

CONFIG = b"""
listen { address = "127.0.0.1:0" }
pool("web", { backends = { { name = "a", address = "127.0.0.1:9001" } } })
"""
MIB = 1024 * 1024
DEADLINE_S = 30.0


class Client:
    """One client of the control socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def of(cls, path: Path) -> "Client":
        return cls(*await asyncio.open_unix_connection(path, limit=64 * MIB))

    async def say(self, line: bytes) -> dict[str, Any]:
        """Send one line, whatever it holds, and return the reply."""
        self.writer.write(line)
        return await self.hear()

    async def hear(self) -> dict[str, Any]:
        line = await asyncio.wait_for(self.reader.readline(), DEADLINE_S)
        assert line.endswith(b"\n"), f"hung up after {line!r}"
        reply = json.loads(line)
        assert reply["jsonrpc"] == "2.0"
        assert isinstance(reply, dict)
        return reply

    async def ask(self, name: str, /, **params: object) -> Any:
        """Send a command and return its result."""
        reply = await self.say(command(name, **params))
        assert "error" not in reply, reply
        return reply["result"]

    async def refused(self, name: str, /, **params: object) -> tuple[int, str]:
        """Send a command and return the code and the text of its refusal."""
        reply = await self.say(command(name, **params))
        return reply["error"]["code"], reply["error"]["message"]

    async def is_hung_up(self) -> bool:
        with suppress(ConnectionError):
            while await asyncio.wait_for(self.reader.read(MIB), DEADLINE_S):
                pass
        return True

    async def close(self) -> None:
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()


def command(name: str, /, *, request_id: object = 7, **params: object) -> bytes:
    body = {"jsonrpc": "2.0", "id": request_id, "method": name, "params": params}
    return json.dumps(body).encode() + b"\n"


class Site:
    """An engine with its control socket, and the clients that a test opened."""

    def __init__(self, directory: Path) -> None:
        self.path, self._clients = directory / "s", list[Client]()
        self.engine = Engine(load_source(CONFIG, "rsp.lua"), Telemetry(), Here(), listen=None)
        self.server = ControlServer(self.engine, self.path)

    async def open(self) -> Client:
        client = await Client.of(self.path)
        self._clients.append(client)
        return client

    async def end(self) -> None:
        for client in self._clients:
            await client.close()
        await self.server.stop()
        await self.engine.stop()

    def errors(self) -> list[str]:
        kept, _ = self.engine.telemetry.events.since(0)
        return [event.message for _, event in kept if level_of(event) is EventLevel.ERROR]
