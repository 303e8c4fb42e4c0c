"""Parsing a response head. Whatever a backend says wrong is a 502, never the client's fault."""

import re
from typing import Final

from rsp.core.http1.errors import BadMessage
from rsp.core.http1.framing import BODY_UNTIL_CLOSE, NO_BODY, Body, BodyKind
from rsp.core.http1.rules import (
    TOKEN,
    VALUE,
    Field,
    Special,
    bad_field_line,
    connection_options,
    field_lines,
    fields_of,
    framing_of,
    without_named,
)
from rsp.core.http1.second_opinion import accepts_response
from rsp.core.limits import Limits

_SPECIAL: Final = frozenset(
    b"connection content-length http2-settings keep-alive proxy-connection te trailer"
    b" transfer-encoding upgrade".split()
)
_ORDINARY_OPTIONS: Final = frozenset((b"close", b"keep-alive", b"upgrade"))

_head = re.compile(
    rb"HTTP/1\.([01]) ([1-9][0-9][0-9])(?: (%b*+))?\r\n" % VALUE + field_lines(TOKEN)
).fullmatch
_status_line = re.compile(rb"HTTP/1\.[01] [1-9][0-9][0-9](?: %b*)?" % VALUE).fullmatch
_blank_before_colon = re.compile(rb"(\r\n%b++)[ \t]+:" % TOKEN).sub


class ResponseHead:
    """A response head that has passed every rule; `fields` are as received."""

    __slots__ = (
        "body",
        "connection_options",
        "fields",
        "keep_alive",
        "minor",
        "passing",
        "reason",
        "special",
        "status",
        "upgrade",
    )

    def __init__(self, status: int, reason: bytes, minor: int, fields: list[Field]) -> None:
        self.status = status
        self.reason = reason
        self.minor = minor
        """1 for HTTP/1.1, 0 for HTTP/1.0."""
        self.fields = fields
        self.passing: list[Field] = []
        """Those of `fields` that mean nothing to a proxy, and are passed on as they are."""
        self.special: Special = {}
        """The values of all others, by lower-cased name."""
        self.body: Body = NO_BODY
        self.keep_alive = minor == 1
        """Whether the backend connection can be used again once the body has been read."""
        self.connection_options: frozenset[bytes] = frozenset()
        """Lower-cased options of the Connection field."""
        self.upgrade = b""
        """Of a 101: the protocol that the connection now speaks, lower-cased."""

    def __repr__(self) -> str:
        return f"<ResponseHead {self.status} {self.body}>"


def parse_response_head(head: bytes, method: str, limits: Limits) -> ResponseHead:
    """Return the response that `head` says, which answers a request with `method`.

    Raises:
        BadMessage: 502, always: the backend broke a rule.

    Source: RFC 9112, sections 4 to 6; RFC 9110, section 15.
    """
    match = _head(head)
    if match is None:
        # RFC 9112, section 5.1: a proxy must remove blanks between name and colon in a response.
        head = _blank_before_colon(rb"\1:", head)
        match = _head(head)
        if match is None:
            raise _explain(head)
    minor, status, reason, block = match.groups(default=b"")
    fields = fields_of(block, limits, 502)
    parsed = ResponseHead(int(status), reason, 1 if minor == b"1" else 0, fields)
    passing, special = parsed.passing, parsed.special
    for field in fields:
        name = field[0].lower()
        if name in _SPECIAL:
            special.setdefault(name, []).append(field[1])
        else:
            passing.append(field)
    if b"connection" in special or parsed.minor == 0:
        _apply_connection(parsed)
    _set_body(parsed, method)
    if not accepts_response(head):
        raise BadMessage(502, "The backend's response head can be read in more than one way.")
    return parsed


def _apply_connection(parsed: ResponseHead) -> None:
    options = connection_options(b",".join(parsed.special.get(b"connection", ())), 502)
    parsed.connection_options = options
    kept = parsed.minor == 1 or b"keep-alive" in options
    parsed.keep_alive = kept and b"close" not in options
    if not options <= _ORDINARY_OPTIONS:
        parsed.passing = without_named(parsed.passing, options)
    if parsed.status == 101 and b"upgrade" in options:
        parsed.upgrade = b", ".join(parsed.special.get(b"upgrade", [])).lower()


def _set_body(parsed: ResponseHead, method: str) -> None:
    """Find the framing; some responses have no body, whatever their fields say (RFC 9112, 6.3)."""
    said = framing_of(parsed.special, parsed.minor, 502)
    if method == "HEAD" or parsed.status < 200 or parsed.status in (204, 304):
        return
    if said is None:
        parsed.body = BODY_UNTIL_CLOSE
        parsed.keep_alive = False
    else:
        parsed.body = said


def described_length(head: ResponseHead) -> int | None:
    """Return the Content-Length that a bodiless answer to HEAD, or a 304, tells the client.

    None when there is none, or when the status allows none (RFC 9110, section 8.6).
    """
    if head.status < 200 or head.status == 204:
        return None
    said = framing_of(head.special, head.minor, 502)
    return said.length if said is not None and said.kind is BodyKind.LENGTH else None


def _explain(head: bytes) -> BadMessage:
    line = head.split(b"\r\n", 1)[0]
    if not _status_line(line):
        return BadMessage(502, "The backend's answer does not begin with an HTTP/1.1 status line.")
    return BadMessage(502, f"The backend's response head is not valid. {bad_field_line(head)}")
