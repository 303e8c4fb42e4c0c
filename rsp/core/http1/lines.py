"""Field lines of heads, judged once each: the same line comes again in most heads.

A client repeats nearly all of its lines (User-Agent, Accept, Host) in every request, and a server
most of its own. A line that was judged before is recognised by one look-up. What is judged is the
line alone; whatever depends on other lines is the business of `request.py` and `response.py`.
"""

import re
from collections.abc import Collection
from typing import Final

from rsp.core.http1.errors import BadMessage
from rsp.core.limits import KNOWN_HEAD_FIELDS, KNOWN_LINE_BYTES, KNOWN_LINES, Limits
from rsp.core.redact import is_secret_field

Field = tuple[bytes, bytes]
Special = dict[bytes, list[bytes]]
"""Lower-cased names of the fields that mean something to a proxy, with all their values."""

TOKEN: Final = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]"
VALUE: Final = rb"[\t\x20-\x7e\x80-\xff]"

_line = re.compile(rb"(" + TOKEN + rb"++):[ \t]*+(" + VALUE + rb"*+)").fullmatch
_spaced_line = re.compile(rb"(" + TOKEN + rb"++)[ \t]++(:" + VALUE + rb"*+)").fullmatch

Known = tuple[Field, bytes | None, bytes]
"""A judged line: its field, its name in lower case when it is special, and what is passed on."""

_nothing: dict[bytes, Known] = {}


class Lines:
    """Judges the field lines of one kind of message, and remembers what it found."""

    __slots__ = (
        "_dropped", "_known", "_mends_blanks", "_special", "_status_long", "_status_wrong",
        "_watched",
    )  # fmt: skip

    def __init__(
        self,
        special: Collection[bytes],
        *,
        watched: Collection[bytes] = (),
        dropped: bytes = b"",
        for_response: bool = False,
    ) -> None:
        self._special = special
        self._watched = watched
        """Fields that are counted among the special ones, and are passed on as they are."""
        self._dropped = dropped
        """A field whose name has one of these characters is not passed on."""
        self._known: dict[bytes, Known] = {}
        self._status_wrong = 502 if for_response else 400
        self._status_long = 502 if for_response else 431
        self._mends_blanks = for_response

    def judge(self, lines: list[bytes], limits: Limits) -> list[Known]:
        """Return what each of `lines` is; they come without their CRLF, and in their order.

        Raises:
            BadMessage: there are too many, one is too long, or one is no field line.
        """
        if len(lines) > limits.header_fields:
            raise BadMessage(
                self._status_long, f"The head has more than {limits.header_fields} fields."
            )
        # What is known is short, but a configuration may want lines that are shorter still.
        is_trusted = limits.header_field_bytes >= KNOWN_LINE_BYTES
        get = self._known.get if is_trusted else _nothing.get
        return [get(line) or self._judge(line, limits) for line in lines]

    def remembers(self, lines: list[bytes]) -> bool:
        """Tell whether all of `lines` are remembered: few, short, and none of them a secret."""
        return len(lines) <= KNOWN_HEAD_FIELDS and all(map(self._known.__contains__, lines))

    def _judge(self, line: bytes, limits: Limits) -> Known:
        match = _line(line)
        if match is None and self._mends_blanks:
            # RFC 9112, section 5.1: a proxy must remove blanks before the colon in a response.
            spaced = _spaced_line(line)
            match = _line(spaced[1] + spaced[2]) if spaced else None
        if match is None:
            raise BadMessage(self._status_wrong, _what_is_wrong(line))
        name, value = match[1], match[2].rstrip(b" \t")
        if len(name) + len(value) > limits.header_field_bytes:
            raise BadMessage(
                self._status_long,
                f"A header field is longer than {limits.header_field_bytes} bytes.",
            )
        lowered = name.lower()
        is_special = lowered in self._special
        is_dropped = is_special or (self._dropped and self._dropped in name)
        out = b"" if is_dropped else b"%b: %b\r\n" % (name, value)
        is_named = is_special or lowered in self._watched
        judged = (name, value), lowered if is_named else None, out
        if len(line) <= KNOWN_LINE_BYTES and not is_secret_field(name):
            if len(self._known) >= KNOWN_LINES:
                self._known.clear()
            self._known[line] = judged
        return judged


def _what_is_wrong(line: bytes) -> str:
    """Return the sentence that says why `line` is no field line."""
    if b"\n" in line or b"\r" in line:
        return "A line of the head ends in a bare CR or LF instead of CRLF."
    if line[:1] in (b" ", b"\t"):
        return "A line of the head begins with a blank: folded lines are not accepted."
    if b":" not in line:
        return "A line of the head has no colon."
    if _spaced_line(line):
        return "A header field has a blank between its name and the colon."
    return "A header field has a character that must not be there."


def fields_of(judged: list[Known]) -> list[Field]:
    """Return the fields of judged lines, as received."""
    return [field for field, _, _ in judged]


def passing_of(judged: list[Known], removed: Collection[bytes] = ()) -> bytes:
    """Return the lines that are passed on as they are, less those whose names are `removed`."""
    if not removed:
        return b"".join([out for _, _, out in judged])
    return b"".join([out for field, _, out in judged if field[0].lower() not in removed])


def special_of(judged: list[Known]) -> Special:
    """Return the values of the special fields, by their names in lower case."""
    special: Special = {}
    for field, name, _ in judged:
        if name is not None:
            special.setdefault(name, []).append(field[1])
    return special
