"""Rules that requests and responses share: framing fields and Connection.

All of it works on bytes with explicit sets. `str` methods and `int` take too much (RFC 9110, 5.5;
non-ASCII digits, underscores, exotic white space), so nothing meets them before a `fullmatch`.
"""

import re
from functools import lru_cache

from rsp.core.http1.errors import BadMessage
from rsp.core.http1.framing import CHUNKED_BODY, Body, BodyKind
from rsp.core.http1.lines import TOKEN, Special
from rsp.core.limits import LARGEST_LENGTH

_is_token = re.compile(TOKEN + rb"+").fullmatch
_is_length = re.compile(rb"0|[1-9][0-9]{0,18}").fullmatch


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
    match = _is_length(value)
    length = int(match[0]) if match else -1
    if not 0 <= length <= LARGEST_LENGTH:
        raise BadMessage(status, "The Content-Length is not one plain number of bytes.")
    return Body(BodyKind.LENGTH, length)


def _bad_coding(codings: list[bytes], status: int) -> BadMessage:
    members = [member.lower() for member in list_members(codings)]
    known_end = members[-1:] == [b"chunked"] and members.count(b"chunked") == 1
    if status == 400 and len(members) > 1 and known_end and all(map(_is_token, members)):
        return BadMessage(501, "The body has a transfer coding other than chunked.")
    return BadMessage(status, "The Transfer-Encoding is something else than chunked, once.")
