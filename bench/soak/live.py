"""`python -m bench.soak.live PORT`: ordinary clients at a steady rate, and how long they waited.

Requests begin when their time has come, whatever the others are doing, so that a proxy that
stalls cannot slow down its own measurement. Prints one line of JSON at its end.
"""

import argparse
import asyncio
import hashlib
import json
import time
from collections import Counter
from pathlib import Path
from statistics import quantiles

from bench.soak.wire import request

KINDS = ("page",) * 17 + ("fresh", "download", "upload")
"""What the requests of mixed traffic are, in turn: most are pages on kept connections."""

ANSWER_S = 10.0
"""A request that is not answered within this has failed."""

UPLOAD = bytes(range(256)) * 400
CONNECTIONS = 50
"""Kept connections that the requests share."""

READ_LIMIT = 1 << 20

Kept = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Live:
    """The clients, and what they have seen."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._kept: list[Kept] = []
        self._expected = b""
        if options.file:
            self._expected = hashlib.sha256(Path(options.file).read_bytes()).digest()
        self.latencies_s: list[float] = []
        self.counts: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()

    async def run(self) -> dict[str, object]:
        """Ask at the rate for as long as it is wanted."""
        options = self._options
        period_s = 1 / options.rate
        started_s = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            for number in range(int(options.seconds * options.rate)):
                due_s = started_s + number * period_s
                await asyncio.sleep(max(0.0, due_s - time.monotonic()))
                tasks.create_task(self._ask(self._kind(number, started_s), due_s))
        for _, writer in self._kept:
            writer.close()
        cut = quantiles(self.latencies_s, n=100) if len(self.latencies_s) > 1 else [0.0] * 99
        return {
            "requests": sum(self.counts.values()),
            "errors": sum(self.failures.values()),
            "damaged": self.counts["damaged"],
            "failures": dict(self.failures.most_common(3)),
            "p50_s": cut[49],
            "p99_s": cut[98],
        }

    def _kind(self, number: int, started_s: float) -> str:
        options = self._options
        if not options.mixed:
            return "page"
        elapsed_s = max(time.monotonic() - started_s, 0.1)
        if self.counts["fresh"] < options.churn * elapsed_s:
            return "fresh"
        return KINDS[number % len(KINDS)]

    async def _ask(self, kind: str, due_s: float) -> None:
        self.counts[kind] += 1
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._exchange(kind)
        except (OSError, EOFError, ValueError, TimeoutError) as error:
            self.failures[f"{kind}: {error!r}"[:100]] += 1
            return
        if kind in ("page", "fresh"):
            self.latencies_s.append(time.monotonic() - due_s)

    async def _exchange(self, kind: str) -> None:
        reader, writer = (kind != "fresh" and self._take_kept()) or await self._connect()
        is_kept = False
        try:
            writer.write(self._request(kind))
            status, is_kept, body = await _read_response(reader)
        finally:
            if is_kept and len(self._kept) < CONNECTIONS:
                self._kept.append((reader, writer))
            else:
                writer.close()
        if status != 200:
            raise ValueError(f"answered {status}: {body[:60]!r}")
        if kind == "download" and hashlib.sha256(body).digest() != self._expected:
            self.counts["damaged"] += 1

    def _take_kept(self) -> Kept | None:
        """Return a kept connection that the proxy has not ended meanwhile, as browsers do."""
        while self._kept:
            reader, writer = self._kept.pop()
            if not reader.at_eof():
                return reader, writer
            writer.close()
        return None

    async def _connect(self) -> Kept:
        return await asyncio.open_connection("127.0.0.1", self._options.port, limit=READ_LIMIT)

    def _request(self, kind: str) -> bytes:
        match kind:
            case "download":
                return request(self._options.path)
            case "upload":
                return request("/upload", method="PUT", body=UPLOAD)
        return request("/page", close=kind == "fresh")


async def _read_response(reader: asyncio.StreamReader) -> tuple[int, bool, bytes]:
    """Return the status, whether the connection is kept, and the body."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    status = int(head.split(b" ", 2)[1])
    length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
    return status, b"connection: close" not in head, await reader.readexactly(length)


def main() -> None:
    """Run the clients and say what they saw."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak.live", description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--rate", type=float, default=100.0)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--mixed", action="store_true")
    parser.add_argument("--churn", type=float, default=50.0, help="fresh connections a second")
    parser.add_argument("--path", default="/bulk")
    parser.add_argument("--file", default="")
    print(json.dumps(asyncio.run(Live(parser.parse_args()).run())), flush=True)


if __name__ == "__main__":
    main()
