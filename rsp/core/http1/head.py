"""Heads: where one ends in what was read so far, and all the names to parse one."""

import re

from rsp.core.http1.errors import BadMessage
from rsp.core.http1.lines import TOKEN
from rsp.core.http1.request import RequestHead, asked_for, parse_request_head, request_line_error
from rsp.core.http1.response import ResponseHead, check_interim, parse_response_head
from rsp.core.limits import METHOD_BYTES, Limits

__all__ = [
    "BadMessage",
    "RequestHead",
    "ResponseHead",
    "asked_for",
    "check_interim",
    "head_end",
    "parse_request_head",
    "parse_response_head",
    "response_head_end",
]

_HEAD_END = b"\r\n\r\n"
_VERSION_BYTES = len(b"  HTTP/1.1")
_TLS_RECORD = b"\x16\x03"
_HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n"
_begins_request = re.compile(rb"(?:\r\n)?%b|(?:\r\n?)?\Z" % TOKEN).match


def head_end(buffer: bytes | bytearray, limits: Limits) -> int:
    """Return the index behind the request head at the start of `buffer`; 0 when it goes on.

    One CRLF before the request line is part of the head (RFC 9112, section 2.2).

    Raises:
        BadMessage: the bytes can no longer become a request, or one that is short enough.
    """
    end = buffer.find(_HEAD_END)
    if 0 <= end <= limits.head_bytes - 4 and buffer[0] != 0x16:
        return end + 4
    _refuse_foreign(buffer)
    if end < 0:
        _refuse_bare_ends(buffer, 400)
    line_end = buffer.find(b"\r\n", 2)
    line_bytes = len(buffer) if line_end < 0 else line_end
    if line_bytes > limits.request_line_bytes + METHOD_BYTES + _VERSION_BYTES + 2:
        raise BadMessage(414, f"The target is longer than {limits.request_line_bytes} bytes.")
    line_error = request_line_error(_first_line(buffer, line_end), limits) if line_end > 0 else None
    if line_error:
        raise line_error
    if end >= 0 or len(buffer) > limits.head_bytes:
        raise BadMessage(431, f"The head is longer than {limits.head_bytes} bytes.")
    return 0


def response_head_end(buffer: bytes | bytearray, limits: Limits) -> int:
    """Return the index behind the response head at the start of `buffer`; 0 when it goes on.

    Raises:
        BadMessage: 502, the bytes can no longer become a response head, or a short enough one.
    """
    end = buffer.find(_HEAD_END)
    if 0 <= end <= limits.head_bytes - 4:
        return end + 4
    if not b"HTTP/1.".startswith(buffer[:7]):
        raise BadMessage(502, "The backend's answer does not begin with an HTTP/1.1 status line.")
    if end >= 0 or len(buffer) > limits.head_bytes:
        raise BadMessage(
            502, f"The backend's response head is longer than {limits.head_bytes} bytes."
        )
    _refuse_bare_ends(buffer, 502)
    return 0


def _refuse_foreign(buffer: bytes | bytearray) -> None:
    """Refuse what is no HTTP/1 at all, by its first bytes."""
    if buffer.startswith(_TLS_RECORD):
        raise BadMessage(
            400,
            "These are TLS bytes, and this listener speaks plain HTTP. "
            'Use http:// here, or set mode = "tcp" on the listener to pass TLS through.',
        )
    if buffer.startswith(_HTTP2_PREFACE):
        raise BadMessage(505, "Only HTTP/1.1 and HTTP/1.0 are served, not HTTP/2.")
    if buffer != _TLS_RECORD[:1] and not _begins_request(buffer):
        raise BadMessage(400, "The request line does not begin with a method.")


def _first_line(buffer: bytes | bytearray, line_end: int) -> bytes:
    return bytes(buffer[:line_end]).removeprefix(b"\r\n")


def _refuse_bare_ends(buffer: bytes | bytearray, status: int) -> None:
    """Refuse a bare LF, or a bare CR other than the last byte, whose LF may still come.

    It only counts, since it runs for every read of a head: a pair in the wrong order is left for
    the parser to refuse.
    """
    returns = buffer.count(b"\r") - buffer.endswith(b"\r")
    if buffer.count(b"\n") != returns:
        raise BadMessage(status, "A line of the head ends in a bare CR or LF instead of CRLF.")
