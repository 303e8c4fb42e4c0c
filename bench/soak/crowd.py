"""`python -m bench.soak.crowd KIND PORT …`: many clients in one process.

It prints `ready` when they are all there, and at its end one line of JSON with what came of it.
"""

import argparse
import contextlib
import hashlib
import json
import selectors
import socket
import time
from pathlib import Path

from bench.memory import idle_connections
from bench.soak.wire import Download, connect, request

SLOW_BUFFER_BYTES = 16_384
"""The receive buffer of a slow reader: what it has not read stays with the proxy."""

PIECE_BYTES = 1_000
"""What a slow reader reads at once."""

TICK_S = 0.05
BATCH = 20
"""Connections opened between two looks at those that are there already."""
OPEN_S = 4.0
"""Time in which many requests are begun: the backend sends a piece of each once a second, and all
of these pieces at the same moment would be a burst that nobody's visitors make."""


def say_ready() -> None:
    """Tell whoever started us that the load is on."""
    print("ready", flush=True)


def hold_idle(options: argparse.Namespace) -> dict[str, int]:
    """Hold kept-alive connections, each after one exchange; count those that were not kept."""
    with idle_connections(options.port, options.count) as held:
        say_ready()
        time.sleep(options.seconds)
        return {"errors": sum(_is_ended(sock) for sock in held)}


def _is_ended(sock: socket.socket) -> bool:
    sock.setblocking(False)
    try:
        sock.recv(1)
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True


def read_slowly(options: argparse.Namespace) -> dict[str, int]:
    """Read a big file with many clients at `rate` bytes a second in all; look at what came."""
    readers = _start_readers(options)
    say_ready()
    started_s, at, read_bytes = time.monotonic(), 0, 0
    while (elapsed_s := time.monotonic() - started_s) < options.seconds:
        # In turns, each a piece, as many as the rate has come to: nobody is read ahead of it.
        for _ in range(int(elapsed_s * options.rate - read_bytes) // PIECE_BYTES):
            readers[at % len(readers)].read(PIECE_BYTES)
            at, read_bytes = at + 1, read_bytes + PIECE_BYTES
        time.sleep(TICK_S)
    sampled = readers[:: max(1, len(readers) // options.sample)]
    damaged = sum(not _is_prefix(reader, Path(options.file)) for reader in sampled)
    for reader in readers:
        reader.sock.close()
    return {
        "errors": sum(reader.is_over or reader.status != 200 for reader in readers),
        "damaged": damaged,
        "sampled": len(sampled),
        "received_bytes": sum(reader.body_bytes for reader in readers),
    }


def _start_readers(options: argparse.Namespace) -> list[Download]:
    readers = []
    for _ in range(options.count):
        sock = connect(options.port, SLOW_BUFFER_BYTES)
        sock.sendall(request(options.path))
        sock.setblocking(False)
        readers.append(Download(sock))
    return readers


def _is_prefix(reader: Download, file: Path) -> bool:
    with file.open("rb") as content:
        expected = hashlib.sha256(content.read(reader.body_bytes))
    return reader.content.digest() == expected.digest()


def ask_at_once(options: argparse.Namespace) -> dict[str, int]:
    """Ask with many clients for what takes long, so that all requests are under way together.

    It is ready when all have asked.
    """
    expected = hashlib.sha256(Path(options.file).read_bytes()).digest()
    waiting: dict[socket.socket, Download] = {}
    done: list[Download] = []
    most = failed = 0
    started_s = time.monotonic()
    ends_s = started_s + options.seconds
    with selectors.DefaultSelector() as selector:
        for begun in range(0, options.count, BATCH):
            for _ in range(min(BATCH, options.count - begun)):
                try:
                    sock = connect(options.port)
                    sock.sendall(request(options.path, close=True))
                except OSError:
                    failed += 1
                    continue
                sock.setblocking(False)
                waiting[sock] = Download(sock)
                selector.register(sock, selectors.EVENT_READ, waiting[sock])
            most = max(most, len(waiting))
            due_s = started_s + OPEN_S * begun / options.count
            _read_ready(selector, waiting, done, 0.0)
            time.sleep(max(0.0, due_s - time.monotonic()))
        say_ready()
        while waiting and time.monotonic() < ends_s:
            _read_ready(selector, waiting, done, 0.5)
    good = sum(one.is_whole and one.content.digest() == expected for one in done)
    for sock in waiting:
        sock.close()
    return {"errors": options.count - good, "refused": failed, "most_in_flight": most}


def _read_ready(
    selector: selectors.BaseSelector,
    waiting: dict[socket.socket, Download],
    done: list[Download],
    patience_s: float,
) -> None:
    for key, _ in selector.select(patience_s):
        download: Download = key.data
        download.read()
        if download.is_over or download.is_whole:
            selector.unregister(download.sock)
            del waiting[download.sock]
            download.sock.close()
            done.append(download)


KINDS = {"idle": hold_idle, "slow": read_slowly, "at-once": ask_at_once}


def main() -> None:
    """Be the crowd that was asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak.crowd", description=__doc__)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("port", type=int)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--rate", type=float, default=1e6)
    parser.add_argument("--sample", type=int, default=50)
    parser.add_argument("--path", default="/page")
    parser.add_argument("--file", default="")
    options = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        print(json.dumps(KINDS[options.kind](options)), flush=True)


if __name__ == "__main__":
    main()
