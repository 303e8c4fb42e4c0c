"""Clients of the control socket that ask for more than anybody reads: the traffic has its turns."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from rsp.core.params import Params
from rsp.engine import commands
from rsp.engine.server import Engine
from tests.engine.control_site import Site, command


class Turns:
    """Counts the turns of the loop, and remembers in which of them a command was carried out."""

    def __init__(self) -> None:
        self.number = 0
        self.seen: list[int] = []
        self._loop = asyncio.get_running_loop()
        self._handle = self._loop.call_soon(self._next)

    def _next(self) -> None:
        self.number += 1
        self._handle = self._loop.call_soon(self._next)

    def note(self, _engine: Engine, _params: Params) -> None:
        self.seen.append(self.number)

    def stop(self) -> None:
        self._handle.cancel()


@pytest.fixture
async def turns(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Turns]:
    """Yield what a command `note` notes."""
    made = Turns()
    monkeypatch.setitem(commands.COMMANDS, "note", (Params, made.note))
    yield made
    made.stop()


async def test_between_two_commands_of_all_clients_together_the_others_have_turns(
    site: Site, turns: Turns
) -> None:
    clients = [await site.open() for _ in range(3)]
    for client in clients:
        client.writer.write(command("note") * 40)
    for client in clients:
        for _ in range(40):
            await client.hear()
    later = turns.seen[len(clients) :]
    assert len(later) == len(set(later)) == 39 * len(clients)


async def test_lines_without_a_command_give_the_others_turns_as_well(
    site: Site, turns: Turns
) -> None:
    client = await site.open()
    await client.say(command("note"))
    client.writer.write(b"\n" * 100 + command("note"))
    await client.hear()
    before, after = turns.seen
    assert after - before >= 100


async def test_who_reads_nothing_and_is_gone_when_the_answer_comes_is_no_bug(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    bugs: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, said: bugs.append(said))
    asked, gone = asyncio.Event(), asyncio.Event()

    async def wait(_engine: Engine, _params: Params) -> None:
        asked.set()
        await gone.wait()

    monkeypatch.setitem(commands.COMMANDS, "wait", (Params, wait))
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.connect(str(site.path))
        # What it leaves unread makes the kernel say that the connection is broken, not ended.
        deaf.sendall(command("status") + command("wait"))
        await asked.wait()
    for _ in range(20):
        await asyncio.sleep(0)
    gone.set()
    assert await (await site.open()).ask("status")
    assert bugs == []
