"""Bytes as people read them: offset, hex digits, and the text of those that have one."""

from collections.abc import Iterator

HEX_LINE_BYTES = 16
"""Bytes in one line: what every such tool has."""


def hex_lines(data: bytes, first: int = 0) -> Iterator[str]:
    """Yield `data` in lines of 16 bytes; `first` is the offset of the first one."""
    for at in range(0, len(data), HEX_LINE_BYTES):
        piece = data[at : at + HEX_LINE_BYTES]
        yield f"{first + at:08x}  {hex_cells(piece)}  {printable(piece)}"


def hex_cells(piece: bytes) -> str:
    """Return up to 16 bytes as hex digits, in two groups, always as wide as 16 would be."""
    cells = [f"{byte:02x}" for byte in piece]
    return f"{' '.join(cells[:8])}  {' '.join(cells[8:])}".ljust(3 * HEX_LINE_BYTES)


def printable(piece: bytes) -> str:
    """Return one character for each byte: a dot for what is no printable ASCII."""
    return "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in piece)
