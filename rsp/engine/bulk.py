"""Bulk: the kernel moves a piece from one connection to the other by itself.

The same as a read and a send, counter for counter, with a quarter of the calls and no copy; what
the sink does not take is unsent, like everything that it does not take.
"""

from rsp.core.limits import READ_BYTES
from rsp.engine.connection import Connection
from rsp.engine.nonblocking import EOF, PeerGone


def splice(source: Connection, sink: Connection, most_bytes: int) -> int:
    """Move up to `most_bytes` from `source` to `sink`, and return how many came.

    0 when that cannot be done now: what is unsent goes first, recorded calls must be what they
    look like, and a sink whose kernel still holds bytes does not keep up. Of one that does, the
    kernel takes `notsent_lowat_bytes` at least; `most_bytes` is that much, the high-water mark and
    one read, so that no more than ever is left here.
    """
    if sink.unsent.data or not sink.is_writable or source.calls is not None:
        return 0
    if not (sink.is_plain and source.is_plain):
        return 0
    siphon = source.poller.siphon
    if not siphon.suits(sink.sock):
        return 0
    try:
        count = siphon.fill(source.sock, most_bytes)
    except PeerGone as error:
        source.on_gone(str(error))
        return 0
    if count <= EOF:
        # Nothing, or something that only `recv` can pass, such as an urgent byte: it decides.
        source.is_bulk = False
        return 0
    source.bytes_in += count
    source.is_bulk = count >= READ_BYTES
    _pour(sink, count)
    return count


def _pour(sink: Connection, count: int) -> None:
    """Send the `count` bytes in the siphon; what the kernel does not take is kept."""
    siphon = sink.poller.siphon
    try:
        taken = siphon.pour(sink.sock)
    except PeerGone as error:
        sink.on_write_error(error, len(siphon.take_back()))
        return
    if taken == count:
        sink.bytes_out += count
    else:
        sink.keep(siphon.take_back(), taken)
