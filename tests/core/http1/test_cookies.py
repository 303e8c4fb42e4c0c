"""A cookie of our own: found in a request, taken out of it, and given to a client."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsp.core.http1.cookies import cookie_values, is_cookie_name, with_cookie, without_cookie
from rsp.core.http1.head import RequestHead, parse_request_head
from rsp.core.limits import Limits


def head(*lines: str) -> RequestHead:
    text = "\r\n".join(["GET / HTTP/1.1", "Host: a.test", *lines, "", ""])
    return parse_request_head(text.encode("latin-1"), Limits())


def values(*lines: str) -> list[bytes]:
    return list(cookie_values(head(*lines).fields, b"srv"))


@pytest.mark.parametrize("name", ["srv", "SRV", "a-b_c", "x.y", "_a"])
def test_a_token_names_a_cookie(name: str) -> None:
    assert is_cookie_name(name)


@pytest.mark.parametrize("name", ["", "a b", "a=b", "a;b", "__Host-srv", "ä", "a\r\nb"])
def test_what_is_none_or_needs_tls_does_not(name: str) -> None:
    assert not is_cookie_name(name)


def test_all_values_are_found_in_all_fields() -> None:
    assert values("Cookie: a=1; srv=x; b=2", "cookie:srv=y;srv=z") == [b"x", b"y", b"z"]
    assert values('COOKIE: srv="x"') == [b"x"]
    assert values("Cookie: srv") == [b""]


def test_another_name_is_not_ours() -> None:
    assert values("Cookie: SRV=x; xsrv=y; srvx=z; a=srv=q", "X-Cookie: srv=x") == []


def without(*lines: str) -> bytes:
    return without_cookie(head(*lines), "srv").passing


def test_ours_is_taken_out_and_the_others_stay() -> None:
    assert without("Cookie: a=1; srv=x; b=2", "X-A: srv=1") == b"Cookie: a=1; b=2\r\nX-A: srv=1\r\n"
    assert without("cookie: srv=x", "Cookie: a=1;srv=y") == b"Cookie: a=1\r\n"
    assert without("Cookie: srv=x; srv=y") == b""
    assert without("Cookie: SRV=x; a=srv=1") == b"Cookie: SRV=x; a=srv=1\r\n"


def test_a_head_without_it_is_the_same_head() -> None:
    plain = head("Cookie: a=1")
    assert without_cookie(plain, "srv") is plain
    assert without_cookie(plain, "") is plain


names = st.sampled_from(["srv", "a", "SRV", "srvx"])
contents = st.text("abc123=", max_size=6)


@given(st.lists(st.lists(st.tuples(names, contents), min_size=1, max_size=4), max_size=3))
def test_nothing_but_ours_goes(fields: list[list[tuple[str, str]]]) -> None:
    lines = ["Cookie: " + "; ".join(f"{n}={v}" for n, v in pairs) for pairs in fields]
    kept = [[(n, v) for n, v in pairs if n != "srv"] for pairs in fields]
    expected = ["Cookie: " + "; ".join(f"{n}={v}" for n, v in pairs) for pairs in kept if pairs]
    assert without(*lines) == "".join(f"{line}\r\n" for line in expected).encode()


def test_a_client_gets_it_behind_what_the_response_has() -> None:
    given_head = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nContent-Length: 0\r\n\r\n"
    assert with_cookie(given_head, "srv", "00ff") == (
        b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nContent-Length: 0\r\n"
        b"Set-Cookie: srv=00ff; Path=/; HttpOnly; SameSite=Lax\r\nCache-Control: private\r\n\r\n"
    )
