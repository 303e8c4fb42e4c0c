"""Parsing a response head. Whatever a backend says wrong is a 502, never the client's fault."""

import re
from functools import lru_cache
from typing import Final

import msgspec

from rsp.core.http1.errors import BadMessage
from rsp.core.http1.framing import BODY_UNTIL_CLOSE, NO_BODY, Body, BodyKind
from rsp.core.http1.known import KnownHeads
from rsp.core.http1.lines import (
    VALUE,
    Field,
    Known,
    Lines,
    Special,
    fields_of,
    passing_of,
    special_of,
)
from rsp.core.http1.rules import connection_options, framing_of
from rsp.core.limits import INTERIM_RESPONSES, KNOWN_HEAD_BYTES, Limits

_SPECIAL: Final = frozenset(
    b"connection content-length http2-settings keep-alive proxy-connection te trailer"
    b" transfer-encoding upgrade".split()
)
_ORDINARY_OPTIONS: Final = frozenset((b"close", b"keep-alive", b"upgrade"))

_status_line = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9][0-9])(?: (%b*+))?" % VALUE).fullmatch
_known: KnownHeads[tuple[str, bytes], "ResponseHead"] = KnownHeads()
"""By the method that they answer and all their bytes."""
_lines = Lines(_SPECIAL, for_response=True)


class ResponseHead(msgspec.Struct, gc=False):
    """A response head that has passed every rule."""

    status: int
    reason: bytes
    minor: int
    """1 for HTTP/1.1, 0 for HTTP/1.0."""
    judged: list[Known]
    passing: bytes
    """The lines of those fields that mean nothing to a proxy, and are passed on."""
    special: Special
    """The values of all others, by lower-cased name."""
    body: Body = NO_BODY
    keep_alive: bool = True
    """Whether the backend connection can be used again once the body has been read."""
    lacks_date: bool = False
    """Whether whoever passes it on has to say when it came."""
    upgrade: bytes = b""
    """Of a 101: the protocol that the connection now speaks, lower-cased."""
    written: dict[tuple[int, bool, bool], bytes] = {}
    """What `forward.py` wrote for the client, by what it depends on."""

    @property
    def fields(self) -> list[Field]:
        """All fields, as received."""
        return fields_of(self.judged)

    def __repr__(self) -> str:
        return f"<ResponseHead {self.status} {self.body}>"


def parse_response_head(head: bytes, method: str, limits: Limits) -> ResponseHead:
    """Return the response that `head` says, which answers a request with `method`.

    One that is the same to the byte as one before, and answers the same method, is the same
    response.

    Raises:
        BadMessage: 502, always: the backend broke a rule.

    Source: RFC 9112, sections 4 to 6; RFC 9110, section 15.
    """
    known = _known.get((method, head), limits)
    if known is not None:
        return known
    lines = head.split(b"\r\n")
    status, reason, minor = _status_of(lines[0])
    judged = _lines.judge(lines[1:-2], limits)
    special = special_of(judged)
    parsed = ResponseHead(status, reason, minor, judged, passing_of(judged), special)
    parsed.lacks_date = status >= 200 and b"\r\ndate:" not in head.lower()
    if b"connection" in special or minor == 0:
        _apply_connection(parsed)
    _set_body(parsed, method)
    if len(head) <= KNOWN_HEAD_BYTES and _lines.remembers(lines[1:-2]):
        _known.keep((method, head), parsed, limits)
    return parsed


def check_interim(number: int) -> None:
    """See that an exchange may have its interim response of this number.

    Raises:
        BadMessage: 502, it has had so many that no final one is to be expected.
    """
    if number > INTERIM_RESPONSES:
        said = f"The backend sent more than {INTERIM_RESPONSES} interim responses and no final one."
        raise BadMessage(502, said)


@lru_cache(maxsize=256)
def _status_of(line: bytes) -> tuple[int, bytes, int]:
    """Return status, reason and minor version of a status line (RFC 9112, section 4)."""
    match = _status_line(line)
    if match is None:
        raise BadMessage(502, "The backend's answer does not begin with an HTTP/1.1 status line.")
    return int(match[2]), match[3] or b"", 1 if match[1] == b"1" else 0


def _apply_connection(parsed: ResponseHead) -> None:
    options = connection_options(b",".join(parsed.special.get(b"connection", ())), 502)
    kept = parsed.minor == 1 or b"keep-alive" in options
    parsed.keep_alive = kept and b"close" not in options
    if not options <= _ORDINARY_OPTIONS:
        parsed.passing = passing_of(parsed.judged, options)
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
