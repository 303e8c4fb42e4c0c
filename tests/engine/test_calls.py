"""The ring of recorded calls: what each says about an errno."""

import pytest

from rsp.core.vocabulary import Side
from rsp.engine.calls import CallRing
from rsp.engine.nonblocking import NO_MEMORY, WOULD_BLOCK


@pytest.mark.parametrize(
    ("got_bytes", "error", "note"),
    [
        (WOULD_BLOCK, "EAGAIN", "kernel send buffer full: wait for room"),
        (NO_MEMORY, "ENOBUFS", ""),
        (3, None, "short write: 2 bytes kept"),
        (5, None, ""),
    ],
)
def test_a_send_says_what_the_kernel_said(got_bytes: int, error: str | None, note: str) -> None:
    ring = CallRing(0.0)
    ring.record(1.0, 7, Side.CLIENT, "send", 5, got_bytes, 0)
    (row,) = ring.rows()
    assert (row.error, row.note) == (error, note)
