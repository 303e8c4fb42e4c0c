"""Parsers that others wrote, asked what a backend would read from the bytes that it was sent.

Each judge reads a whole connection: the requests on it, one after the other. What the connection
breaks off in is no request. A judge that refuses the bytes says so, and that is a violation too.
"""

import asyncio
import base64
import json
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import h11
import httptools
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_exceptions import ContentEncodingError, HttpProcessingError
from aiohttp.http_parser import HttpRequestParserPy
from gunicorn.config import Config
from gunicorn.http.errors import ChunkMissingTerminator, NoMoreData, ParseException
from gunicorn.http.parser import RequestParser
from multidict import istr
from waitress.adjustments import Adjustments
from waitress.parser import HTTPRequestParser

LONGEST_BYTES = 1 << 17
"""Above everything that we let through: no judge may refuse a message for its length."""


class Refused(Exception):
    """A judge does not take the bytes for requests."""


class Seen(NamedTuple):
    """One request, as a judge read it."""

    method: bytes
    target: bytes
    host: bytes
    body: bytes


Judge = Callable[[bytes], list[Seen]]
"""Returns the whole requests of one connection.

Raises:
    Refused: something there is no request.
"""


def host_of(fields: list[tuple[bytes, bytes]]) -> bytes:
    """Return the value of Host; several are one text that no single one can be equal to."""
    return b" and ".join(value for name, value in fields if name.lower() == b"host")


# -- h11


def by_h11(wire: bytes) -> list[Seen]:
    """Return what h11 reads."""
    server = h11.Connection(h11.SERVER, max_incomplete_event_size=LONGEST_BYTES)
    server.receive_data(wire)
    seen: list[Seen] = []
    try:
        while (one := _next_of_h11(server)) is not None:
            seen.append(one)
            server.send(h11.Response(status_code=200, headers=[("Content-Length", "0")]))
            server.send(h11.EndOfMessage())
            if server.our_state is h11.MUST_CLOSE:
                break
            server.start_next_cycle()
    except h11.RemoteProtocolError as error:
        raise Refused(str(error)) from error
    return seen


def _next_of_h11(server: h11.Connection) -> Seen | None:
    request: h11.Request | None = None
    body = b""
    while True:
        event = server.next_event()
        if isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage) and request is not None:
            return Seen(request.method, request.target, host_of(list(request.headers)), body)
        else:
            return None


# -- httptools, which is llhttp


class _Llhttp:
    """Collects what llhttp says of the requests on one connection."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.parser: Any = httptools.HttpRequestParser(self)
        self.on_message_begin()

    def on_message_begin(self) -> None:
        self._target = self._body = b""
        self._fields: list[tuple[bytes, bytes]] = []

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields.append((name, value))

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        method = self.parser.get_method()
        self.seen.append(Seen(method, self._target, host_of(self._fields), self._body))


def by_httptools(wire: bytes) -> list[Seen]:
    """Return what llhttp reads; behind a request to switch protocols it is started anew."""
    seen: list[Seen] = []
    while wire:
        collected = _Llhttp()
        rest = b""
        try:
            collected.parser.feed_data(wire)
        except httptools.HttpParserUpgrade as upgrade:
            rest = wire[upgrade.args[0] :]
        except httptools.HttpParserError as error:
            raise Refused(repr(error)) from error
        seen += collected.seen
        wire = rest
    return seen


# -- gunicorn

_GUNICORN = Config()
_GUNICORN.set("limit_request_line", 0)
_GUNICORN.set("limit_request_field_size", LONGEST_BYTES)
_GUNICORN.set("http_parser", "python")


def by_gunicorn(wire: bytes) -> list[Seen]:
    """Return what gunicorn reads."""
    seen: list[Seen] = []
    try:
        for message in RequestParser(_GUNICORN, iter([wire]), ("192.0.2.1", 1)):
            fields = [(n.encode("latin-1"), v.encode("latin-1")) for n, v in message.headers]
            body = message.body.read()
            if len(body) < int(dict(message.headers).get("CONTENT-LENGTH", "0")):
                return seen
            seen.append(
                Seen(message.method.encode(), message.uri.encode("latin-1"), host_of(fields), body)
            )
    except NoMoreData:
        return seen
    except ChunkMissingTerminator as error:
        if error.term:
            raise Refused(repr(error)) from error
        return seen  # the bytes end before it
    except ParseException as error:
        raise Refused(repr(error)) from error
    return seen


# -- aiohttp, the parser that is written in Python


def by_aiohttp(wire: bytes) -> list[Seen]:
    """Return what aiohttp reads; behind a request to switch protocols it is started anew."""
    with asyncio.Runner() as runner:
        return runner.run(_by_aiohttp(wire))


async def _by_aiohttp(wire: bytes) -> list[Seen]:
    seen: list[Seen] = []
    while wire:
        messages, wire = _fed_to_aiohttp(wire)
        seen += [one async for one in _whole(messages)]
    return seen


def _fed_to_aiohttp(wire: bytes) -> tuple[Any, bytes]:
    """Return the messages, and what stands behind one that asks to switch protocols."""
    loop = asyncio.get_running_loop()
    parser = HttpRequestParserPy(
        BaseProtocol(loop),
        loop,
        limit=LONGEST_BYTES,
        max_line_size=LONGEST_BYTES,
        max_field_size=LONGEST_BYTES,
        auto_decompress=False,
    )
    try:
        # It refuses the handshake of an old draft by a field; that is no question of reading.
        fed = parser.feed_data(wire, SEC_WEBSOCKET_KEY1=istr("X-No-Field-Of-Ours"))
    except (HttpProcessingError, ContentEncodingError) as error:
        raise Refused(repr(error)) from error
    messages, is_upgrade, rest = fed
    return messages, rest if is_upgrade else b""


async def _whole(messages: Any) -> AsyncIterator[Seen]:
    for head, payload in messages:
        if payload.is_eof():
            target = head.path.encode("utf-8", "surrogateescape")
            body = await payload.read()
            yield Seen(head.method.encode(), target, host_of(list(head.raw_headers)), body)


# -- waitress


def by_waitress(wire: bytes) -> list[Seen]:
    """Return what waitress reads."""
    return list(_by_waitress(wire))


def _by_waitress(wire: bytes) -> Iterator[Seen]:
    settings = Adjustments(max_request_header_size=LONGEST_BYTES)
    while wire:
        parser = HTTPRequestParser(settings)
        while wire and not parser.completed:
            wire = wire[parser.received(wire) :]
        if parser.error is not None:
            raise Refused(parser.error.body)
        if not parser.completed:
            return
        if not parser.empty:
            host = parser.headers.get("HOST", "").encode("latin-1")
            body = parser.get_body_stream().getvalue() if parser.body_rcv else b""
            yield Seen(parser.command.encode(), parser.request_uri.encode("latin-1"), host, body)


JUDGES: dict[str, Judge] = {
    "h11": by_h11,
    "httptools": by_httptools,
    "gunicorn": by_gunicorn,
    "aiohttp": by_aiohttp,
    "waitress": by_waitress,
}

# -- Node

_NODE_SCRIPT = Path(__file__).with_name("node_judge.js")
NODE_S = 50.0
"""What Node may take for all connections together; it takes less than one second."""


def by_node(wires: list[bytes]) -> list[list[Seen] | Refused]:
    """Return what Node reads from each connection; one process does them all, and ends."""
    lines = [json.dumps({"wire": base64.b64encode(wire).decode()}) for wire in wires]
    done = subprocess.run(
        ["node", str(_NODE_SCRIPT)],
        input="".join(f"{line}\n" for line in lines).encode(),
        capture_output=True,
        timeout=NODE_S,
        check=True,
    )
    answers = [_node_answer(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(wires), done.stderr
    return answers


def _node_answer(line: bytes) -> list[Seen] | Refused:
    answer = json.loads(line)
    if answer["refused"]:
        return Refused(answer["refused"])
    return [
        Seen(
            method.encode(),
            target.encode("latin-1"),
            host.encode("latin-1"),
            base64.b64decode(body),
        )
        for method, target, host, body in answer["seen"]
    ]
