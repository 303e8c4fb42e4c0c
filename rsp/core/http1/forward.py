"""Writing the heads that we pass on: from the parsed model, never by copying framing bytes.

Hop-by-hop fields end here (RFC 9110, section 7.6.1); everything else keeps its order and spelling.
"""

from rsp.core.http1.framing import Body, BodyKind
from rsp.core.http1.request import RequestHead
from rsp.core.http1.response import ResponseHead, described_length

_VIA = (b"Via: 1.0 rsp\r\n", b"Via: 1.1 rsp\r\n")
_CHUNKED = b"Transfer-Encoding: chunked\r\n"


def request_head_bytes(
    head: RequestHead,
    *,
    client_ip: str,
    scheme: str = "http",
    trusted_peer: bool,
    host: bytes | None = None,
) -> bytes:
    """Return the head for the backend, in HTTP/1.1 and on a connection that is kept alive.

    `host` replaces the client's Host. The X-Forwarded fields of a `trusted_peer` are kept and
    appended to, those of anybody else are replaced.

    Source: RFC 9110, sections 7.2, 7.6 and 7.8; RFC 9112, section 3.2.
    """
    if not head.written or head.written_host != host:
        head.written = _fields_for_backend(head, client_ip, scheme, host, trusted=trusted_peer)
        head.written_host = host
    return b"%b %b HTTP/1.1\r\n%b" % (
        head.method.encode("ascii"),
        head.origin_target,
        head.written,
    )


def _fields_for_backend(
    head: RequestHead, client_ip: str, scheme: str, host: bytes | None, *, trusted: bool
) -> bytes:
    special = head.special
    lines = [
        b"Host: %b\r\n" % (head.raw_host.encode("latin-1") if host is None else host),
        head.passing,
    ]
    if head.body.kind is not BodyKind.NONE:
        lines.append(_framing_line(head.body))
    if head.expects_continue:
        lines.append(b"Expect: 100-continue\r\n")
    if len(special) > 1 and trusted:
        lines += _forwarded_by_peer(head, client_ip, scheme)
    else:
        lines.append(_forwarded(head, client_ip, scheme))
    lines += [b"Via: %b\r\n" % value for value in special.get(b"via", ())]
    lines.append(_VIA[head.minor])
    if head.upgrade:
        lines.append(b"Connection: Upgrade\r\nUpgrade: %b\r\n" % head.upgrade)
    lines.append(b"\r\n")
    return b"".join(lines)


def _framing_line(body: Body) -> bytes:
    if body.kind is BodyKind.CHUNKED:
        return _CHUNKED
    return b"Content-Length: %d\r\n" % body.length


def _forwarded(head: RequestHead, client_ip: str, scheme: str) -> bytes:
    return b"X-Forwarded-For: %b\r\nX-Forwarded-Proto: %b\r\n%b" % (
        client_ip.encode("ascii"),
        scheme.encode("ascii"),
        _forwarded_host(head),
    )


def _forwarded_host(head: RequestHead) -> bytes:
    if not head.raw_host:
        return b""
    return b"X-Forwarded-Host: %b\r\n" % head.raw_host.encode("latin-1")


def _forwarded_by_peer(head: RequestHead, client_ip: str, scheme: str) -> list[bytes]:
    """Return the X-Forwarded lines of a trusted proxy, with its own address appended."""
    special = head.special
    chain = [*special.get(b"x-forwarded-for", []), client_ip.encode("ascii")]
    lines = [b"X-Forwarded-For: %b\r\n" % b", ".join(filter(None, chain))]
    protos = special.get(b"x-forwarded-proto", [scheme.encode("ascii")])
    lines += [b"X-Forwarded-Proto: %b\r\n" % proto for proto in protos]
    if b"x-forwarded-host" in special:
        lines += [b"X-Forwarded-Host: %b\r\n" % name for name in special[b"x-forwarded-host"]]
    else:
        lines.append(_forwarded_host(head))
    lines += [b"Forwarded: %b\r\n" % value for value in special.get(b"forwarded", ())]
    return lines


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
