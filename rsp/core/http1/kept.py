"""A request body that is kept while it passes, for as long as it may have to be sent again."""

from typing import Final

from rsp.core.http1.framing import ChunkedScanner

Piece = memoryview | bytes
_NOTHING: Final[list[Piece]] = []


class KeptBody:
    """Stands in a pipe where a `ChunkedScanner` may stand, and keeps what it lets through.

    It keeps the bytes as the client sent them, framing and all, so that they can be fed once more.
    A body that turns out longer than `most_bytes` passes all the same, and nothing of it is kept.
    """

    __slots__ = ("_left_bytes", "_most_bytes", "consumed", "kept", "payload_bytes", "scanner")

    def __init__(
        self, sent: bytes, left_bytes: int, scanner: ChunkedScanner | None, *, most_bytes: int
    ) -> None:
        """Go on behind `sent`, which has been passed on already.

        What is left is `left_bytes`, or what `scanner` says when the body is chunked.
        """
        self._left_bytes = left_bytes
        self.scanner = scanner
        self._most_bytes = most_bytes
        self.kept: bytes | None = sent
        """What has passed; None when it was too much to keep."""
        self.consumed = 0
        """Bytes of the last `feed` that belong to this body; the rest is the next message."""
        self.payload_bytes = len(sent) if scanner is None else scanner.payload_bytes
        """Payload bytes seen so far, framing not counted."""

    @property
    def held_bytes(self) -> int:
        """What it keeps; never nothing, for it may grow, and who holds nothing is forgotten."""
        return len(self.kept or b"") or 1

    @property
    def done(self) -> bool:
        """Whether the end of the body has been read."""
        return not self._left_bytes if self.scanner is None else self.scanner.done

    @property
    def chunks(self) -> int:
        """Size lines read so far."""
        return 0 if self.scanner is None else self.scanner.chunks

    def position(self) -> str:
        """Return where the body stands, in words for an error sentence."""
        if self.scanner is not None:
            return self.scanner.position()
        return f"after {self.payload_bytes:,} of {self.payload_bytes + self._left_bytes:,} bytes"

    def feed(self, view: memoryview) -> list[Piece]:
        """Return the parts of `view` to pass on, in order; `consumed` says how far it was read.

        Raises:
            BadMessage: 400, the framing of a chunked body is broken.
        """
        scanner = self.scanner
        if scanner is not None:
            pieces = scanner.feed(view)
            self.consumed = scanner.consumed
            self.payload_bytes = scanner.payload_bytes
        else:
            self.consumed = count = min(len(view), self._left_bytes)
            self._left_bytes -= count
            self.payload_bytes += count
            pieces = [view[:count]] if count else _NOTHING
        if self.kept is not None:
            fits = len(self.kept) + self.consumed <= self._most_bytes
            self.kept = self.kept + view[: self.consumed] if fits else None
        return pieces
