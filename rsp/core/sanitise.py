"""The one sanitiser: what strangers sent, made safe to show on a terminal.

Control characters become visible pictures, bidirectional overrides and zero-width characters a
replacement mark, and everything is cut to a length. Bytes are read as latin-1, for HTTP has no
other encoding of its own (RFC 9110, section 5.5).
"""

import msgspec

SHOWN_CHARACTERS = 4096
"""A cell, a line or a message never shows more than this many characters of a stranger's text."""

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def _table() -> dict[int, str]:
    table = {code: chr(0x2400 + code) for code in range(0x20)}
    table[0x7F] = "\N{SYMBOL FOR DELETE}"
    table.update(dict.fromkeys(range(0x80, 0xA0), _REPLACEMENT))
    hidden = [0xAD, 0x61C, 0x180E, *range(0x200B, 0x2010), *range(0x2028, 0x202F)]
    hidden += [*range(0x2060, 0x2070), 0xFEFF, *range(0xFFF9, 0xFFFC), *range(0xE0000, 0xE0080)]
    hidden += range(0xD800, 0xE000)
    table.update(dict.fromkeys(hidden, _REPLACEMENT))
    return table


_TABLE = _table()


def _escapes() -> dict[int, str]:
    escapes = {}
    for code in _TABLE:
        utf16 = chr(code).encode("utf-16-be", "surrogatepass").hex()
        escapes[code] = "".join(f"\\u{utf16[at : at + 4]}" for at in range(0, len(utf16), 4))
    # Between its strings JSON may have line ends and tabs; inside them it has no C0 at all.
    return {code: escape for code, escape in escapes.items() if code >= 0x20}


_ESCAPES = _escapes()


def safe_json(text: str) -> str:
    """Return a JSON document with all that `safe` replaces written as `\\u` and four digits.

    To a program it says the same (RFC 8259, section 7), and no terminal obeys it.
    """
    is_plain = text.isascii() and "\x7f" not in text
    return text if is_plain else text.translate(_ESCAPES)


def json_of(value: object, *, is_indented: bool = False) -> str:
    """Return a value as the JSON that a person gets, in one line or in many; see `safe_json`."""
    text = safe_json(msgspec.json.encode(value).decode())
    return msgspec.json.format(text) if is_indented else text


def safe(untrusted: str | bytes, length: int = SHOWN_CHARACTERS) -> str:
    """Return `untrusted` as one line of at most `length` characters that no terminal obeys.

    C0 controls and DEL become their pictures (U+2400 on); C1 controls, lone surrogates,
    bidirectional and zero-width characters become U+FFFD. A cut is marked by an ellipsis.
    """
    text = untrusted.decode("latin-1") if isinstance(untrusted, bytes) else untrusted
    if len(text) > length:
        text = text[: max(length - 1, 0)] + "…"
    # Plain printable ASCII is the common case, and needs no look at each character.
    if text.isascii() and text.isprintable():
        return text
    return text.translate(_TABLE)
