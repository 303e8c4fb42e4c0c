"""Which bytes of a stream are payload, however it is cut and whatever of it goes first."""

from hypothesis import given
from hypothesis import strategies as st

from rsp.core.faults.layout import Layout, Runs
from rsp.core.http1.framing import BodyKind

BODIES = st.lists(st.binary(min_size=1, max_size=50), min_size=1, max_size=5)


def chunk(piece: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(piece), piece)


def payload_of(view: bytes, spans: list[tuple[int, int]]) -> bytes:
    return b"".join(view[start:end] for start, end in spans)


@given(BODIES, st.booleans())
def test_chunk_framing_is_no_payload(pieces: list[bytes], is_one: bool) -> None:
    layout = Layout()
    head = b"HTTP/1.1 200 OK\r\n\r\n"
    layout.begin(len(head), BodyKind.CHUNKED)
    stream = [head, *map(chunk, pieces), b"0\r\n\r\n"]
    sent = [b"".join(stream)] if is_one else stream
    found = [payload_of(piece, layout.spans(memoryview(piece))) for piece in sent]
    assert b"".join(found) == b"".join(pieces)


@given(st.binary(min_size=2, max_size=80), st.integers(1, 79))
def test_a_chunk_may_be_cut_inside(piece: bytes, at: int) -> None:
    layout = Layout()
    layout.begin(0, BodyKind.CHUNKED)
    whole = chunk(piece)
    at = min(len(whole) - 3, max(4, at))
    found = [payload_of(part, layout.spans(memoryview(part))) for part in (whole[:at], whole[at:])]
    assert b"".join(found) == piece


def test_it_may_begin_inside_a_chunk() -> None:
    layout = Layout()
    layout.resume(3)
    part = b"end\r\n" + chunk(b"next")
    assert payload_of(part, layout.spans(memoryview(part))) == b"endnext"


def test_a_second_message_begins_with_its_head() -> None:
    layout = Layout()
    layout.begin(2, BodyKind.UNTIL_CLOSE)
    assert layout.spans(memoryview(b"HHbody")) == [(2, 6)]
    layout.add(3)
    layout.begin(2, BodyKind.UNTIL_CLOSE)
    assert layout.spans(memoryview(b"100HHbody")) == [(5, 9)]


PIECES = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1)
"""Pieces: so many bytes of a head, and so many of a body."""


@given(PIECES, st.data())
def test_runs_give_back_what_was_put(pieces: list[tuple[int, int]], data: st.DataObject) -> None:
    runs = Runs()
    kinds = ""
    for head, body in pieces:
        runs.put(head + body, [(head, head + body)] if body else [])
        kinds += "h" * head + "b" * body
    while kinds:
        count = data.draw(st.integers(1, len(kinds)))
        if data.draw(st.booleans()):
            taken, kinds = kinds[:count], kinds[count:]
            spans = runs.take(count)
        else:
            kinds, taken = kinds[:-count], kinds[-count:]
            spans = runs.take_last(count)
        marked = ["h"] * count
        for start, end in spans:
            marked[start:end] = "b" * (end - start)
        assert "".join(marked) == taken
        assert sum(end - start for start, end in runs.all()) == kinds.count("b")
