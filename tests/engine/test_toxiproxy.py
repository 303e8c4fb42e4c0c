"""The API of toxiproxy takes one request after the other, however many come at once."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from rsp.engine.lab import toxiproxy
from rsp.engine.lab.proxies import Proxies
from rsp.engine.server import Engine


def bare_engine() -> Engine:
    poller = SimpleNamespace(look_at_clock=lambda: None)
    context = SimpleNamespace(poller=poller, is_draining=False)
    return cast(Engine, SimpleNamespace(context=context, extend=None))


async def test_what_is_looked_at_first_is_still_so_when_it_is_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at_work: list[int] = []
    crowds: list[int] = []

    async def slow(_proxies: Proxies, _names: list[str], _raw: bytes) -> tuple[int, Any]:
        at_work.append(1)
        for _ in range(20):
            await asyncio.sleep(0)
            crowds.append(len(at_work))
        at_work.pop()
        return 200, None

    monkeypatch.setitem(toxiproxy.ROUTES, ("POST", "/proxies"), slow)
    api = toxiproxy.ToxiproxyApi(bare_engine())
    host, _, port = (await api.start("127.0.0.1:0")).rpartition(":")

    async def ask() -> bytes:
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"POST /proxies HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
        answer = await reader.read()
        writer.close()
        return answer

    answers = await asyncio.gather(*(ask() for _ in range(4)))
    api.stop()
    assert all(answer.startswith(b"HTTP/1.1 200 ") for answer in answers)
    assert crowds == [1] * 80


@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [
        ("GET /version HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c", 200, '"version":"2.'),
        ("CONNECT there:80 HTTP/1.1", 404, "not found"),
        ("GET /version HTTP/9.9", 400, "bad request: "),
        ("\x16\x03\x01", 400, "bad request: "),
    ],
)
async def test_whatever_is_said_is_answered(asked: str, status: int, said: str) -> None:
    api = toxiproxy.ToxiproxyApi(bare_engine())
    host, _, port = (await api.start("127.0.0.1:0")).rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"{asked}\r\n\r\n".encode())
    answer = (await reader.read()).decode()
    writer.close()
    api.stop()
    assert answer.startswith(f"HTTP/1.1 {status} ")
    assert said in answer
