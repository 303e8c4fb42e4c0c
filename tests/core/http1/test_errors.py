"""Our own replies: whole responses that any client can read (RFC 9110, section 15)."""

from http import HTTPStatus

import h11
import pytest

from rsp.core.http1.errors import BadMessage, error_reply

DATE = b"Sun, 06 Nov 1994 08:49:37 GMT"
CONTRACT = [400, 405, 408, 413, 414, 417, 431, 501, 502, 503, 504, 505, 508]


def read(reply: bytes, method: str = "GET") -> tuple[h11.Response, bytes]:
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method=method, target="/", headers=[("Host", "a")]))
    client.send(h11.EndOfMessage())
    client.receive_data(reply)
    response, body = client.next_event(), b""
    assert isinstance(response, h11.Response)
    while isinstance(event := client.next_event(), h11.Data):
        body += bytes(event.data)
    assert isinstance(event, h11.EndOfMessage)
    assert client.trailing_data == (b"", False)
    return response, body


@pytest.mark.parametrize("status", CONTRACT)
def test_every_reply_is_whole_and_closes(status: int) -> None:
    sentence = "backend web/web1 (127.0.0.1:9001) refused the connection."
    response, body = read(error_reply(status, sentence, http_date=DATE))
    phrase = HTTPStatus(status).phrase
    headers = dict(response.headers)
    assert response.status_code == status
    assert response.reason == phrase.encode()
    assert body.decode() == f"{status} {phrase}\n\nrsp: {sentence}\n"
    assert headers[b"content-type"] == b"text/plain; charset=utf-8"
    assert headers[b"content-length"] == str(len(body)).encode()
    assert headers[b"date"] == DATE
    assert headers[b"connection"] == b"close"
    assert (headers.get(b"retry-after") == b"1") == (status == 503)
    assert (b"allow" in headers) == (status == 405)


def test_the_answer_to_head_has_the_length_but_no_body() -> None:
    whole = error_reply(502, "no.", http_date=DATE)
    head_only = error_reply(502, "no.", head_only=True, http_date=DATE)
    assert whole.startswith(head_only)
    assert head_only.endswith(b"\r\n\r\n")
    assert read(head_only, "HEAD")[1] == b""


def test_a_sentence_with_hostile_text_stays_one_line_of_text() -> None:
    _, body = read(error_reply(400, "bad \x1b[2J\r\n\r\nHTTP/1.1 200 OK", http_date=DATE))
    assert b"\x1b" not in body
    assert body.count(b"\n") == 3


def test_a_refused_message_says_its_status_and_sentence() -> None:
    error = BadMessage(431, "Too long.")
    assert (error.status, error.sentence, str(error)) == (431, "Too long.", "431: Too long.")
