"""Request and response vectors of other projects, each with the verdict that was reviewed for it.

The verdicts are in `corpora_verdicts.tsv`; the vectors stay outside the project. A request without
a Host is judged a second time with one (`+host`), or that rule would hide all others.
"""

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import h11
import httptools
import pytest

from rsp.core.http1.errors import BadMessage
from rsp.core.http1.forward import request_head_bytes, response_head_bytes
from rsp.core.http1.framing import Body, BodyKind, ChunkedScanner
from rsp.core.http1.head import (
    RequestHead,
    head_end,
    parse_request_head,
    parse_response_head,
    response_head_end,
)
from rsp.core.limits import Limits

LIMITS = Limits()
HERE = Path(__file__).parent
CORPORA = Path(os.environ.get("RSP_CORPORA", HERE.parents[3] / "shared" / "corpora"))
HOST_LINE = b"\r\nHost: added.example"

needs_corpora = pytest.mark.skipif(
    not CORPORA.is_dir(), reason=f"no vectors in {CORPORA}; RSP_CORPORA can name their folder"
)


class Vector(NamedTuple):
    """One vector, and the verdict on it: `accept`, `more`, `cut`, or a status that refuses it."""

    name: str
    kind: str
    wire: bytes


def vectors(kind: str) -> Iterator[Vector]:
    """Yield the vectors of one kind, and those without a Host once more with one."""
    for file in sorted(CORPORA.glob("*.jsonl")):
        for line in file.read_text().splitlines():
            said = json.loads(line)
            vector = Vector(said["id"], said["kind"], base64.b64decode(said["bytes"]))
            if vector.kind != kind:
                continue
            yield vector
            if kind == "request" and b"\nhost:" not in vector.wire.lower():
                wire = vector.wire.removeprefix(b"\r\n").replace(b"\r\n", HOST_LINE + b"\r\n", 1)
                yield vector._replace(name=vector.name + "+host", wire=wire)


def body_verdict(body: Body, rest: bytes) -> str:
    """Judge what follows a head: a chunked body may be refused, or not be whole."""
    if body.kind is BodyKind.CHUNKED:
        scanner = ChunkedScanner(LIMITS, decode=False)
        scanner.feed(memoryview(rest))
        return "accept" if scanner.done else "cut"
    return "accept"


def verdict(vector: Vector) -> str:
    """Return what we make of a vector."""
    wire, is_request = vector.wire, vector.kind == "request"
    try:
        end = (head_end if is_request else response_head_end)(wire, LIMITS)
        if end == 0:
            return "more"
        if is_request:
            return body_verdict(parse_request_head(wire[:end], LIMITS).body, wire[end:])
        return body_verdict(parse_response_head(wire[:end], "GET", LIMITS).body, wire[end:])
    except BadMessage as error:
        return str(error.status)


def reviewed(kind: str) -> dict[str, str]:
    """Return the reviewed verdicts of one kind, by the name of the vector."""
    lines = (HERE / "corpora_verdicts.tsv").read_text().splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    return {
        name: verdict
        for name, verdict, *_ in rows
        if name.split("/")[1] == kind or (name.startswith("gunicorn/") and kind == "request")
    }


class SeenByHttptools:
    """What llhttp's callbacks said about one request."""

    def __init__(self) -> None:
        self.target = b""
        self.fields: list[tuple[bytes, bytes]] = []

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name.lower(), value))


def seen_by_httptools(wire: bytes) -> tuple[bytes, bytes, list[bytes]]:
    seen = SeenByHttptools()
    parser: Any = httptools.HttpRequestParser(seen)
    try:
        parser.feed_data(wire)
    except httptools.HttpParserUpgrade:
        assert b"Upgrade: websocket" in wire
    return parser.get_method(), seen.target, hosts(seen.fields)


def seen_by_h11(wire: bytes) -> tuple[bytes, bytes, list[bytes]]:
    server = h11.Connection(h11.SERVER, max_incomplete_event_size=LIMITS.head_bytes * 2)
    server.receive_data(wire)
    event = server.next_event()
    assert isinstance(event, h11.Request)
    return event.method, event.target, hosts(list(event.headers))


def hosts(fields: list[tuple[bytes, bytes]]) -> list[bytes]:
    return [value for name, value in fields if name == b"host"]


def accepted_requests() -> Iterator[tuple[str, RequestHead]]:
    for vector in vectors("request"):
        if verdict(vector) in ("accept", "cut"):
            end = head_end(vector.wire, LIMITS)
            yield vector.name, parse_request_head(vector.wire[:end], LIMITS)


@needs_corpora
@pytest.mark.parametrize("kind", ["request", "response"])
def test_every_vector_gets_the_reviewed_verdict(kind: str) -> None:
    assert {vector.name: verdict(vector) for vector in vectors(kind)} == reviewed(kind)


@needs_corpora
def test_every_accepted_request_is_read_alike_behind_us() -> None:
    accepted = list(accepted_requests())
    assert len(accepted) > 50
    for name, head in accepted:
        wire = request_head_bytes(head, client_ip="192.0.2.1", trusted_peer=False)
        ours = (head.method.encode(), head.origin_target, [head.raw_host.encode("latin-1")])
        assert seen_by_h11(wire) == ours, name
        assert seen_by_httptools(wire) == ours, name


@needs_corpora
def test_every_accepted_response_is_read_alike_by_a_client() -> None:
    accepted = [v for v in vectors("response") if verdict(v) in ("accept", "cut")]
    assert len(accepted) > 20
    for vector in accepted:
        end = response_head_end(vector.wire, LIMITS)
        head = parse_response_head(vector.wire[:end], "GET", LIMITS)
        wire = response_head_bytes(head, client_minor=1, keep_alive=True, decode_chunked=False)
        client = h11.Connection(h11.CLIENT)
        upgrade = [("Connection", "upgrade"), ("Upgrade", "x")]
        client.send(h11.Request(method="GET", target="/", headers=[("Host", "a"), *upgrade]))
        client.send(h11.EndOfMessage())
        client.receive_data(wire)
        event = client.next_event()
        assert isinstance(event, h11.Response | h11.InformationalResponse), vector.name
        assert (event.status_code, event.reason) == (head.status, head.reason), vector.name


@needs_corpora
def test_a_head_that_arrives_byte_by_byte_gets_the_same_verdict() -> None:
    """An early refusal may be for another reason, but what is accepted is the same."""
    for vector in vectors("request"):
        buffer, end = bytearray(), 0
        for byte in vector.wire[: LIMITS.head_bytes]:
            buffer.append(byte)
            try:
                end = head_end(buffer, LIMITS)
            except BadMessage:
                assert verdict(vector).isdigit(), vector.name
                break
            if end:
                assert head_end(vector.wire, LIMITS) == end, vector.name
                break
        else:
            assert verdict(vector) == "more", vector.name
