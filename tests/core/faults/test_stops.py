"""Where an HTTP message is broken off is the same however it is cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsp.core.faults.stops import StopScanner

HEAD = b"HTTP/1.1 200 OK\r\nServer: x\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNKS = [b"5\r\nfirst\r\n", b"6\r\nsecond\r\n", b"5\r\nthird\r\n"]
CHUNKED = HEAD + b"".join(CHUNKS) + b"0\r\n\r\n"
SIZED = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n1\r\nx\r\n\n"
EMPTY = b"HTTP/1.1 304 Not Modified\r\nContent-Length: 700\r\n\r\n"
ENDLESS = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nGET / HTTP/1.1\r\n\r\n0\r\n\r\n"


def passed(scanner: StopScanner, stream: bytes, cuts: list[int]) -> bytes:
    """Feed `stream` in pieces; return what may pass."""
    bounds = sorted({0, len(stream), *(cut % len(stream) for cut in cuts)})
    may = sum(scanner.feed(stream[start:end]) for start, end in pairwise(bounds))
    return stream[:may]


CASES = [
    ("headers", 1, CHUNKED, HEAD.removesuffix(b"Transfer-Encoding: chunked\r\n\r\n")),
    ("headers", 1, SIZED, b"HTTP/1.1 200 OK\r\n"),
    ("chunk_line", 1, CHUNKED, HEAD + b"5"),
    ("chunk_line", 2, CHUNKED, HEAD + CHUNKS[0] + b"6"),
    ("inside_chunk", 2, CHUNKED, HEAD + CHUNKS[0] + b"6\r\nsec"),
    ("inside_chunk", 2, SIZED + EMPTY + CHUNKED, SIZED + EMPTY + HEAD + CHUNKS[0] + b"6\r\nsec"),
    ("before_last_chunk", 1, CHUNKED, HEAD + b"".join(CHUNKS)),
]


@pytest.mark.parametrize(("point", "chunk", "stream", "before"), CASES)
@given(cuts=st.lists(st.integers(0, 500), max_size=30))
def test_it_stops_there(
    point: str, chunk: int, stream: bytes, before: bytes, cuts: list[int]
) -> None:
    scanner = StopScanner(point, chunk)
    assert passed(scanner, stream, cuts) == before
    assert scanner.is_stopped
    scanner.begin()
    assert scanner.feed(b"HTTP/1.1 200 OK\r\n\r\n") == 0


@pytest.mark.parametrize("stream", [SIZED, EMPTY, SIZED + EMPTY + SIZED, ENDLESS])
@given(cuts=st.lists(st.integers(0, 500), max_size=30))
def test_what_is_not_chunked_passes(stream: bytes, cuts: list[int]) -> None:
    scanner = StopScanner("before_last_chunk", 1)
    assert passed(scanner, stream, cuts) == stream
    assert not scanner.is_stopped


def test_a_chunk_that_never_comes_stops_nothing() -> None:
    scanner = StopScanner("inside_chunk", 4)
    assert scanner.feed(CHUNKED) == len(CHUNKED)
    assert not scanner.is_stopped


@given(st.lists(st.integers(0, 500), max_size=30))
def test_what_is_no_http_passes(cuts: list[int]) -> None:
    stream = bytes(range(256))
    assert passed(StopScanner("headers", 1), stream, cuts) == stream


def test_a_length_of_thousands_of_digits_passes() -> None:
    stream = b"POST / HTTP/1.1\r\nContent-Length: " + b"9" * 5_000 + b"\r\n\r\n" + CHUNKED
    assert passed(StopScanner("chunk_line", 1), stream, []) == stream


def test_chunks_that_are_none_pass() -> None:
    scanner = StopScanner("before_last_chunk", 1)
    stream = HEAD + b"what is this?\r\n"
    assert scanner.feed(stream) == len(stream)


def test_a_message_that_begins_is_followed_behind_a_response_to_head() -> None:
    scanner = StopScanner("before_last_chunk", 1)
    answer_to_head = b"HTTP/1.1 200 OK\r\nContent-Length: 700\r\n\r\n"
    assert scanner.feed(answer_to_head) == len(answer_to_head)
    scanner.begin()
    assert scanner.feed(CHUNKED) == len(CHUNKED) - len(b"0\r\n\r\n")
