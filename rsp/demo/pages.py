"""Content whose every line says where it belongs, so that a loss can be seen and located."""

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache

from rsp.demo.numbers import BLOCK_BYTES, LINE_BYTES


@lru_cache(maxsize=4)
def numbered_page(length_bytes: int) -> bytes:
    """Return a page of `length_bytes`: each line of 16 bytes holds its own offset."""
    lines = (b"%0*d\n" % (LINE_BYTES - 1, at) for at in range(0, length_bytes, LINE_BYTES))
    return b"".join(lines)[:length_bytes]


BLOCK = numbered_page(BLOCK_BYTES)
"""One piece of a big file; big files repeat it, so that they cost no memory."""


@dataclass(slots=True)
class PageCheck:
    """Compares what arrives with the page that was sent, piece by piece."""

    page: bytes
    received_bytes: int = 0
    first_bad_offset: int | None = None
    """Where the first byte stands that differs from the page; None while all agree."""
    _hash: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def feed(self, piece: bytes) -> None:
        """Take the next bytes of the body."""
        if self.first_bad_offset is None:
            expected = self.page[self.received_bytes : self.received_bytes + len(piece)]
            if piece != expected:
                self.first_bad_offset = self.received_bytes + _first_difference(piece, expected)
        self._hash.update(piece)
        self.received_bytes += len(piece)

    @property
    def missing_bytes(self) -> int:
        """How many bytes of the page never arrived."""
        return len(self.page) - self.received_bytes

    @property
    def received_hash(self) -> str:
        """SHA-256 of what arrived, in hexadecimal."""
        return self._hash.hexdigest()

    @property
    def is_whole(self) -> bool:
        """Whether exactly the page arrived."""
        return self.received_hash == hashlib.sha256(self.page).hexdigest()


def _first_difference(one: bytes, other: bytes) -> int:
    for at, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return at
    return min(len(one), len(other))
