"""A pipe whose sink has faults: it tells the books about that where messages begin."""

from rsp.core.http1.framing import Body, BodyKind
from rsp.core.limits import Limits
from rsp.engine.lab.connection import TamperedConnection
from rsp.engine.lab.tampering import Tampering
from rsp.engine.pipe import Books, Pipe


class TamperedPipe(Pipe):
    """A pipe that goes to a `TamperedConnection`, as long as it does."""

    __slots__ = ()

    def _tampering(self) -> Tampering | None:
        sink = self.sink
        return sink.tampering if isinstance(sink, TamperedConnection) else None

    def begin(self, head: bytes, body: Body, rest: bytes, limits: Limits, *, decode: bool) -> int:
        """Send a head, as every pipe does."""
        tampering = self._tampering()
        if tampering is not None:
            kind = BodyKind.UNTIL_CLOSE if decode else body.kind
            tampering.begin(len(head), kind)
        return super().begin(head, body, rest, limits, decode=decode)

    def begin_bare(self, head: bytes) -> None:
        """Send a head without a body, as every pipe does."""
        tampering = self._tampering()
        if tampering is not None:
            tampering.begin(len(head), BodyKind.NONE)
        super().begin_bare(head)

    def add(self, piece: bytes) -> None:
        """Send something that belongs to no body, as every pipe does."""
        tampering = self._tampering()
        if tampering is not None:
            tampering.add(len(piece))
        super().add(piece)

    def open(self, head: bytes = b"", rest: bytes = b"") -> None:
        """Pass on everything from now on, as every pipe does."""
        tampering = self._tampering()
        if tampering is not None:
            tampering.begin(len(head), BodyKind.UNTIL_CLOSE)
        super().open(head, rest)

    def books(self) -> Books:
        """Return what passed, without what was lost of heads and chunk framing.

        Where it differs is what is known so far: what leaves next may tell it better.
        """
        *passed, where = super().books()
        tampering = self._tampering()
        if tampering is not None:
            passed[1] -= tampering.lost_overhead_bytes
            if tampering.audit is not None and where is None:
                where = tampering.audit.first_divergence()
        in_bytes, overhead_bytes, parted_in_bytes, parted_out_bytes, parted_left_bytes = passed
        return (
            in_bytes, overhead_bytes, parted_in_bytes, parted_out_bytes, parted_left_bytes, where,
        )  # fmt: skip

    def settle(self) -> None:
        """Take over for good what the books of the sink say: the pipe parts from it."""
        tampering = self._tampering()
        if tampering is not None:
            _, self.overhead_bytes, *_, self.first_divergence = self.books()
            tampering.lost_overhead_bytes = 0
