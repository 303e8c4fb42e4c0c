"""Writing the heads that we pass on: from the parsed model, never by copying framing bytes.

Hop-by-hop fields end here (RFC 9110, section 7.6.1); everything else keeps its order and spelling.
"""

from collections.abc import Iterable

from rsp.core.addresses import UNIX_CLIENT_IP
from rsp.core.http1.framing import Body, BodyKind
from rsp.core.http1.lines import Special
from rsp.core.http1.request import RequestHead
from rsp.core.http1.response import ResponseHead, described_length
from rsp.core.limits import WRITTEN_FORMS

_VIA = (b"Via: 1.0 rsp\r\n", b"Via: 1.1 rsp\r\n")
_NOTHING: Special = {}
_CHUNKED = b"Transfer-Encoding: chunked\r\n"


def request_head_bytes(
    head: RequestHead,
    *,
    client_ip: str,
    trusted_peer: bool,
    host: bytes | None = None,
    forwarded: bool = False,
) -> bytes:
    """Return the head for the backend, in HTTP/1.1 and on a connection that is kept alive.

    `host` replaces the client's Host. The X-Forwarded fields of a `trusted_peer` are kept and
    appended to, those of anybody else are replaced; the same with `Forwarded` where it is wanted.

    Source: RFC 9110, sections 7.2, 7.6 and 7.8; RFC 9112, section 3.2; RFC 7239.
    """
    wanted = (host, trusted_peer, forwarded)
    written = head.written.get(wanted)
    if written is None:
        special = head.special if trusted_peer else _NOTHING
        if len(head.written) >= WRITTEN_FORMS:
            head.written.clear()
        written = head.written[wanted] = _around_client(head, host, special, own=forwarded)
    before, behind = written
    if forwarded:
        chain = head.special.get(b"forwarded", ()) if trusted_peer else ()
        behind = _forwarded_line(head, client_ip, chain) + behind
    return b"%b %b HTTP/1.1\r\n%b%b%b" % (
        head.method.encode("ascii"),
        head.origin_target,
        before,
        client_ip.encode("ascii"),
        behind,
    )


def _around_client(
    head: RequestHead, host: bytes | None, special: Special, *, own: bool
) -> tuple[bytes, bytes]:
    """Return the fields for the backend, before and behind the client's address.

    It ends X-Forwarded-For, and is all of it when the peer is no trusted proxy. What such a one
    said is in `special`; with `own` its `Forwarded` is left to `_forwarded_line`.
    """
    before = [
        b"Host: %b\r\n" % (head.raw_host.encode("latin-1") if host is None else host),
        head.passing,
    ]
    if head.body.kind is not BodyKind.NONE:
        before.append(_framing_line(head.body))
    if head.expects_continue:
        before.append(b"Expect: 100-continue\r\n")
    before.append(b"X-Forwarded-For: ")
    before += [b"%b, " % chain for chain in special.get(b"x-forwarded-for", ()) if chain]
    behind = [b"\r\n", *_forwarded(head, special)]
    if not own:
        behind += [b"Forwarded: %b\r\n" % value for value in special.get(b"forwarded", ())]
    behind += [b"Via: %b\r\n" % value for value in head.special.get(b"via", ())]
    behind.append(_VIA[head.minor])
    if head.upgrade:
        behind.append(b"Connection: Upgrade\r\nUpgrade: %b\r\n" % head.upgrade)
    behind.append(b"\r\n")
    return b"".join(before), b"".join(behind)


def _framing_line(body: Body) -> bytes:
    if body.kind is BodyKind.CHUNKED:
        return _CHUNKED
    return b"Content-Length: %d\r\n" % body.length


def _forwarded(head: RequestHead, special: Special) -> list[bytes]:
    """Return what a trusted proxy said of its client, or what we know ourselves."""
    protos = special.get(b"x-forwarded-proto", [b"http"])
    lines = [b"X-Forwarded-Proto: %b\r\n" % proto for proto in protos]
    own_host = [head.raw_host.encode("latin-1")] if head.raw_host else []
    hosts = special.get(b"x-forwarded-host", own_host)
    lines += [b"X-Forwarded-Host: %b\r\n" % name for name in hosts]
    return lines


def _forwarded_line(head: RequestHead, client_ip: str, chain: Iterable[bytes]) -> bytes:
    """Return `Forwarded` behind the end of the line before it: `chain`, and the client's entry.

    An address of IPv6, and a host with a port, hold characters that only a quoted string may;
    none holds one that would have to be escaped. Source: RFC 7239, sections 4 to 6.
    """
    if client_ip == UNIX_CLIENT_IP:
        client = "unknown"
    else:
        client = f'"[{client_ip}]"' if ":" in client_ip else client_ip
    entry = [f"for={client}"]
    if head.raw_host:
        is_token = ":" not in head.raw_host
        entry.append(f"host={head.raw_host}" if is_token else f'host="{head.raw_host}"')
    entry.append("proto=http")
    own = ";".join(entry).encode("latin-1")
    return b"\r\nForwarded: " + b", ".join([*filter(None, chain), own])


def response_head_bytes(
    head: ResponseHead, *, client_minor: int, keep_alive: bool, decode_chunked: bool
) -> bytes:
    """Return the head for the client, which speaks HTTP/1.`client_minor`.

    `keep_alive` says whether the client connection goes on; a body that only the end of the
    connection delimits overrules it. With `decode_chunked` a chunked body is written without its
    framing, for an HTTP/1.0 client.
    """
    written = head.written.get((client_minor, keep_alive, decode_chunked))
    if written is None:
        written = _response_lines(head, client_minor, keep_alive, decode_chunked)
        head.written[client_minor, keep_alive, decode_chunked] = written
    return written


def with_date(head: bytes, http_date: bytes) -> bytes:
    """Return a response head that had no Date with one: an IMF-fixdate.

    Source: RFC 9110, section 6.6.1, for whoever has a clock and passes such a response on.
    """
    return b"%bDate: %b\r\n\r\n" % (head[:-2], http_date)


def _response_lines(
    head: ResponseHead, client_minor: int, keep_alive: bool, decode_chunked: bool
) -> bytes:
    lines = [b"HTTP/1.1 %d %b\r\n" % (head.status, head.reason)]
    lines.append(head.passing)
    kind = head.body.kind
    if kind is BodyKind.LENGTH:
        lines.append(b"Content-Length: %d\r\n" % head.body.length)
    elif kind is BodyKind.CHUNKED and not decode_chunked:
        lines.append(_CHUNKED)
    elif kind is BodyKind.NONE:
        lines += _described_lines(head)
    ends = not keep_alive or kind is BodyKind.UNTIL_CLOSE
    ends = ends or (kind is BodyKind.CHUNKED and decode_chunked)
    lines.append(_VIA[head.minor])
    if head.status >= 200:
        lines.append(_connection_line(client_minor, ends=ends))
    lines.append(b"\r\n")
    return b"".join(lines)


def _connection_line(client_minor: int, *, ends: bool) -> bytes:
    if ends:
        return b"Connection: close\r\n"
    return b"Connection: keep-alive\r\n" if client_minor == 0 else b""


def _described_lines(head: ResponseHead) -> list[bytes]:
    if head.status == 101:
        return [b"Connection: Upgrade\r\nUpgrade: %b\r\n" % head.upgrade] if head.upgrade else []
    length = described_length(head)
    return [] if length is None else [b"Content-Length: %d\r\n" % length]
