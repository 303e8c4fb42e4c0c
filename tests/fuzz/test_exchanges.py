"""HTTP exchanges over hand-driven kernels: every body whole, in its place, and within the bound.

What the client got and what each backend got is read by another parser, so that our own cannot
agree with itself on something wrong.
"""

from dataclasses import dataclass
from random import Random

import h11
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rsp.core.limits import KIB
from rsp.core.vocabulary import CloseReason, Mode
from tests.conftest import fuzz_examples
from tests.fuzz.steps import STEPS, Step
from tests.fuzz.world import Kernel, World

LENGTHS = st.one_of(
    st.integers(0, 3000), st.sampled_from([0, 1, 64 * KIB - 1, 64 * KIB + 1, 150 * KIB, 500 * KIB])
)


@dataclass(frozen=True)
class Body:
    """A body, and how it is delimited: `none`, `length`, `chunked` or `end` (of the connection)."""

    framing: str
    length: int
    seed: int

    @property
    def payload(self) -> bytes:
        return b"" if self.framing == "none" else Random(self.seed).randbytes(self.length)

    def wire(self) -> tuple[bytes, bytes]:
        """Return the header field that announces the body, and its bytes."""
        match self.framing:
            case "none":
                return b"", b""
            case "length":
                return b"Content-Length: %d\r\n" % self.length, self.payload
            case "chunked":
                return b"Transfer-Encoding: chunked\r\n", self._chunks()
            case _:
                return b"", self.payload

    def _chunks(self) -> bytes:
        draw, payload = Random(self.seed), self.payload
        out, start = bytearray(), 0
        while start < len(payload):
            size = draw.choice([1, 2, 15, 16, 1000, 70_000])
            piece = payload[start : start + size]
            extension = draw.choice([b"", b"", b";a=b"])
            out += b"%x%s\r\n%s\r\n" % (len(piece), extension, piece)
            start += size
        return bytes(out) + b"0\r\n" + draw.choice([b"", b"X-Trailer: t\r\n"]) + b"\r\n"


@dataclass(frozen=True)
class Planned:
    """One exchange: what is asked, and what is answered."""

    method: str
    request: Body
    response: Body

    def request_wire(self, number: int) -> bytes:
        field, body = self.request.wire()
        line = f"{self.method} /{number} HTTP/1.1\r\nHost: a.test\r\n".encode()
        return line + field + b"\r\n" + body

    def response_wire(self) -> bytes:
        field, body = self.response.wire()
        return b"HTTP/1.1 200 OK\r\n" + field + b"\r\n" + body


def bodies(*framings: str) -> st.SearchStrategy[Body]:
    return st.builds(Body, st.sampled_from(framings), LENGTHS, st.integers(0, 99))


MIDDLE = st.builds(
    Planned,
    st.sampled_from(["GET", "POST", "PUT"]),
    bodies("none", "length", "chunked"),
    bodies("length", "chunked"),
)
LAST = st.builds(Planned, st.just("GET"), bodies("none"), bodies("length", "chunked", "end"))


class ScriptedBackend:
    """Reads requests with another parser, and lets each answer arrive once its request is whole."""

    def __init__(self, kernel: Kernel, plan: list[Planned], got: dict[int, bytes]) -> None:
        self._kernel = kernel
        self._plan = plan
        self._got = got
        self._fed = 0
        self._begin(b"")

    def serve(self) -> None:
        """Answer what arrives from now on."""
        self._kernel.on_taken = self.on_taken

    def _begin(self, rest: bytes) -> None:
        self._parser = h11.Connection(h11.SERVER)
        self._body = bytearray()
        self._target = b""
        if rest:
            self._parser.receive_data(rest)
            self._read()

    def on_taken(self) -> None:
        self._parser.receive_data(bytes(self._kernel.taken[self._fed :]))
        self._fed = len(self._kernel.taken)
        self._read()

    def _read(self) -> None:
        while True:
            event = self._parser.next_event()
            match event:
                case h11.Request():
                    self._target = event.target
                case h11.Data():
                    self._body += event.data
                case h11.EndOfMessage():
                    self._answer()
                    self._begin(self._parser.trailing_data[0])
                    return
                case _:
                    return

    def _answer(self) -> None:
        number = int(self._target[1:])
        assert number not in self._got, f"request {number} was sent twice"
        self._got[number] = bytes(self._body)
        self._kernel.stream += self._plan[number].response_wire()
        self._kernel.ends = self._plan[number].response.framing == "end"


def responses_in(wire: bytes, plan: list[Planned]) -> list[bytes]:
    """Return the bodies of the responses that a client finds in what it got."""
    found = []
    for planned in plan:
        parser = h11.Connection(h11.CLIENT)
        parser.send(h11.Request(method=planned.method, target="/", headers=[("Host", "a.test")]))
        parser.send(h11.EndOfMessage())
        parser.receive_data(wire)
        if planned.response.framing == "end":
            parser.receive_data(b"")
        body = bytearray()
        while not isinstance(event := parser.next_event(), h11.EndOfMessage):
            assert isinstance(event, h11.Response | h11.Data), event
            if isinstance(event, h11.Data):
                body += event.data
        found.append(bytes(body))
        wire = parser.trailing_data[0]
    assert wire == b"", "more than was asked for"
    return found


@settings(max_examples=fuzz_examples(800))
@given(st.lists(MIDDLE, max_size=3), LAST, STEPS)
def test_every_body_arrives_whole_and_in_its_place(
    middle: list[Planned], last: Planned, steps: list[Step]
) -> None:
    plan = [*middle, last]
    got: dict[int, bytes] = {}
    world = World(Mode.HTTP)
    world.client.stream = b"".join(p.request_wire(n) for n, p in enumerate(plan))
    world.on_dialled = lambda kernel: ScriptedBackend(kernel, plan, got).serve()
    with world.running():
        for step in steps:
            step(world)
            world.check()
        world.let_everything_happen()
        assert [got[number] for number in range(len(plan))] == [p.request.payload for p in plan]
        answered = responses_in(bytes(world.client.taken), plan)
        assert answered == [p.response.payload for p in plan]
        world.client.ends = True
        world.let_everything_happen()
    assert world.session.close_reason is CloseReason.FINISHED
    assert all(kernel.closed for kernel in world.backends if kernel.shut or kernel.ends)


def read_as_client(wire: bytes) -> tuple[bytes, bool]:
    """Return what of a body a client finds in `wire`, and whether it takes it for whole."""
    parser = h11.Connection(h11.CLIENT)
    parser.send(h11.Request(method="GET", target="/", headers=[("Host", "a.test")]))
    parser.send(h11.EndOfMessage())
    parser.receive_data(wire)
    parser.receive_data(b"")
    read = bytearray()
    try:
        while not isinstance(event := parser.next_event(), h11.EndOfMessage):
            read += event.data if isinstance(event, h11.Data) else b""
    except h11.RemoteProtocolError:
        return bytes(read), False
    return bytes(read), True


def answer_with(kernel: Kernel, wire: bytes) -> None:
    """Let a backend send `wire` and its FIN once it has the head of a request."""

    def on_taken() -> None:
        if kernel.taken.endswith(b"\r\n\r\n"):
            kernel.stream, kernel.ends = wire, True

    kernel.on_taken = on_taken


@settings(max_examples=fuzz_examples(500))
@given(bodies("length", "chunked"), st.integers(0, 200 * KIB), STEPS)
def test_a_response_that_breaks_off_is_never_taken_for_whole(
    body: Body, kept_bytes: int, steps: list[Step]
) -> None:
    """Whatever the client reads, it is the beginning of the response, and it can tell."""
    planned = Planned("GET", Body("none", 0, 0), body)
    wire = planned.response_wire()
    head_bytes = wire.index(b"\r\n\r\n") + 4
    assume(head_bytes < len(wire))
    cut = wire[: min(max(kept_bytes, head_bytes), len(wire) - 1)]
    world = World(Mode.HTTP)
    world.client.stream = planned.request_wire(0)
    world.on_dialled = lambda kernel: answer_with(kernel, cut)
    with world.running():
        for step in steps:
            step(world)
            world.check()
        world.let_everything_happen()
    read, is_whole = read_as_client(bytes(world.client.taken))
    assert not is_whole
    assert body.payload.startswith(read)
    assert world.session.close_reason is CloseReason.BACKEND_GONE
