"""A body that is kept passes unchanged, and can be fed once more."""

import pytest

from rsp.core.http1.framing import ChunkedScanner
from rsp.core.http1.kept import KeptBody
from rsp.core.limits import Limits

BODY = b"0123456789"
CHUNKED = b"4\r\n0123\r\n6;x=y\r\n456789\r\n0\r\nTrailer: dropped\r\n\r\n"


def fed(body: KeptBody, *pieces: bytes) -> bytes:
    return b"".join(bytes(part) for piece in pieces for part in body.feed(memoryview(piece)))


@pytest.mark.parametrize("cut", range(1, len(BODY)))
def test_what_passed_before_and_after_is_kept(cut: int) -> None:
    body = KeptBody(BODY[:cut], len(BODY) - cut, None, most_bytes=100)
    assert not body.done
    assert fed(body, BODY[cut:] + b"next") == BODY[cut:]
    assert (body.consumed, body.done, body.kept) == (len(BODY) - cut, True, BODY)
    assert body.payload_bytes == len(BODY)


@pytest.mark.parametrize("cut", range(1, len(CHUNKED)))
def test_a_chunked_body_is_kept_with_its_framing(cut: int) -> None:
    scanner = ChunkedScanner(Limits(), decode=False)
    before = b"".join(bytes(part) for part in scanner.feed(memoryview(CHUNKED[:cut])))
    body = KeptBody(CHUNKED[:cut], 0, scanner, most_bytes=100)
    after = fed(body, CHUNKED[cut:] + b"next")
    assert before + after == b"4\r\n0123\r\n6\r\n456789\r\n0\r\n\r\n"
    assert (body.done, body.kept, body.payload_bytes) == (True, CHUNKED, len(BODY))


def test_too_much_passes_and_is_not_kept() -> None:
    body = KeptBody(b"", 10, None, most_bytes=7)
    assert fed(body, BODY[:7]) == BODY[:7]
    assert body.kept == BODY[:7]
    assert fed(body, BODY[7:]) == BODY[7:]
    assert body.kept is None
    assert body.done
    assert body.position() == "after 10 of 10 bytes"
