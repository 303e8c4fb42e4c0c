"""What a watched session is shown to have sent: no secret, wherever its bytes were cut."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from rsp.core.lab_limits import PEEK_LOOK_BYTES
from rsp.core.peek import Peek
from rsp.core.redact import Redactor, masked

SECRETS = tuple(f"KaNaRi{number:02}zq" for number in range(7))
HEAD = (
    f"GET /?token={SECRETS[0]}&b=1 HTTP/1.1\r\n"
    "Host: www.example\r\n"
    f"Cookie: id={SECRETS[1]}; theme=dark\r\n"
    f"Authorization: Bearer {SECRETS[2]}\r\n"
    f"x-api-key: {SECRETS[3]},\r\n {SECRETS[4]}\r\n"
    f"Referer: http://me:{SECRETS[5]}@elsewhere.example/\r\n"
    "Accept: */*\r\n\r\n"
).encode()
ANSWER = f"HTTP/1.1 200 OK\r\nSet-Cookie: id={SECRETS[6]}; Path=/\r\n\r\nhello".encode()
TELLING = 6
"""So many characters of a secret in a row give it away."""


def given_away(shown: bytes) -> list[str]:
    text = shown.decode("latin-1")
    return [
        part
        for secret in SECRETS
        for at in range(len(secret) - TELLING + 1)
        if (part := secret[at + 0 : at + TELLING]) in text and part != "KaNaRi"
    ]


def fed(pieces: list[bytes], most_bytes: int, *, begins_inside: bool = False) -> Peek:
    peek = Peek(begins_inside, most_bytes)
    for piece in pieces:
        peek.take(piece)
        assert len(peek.data) <= most_bytes
        assert given_away(peek.shown_bytes()) == []
    return peek


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(ends)]


@given(st.lists(st.integers(0, 2000), max_size=8), st.integers(1, 900), st.integers(1, 4))
def test_no_secret_is_shown_however_it_comes_and_is_forgotten(
    places: list[int], most_bytes: int, times: int
) -> None:
    data = (HEAD + ANSWER) * times
    peek = fed(cut(data, places), most_bytes)
    shown = peek.shown_bytes()
    assert len(shown) == len(peek.data)
    assert peek.from_offset + len(shown) == len(data)
    differs = [at for at, byte in enumerate(shown) if byte != peek.data[at]]
    assert all(shown[at] == ord("*") for at in differs)


@given(st.integers(0, len(HEAD) - 1))
def test_a_watch_that_begins_in_the_midst_of_a_head_shows_none(start: int) -> None:
    fed([HEAD[start:], ANSWER], 10_000, begins_inside=start > 0)


def test_a_field_that_is_longer_than_what_is_looked_at() -> None:
    value = (SECRETS[0] * PEEK_LOOK_BYTES)[: 4 * PEEK_LOOK_BYTES]
    long = f"Cookie: a={value}\r\nAccept: x\r\n\r\n".encode()
    for size in (1, 999, 65536):
        pieces = [long[at : at + size] for at in range(0, len(long), size)]
        peek = Peek(most_bytes=1000)
        for piece in pieces:
            peek.take(piece)
        assert given_away(peek.shown_bytes()) == []
        assert peek.shown_bytes().endswith(b"*\r\nAccept: x\r\n\r\n")


def test_what_is_no_secret_is_shown_as_it_came() -> None:
    peek = fed([b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"], 1000, begins_inside=True)
    assert peek.shown_bytes() == b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    peek.forget()
    assert (peek.held_bytes, peek.from_offset) == (0, 27)
    peek.take(b"rest of who knows what\nmore")
    assert peek.shown_bytes() == b"*" * 22 + b"\nmore"


@given(st.text(st.characters(max_codepoint=255), max_size=400), st.booleans())
def test_a_mask_is_as_long_as_what_it_hides(text: str, begins_inside: bool) -> None:
    shown = masked(text, begins_inside=begins_inside)
    assert len(shown) == len(text)
    assert shown.count("\n") <= text.count("\n")


def test_heads_are_found_with_their_offsets_and_marks_for_secrets() -> None:
    peek = fed([b"noise\n", HEAD, ANSWER, b"\nHTTP/1.1 304 Not Modified\r\nETag: "], 10_000)
    one, two, three = peek.heads("request", Redactor(b"x" * 16))
    assert (one.offset, one.is_whole) == (6, True)
    assert two.offset == 6 + len(HEAD)
    assert three.lines == ["HTTP/1.1 304 Not Modified", "ETag: "]
    assert not three.is_whole
    lines = "\n".join(one.lines + two.lines)
    assert given_away(lines.encode()) == []
    assert lines.count("<secret ") >= 6
    assert one.lines[1] == "Host: www.example"
