"""toxiproxy's HTTP API, on a loopback port of its own, so that its clients work unchanged.

It is part of the control plane: whoever may connect may do all of it, and a browser may not.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

import msgspec
from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from rsp import __version__
from rsp.core.addresses import address_text, parse_address
from rsp.core.faults.toxiproxy import ApiError, ProxyBody, ToxicBody, read_body
from rsp.core.lab_limits import TOXIPROXY_BODY_BYTES
from rsp.core.limits import CONTROL_CLIENTS, CONTROL_PIECE_BYTES, REFUSALS_TOLD
from rsp.engine.lab.proxies import Proxies
from rsp.engine.nonblocking import bind_listener
from rsp.engine.server import Engine

_VERSION = f"2.12.0+rsp.{__version__}"
"""Of the API that this follows, and whose work it is: clients look at the first number."""

_TOO_MANY = (
    f"{CONTROL_CLIENTS} clients of this API are connected, and no more are served; "
    "end one of them, then try again"
)

Answered = tuple[int, Any]
"""A status, and what is said as JSON; None: nothing."""
Carry = Callable[[Proxies, list[str], bytes], "Answered | Awaitable[Answered]"]


async def _create(proxies: Proxies, names: list[str], raw: bytes) -> Answered:
    return 201, await proxies.create(read_body(raw, ProxyBody))


async def _update(proxies: Proxies, names: list[str], raw: bytes) -> Answered:
    return 200, await proxies.update(names[0], read_body(raw, ProxyBody))


async def _delete(proxies: Proxies, names: list[str], raw: bytes) -> Answered:
    await proxies.delete(names[0])
    return 204, None


async def _populate(proxies: Proxies, names: list[str], raw: bytes) -> Answered:
    return 201, {"proxies": await proxies.populate(read_body(raw, list[ProxyBody]))}


def _reset(proxies: Proxies, names: list[str], raw: bytes) -> Answered:
    proxies.reset()
    return 204, None


def _remove_toxic(proxies: Proxies, names: list[str], raw: bytes) -> Answered:
    proxies.remove_toxic(*names)
    return 204, None


def _change_toxic(proxies: Proxies, names: list[str], raw: bytes) -> Answered:
    return 200, proxies.change_toxic(names[0], names[1], read_body(raw, ToxicBody))


ROUTES: dict[tuple[str, str], Carry] = {
    ("GET", "/proxies"): lambda proxies, names, raw: (200, proxies.all()),
    ("POST", "/proxies"): _create,
    ("POST", "/populate"): _populate,
    ("POST", "/reset"): _reset,
    ("GET", "/version"): lambda proxies, names, raw: (200, {"version": _VERSION}),
    ("GET", "/proxies/*"): lambda proxies, names, raw: (200, proxies.show(names[0])),
    ("POST", "/proxies/*"): _update,
    ("PATCH", "/proxies/*"): _update,
    ("DELETE", "/proxies/*"): _delete,
    ("GET", "/proxies/*/toxics"): lambda proxies, names, raw: (200, proxies.toxics(names[0])),
    ("POST", "/proxies/*/toxics"): lambda proxies, names, raw: (
        200,
        proxies.add_toxic(names[0], read_body(raw, ToxicBody)),
    ),
    ("GET", "/proxies/*/toxics/*"): lambda proxies, names, raw: (200, proxies.toxic(*names)),
    ("POST", "/proxies/*/toxics/*"): _change_toxic,
    ("PATCH", "/proxies/*/toxics/*"): _change_toxic,
    ("DELETE", "/proxies/*/toxics/*"): _remove_toxic,
}


class _Request:
    """What the parser finds of one request."""

    def __init__(self) -> None:
        self.parser = HttpRequestParser(self)
        self.url = b""
        self.agent = b""
        self.body = bytearray()
        self.is_complete = self.expects = False

    def on_url(self, url: bytes) -> None:
        """Part of the target came."""
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field came."""
        if name.lower() == b"user-agent":
            self.agent = value
        elif name.lower() == b"expect":
            self.expects = True

    def on_body(self, body: bytes) -> None:
        """Part of the body came."""
        self.body += body

    def on_message_complete(self) -> None:
        """All of it came."""
        self.is_complete = True

    @property
    def method(self) -> str:
        """What is to be done."""
        method: bytes = self.parser.get_method()
        return method.decode()

    def path(self) -> tuple[str, list[str]]:
        """Return the path with `*` for each name in it, and the names."""
        words = self.url.partition(b"?")[0].decode("latin-1").strip("/").split("/")
        names = words[1::2] if words[0] == "proxies" else []
        words[1::2] = "*" * len(names) if names else words[1::2]
        return "/" + "/".join(words), [unquote(name) for name in names]


class ToxiproxyApi:
    """Answers one request on each connection."""

    def __init__(self, engine: Engine) -> None:
        self._proxies = Proxies(engine)
        self._engine = engine
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[None]] = set()
        self._refused: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()
        """One request after the other: each looks first at what is there, and then changes it."""

    async def start(self, address: str) -> str:
        """Listen, and return where, with the real port.

        Raises:
            CannotListen: the port is taken.
        """
        host, port = parse_address(address, port_zero=True)
        host = "127.0.0.1" if host == "localhost" else host
        sock = bind_listener(host, port, CONTROL_CLIENTS, "--toxiproxy-api")
        self._server = await asyncio.start_server(self._on_client, sock=sock)
        return address_text(sock.getsockname())

    def stop(self) -> None:
        """Hang up on everybody."""
        if self._server is not None:
            self._server.close()
        for client in self._clients | self._refused:
            client.cancel()

    async def _on_client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        has_place = len(self._clients) < CONTROL_CLIENTS
        crowd = self._clients if has_place else self._refused
        if task is None or (not has_place and len(crowd) >= REFUSALS_TOLD):
            writer.close()
            return
        crowd.add(task)
        try:
            await (self._serve if has_place else self._refuse)(reader, writer)
        except HttpParserError as error:
            writer.write(_written(400, ApiError(f"bad request: {error}", 400).body()))
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            crowd.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await _read(reader, writer)
        if request is not None:
            writer.write(_written(*await self._answer(request)))
            await writer.drain()

    async def _refuse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Say that there is no place. What is asked is thrown away, but read: who is still sending
        when we close may never see the answer."""
        error = ApiError(_TOO_MANY, 503)
        writer.write(_written(error.status, error.body()))
        writer.write_eof()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._engine.context.limits.linger_idle_s):
                while await reader.read(CONTROL_PIECE_BYTES):
                    pass

    async def _answer(self, request: _Request) -> Answered:
        path, names = request.path()
        try:
            carry = self._route(request, path)
            async with self._turn:
                self._engine.context.poller.look_at_clock()
                answered = carry(self._proxies, names, bytes(request.body))
                return answered if isinstance(answered, tuple) else await answered
        except ApiError as error:
            return error.status, error.body()

    def _route(self, request: _Request, path: str) -> Carry:
        if request.agent.startswith(b"Mozilla/"):
            # A page in somebody's browser could ask for anything here.
            raise ApiError("User agent not allowed", 403)
        if len(request.body) > TOXIPROXY_BODY_BYTES:
            raise ApiError("bad request body: it is too long", 413)
        if self._engine.context.is_draining:
            raise ApiError("the engine is stopping", 503)
        carry = ROUTES.get((request.method, path))
        if carry is None:
            is_there = any(known == path for _, known in ROUTES)
            raise ApiError(*(("method not allowed", 405) if is_there else ("not found", 404)))
        return carry


async def _read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> _Request | None:
    """Return the request of a connection; None when there is none, or its head has no end."""
    request, read_bytes = _Request(), 0
    while not request.is_complete and len(request.body) <= TOXIPROXY_BODY_BYTES:
        piece = await reader.read(CONTROL_PIECE_BYTES)
        read_bytes += len(piece)
        if not piece or read_bytes - len(request.body) > TOXIPROXY_BODY_BYTES:
            return None
        with suppress(HttpParserUpgrade):
            # To another protocol: nobody has to go along, and the request is complete.
            request.parser.feed_data(piece)
        if request.expects and not request.body:
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            request.expects = False
    return request


def _written(status: int, said: Any) -> bytes:
    body = b"" if said is None else msgspec.json.encode(said) + b"\n"
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", "Connection: close"]
    if said is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body
