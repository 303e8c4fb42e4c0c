"""Rules that requests and responses share: the grammar of a head, framing fields, Connection.

All of it works on bytes with explicit sets. `str` methods and `int` take too much (RFC 9110, 5.5;
non-ASCII digits, underscores, exotic white space), so nothing meets them before a `fullmatch`.
"""

import re
from functools import lru_cache
from typing import Final

from rsp.core.http1.errors import BadMessage
from rsp.core.http1.framing import CHUNKED_BODY, Body, BodyKind
from rsp.core.limits import LARGEST_LENGTH, Limits

Field = tuple[bytes, bytes]
Special = dict[bytes, list[bytes]]
"""Lower-cased names of the fields that mean something to a proxy, with all their values."""

TOKEN: Final = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]"
TOKEN_WITHOUT_UNDERSCORE: Final = rb"[!#$%&'*+.^`|~0-9A-Za-z-]"
VALUE: Final = rb"[\t\x20-\x7e\x80-\xff]"


def field_lines(name_character: bytes) -> bytes:
    """Return the pattern of all field lines, in one group, and of the empty line behind them.

    Source: RFC 9112, section 5; lines are not folded and end in CRLF.
    """
    return rb"((?:" + name_character + rb"++:" + VALUE + rb"*+\r\n)*+)\r\n"


_split = re.compile(rb"([^:]++):[\t ]*+([^\r]*+)\r\n").findall
"""Names and values of lines that are known to fit `FIELDS`; blanks behind a value remain."""

_is_token = re.compile(TOKEN + rb"+").fullmatch
_is_length = re.compile(rb"0|[1-9][0-9]{0,18}").fullmatch

_FIELD_LINE = re.compile(TOKEN + rb"+:" + VALUE + rb"*").fullmatch
_BLANK_BEFORE_COLON = re.compile(TOKEN + rb"+[ \t]+:.*", re.DOTALL).fullmatch


def fields_of(block: bytes, limits: Limits, status: int) -> list[Field]:
    """Return the fields of `block` (lines that fit `FIELDS`), values without blanks around them.

    Raises:
        BadMessage: `status`, there are too many fields or one is too long.
    """
    fields: list[Field] = _split(block)
    if len(fields) > limits.header_fields:
        raise BadMessage(status, f"The head has more than {limits.header_fields} fields.")
    if len(block) > limits.header_field_bytes:
        _refuse_long_field(fields, limits, status)
    if b" \r\n" in block or b"\t\r\n" in block:
        return [(name, value.rstrip(b" \t")) for name, value in fields]
    return fields


def _refuse_long_field(fields: list[Field], limits: Limits, status: int) -> None:
    for name, value in fields:
        if len(name) + len(value) > limits.header_field_bytes:
            raise BadMessage(
                status, f"A header field is longer than {limits.header_field_bytes} bytes."
            )


def list_members(values: list[bytes]) -> list[bytes]:
    """Return the members of a comma-separated list field, without blanks and empty members.

    Source: RFC 9110, sections 5.6.1 and 5.3 (several lines are one list).
    """
    members = [member.strip(b" \t") for value in values for member in value.split(b",")]
    return [member for member in members if member]


@lru_cache(maxsize=256)
def connection_options(value: bytes, status: int) -> frozenset[bytes]:
    """Return the lower-cased options of a Connection field (RFC 9110, section 7.6.1).

    Several such fields are joined with commas first (RFC 9110, section 5.3).

    Raises:
        BadMessage: `status`, an option is not a token.
    """
    members = list_members([value])
    if not all(map(_is_token, members)):
        raise BadMessage(status, "The Connection field holds something that is not a name.")
    return frozenset(member.lower() for member in members)


def without_named(fields: list[Field], options: frozenset[bytes]) -> list[Field]:
    """Return `fields` without those that the Connection field names."""
    return [field for field in fields if field[0].lower() not in options]


def framing_of(special: Special, minor: int, status: int) -> Body | None:
    """Return the framing that Transfer-Encoding or Content-Length say; None when neither is there.

    Exactly one Content-Length of plain digits, or exactly `chunked` and an HTTP/1.1 message:
    whatever else exists is read differently by different parsers, which is how requests are
    smuggled.

    Raises:
        BadMessage: `status`; 501 for a request with a transfer coding that is only unknown.

    Source: RFC 9112, sections 6.1 to 6.3.
    """
    codings, lengths = special.get(b"transfer-encoding"), special.get(b"content-length")
    if codings is None:
        return None if lengths is None else _length(b",".join(lengths), status)
    if lengths is not None:
        raise BadMessage(status, "The head has both Transfer-Encoding and Content-Length.")
    if minor == 0:
        raise BadMessage(status, "The head is HTTP/1.0 and has Transfer-Encoding.")
    if len(codings) != 1 or codings[0].lower() != b"chunked":
        raise _bad_coding(codings, status)
    return CHUNKED_BODY


@lru_cache(maxsize=1024)
def _length(value: bytes, status: int) -> Body:
    """Return the framing for Content-Length `value`; several fields arrive joined by commas."""
    length = int(value) if _is_length(value) else -1
    if not 0 <= length <= LARGEST_LENGTH:
        raise BadMessage(status, "The Content-Length is not one plain number of bytes.")
    return Body(BodyKind.LENGTH, length)


def _bad_coding(codings: list[bytes], status: int) -> BadMessage:
    members = [member.lower() for member in list_members(codings)]
    known_end = members[-1:] == [b"chunked"] and members.count(b"chunked") == 1
    if status == 400 and len(members) > 1 and known_end and all(map(_is_token, members)):
        return BadMessage(501, "The body has a transfer coding other than chunked.")
    return BadMessage(status, "The Transfer-Encoding is something else than chunked, once.")


def bad_field_line(head: bytes) -> str:
    """Return the sentence that says what is wrong with the first bad line behind the start line."""
    for line in head.split(b"\r\n")[1:]:
        if not line or _FIELD_LINE(line):
            continue
        if b"\n" in line or b"\r" in line:
            return "A line of the head ends in a bare CR or LF instead of CRLF."
        if line[:1] in (b" ", b"\t"):
            return "A line of the head begins with a blank: folded lines are not accepted."
        if _BLANK_BEFORE_COLON(line):
            return "A header field has a blank between its name and the colon."
        if b":" not in line:
            return "A line of the head has no colon."
        return "A header field has a character that must not be there."
    return "The head is not valid."
