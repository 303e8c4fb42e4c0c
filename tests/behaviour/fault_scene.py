"""One session brought to a phase by hand, so that something can go wrong there.

Client, proxy and backend take their steps one after the other, in the thread of the cell: no step
is begun before the one before it has been seen to be done.
"""

import contextlib
import select
import socket
import threading
from typing import Any

from docs.faults import Cell
from tests.behaviour.running import Engine
from tests.behaviour.waiting import PATIENCE_S, wait_until
from tests.behaviour.wire import Message, Truncated, Wire, chunked, head, numbered, request

BODY = numbered(2_000)
HALF = 1_000
HEAD_BEGUN_BYTES = 20
"""So much of a head is there where the phase is in its midst."""
NEED_NO_BACKEND = ("accepted", "request_head", "idle")
"""Phases in which no backend has anything to do."""
BULK_BYTES = 12_000_000
"""More than all buffers on the way take: what is left of it waits for its reader."""
UPGRADE = ("Connection: Upgrade", "Upgrade: websocket")
_QUEUE_PLACE_S = 0.3

CHUNKED_CELLS = {
    ("client_garbage", "request_body"),
    ("client_oversized", "request_body"),
    ("backend_garbage", "response_body"),
    ("backend_oversized", "response_body"),
    ("backend_short_body", "response_body"),
}
"""Where the fault is one of framing, which only a chunked body has."""
BULK_CELLS = {
    ("client_stall", "response_body"),
    ("client_slow", "response_body"),
    ("backend_stall", "request_body"),
    ("backend_slow", "request_body"),
}
"""Where the fault shows only when the buffers on the way are full."""


class Origin:
    """A listening socket whose connections are accepted and served step by step."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=0)
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.wires: list[Wire] = []
        self._fillers: list[socket.socket] = []

    def accept(self) -> Wire:
        """Return the next connection."""
        self._listener.settimeout(PATIENCE_S)
        wire = Wire(self._listener.accept()[0])
        self.wires.append(wire)
        return wire

    def next_request(self) -> Wire:
        """Return the connection on which the next request comes, be it kept or new."""
        while True:
            open_wires = [wire for wire in self.wires if not wire.is_closed]
            socks = [wire.sock for wire in open_wires]
            readable, _, _ = select.select([self._listener, *socks], [], [], PATIENCE_S)
            assert readable, "no request came"
            if self._listener in readable:
                self.accept()
            for wire in open_wires:
                if wire.sock in readable and _has_bytes(wire):
                    return wire

    def fill(self) -> None:
        """Let every further connect hang, until `make_room`."""
        while True:
            sock = socket.socket()
            sock.settimeout(_QUEUE_PLACE_S)
            try:
                sock.connect(self._listener.getsockname())
            except TimeoutError:
                sock.close()
                return
            self._fillers.append(sock)

    def make_room(self) -> None:
        """A hanging connect goes on when the kernel tries again, after a second."""
        self._listener.settimeout(PATIENCE_S)
        for sock in self._fillers:
            self._listener.accept()[0].close()
            sock.close()
        self._fillers = []

    def refuse(self) -> None:
        """Listen no more."""
        self._listener.close()

    def close(self) -> None:
        for wire in self.wires:
            wire.close()
        for sock in self._fillers:
            sock.close()
        self._listener.close()


def _has_bytes(wire: Wire) -> bool:
    try:
        has_more = wire._more()
    except ConnectionResetError:
        has_more = False
    if not has_more:
        wire.close()
    return has_more


class Scene:
    """One cell of the matrix: its client, its backend, and the session between them."""

    def __init__(
        self, proxy: Engine, origin: Origin, lock: threading.Lock, cell: Cell, pool: str
    ) -> None:
        self.proxy = proxy
        self.origin = origin
        self.fault = cell.fault
        self.phase = cell.phase
        self.pool = pool
        self.is_chunked = (self.fault, self.phase) in CHUNKED_CELLS
        self.is_bulk = (self.fault, self.phase) in BULK_CELLS
        self.answers = 1
        """How many responses the client may expect."""
        self.client: Wire
        self.backend: Wire
        self._lock = lock
        self._session = 0

    # -- looking

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Ask the engine; one at a time, for its control connection is shared."""
        with self._lock:
            return self.proxy.ask(method, **params)

    def row(self) -> dict[str, Any]:
        """Return everything about the session, also when it is closed."""
        return self.ask("connection", id=self._session)

    def wait_for_state(self, state: str) -> None:
        wait_until(lambda: self.row()["state"] == state)

    def idle_connections(self) -> int:
        """Return how many connections to this cell's backend wait for a request."""
        pools = {row["name"]: row for row in self.ask("backends")["pools"]}
        return sum(row["idle_connections"] for row in pools[self.pool]["backends"])

    # -- the phases

    def begin(self) -> None:
        """Bring the session to its phase."""
        if self.phase == "connecting" and self.fault != "backend_refuses":
            self.origin.fill()
        self.client = self.proxy.connect(receive_bytes=8192 if self.is_bulk else None)
        port = f"127.0.0.1:{self.client.port}"
        self._session = wait_until(lambda: self._find(port))
        {
            "accepted": lambda: None,
            "request_head": self._to_request_head,
            "connecting": self._to_connecting,
            "request_body": self._to_request_body,
            "waiting": self._to_waiting,
            "response_head": self._to_response_head,
            "response_body": self._to_response_body,
            "idle": self._to_idle,
            "tunnel": self._to_tunnel,
        }[self.phase]()

    def _find(self, client: str) -> int:
        rows = self.ask("connections")["connections"]
        return next((int(row["id"]) for row in rows if row["client"]["address"] == client), 0)

    def get(self, *fields: str) -> bytes:
        """Return a request for this cell's backend."""
        return request("GET", "/", *fields, "User-Agent: fault matrix", host=self.pool)

    def _to_request_head(self) -> None:
        self.client.send(self.get()[:HEAD_BEGUN_BYTES])
        wait_until(lambda: self.row()["client"]["bytes_in"] == HEAD_BEGUN_BYTES)

    def _to_connecting(self) -> None:
        self.client.send(self.get())
        if self.fault != "backend_refuses":
            self.wait_for_state("connecting")

    def _to_request_body(self) -> None:
        if self.is_chunked:
            line = request("POST", "/", "Transfer-Encoding: chunked", host=self.pool)
            self.client.send(line, chunked(BODY[:HALF])[: -len(b"0\r\n\r\n")])
        elif self.is_bulk:
            length = f"Content-Length: {BULK_BYTES}"
            self.client.send(request("POST", "/", length, host=self.pool))
        else:
            self.client.send(request("POST", body=BODY, host=self.pool)[:-HALF])
        self.backend = self.origin.next_request()
        self.backend.read_head()
        if not (self.is_bulk or self.is_chunked):
            self.backend.read(HALF)

    def _to_waiting(self) -> None:
        self.client.send(self.get())
        self.backend = self.origin.next_request()
        self.backend.read_head()

    def _to_response_head(self) -> None:
        self._to_waiting()
        self.backend.send(self.answer()[:HEAD_BEGUN_BYTES])
        wait_until(lambda: self.row()["backend"]["bytes_in"] == HEAD_BEGUN_BYTES)

    def _to_response_body(self) -> None:
        self._to_waiting()
        self.backend.send(self.answer()[:-HALF])
        while len(self.client.received) < HALF:
            assert self.client._more()

    def answer(self) -> bytes:
        """Return the whole response of the backend."""
        if self.is_chunked:
            framed = head("HTTP/1.1 200 OK", "Transfer-Encoding: chunked")
            # The last chunk and its size line are what `_to_response_body` holds back.
            return framed + chunked(BODY[: HALF + 5], BODY[: HALF - 12])
        size = BULK_BYTES if self.is_bulk else len(BODY)
        return head("HTTP/1.1 200 OK", f"Content-Length: {size}") + BODY

    def _to_idle(self) -> None:
        self._to_waiting()
        self.backend.send(self.answer())
        assert self.client.read_response().status == 200
        self.wait_for_state("idle")

    def _to_tunnel(self) -> None:
        self.client.send(self.get(*UPGRADE))
        self.backend = self.origin.next_request()
        self.backend.read_head()
        self.backend.send(head("HTTP/1.1 101 Switching Protocols", *UPGRADE))
        assert self.client.read_response().status == 101
        self.wait_for_state("tunnel")

    # -- from a phase to the end, as it goes when nothing is wrong

    def go_on(self) -> None:
        """Take every step that was still to be taken."""
        if self.phase == "connecting":
            self.origin.make_room()
            self.serve(self.answers)
        elif self.phase in NEED_NO_BACKEND:
            self.client.send(self.rest_of_head())
            self.serve(self.answers)
        else:
            self._go_on_with_backend()

    def rest_of_head(self, *fields: str) -> bytes:
        """Return what has not been sent of a request head: all of it, but in its midst."""
        return self.get(*fields)[HEAD_BEGUN_BYTES if self.phase == "request_head" else 0 :]

    def _go_on_with_backend(self) -> None:
        match self.phase:
            case "request_body":
                self.client.send(BODY[HALF:])
                self.backend.read(HALF)
                self.finish_answer(self.answer())
            case "waiting":
                self.finish_answer(self.answer())
            case "response_head":
                self.finish_answer(self.answer()[HEAD_BEGUN_BYTES:])
            case "response_body":
                self.finish_answer(self.answer()[-HALF:])
            case "tunnel":
                self.echo()

    def serve(self, count: int) -> None:
        """Answer so many requests."""
        for _ in range(count):
            self.backend = self.origin.next_request()
            while True:
                self.backend.read_head()
                self.backend.send(self.answer())
                count -= 1
                if b"\r\n\r\n" not in self.backend.rest_so_far():
                    break
            if count <= 0:
                return

    def finish_answer(self, rest: bytes) -> None:
        """Send the rest of an answer, and answer what was asked behind it."""
        self.backend.send(rest)
        if self.answers > 1:
            self.serve(self.answers - 1)

    def echo(self) -> None:
        """See that bytes pass both ways."""
        self.client.send(b"ping")
        assert self.backend.read(4) == b"ping"
        self.backend.send(b"pong")
        assert self.client.read(4) == b"pong"

    # -- what came of it

    def seen(self) -> str:
        """Return what the client sees of the responses that it may expect."""
        if self.client.is_closed:
            return "gone"
        words: list[str] = []
        try:
            for _ in range(self.answers):
                answer = self._next_answer()
                words.append("whole" if answer.status == 200 else str(answer.status))
                if answer.status >= 400:
                    rest = self.client.read_to_end()
                    assert rest == b""
                    break
        except Truncated:
            words.append("abort" if self.client.rest_so_far() else "clean close")
        except ConnectionResetError:
            words.append("abort")
        return ", ".join(dict.fromkeys(words))

    def _next_answer(self) -> Message:
        answer = self.client.read_head()
        try:
            answer.body = self.client.read_body(answer, to_end=True)
        except Truncated:
            raise ConnectionResetError("cut off inside a response") from None
        return answer

    def tunnel_seen(self) -> str:
        """Return how a tunnel ends for its client."""
        if self.client.is_closed:
            return "gone"
        return "abort" if self.client.is_reset() else "clean close"

    def end(self) -> tuple[str, str]:
        """End the session, and return what became of its backend connection, and its reason."""
        self.client.close()
        for wire in self.origin.wires if self.phase == "tunnel" else []:
            with contextlib.suppress(OSError):
                wire.finish()
        self.wait_for_state("closed")
        return self._fate(), str(self.row()["close_reason"])

    def _fate(self) -> str:
        if not self.origin.wires:
            return "none"
        try:
            is_kept = len(self.origin.wires) == 1 and bool(self.idle_connections())
        except KeyError:
            is_kept = False
        if is_kept:
            return "reused"
        first = self.origin.wires[0]
        if not first.is_closed:
            with contextlib.suppress(ConnectionResetError):
                first.read_to_end()
        return "closed"
