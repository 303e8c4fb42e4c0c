"""llhttp's verdict does not depend on what the shared parser has judged before."""

from itertools import permutations

from rsp.core.http1.errors import BadMessage
from rsp.core.http1.request import METHODS, parse_request_head
from rsp.core.http1.second_opinion import RequestOpinion
from rsp.core.limits import Limits

PLAIN = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
HEADS = [
    PLAIN,
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nProxy-Connection: close\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    b"GET / HTTP/1.0\r\n\r\n",
]


def test_a_head_is_accepted_whatever_came_before_it() -> None:
    for order in permutations(HEADS):
        for head in order:
            assert parse_request_head(head, Limits()).target == b"/"


def test_a_refused_head_does_not_spoil_the_next_one() -> None:
    opinion = RequestOpinion()
    assert not opinion.accepts(b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", is_plain=True)
    assert opinion.accepts(PLAIN, is_plain=True)


def test_llhttp_knows_every_method_that_we_pass_on() -> None:
    for method in METHODS - {"CONNECT", "TRACE"}:
        head = method.encode() + b" / HTTP/1.1\r\nHost: a\r\n\r\n"
        try:
            assert parse_request_head(head, Limits()).method == method
        except BadMessage as error:
            raise AssertionError(method) from error
