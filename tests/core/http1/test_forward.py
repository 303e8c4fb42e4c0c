"""What leaves for the backend and for the client."""

from rsp.core.http1.forward import request_head_bytes, response_head_bytes
from rsp.core.http1.head import parse_request_head, parse_response_head
from rsp.core.limits import Limits

LIMITS = Limits()


def test_a_plain_request_gains_only_the_proxy_fields() -> None:
    head = parse_request_head(b"GET /a?b HTTP/1.1\r\nHost: A.Example:81\r\nX-Y: z \r\n\r\n", LIMITS)
    assert request_head_bytes(head, client_ip="192.0.2.1", trusted_peer=False) == (
        b"GET /a?b HTTP/1.1\r\nHost: A.Example:81\r\nX-Y: z\r\n"
        b"X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: http\r\n"
        b"X-Forwarded-Host: A.Example:81\r\nVia: 1.1 rsp\r\n\r\n"
    )


def test_a_plain_response_keeps_its_fields() -> None:
    head = parse_response_head(
        b"HTTP/1.1 200 Fine\r\nServer: s\r\nContent-Length: 2\r\n\r\n", "GET", LIMITS
    )
    assert response_head_bytes(head, client_minor=1, keep_alive=True, decode_chunked=False) == (
        b"HTTP/1.1 200 Fine\r\nServer: s\r\nContent-Length: 2\r\nVia: 1.1 rsp\r\n\r\n"
    )
