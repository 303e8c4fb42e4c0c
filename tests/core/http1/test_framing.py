"""The scanner of chunked bodies: strict, and the same however the bytes are cut."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsp.core.http1.errors import BadMessage
from rsp.core.http1.framing import NO_BODY, Body, BodyKind, ChunkedScanner
from rsp.core.limits import Limits

LIMITS = Limits()
END = b"0\r\n\r\n"


def scan(
    pieces: list[bytes], *, decode: bool = False, limits: Limits = LIMITS
) -> tuple[bytes, ChunkedScanner, int]:
    """Feed `pieces`; return what is passed on, the scanner, and how many bytes were the body's."""
    scanner, passed, consumed = ChunkedScanner(limits, decode=decode), b"", 0
    for piece in pieces:
        if scanner.done:
            break
        passed += b"".join(scanner.feed(memoryview(piece)))
        consumed += scanner.consumed
    return passed, scanner, consumed


def bytewise(body: bytes) -> list[bytes]:
    return [body[i : i + 1] for i in range(len(body))]


def test_whole_chunks_are_passed_on_without_a_copy() -> None:
    view = memoryview(b"5\r\nhello\r\n6\r\n world\r\n" + END)
    scanner = ChunkedScanner(LIMITS, decode=False)
    pieces = scanner.feed(view)
    assert len(pieces) == 1
    assert pieces[0] is view
    assert (scanner.done, scanner.consumed, scanner.payload_bytes) == (True, len(view), 11)


def test_a_long_chunk_is_followed_through_many_reads() -> None:
    scanner = ChunkedScanner(LIMITS, decode=True)
    assert scanner.feed(memoryview(b"30000\r\n")) == []
    view = memoryview(bytes(0x10000))
    for _ in range(3):
        assert scanner.feed(view)[0] is view
    assert scanner.feed(memoryview(b"\r\n" + END)) == []
    assert (scanner.done, scanner.payload_bytes, scanner.chunks) == (True, 0x30000, 2)


def test_the_next_message_is_left_alone() -> None:
    body = b"5\r\nhello\r\n" + END
    passed, scanner, consumed = scan([body + b"GET / HTTP/1.1\r\n"])
    assert (passed, consumed, scanner.done) == (body, len(body), True)


def test_an_empty_read_changes_nothing() -> None:
    assert scan([b"", b"5\r\nhel", b"", b"lo\r\n", END])[0] == b"5\r\nhello\r\n" + END


@pytest.mark.parametrize("cut", [lambda body: [body], bytewise])
@pytest.mark.parametrize(
    ("body", "passed"),
    [
        (b'5;a=b\r\nhello\r\n0;c="d e"\r\n\r\n', b"5\r\nhello\r\n" + END),
        (b"5 \t;a\r\nhello\r\n" + END, b"5\r\nhello\r\n" + END),
        (b"5\r\nhello\r\n0\r\nA: b\r\nHost: evil\r\n\r\n", b"5\r\nhello\r\n" + END),
        (b"0005\r\nhello\r\n000\r\n\r\n", b"0005\r\nhello\r\n000\r\n\r\n"),
        (b"aB\r\n" + bytes(0xAB) + b"\r\n" + END, b"aB\r\n" + bytes(0xAB) + b"\r\n" + END),
        (b"2\r\n\r\n\r\n" + END, b"2\r\n\r\n\r\n" + END),
    ],
)
def test_extensions_and_trailers_are_dropped(body: bytes, passed: bytes, cut) -> None:  # type: ignore[no-untyped-def]
    """RFC 9112, sections 7.1.1 and 7.1.2."""
    result, scanner, consumed = scan(cut(body))
    assert (result, scanner.done, consumed) == (passed, True, len(body))


@pytest.mark.parametrize("cut", [lambda body: [body], bytewise])
@pytest.mark.parametrize(
    "body",
    [
        b"\r\n5\r\nhello\r\n",
        b" 5\r\nhello\r\n",
        b"5 \r\nhello\r\n",
        b"5\nhello\r\n",
        b"5\r\rhello",
        b"+5\r\nhello\r\n",
        b"-5\r\nhello\r\n",
        b"0x5\r\nhello\r\n",
        b"5_0\r\nhello\r\n",
        b"\xb2\r\nhello\r\n",
        b"g\r\n",
        b"\r\n",
        b";a\r\n",
        b"0" * 17 + b"\r\n\r\n",
        b"8000000000000000\r\nhello",
        b"5;a\nb\r\nhello\r\n",
        b"5;a\rb\r\nhello\r\n",
        b"5;a\x00b\r\nhello\r\n",
        b"5;" + b"a" * 256 + b"\r\nhello\r\n",
        b"5\r\nhelloX5\r\n",
        b"5\r\nhello\n5\r\n",
        b"5\r\nhello\r5\r\n",
        b"5\r\nhello5\r\nworld\r\n",
        b"5\r\nhello\r\n\r\n0\r\n\r\n",
        b"0\r\n\n",
        b"0\r\nA: b\n\r\n\r\n",
        b"0\r\nA : b\r\n\r\n",
        b"0\r\nno colon\r\n\r\n",
        b"0\r\nA: b\r\n folded\r\n\r\n",
        b"0\r\nA: " + b"b" * 8192 + b"\r\n\r\n",
    ],
    ids=lambda value: repr(value)[:60],
)
def test_broken_framing_is_refused(body: bytes, cut) -> None:  # type: ignore[no-untyped-def]
    """RFC 9112, section 7.1, and its erratum 7633 for bare LF."""
    for decode in (False, True):
        with pytest.raises(BadMessage) as caught:
            scan(cut(body), decode=decode)
        assert caught.value.status == 400


def test_extensions_are_limited_on_each_line_and_in_all() -> None:
    scan([b"1;" + b"a" * 255 + b"\r\nx\r\n" + END])
    limits = replace(LIMITS, chunk_extensions_bytes=30)
    chunk = b"1;" + b"a" * 9 + b"\r\nx\r\n"
    scan([chunk * 3 + END], limits=limits)
    with pytest.raises(BadMessage, match="extensions"):
        scan([chunk * 4 + END], limits=limits)


def test_the_position_says_where_a_body_broke_off() -> None:
    chunk = b"2000\r\n" + bytes(0x2000) + b"\r\n"
    assert scan([])[1].position() == "before chunk 1, after 0 bytes"
    assert scan([chunk * 117])[1].position() == "before chunk 118, after 958,464 bytes"
    inside = "inside chunk 118: size line said 8,192, 3,017 arrived"
    assert scan([chunk * 117 + chunk[: 6 + 3017]])[1].position() == inside
    assert scan([chunk * 117 + chunk[:6], chunk[6 : 6 + 3017]])[1].position() == inside
    assert scan([chunk + b"0\r\n"])[1].position() == "in the trailers, after 8,192 bytes"
    assert scan([chunk + END])[1].position() == "after the last chunk, 8,192 bytes in all"


def test_a_body_knows_whether_any_byte_follows() -> None:
    assert NO_BODY.is_empty
    assert Body(BodyKind.LENGTH, 0).is_empty
    assert not Body(BodyKind.LENGTH, 1).is_empty
    assert not Body(BodyKind.CHUNKED).is_empty
    assert not Body(BodyKind.UNTIL_CLOSE).is_empty


EXTENSIONS = st.sampled_from([b"", b"", b"", b";a", b';a="b c"', b" ;x=y"])
CHUNKS = st.lists(st.tuples(st.binary(min_size=1, max_size=40), EXTENSIONS), max_size=8)
TRAILERS = st.sampled_from([b"", b"", b"A: b\r\n", b"A: b\r\nC:\r\n"])
CUTS = st.lists(st.integers(min_value=0, max_value=600), max_size=12)


@given(CHUNKS, TRAILERS, CUTS, st.booleans(), st.sampled_from([b"5\r\nnext", b"\r\n", b"\r\nG"]))
def test_any_cutting_gives_the_same_result(
    chunks: list[tuple[bytes, bytes]],
    trailers: bytes,
    cuts: list[int],
    decode: bool,
    follows: bytes,
) -> None:
    lines = [b"%x%b\r\n%b\r\n" % (len(data), extension, data) for data, extension in chunks]
    body = b"".join(lines) + b"0\r\n" + trailers + b"\r\n"
    payload = b"".join(data for data, _ in chunks)
    framed = b"".join(b"%x\r\n%b\r\n" % (len(data), data) for data, _ in chunks) + END
    marks = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    cut = [body[a:b] for a, b in pairwise(marks)]
    cut[-1] += follows
    for pieces in (cut, bytewise(body + follows), [body + follows]):
        passed, scanner, consumed = scan(pieces, decode=decode)
        assert passed == (payload if decode else framed)
        assert scanner.done
        assert consumed == len(body)
        assert scanner.payload_bytes == len(payload)


@given(CHUNKS, st.lists(st.integers(min_value=1, max_value=9), min_size=1, max_size=60))
def test_a_chunk_that_has_come_is_passed_on_to_its_last_byte(
    chunks: list[tuple[bytes, bytes]], sizes: list[int]
) -> None:
    body = b"".join(b"%x%b\r\n%b\r\n" % (len(data), more, data) for data, more in chunks)
    scanner, passed, fed = ChunkedScanner(LIMITS, decode=False), b"", 0
    for size in sizes:
        passed += b"".join(scanner.feed(memoryview(body[fed : fed + size])))
        fed = min(fed + size, len(body))
        came, at = b"", 0
        for data, more in chunks:
            at += len(b"%x%b\r\n%b\r\n" % (len(data), more, data))
            came += b"%x\r\n%b\r\n" % (len(data), data) if at <= fed else b""
        assert passed.startswith(came)


@given(st.lists(st.sampled_from([b"5", b"0", b"\r", b"\n", b"\r\n", b";", b"a", b" ", b":"])))
def test_any_cutting_gives_the_same_verdict(parts: list[bytes]) -> None:
    body = b"".join(parts)

    def verdict(pieces: list[bytes]) -> object:
        try:
            passed, scanner, consumed = scan(pieces, decode=True)
        except BadMessage:
            return "refused"
        return passed, scanner.done, consumed

    assert verdict([body]) == verdict(bytewise(body))
