"""Bytes as people read them: offset, hex digits, and the text of those that have one."""

from collections.abc import Iterator

HEX_LINE_BYTES = 16
"""Bytes in one line: what every such tool has. With its offset that is 74 cells, so that it stands
on a screen of 80 with a border and a mark."""


def hex_lines(data: bytes, first: int = 0, line_bytes: int = HEX_LINE_BYTES) -> Iterator[str]:
    """Yield `data` in lines of `line_bytes`; `first` is the offset of the first byte."""
    for at in range(0, len(data), line_bytes):
        piece = data[at : at + line_bytes]
        yield f"{first + at:08x} {hex_cells(piece, line_bytes)} {printable(piece)}"


def hex_cells(piece: bytes, line_bytes: int = HEX_LINE_BYTES) -> str:
    """Return bytes as hex digits, in groups of eight, as wide as `line_bytes` of them would be."""
    cells = [f"{byte:02x}" for byte in piece]
    groups = [" ".join(cells[at : at + 8]) for at in range(0, len(cells), 8)]
    return "  ".join(groups).ljust(3 * line_bytes - 1 + (line_bytes - 1) // 8)


def printable(piece: bytes) -> str:
    """Return one character for each byte: a dot for what is no printable ASCII."""
    return "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in piece)
