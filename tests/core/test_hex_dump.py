"""Bytes as hex digits and text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsp.core.hex_dump import hex_cells, hex_lines, printable


def test_a_line_has_the_offset_the_digits_and_the_text() -> None:
    assert list(hex_lines(b"GET / HTTP/1.1\r\n\xff", 0x1000)) == [
        "00001000 47 45 54 20 2f 20 48 54  54 50 2f 31 2e 31 0d 0a GET / HTTP/1.1..",
        f"00001010 ff{' ' * 46} .",
    ]


@given(st.binary(max_size=100), st.integers(0, 1 << 30), st.sampled_from([8, 16]))
def test_no_byte_is_lost_and_every_column_stands_straight(
    data: bytes, first: int, line_bytes: int
) -> None:
    lines = list(hex_lines(data, first, line_bytes))
    wide = len(hex_cells(bytes(line_bytes), line_bytes))
    back = b"".join(bytes.fromhex(line[9 : 9 + wide]) for line in lines)
    assert back == data
    assert [int(line[:8], 16) for line in lines] == list(
        range(first, first + len(data), line_bytes)
    )
    assert "".join(line[10 + wide :] for line in lines) == printable(data)


@pytest.mark.parametrize("byte", [0x00, 0x0A, 0x1B, 0x7F, 0x85, 0xFF])
def test_what_no_terminal_should_see_is_a_dot(byte: int) -> None:
    assert printable(bytes([byte])) == "."
