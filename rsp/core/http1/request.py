"""Parsing a request head, with the rules that a proxy must not leave to the backend."""

import re
from typing import Final

import msgspec

from rsp.core.http1.errors import BadMessage
from rsp.core.http1.framing import NO_BODY, Body
from rsp.core.http1.host import parse_host
from rsp.core.http1.known import KnownHeads
from rsp.core.http1.lines import (
    TOKEN,
    Field,
    Known,
    Lines,
    Special,
    fields_of,
    passing_of,
    special_of,
)
from rsp.core.http1.rules import connection_options, framing_of, list_members
from rsp.core.http1.second_opinion import RequestOpinion
from rsp.core.limits import KNOWN_HEAD_BYTES, METHOD_BYTES, VIA_ENTRIES, Limits

_METHOD_NAMES: Final = """
ACL BIND CHECKOUT CONNECT COPY DELETE GET HEAD LINK LOCK M-SEARCH MERGE MKACTIVITY MKCALENDAR
MKCOL MOVE NOTIFY OPTIONS PATCH POST PROPFIND PROPPATCH PURGE PUT QUERY REBIND REPORT SEARCH
SUBSCRIBE TRACE UNBIND UNLINK UNLOCK UNSUBSCRIBE
"""
METHODS: Final = frozenset(_METHOD_NAMES.split())
"""The methods that are passed on, and CONNECT and TRACE, which get a 405 instead of a 501."""

_SPECIAL: Final = frozenset(
    b"connection content-length expect forwarded host http2-settings keep-alive"
    b" proxy-authorization proxy-connection te trailer transfer-encoding upgrade via"
    b" x-forwarded-for x-forwarded-host x-forwarded-proto".split()
)
_PROTECTED: Final = re.compile(
    rb"host|content-length|transfer-encoding|authorization|cookie|forwarded|x-forwarded-.*"
).fullmatch
_ORDINARY_OPTIONS: Final = frozenset((b"close", b"keep-alive", b"upgrade", b"te"))

_host_line = re.compile(rb"(?im)^host:([^\r\n]*)").search
_start_line = re.compile(
    rb"(%b{1,%d}) ([\x21\x22\x24-\x7e]++) HTTP/1\.([01])" % (TOKEN, METHOD_BYTES)
).fullmatch
_request_line = re.compile(rb"([^ ]+) (.*) HTTP/([0-9])\.([0-9])", re.DOTALL).fullmatch
_absolute = re.compile(rb"([A-Za-z][A-Za-z0-9+.-]*)://([^/?]*)([/?].*)?").fullmatch
_target = re.compile(rb"[\x21\x22\x24-\x7e]+").fullmatch
_method = re.compile(rb"%b{1,%d}" % (TOKEN, METHOD_BYTES)).fullmatch
_opinion = RequestOpinion()
_known: KnownHeads[bytes, "RequestHead"] = KnownHeads()
"""By their fields, that is without the request line."""
_is_hops = re.compile(rb"[0-9]{1,9}").fullmatch
_lines = Lines(_SPECIAL, watched=(b"content-type", b"max-forwards"), dropped=b"_")
"""A backend that maps names to variables cannot tell a name with an underscore from the same one
with a hyphen, and would believe a forged field: such fields are not passed on."""


class RequestHead(msgspec.Struct, gc=False):
    """A request head that has passed every rule. Texts are latin-1."""

    method: str
    target: bytes
    minor: int
    """1 for HTTP/1.1, 0 for HTTP/1.0."""
    block: bytes
    """All field lines, as received, and the empty line."""
    judged: list[Known]
    passing: bytes
    """The lines of those fields that mean nothing to a proxy, and are passed on."""
    special: Special
    """The values of all others, by lower-cased name."""
    origin_target: bytes = b""
    """The target in the form that a backend is asked with: a path and query, or `*`."""
    host: str = ""
    """Lower-cased, without port and final dot; empty when an HTTP/1.0 request has none."""
    raw_host: str = ""
    """The Host as the client wrote it."""
    path: str = ""
    query: str = ""
    body: Body = NO_BODY
    keep_alive: bool = True
    connection_options: frozenset[bytes] = frozenset()
    """Lower-cased options of the Connection field."""
    expects_continue: bool = False
    upgrade: bytes = b""
    """`websocket` when the client asks for it and the backend will be asked; else empty."""
    client_ip: str = ""
    """Where it came from, and through which listener: filled in by whoever read it."""
    listener: str = ""
    written: dict[tuple[bytes | None, bool, bool], tuple[bytes, bytes]] = {}
    """What `forward.py` wrote for the backend, before and behind the client's address, by the Host
    that it is to see, whether the peer is trusted, and whether `Forwarded` is written for each
    request. Repeated heads share it."""

    @property
    def fields(self) -> list[Field]:
        """All fields, as received."""
        return fields_of(self.judged)

    def __repr__(self) -> str:
        return f"<RequestHead {self.method} {self.target!r} host={self.host!r} {self.body}>"


def parse_request_head(head: bytes, limits: Limits, last: RequestHead | None = None) -> RequestHead:
    """Return the request that `head` says, which ends with the empty line.

    `last` is the head before it on the same connection. Clients repeat all their fields in most
    requests; what was found out about the same bytes then is not found out again. Nor is it when
    they came on another connection, if they hold no secrets.

    Raises:
        BadMessage: with the status that the client gets; the connection must then be closed.

    Source: RFC 9112, sections 2 to 6; RFC 9110, sections 5, 7 and 10.1.1.
    """
    line, _, block = head.partition(b"\r\n")
    if not line:
        line, _, block = block.partition(b"\r\n")
    method, target, minor = _read_request_line(line, limits)
    if last is None or last.block != block:
        last = _known.get(block, limits)
    if last is not None and _may_repeat(method, target, minor, last):
        return _repeated(last, target)
    if method not in METHODS:
        raise BadMessage(501, "The method is not known.")
    lines = block.split(b"\r\n")[:-2]
    judged = _lines.judge(lines, limits)
    special = special_of(judged)
    parsed = RequestHead(method, target, minor, block, judged, passing_of(judged), special, target)
    _set_target(parsed)
    is_plain = len(parsed.special) == 1 and parsed.minor == 1
    if not is_plain:
        _apply_special(parsed, limits)
    if not _opinion.accepts(head, is_plain=is_plain):
        raise BadMessage(400, "The head can be read in more than one way.")
    if target[:1] == b"/" and len(block) <= KNOWN_HEAD_BYTES and _lines.remembers(lines):
        # Without its target, which is another one each time and may hold a secret.
        _known.keep(block, _repeated(parsed, b"/"), limits)
    return parsed


def asked_for(head: bytes) -> tuple[str, str, str]:
    """Return method, host and path of a request that was refused, as far as its head says them in
    the usual form; each empty where it does not."""
    line, _, block = head.lstrip(b"\r\n").partition(b"\r\n")
    match = _start_line(line)
    if match is None:
        return "", "", ""
    found = _host_line(block.partition(b"\r\n\r\n")[0])
    host = found[1].strip(b" \t").decode("latin-1") if found else ""
    path = match[2].partition(b"?")[0].decode("latin-1")
    return match[1].decode("ascii"), host, path


def _read_request_line(line: bytes, limits: Limits) -> tuple[str, bytes, int]:
    """Return method, target and minor version of a request line (RFC 9112, section 3)."""
    match = _start_line(line)
    if match is None:
        raise request_line_error(line, limits) or BadMessage(
            400, "The request line is not METHOD TARGET HTTP/1.1."
        )
    method, target, minor = match.groups()
    if len(target) > limits.request_line_bytes:
        raise _long_target(limits)
    return method.decode("ascii"), target, 1 if minor == b"1" else 0


def _may_repeat(method: str, target: bytes, minor: int, last: RequestHead) -> bool:
    """Tell whether nothing but an ordinary path differs from the head before.

    The same method and version, and no body, so that the fields mean what they meant; a path, so
    that the target cannot contradict the Host.
    """
    return (
        method == last.method
        and minor == last.minor
        and target[:1] == b"/"
        and last.target[:1] == b"/"
        and last.body is NO_BODY
    )


def _repeated(last: RequestHead, target: bytes) -> RequestHead:
    path, _, query = target.partition(b"?")
    return msgspec.structs.replace(
        last,
        target=target,
        origin_target=target,
        path=path.decode("latin-1"),
        query=query.decode("latin-1"),
    )


def _set_target(parsed: RequestHead) -> None:
    """Check the form of the target and the Host against each other (RFC 9112, section 3.2)."""
    hosts = parsed.special.get(b"host", [])
    if len(hosts) > 1:
        raise BadMessage(400, "The head has more than one Host.")
    if hosts:
        parsed.host = parse_host(hosts[0])[0]
        parsed.raw_host = hosts[0].decode("latin-1")
    elif parsed.minor == 1:
        raise BadMessage(400, "The head has no Host.")
    _refuse_method(parsed.method)
    if parsed.target[:1] != b"/":
        _set_unusual_target(parsed, hosts)
    path, _, query = parsed.origin_target.partition(b"?")
    parsed.path = path.decode("latin-1")
    parsed.query = query.decode("latin-1")


def _refuse_method(method: str) -> None:
    if method == "CONNECT":
        raise BadMessage(405, "CONNECT is not served: this is a reverse proxy.")
    if method == "TRACE":
        raise BadMessage(405, "TRACE is not served: it would show the fields added on the way.")


def _set_unusual_target(parsed: RequestHead, hosts: list[bytes]) -> None:
    """Take `*` and absolute form; what else does not begin with a slash is refused."""
    if parsed.target == b"*":
        if parsed.method != "OPTIONS":
            raise BadMessage(400, "Only OPTIONS may have the target *.")
        return
    match = _absolute(parsed.target)
    if match is None:
        raise BadMessage(400, "The target is neither a path nor an absolute URL.")
    scheme, authority, rest = match.groups(default=b"")
    if scheme.lower() != b"http":
        raise BadMessage(400, "The target names a scheme other than http.")
    if hosts and parse_host(hosts[0]) != parse_host(authority):
        raise BadMessage(400, "The target and the Host name different hosts.")
    parsed.host = parse_host(authority)[0]
    parsed.raw_host = authority.decode("latin-1")
    if not rest and parsed.method == "OPTIONS":
        parsed.origin_target = b"*"
    else:
        parsed.origin_target = rest if rest[:1] == b"/" else b"/" + rest


def _apply_special(parsed: RequestHead, limits: Limits) -> None:
    """Apply the fields that say something to a proxy, other than Host."""
    special = parsed.special
    body = framing_of(special, parsed.minor, 400)
    if body is not None:
        parsed.body = body
        if 0 < limits.request_body_bytes < body.length:
            raise BadMessage(413, f"The body is longer than {limits.request_body_bytes} bytes.")
    if b"connection" in special or parsed.minor == 0:
        _apply_connection(parsed)
    if b"expect" in special:
        _apply_expect(parsed)
    if len(special.get(b"content-type", ())) > 1:
        # RFC 9110, section 8.3: readers differ in which one counts.
        raise BadMessage(400, "The head has more than one Content-Type.")
    if parsed.method == "OPTIONS" and b"max-forwards" in special:
        _apply_max_forwards(parsed)
    if b"via" in special and len(list_members(special[b"via"])) > VIA_ENTRIES:
        raise BadMessage(508, "The request has passed so many proxies that it goes in a loop.")


def _apply_connection(parsed: RequestHead) -> None:
    options = connection_options(b",".join(parsed.special.get(b"connection", ())), 400)
    parsed.connection_options = options
    asked = parsed.minor == 1 or b"keep-alive" in options
    parsed.keep_alive = asked and b"close" not in options
    if not options <= _ORDINARY_OPTIONS:
        if any(_PROTECTED(option) for option in options):
            raise BadMessage(400, "The Connection field names a field that must not be removed.")
        parsed.passing = passing_of(parsed.judged, options)
    if b"upgrade" in options and parsed.minor == 1 and parsed.body.is_empty:
        protocols = parsed.special.get(b"upgrade", [])
        if len(protocols) == 1 and protocols[0].lower() == b"websocket":
            parsed.upgrade = b"websocket"


def _apply_max_forwards(parsed: RequestHead) -> None:
    """Count this hop, or be the last one (RFC 9110, section 7.6.2)."""
    values = parsed.special[b"max-forwards"]
    match = _is_hops(values[0]) if len(values) == 1 else None
    if match is None:
        raise BadMessage(400, "The Max-Forwards is not one plain number.")
    hops = int(match[0])
    if hops == 0:
        raise BadMessage(200, "Max-Forwards has run out here: no backend was asked.")
    removed = {*parsed.connection_options, b"max-forwards"}
    counted = b"Max-Forwards: %d\r\n" % (hops - 1)
    parsed.passing = passing_of(parsed.judged, removed) + counted


def _apply_expect(parsed: RequestHead) -> None:
    """Accept 100-continue and nothing like it; HTTP/1.0 and no body mean no expectation."""
    values = parsed.special[b"expect"]
    if len(values) != 1 or values[0].lower() != b"100-continue":
        raise BadMessage(417, "The Expect field holds something else than 100-continue.")
    parsed.expects_continue = parsed.minor == 1 and not parsed.body.is_empty


def _long_target(limits: Limits) -> BadMessage:
    return BadMessage(414, f"The target is longer than {limits.request_line_bytes} bytes.")


def request_line_error(line: bytes, limits: Limits) -> BadMessage | None:
    """Return why `line` is no request line, in the order in which a reader would notice."""
    if line.startswith(b"PROXY "):
        return BadMessage(400, "This is a PROXY protocol line, which is not expected here.")
    match = _request_line(line)
    if match is None:
        return BadMessage(400, "The request line is not METHOD TARGET HTTP/1.1.")
    method, target, major, minor = match.groups()
    if (major, minor) not in ((b"1", b"0"), (b"1", b"1")):
        if major == b"0":
            return BadMessage(400, "HTTP/0.9 is not served.")
        return BadMessage(505, "Only HTTP/1.1 and HTTP/1.0 are served.")
    if not _method(method):
        return BadMessage(400, "The method is not a valid name.")
    if len(target) > limits.request_line_bytes:
        return _long_target(limits)
    if not _target(target):
        return BadMessage(400, "The target has a blank, a # or a character outside ASCII.")
    return None
