"""A session at the seam of the sockets: vectors on one side, parsers of others on the other.

Everything that happens is done by hand (`tests/fuzz/world.py`), so one vector takes well under a
millisecond, and may come in as many pieces as it has bytes.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import h11
import httptools

from rsp.core.limits import Limits
from rsp.core.vocabulary import Mode
from tests.corpora.judges import LONGEST_BYTES
from tests.fuzz.world import Kernel, World


@dataclass
class Passed:
    """What became of the bytes of one client."""

    upstream: list[bytes]
    """What was written on each backend connection, oldest first."""
    answers: int
    """How many whole requests the backends have answered."""
    client: bytes
    """What the client got."""
    was_ended: bool
    """Whether we ended the connection, and not the client."""

    @property
    def statuses(self) -> list[int]:
        """Of the responses that the client got."""
        return statuses_of(self.client)


class _Statuses:
    """Collects the status of each response that llhttp reads."""

    def __init__(self) -> None:
        self.found: list[int] = []
        self.parser: Any = httptools.HttpResponseParser(self)

    def on_headers_complete(self) -> None:
        self.found.append(self.parser.get_status_code())


def statuses_of(wire: bytes) -> list[int]:
    """Return the statuses of the responses that a client got, as llhttp reads them."""
    collected = _Statuses()
    collected.parser.feed_data(wire)
    return collected.found


class Origin:
    """A backend that reads with h11, and answers each whole request with a number of its own."""

    def __init__(self, kernel: Kernel, numbers: Iterator[int]) -> None:
        self._kernel = kernel
        self._numbers = numbers
        self._fed = 0
        self._parser = h11.Connection(h11.SERVER, max_incomplete_event_size=LONGEST_BYTES)
        self._is_head = False
        self.answers = 0
        kernel.on_taken = self._on_taken

    def _on_taken(self) -> None:
        taken = bytes(self._kernel.taken[self._fed :])
        self._fed += len(taken)
        try:
            self._parser.receive_data(taken)
            while (event := self._parser.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
                if isinstance(event, h11.Request):
                    self._is_head = event.method == b"HEAD"
                elif isinstance(event, h11.EndOfMessage):
                    self._answer()
                elif isinstance(event, h11.ConnectionClosed):
                    return
        except h11.RemoteProtocolError:
            return  # the judges will say it

    def _answer(self) -> None:
        body = b"" if self._is_head else b"answer %d" % next(self._numbers)
        length = [("Content-Length", str(len(body)))]
        out = self._parser.send(h11.Response(status_code=200, headers=length, reason=b"OK"))
        out = (out or b"") + (self._parser.send(h11.Data(data=body)) or b"")
        out += self._parser.send(h11.EndOfMessage()) or b""
        self._parser.start_next_cycle()
        self._kernel.stream += out
        self.answers += 1


def pass_requests(pieces: Iterable[bytes], limits: Limits) -> Passed:
    """Let a client send `pieces`, each after everything before it was dealt with, and end."""
    world = World(Mode.HTTP, limits)
    origins: list[Origin] = []
    numbers = iter(range(1000))
    world.on_dialled = lambda kernel: origins.append(Origin(kernel, numbers))
    with world.running():
        for piece in pieces:
            world.client.stream += piece
            world.let_everything_happen()
        was_ended = world.client.shut or world.client.closed
        world.client.ends = True
        world.let_everything_happen()
    assert world.session.state.is_over
    return Passed(
        [bytes(kernel.taken) for kernel in world.backends],
        sum(origin.answers for origin in origins),
        bytes(world.client.taken),
        was_ended,
    )


def in_bytes(wire: bytes) -> list[bytes]:
    """Return `wire` as pieces of one byte."""
    return [wire[at : at + 1] for at in range(len(wire))]


QUESTION = b"GET /asked HTTP/1.1\r\nHost: a.test\r\n\r\n"


class Answer(NamedTuple):
    """What a client reads as the answer to its request."""

    interim: tuple[int, ...]
    status: int
    reason: bytes
    body: bytes
    is_whole: bool


def read_answer(wire: bytes, *, is_reset: bool) -> Answer | None:
    """Return the answer to a GET that a client reads with h11; None: h11 refuses the bytes."""
    client = h11.Connection(h11.CLIENT, max_incomplete_event_size=LONGEST_BYTES)
    client.send(h11.Request(method="GET", target="/asked", headers=[("Host", "a.test")]))
    client.send(h11.EndOfMessage())
    answer = Answer((), 0, b"", b"", is_whole=False)
    try:
        client.receive_data(wire)
        if not is_reset:
            client.receive_data(b"")
        while True:
            event = client.next_event()
            if isinstance(event, h11.InformationalResponse):
                answer = answer._replace(interim=(*answer.interim, event.status_code))
            elif isinstance(event, h11.Response):
                answer = answer._replace(status=event.status_code, reason=bytes(event.reason))
            elif isinstance(event, h11.Data):
                answer = answer._replace(body=answer.body + event.data)
            else:
                return answer._replace(is_whole=isinstance(event, h11.EndOfMessage))
    except h11.RemoteProtocolError:
        return answer if answer.status else None


def pass_response(pieces: Iterable[bytes], limits: Limits) -> Answer | None:
    """Let a backend answer a GET with `pieces`, and end; return what the client reads."""
    world = World(Mode.HTTP, limits)
    with world.running():
        world.client.stream = QUESTION
        world.let_everything_happen()
        backend = world.backends[-1]
        for piece in pieces:
            backend.stream += piece
            world.let_everything_happen()
        backend.end_here()
        world.let_everything_happen()
        world.client.end_here()
        world.let_everything_happen()
    assert world.session.state.is_over
    return read_answer(bytes(world.client.taken), is_reset=world.client.resets)
