"""A message that is refused, and the replies that we write ourselves.

Nothing that a backend or a script said goes into a reply: only our own sentences (RFC 9110, 15).
"""

from http import HTTPStatus

from rsp.core.sanitise import safe

ALLOWED_METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
"""What a 405 says is allowed (RFC 9110, section 15.5.6 demands the field), and the answer to an
OPTIONS that goes no further (section 9.3.7)."""


class BadMessage(Exception):
    """A message that must not be passed on, with the status that answers it.

    `status` is the status for the client, `sentence` one plain sentence that may be shown to it.
    """

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(f"{status}: {sentence}")
        self.status = status
        self.sentence = sentence


def error_reply(status: int, sentence: str, *, head_only: bool = False, http_date: bytes) -> bytes:
    """Return a whole HTTP/1.1 response of ours, after which the connection must be closed.

    `sentence` follows "rsp: " in the body. With `head_only` (the answer to a HEAD) the body is
    left out, and Content-Length still says how long it would be. `http_date` is an IMF-fixdate.

    Raises:
        ValueError: `status` is not a registered status.

    Source: RFC 9110, sections 6.6.1 (Date), 9.3.2 (HEAD), 15.5.6 (Allow), 10.2.3 (Retry-After).
    """
    phrase = HTTPStatus(status).phrase
    body = f"{status} {phrase}\n\nrsp: {safe(sentence)}\n".encode()
    lines = [
        b"HTTP/1.1 %d %b" % (status, phrase.encode("ascii")),
        b"Date: %b" % http_date,
        b"Content-Type: text/plain; charset=utf-8",
        b"Content-Length: %d" % len(body),
        b"Connection: close",
    ]
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        lines.append(b"Retry-After: 1")
    if status in (HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.OK):
        lines.append(b"Allow: %b" % ALLOWED_METHODS)
    lines.append(b"\r\n" if head_only else b"\r\n" + body)
    return b"\r\n".join(lines)
