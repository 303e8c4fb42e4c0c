"""One direction of a session: which of the source's bytes go to the sink, and backpressure."""

from rsp.core.http1.framing import Body, BodyKind, ChunkedScanner
from rsp.core.http1.kept import KeptBody
from rsp.core.limits import DENSE_CHUNKS, READ_BYTES, SPLICE_BYTES, Limits
from rsp.core.vocabulary import Direction, PauseReason
from rsp.engine.bulk import splice
from rsp.engine.connection import Connection
from rsp.engine.dense import DenseConnection
from rsp.engine.layers import put_on, take_off
from rsp.engine.nonblocking import MORE_FOLLOWS

# A member of an Enum costs 70 ns to look up, a name of the module 7.
_CHUNKED, _UNTIL_CLOSE = BodyKind.CHUNKED, BodyKind.UNTIL_CLOSE

UNBOUNDED = 1 << 62
"""A message without an end of its own: a tunnel, or a response that ends with its connection."""


Books = tuple[int, int, int, int, int, int | None]
"""What `Pipe.books()` returns, in bytes."""


class Pipe:
    """Forwards one message after the other from `source` to `sink`.

    While `is_open`, what the source sends belongs to the message; `remaining` counts what is left
    of it, and a chunked one, or one that is kept for a second try, is followed by its scanner.
    """

    __slots__ = (
        "direction", "first_divergence", "is_open", "moved_bytes", "overhead_bytes",
        "parted_in_bytes", "parted_left_bytes", "parted_out_bytes", "passed_bytes", "remaining",
        "scanner", "sink", "source",
    )  # fmt: skip

    def __init__(self, direction: Direction) -> None:
        self.direction = direction
        self.source: Connection
        self.sink: Connection
        self.is_open = False
        self.remaining = 0
        self.scanner: ChunkedScanner | KeptBody | None = None
        self.moved_bytes = 0
        """Body bytes of the present message that were passed on."""
        self.passed_bytes = 0
        """Body bytes of the messages before it."""
        self.overhead_bytes = 0
        """What all sinks were given besides bodies: heads, chunk framing, pages of ours."""
        self.parted_in_bytes = self.parted_out_bytes = self.parted_left_bytes = 0
        """What came from the sources before the present one, what the kernels of the sinks before
        the present one took, and what they did not take."""
        self.first_divergence: int | None = None
        """Where, in all bodies of this direction, what left differs from what came."""

    def __repr__(self) -> str:
        state = f"open, {self.remaining} to go" if self.is_open else "shut"
        return f"<Pipe {self.direction.value} {state}, {self.moved_bytes} moved>"

    def begin(self, head: bytes, body: Body, rest: bytes, limits: Limits, *, decode: bool) -> int:
        """Send a head, and what of `rest` belongs to its body; return how many bytes that is.

        Raises:
            BadMessage: the framing of the body is broken.
        """
        self.passed_bytes += self.moved_bytes
        self.moved_bytes = 0
        self.scanner = None
        self.remaining = body.length
        if body.kind is _CHUNKED:
            most = limits.request_body_bytes if self.direction is Direction.REQUEST else 0
            self.scanner = ChunkedScanner(limits, decode=decode, most_bytes=most)
        elif body.kind is _UNTIL_CLOSE:
            self.remaining = UNBOUNDED
        self.is_open = self.scanner is not None or self.remaining > 0
        sink = self.sink
        used = 0
        if not rest or not self.is_open:
            self.overhead_bytes += len(head)
            sink.send(head)
        elif self.scanner is not None:
            used = self._feed_chunked(self.scanner, memoryview(rest), head)
        else:
            # One packet, one call: a small response is a head and its body in the same read.
            used = min(len(rest), self.remaining)
            self.remaining -= used
            self.moved_bytes = used
            self.is_open = self.remaining > 0
            self.overhead_bytes += len(head)
            sink.send(head + (rest if used == len(rest) else rest[:used]))
        if sink.unsent.data:
            self.press()
        return used

    def begin_bare(self, head: bytes) -> None:
        """Send a head behind which no body comes: what `begin` does for most requests."""
        self.passed_bytes += self.moved_bytes
        self.moved_bytes = self.remaining = 0
        self.scanner = None
        self.is_open = False
        self.overhead_bytes += len(head)
        sink = self.sink
        sink.send(head)
        if sink.unsent.data:
            self.press()

    def books(self) -> Books:
        """Return what passed, for `ledger.py`: of bodies, besides them, before these peers, and
        where it was found to differ."""
        sink = getattr(self, "sink", None)
        at = None if sink is None else sink.unsent.first_divergence
        if at is not None and self.first_divergence is None:
            self.first_divergence = max(0, self.parted_out_bytes + at - self.overhead_bytes)
        return (
            self.passed_bytes + self.moved_bytes,
            self.overhead_bytes,
            self.parted_in_bytes,
            self.parted_out_bytes,
            self.parted_left_bytes,
            self.first_divergence,
        )

    def add(self, piece: bytes) -> None:
        """Give the sink something that belongs to no body: a page of ours, or an interim head."""
        self.overhead_bytes += len(piece)
        self.sink.send(piece)

    def take_back(self) -> None:
        """Forget what the sink was given of the present message: it will be given again.

        What stood before it in the books is taken for balanced. To be called before the sink is
        parted from, which adds up what that one was given.
        """
        self.moved_bytes = 0
        self.overhead_bytes = self.parted_out_bytes + self.parted_left_bytes - self.passed_bytes
        self.parted_out_bytes -= self.sink.bytes_out
        self.parted_left_bytes -= self.sink.unsent.left_bytes

    def open(self, head: bytes = b"", rest: bytes = b"") -> None:
        """Pass on everything from now on, whatever it is: a tunnel. `head` and `rest` go first."""
        self.scanner = None
        self.remaining = UNBOUNDED
        self.is_open = True
        if head:
            self.passed_bytes += self.moved_bytes
            self.overhead_bytes += len(head)
            self.moved_bytes = len(rest)
            self.sink.send(head + rest)

    def feed(self, view: memoryview) -> int:
        """Pass on what of `view` belongs to the message; return how many bytes that is.

        Raises:
            BadMessage: the framing of a chunked body is broken.
        """
        if self.scanner is not None:
            return self._feed_chunked(self.scanner, view)
        count, remaining, sink = len(view), self.remaining, self.sink
        if count > remaining:
            count = remaining
            view = view[:count]
        self.remaining = remaining = remaining - count
        self.moved_bytes += count
        self.is_open = remaining > 0
        # Without a length, the FIN behind the last bytes is passed on at once: one packet less.
        goes_on = self.source.is_at_end and remaining > UNBOUNDED >> 1
        sink.send(view, MORE_FOLLOWS if goes_on else 0)
        if sink.unsent.data:
            self.press()
        return count

    def splice(self, limits: Limits) -> int:
        """Let the kernel move a piece of the message by itself; return how many bytes that was.

        0 when it cannot: a chunked or kept body has to be read. The last byte of a message is
        always read as well, so that its end is noticed in one place.
        """
        # What the kernel takes for certain, and what may be left here.
        bound_bytes = limits.notsent_lowat_bytes + limits.high_water_bytes + READ_BYTES
        most_bytes = min(self.remaining - 1, SPLICE_BYTES, bound_bytes)
        if most_bytes < READ_BYTES or self.scanner is not None:
            return 0
        count = splice(self.source, self.sink, most_bytes)
        self.remaining -= count
        self.moved_bytes += count
        if self.sink.unsent.data:
            self.press()
        return count

    def _feed_chunked(
        self, scanner: ChunkedScanner | KeptBody, view: memoryview, head: bytes = b""
    ) -> int:
        chunks = scanner.chunks
        pieces = scanner.feed(view)
        if scanner.chunks - chunks > DENSE_CHUNKS:
            put_on(self.source, DenseConnection)
        framing_bytes = sum(map(len, pieces)) + self.moved_bytes - scanner.payload_bytes
        self.overhead_bytes += len(head) + framing_bytes
        self.moved_bytes = scanner.payload_bytes
        self.is_open = not scanner.done
        if scanner.done and self.direction is Direction.RESPONSE:
            # Other clients will have this backend connection.
            take_off(self.source, DenseConnection)
        if head:
            # Judged before the head leaves: where the framing is broken at once, nothing was sent.
            pieces = [head, *pieces]
        if pieces:
            self.sink.send(pieces[0] if len(pieces) == 1 else b"".join(pieces))
            self.press()
        return scanner.consumed

    def press(self) -> None:
        """Backpressure: a sink that holds too much stops its source."""
        if self.sink.unsent.is_full:
            self.sink.is_full = True
            self.source.pause(PauseReason.SINK_FULL)

    def cut_sentence(self) -> str:
        """Return where the message broke off, in words."""
        if self.scanner is not None:
            return self.scanner.position()
        if self.remaining >= UNBOUNDED >> 1:
            return f"after {self.moved_bytes:,} bytes of a body without a length"
        total = self.moved_bytes + self.remaining
        return f"after {self.moved_bytes:,} of {total:,} body bytes"
