"""Cookies, as far as a proxy has one of its own: found, taken out of a request, given to a client.

Source: RFC 6265, sections 4.1 and 5.4. Names are case-sensitive; several Cookie fields are one.
"""

import re
from collections.abc import Iterable, Iterator

import msgspec

from rsp.core.http1.lines import TOKEN, Field
from rsp.core.http1.request import RequestHead

_is_name = re.compile(rb"(?!__)" + TOKEN + rb"+").fullmatch
_replace_cookies = re.compile(rb"(?im)^(cookie): ([^\r\n]*)\r\n").sub


def is_cookie_name(name: str) -> bool:
    """Tell whether a cookie of ours may have this name.

    Not with two underscores first: browsers keep such prefixes for cookies that came over TLS.
    """
    return _is_name(name.encode("utf-8")) is not None


def cookie_values(fields: Iterable[Field], name: bytes) -> Iterator[bytes]:
    """Yield every value of the cookie `name` in the fields of a request, in order."""
    for field, value in fields:
        if field.lower() == b"cookie":
            for pair in value.split(b";"):
                found, _, content = pair.strip(b" \t").partition(b"=")
                if found == name:
                    yield content.strip(b'"')


def without_cookie(head: RequestHead, name: str) -> RequestHead:
    """Return `head` as a backend is to see it: without the cookie `name`."""
    wanted = name.encode("latin-1")
    if not name or wanted + b"=" not in head.passing:
        return head

    def left(match: "re.Match[bytes]") -> bytes:
        pairs = [pair.strip(b" \t") for pair in match[2].split(b";")]
        kept = [pair for pair in pairs if pair and pair.partition(b"=")[0] != wanted]
        return b"%b: %b\r\n" % (match[1], b"; ".join(kept)) if kept else b""

    passing = _replace_cookies(left, head.passing)
    return msgspec.structs.replace(head, passing=passing, written={})


def with_cookie(head: bytes, name: str, value: str) -> bytes:
    """Return the head of a response with a cookie for the client, behind all that it has.

    For the session of a browser, and no script of a page sees it. No shared cache may keep such a
    response, or it would send everybody to one backend: what HAProxy calls `nocache`.
    """
    line = f"Set-Cookie: {name}={value}; Path=/; HttpOnly; SameSite=Lax\r\n"
    return head[:-2] + line.encode("latin-1") + b"Cache-Control: private\r\n\r\n"
