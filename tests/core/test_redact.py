"""The redactor: a secret is never shown, equal ones stay equal, and nothing else is touched."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsp.core.redact import (
    Redactor,
    is_secret_field,
    is_secret_parameter,
    secrets_of,
    those_in,
)

REDACTOR = Redactor(b"x" * 16)
MARK = r"<secret [0-9a-f]{10}>"


def shown(text: str, *secrets: str) -> str:
    """Return the text as it is shown, with `*` in the place of every mark."""
    return re.sub(MARK, "*", REDACTOR.text(text, secrets))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/a?token=hunter22&b=1", "/a?token=*&b=1"),
        ("/a?b=1&access_token=hunter22", "/a?b=1&access_token=*"),
        ("/a?api_key=hunter22;x=1#f", "/a?api_key=*;x=1#f"),
        ("/a?apiKey=hunter22", "/a?apiKey=*"),
        ("/a?X-Amz-Signature=hunter22&X-Amz-Date=2026", "/a?X-Amz-Signature=*&X-Amz-Date=2026"),
        ("/a?%74oken=hunter22", "/a?%74oken=*"),
        ("/a?user[password]=hunter22", "/a?user[password]=*"),
        ("/a;jsessionid=hunter22/b", "/a;jsessionid=*"),
        ("/token=hunter22", "/token=*"),
        ('password="hunter22 and more" x', "password=* x"),
        ("key=hunter22", "key=*"),
        ("sig=a&pwd=b&passwd=c&secret=d", "sig=*&pwd=*&passwd=*&secret=*"),
        ("https://user:hunter22@example.com/x", "https://*@example.com/x"),
        ("https://hunter22@example.com/x", "https://*@example.com/x"),
        ("https://user:hun@ter22@example.com/x", "https://*@example.com/x"),
        ('"user:hunter22@example.com/": no', '"*@example.com/": no'),
        ("site.lua:15: Authorization: Bearer hunter22", "site.lua:15: Authorization: Bearer *"),
        ("authorization: hunter22", "authorization: *"),
        ("Proxy-Authorization: Basic aHVudGVyMjI=", "Proxy-Authorization: Basic *"),
        ("Cookie: id=hunter22; theme=dark\nnext", "Cookie: id=*; theme=*\nnext"),
        ("Set-Cookie: id=hunter22; Path=/", "Set-Cookie: id=*; Path=*"),
        ("X-Api-Key: hunter22", "X-Api-Key: *"),
        ("x-auth-token:hunter22", "x-auth-token:*"),
    ],
)
def test_what_has_the_form_of_a_secret_is_hidden(text: str, expected: str) -> None:
    assert shown(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "host match",
        "/index.html?page=3&sort=name&author=tolkien&monkey=1&design=2&keyboard=us",
        "/files/a:b@2x.png",
        "/a?token=&b",
        "site.lua:15: attempt to index a nil value",
        "reload URL: the domain in the path decides",
        "backend web/web1 (127.0.0.1:9001), connecting: refused",
        "the session key: decides",
        "http://www.example.com:8080/a",
        'limits { head_bytes = 3 }, balance = "hash"',
        "/a=b=c",
    ],
)
def test_what_is_no_secret_stays_as_it_is(text: str) -> None:
    assert REDACTOR.text(text) == text


def test_a_secret_that_is_known_is_hidden_wherever_it_stands() -> None:
    assert shown("user hunter22 came", "hunter22") == "user * came"
    assert shown("HUNTER22", "hunter22") == "*"
    assert shown("part=hunter22-and-mo", "hunter22-and-more") == "part=*"
    assert shown("hunt", "hunter22") == "*"
    assert shown("the host decides", "hunter22") == "the host decides"
    assert shown("a+b (c)", "a+b (c)") == "*"


def test_equal_secrets_look_equal_within_one_run_and_not_beyond() -> None:
    first, second = REDACTOR.text("token=abcd1234"), REDACTOR.text("password=abcd1234")
    assert first.partition("=")[2] == second.partition("=")[2]
    assert REDACTOR.text("token=abcd1235") != first
    assert Redactor(b"y" * 16).text("token=abcd1234") != first


def test_what_is_hidden_stays_hidden_the_same_way_when_it_is_redacted_again() -> None:
    for text in ("token=abcd1234", "Cookie: a=b; c=d", "Authorization: Bearer x", "http://a@b/"):
        once = REDACTOR.text(text)
        assert REDACTOR.text(once) == once != text


def test_the_secrets_of_a_request_are_found() -> None:
    fields = [
        (b"Host", b"www.example"),
        (b"Authorization", b"Bearer hunter01"),
        (b"proxy-authorization", b"hunter02"),
        (b"Cookie", b'id=hunter03; theme="hunter04"; a=b'),
        (b"X-Api-Key", b"hunter05"),
        (b"X-Gitlab-Token", b"hunt\xc3\xa906"),
        (b"User-Agent", b"curl"),
    ]
    found = secrets_of("token=hunter07&page=public&session=a%2Fb%2Fc%2Fd", fields)
    assert set(found) == {
        *("hunter01", "hunter02", "hunter03", "hunter04", "hunter05"),
        *("hunter07", "hunt\xc3\xa906", "hunté06", "a%2Fb%2Fc%2Fd", "a/b/c/d"),
    }
    assert [len(value) for value in found] == sorted(map(len, found), reverse=True)


def test_only_those_secrets_are_kept_that_a_text_holds() -> None:
    secrets = ("hunter22-and-more", "password1")
    assert those_in(secrets, "by Password1") == ("password1",)
    assert those_in(secrets, "hunter22-") == ("hunter22-and-more",)
    assert those_in(secrets, "the host decides") == ()
    assert those_in(secrets, "") == ()


def test_names_are_known_in_any_spelling() -> None:
    for name in (b"Cookie", b"SET-COOKIE", b"x-api-key", b"Authorization", b"X-CSRF-Token"):
        assert is_secret_field(name)
    for name in (b"Host", b"Accept", b"User-Agent", b"Content-Length", b"Referer"):
        assert not is_secret_field(name)
    for parameter in (
        "PASSWORD",
        "client_secret",
        "sid",
        "X-Amz-Credential",
        "auth",
        "authorization",
    ):
        assert is_secret_parameter(parameter)
    for parameter in ("q", "page", "author", "authority", "monkey", "design", "passage", "keyword"):
        assert not is_secret_parameter(parameter)


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=40)


@given(before=WORDS, secret=st.from_regex(r"[A-Za-z0-9+/_.~-]{8,30}", fullmatch=True), after=WORDS)
def test_no_surroundings_bring_a_known_secret_back(before: str, secret: str, after: str) -> None:
    seen = REDACTOR.text(before + secret + after, (secret,))
    assert secret not in re.sub(MARK, "", seen)


@pytest.mark.parametrize("letter", ["a", "=", "@", ":", "a=", "://", "a:", '"', "[", "%", "a:a@"])
def test_no_text_is_slow(letter: str) -> None:
    text = (letter * 65_536)[:65_536]
    began_s = time.thread_time()
    for tail in ("", "=", "@", ":"):
        REDACTOR.text(text + tail, ("hunter22",))
    # It is 0.05 s at most; what goes over the text again for each letter takes minutes.
    assert time.thread_time() - began_s < 5.0
