"""No bytes cost much more than others: processor time per byte, against an ordinary request.

Each input is made anew for each measurement, so that nothing of it is known already, and the least
of several measurements counts: whatever else the machine does can only add to one.
"""

import time
from collections.abc import Callable

import pytest

from rsp.core.http1.errors import BadMessage
from rsp.core.http1.forward import request_head_bytes
from rsp.core.http1.framing import BodyKind, ChunkedScanner
from rsp.core.http1.head import head_end, parse_request_head
from rsp.core.limits import READ_BYTES, Limits

MOST_TIMES_AN_ORDINARY_BYTE = 15.0
"""It is 5.5 for the dearest one; what costs more with each byte before it costs hundreds."""
MEASUREMENTS = 9

Make = Callable[[int], bytes]
"""Returns an input that differs for each number."""


def head(*fields: bytes, line: bytes = b"GET / HTTP/1.1") -> bytes:
    return b"\r\n".join([line, b"Host: a", *fields, b"", b""])


def chunked(body: bytes) -> bytes:
    return head(b"Transfer-Encoding: chunked", line=b"POST / HTTP/1.1") + body


def ordinary(number: int) -> bytes:
    """Return what a browser sends, with a page of its own."""
    return head(
        b"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:%d.0) Gecko/20100101 Firefox/128" % number,
        b"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.%d" % number,
        b"Accept-Language: en-US,en;q=0.%d" % number,
        b"Accept-Encoding: gzip, deflate, br",
        b"Referer: http://www.example.com/page/%d" % number,
        b"Cookie: session=%032d; theme=dark" % number,
        b"Connection: keep-alive",
        line=b"GET /page/%d?from=search HTTP/1.1" % number,
    )


DEAR: dict[str, Make] = {
    "100 fields of one character": lambda n: head(*[b"%x%x:a" % (n, m) for m in range(99)]),
    "99 fields of 300 bytes": lambda n: head(*[b"X-%d-%d:%300d" % (n, m, n) for m in range(99)]),
    "a field of 8 KiB of blanks": lambda n: head(b"X-%d: %b" % (n, b" \t" * 4000)),
    "a Connection of 2,700 options": lambda n: head(
        b"Connection: " + b",".join(b"%02x" % ((m + n) % 256) for m in range(2700))
    ),
    "a Connection of 8,000 commas": lambda n: head(b"Connection: a%d" % n + b"," * 8000),
    "a cookie of 8,000 bytes": lambda n: head(b"Cookie: a=%d;" % n + b"a=b;" * 2000),
    "a Via of 4,000 members": lambda n: head(b"Via: %d" % n + b",a" * 4000),
    "a Transfer-Encoding of 4,000 members": lambda n: head(
        b"Transfer-Encoding: b%d" % n + b",a" * 4000
    ),
    "a Host of 127 labels": lambda n: b"GET /%b HTTP/1.1\r\nHost: %b\r\n\r\n" % (
        b"%03d" % n * 80,
        b"a." * 120 + b"%d" % n,
    ),
    "a target of 8 KiB": lambda n: head(line=b"GET /%d%b HTTP/1.1" % (n, b"?%2e" * 2000)),
    "32 KiB that never end": lambda n: b"GET / HTTP/1.1\r\nX: %d" % n + b"a\r\nb:" * 6400,
    "chunks of one byte": lambda n: chunked(b"1\r\na\r\n" * 50_000 + b"0\r\n\r\n"),
    "chunk extensions": lambda n: chunked(b"1;%b\r\na\r\n" % (b"a=b;" * 50) * 80 + b"0\r\n\r\n"),
    "8 KiB of trailers": lambda n: chunked(b"0\r\n" + b"a:\r\n" * 2000 + b"\r\n"),
}  # fmt: skip


def read(wire: bytes) -> None:
    """Do all that is done with the bytes of a client, but for the sockets."""
    limits = Limits()
    try:
        end = head_end(wire[:READ_BYTES], limits)
        if not end:
            return
        parsed = parse_request_head(wire[:end], limits)
        request_head_bytes(parsed, client_ip="192.0.2.1", trusted_peer=True)
        if parsed.body.kind is BodyKind.CHUNKED:
            scanner = ChunkedScanner(limits, decode=False)
            for at in range(end, len(wire), READ_BYTES):
                scanner.feed(memoryview(wire[at : at + READ_BYTES]))
            assert scanner.done
    except BadMessage:
        pass  # a refusal must not be dear either


def cost_s(make: Make, times: int = 1) -> float:
    """Return the processor time per byte, in seconds."""
    least_s = 1.0
    for number in range(MEASUREMENTS):
        wires = [make(number * times + at) for at in range(times)]
        began_s = time.thread_time()
        for wire in wires:
            read(wire)
        spent_s = time.thread_time() - began_s
        least_s = min(least_s, spent_s / sum(map(len, wires)))
    return least_s


@pytest.mark.parametrize("name", DEAR)
def test_a_byte_costs_no_more_than_some_ordinary_ones(name: str) -> None:
    most_s = MOST_TIMES_AN_ORDINARY_BYTE * cost_s(ordinary, times=50)
    cost = cost_s(DEAR[name])
    assert cost <= most_s, f"{cost * 1e9:.0f} ns a byte, {most_s * 1e9:.0f} are allowed"
