"""Patterns: what is useful is allowed, what could be slow is refused before it runs."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsp.core.safe_pattern import SUBJECT_CHARACTERS, PatternRefused, SafePattern


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("", "anything"),
        ("example", "www.EXAMPLE.com"),
        (r"^/user/[^/]+/webapps/([^/]+)/reload$", "/user/eve/webapps/a.test/reload"),
        (r"\.(jpg|jpeg|png|gif|css|js)$", "/a.PNG"),
        ("https?://", "http://"),
        (".*foo.*", "a foo b"),
        ("^.*a.*b.*c", "xaxbxc"),
        (r"\d{3}", "431"),
        (r"^\d{1,3}\.", "10.0"),
        ("(abc){2}", "abcabc"),
        ("(abc)*", "abc"),
        ("(a|b)?c", "c"),
        ("(?:a|b)c", "bc"),
        ("[]a]", "]"),
        ("[^]a]+", "b"),
        (r"[\]a]", "]"),
        ("[[a]", "["),
        ("[(+*]", "+"),
        (r"\(\+", "(+"),
        ("a{}", "a{}"),
        ("a{x}", "a{x}"),
        ("a{1", "a{1"),
        ("a*?b", "aab"),
        ("a*+b", "aab"),
        ("one|two|three", "two"),
    ],
)
def test_a_useful_pattern_finds_its_text(pattern: str, text: str) -> None:
    assert SafePattern(pattern).found_in(text)


@pytest.mark.parametrize(
    ("pattern", "position"),
    [
        ("(a+)+b", 4),
        ("(a*)*", 4),
        ("(a|a)*b", 5),
        ("(a|ab)+", 6),
        ("((a)?)*", 6),
        ("((a|a))*", 7),
        ("((?:(a|ab)))+", 12),
        ("((a+)b)*", 7),
        ("(?:a+)+", 6),
        ("(a{1,9})*", 8),
        ("((a{9}){9}){9}", 7),
        ("(a+){20}", 4),
        ("a*a*a*", 5),
        ("^a*a*a*a*", 8),
        ("^a|b*c*d*", 8),
        ("a?a?a?a?a?", 9),
        ("(a|a)(a|a)(a|a)(a|a)(a|a)", 24),
        ("a{1000}", 1),
        ("a{1,1000}", 1),
        ("a{,}a{,}a{,}", 11),
        ("a{1,}a{,5}a{2,3}", 15),
        (r"(a)\1", 3),
        ("(?=a)", 0),
        ("(?i)a", 0),
        ("(?P<name>a)", 0),
        ("[a", 0),
        ("a)", 1),
        ("*", 0),
        ("a**", 2),
        ("\\", 0),
        ("a" * 101, 100),
    ],
)
def test_what_is_wrong_or_could_be_slow_is_refused(pattern: str, position: int) -> None:
    with pytest.raises(PatternRefused) as caught:
        SafePattern(pattern)
    assert caught.value.position == position
    assert str(caught.value)


def test_only_the_beginning_of_a_text_is_searched() -> None:
    assert SafePattern("b").found_in("a" * (SUBJECT_CHARACTERS - 1) + "b")
    assert not SafePattern("b").found_in("a" * SUBJECT_CHARACTERS + "b")


@given(
    st.text(st.sampled_from("ab(|)?*+{},19[]^\\."), max_size=24),
    st.text(st.sampled_from("ab"), max_size=SUBJECT_CHARACTERS),
)
def test_what_is_allowed_finds_what_python_finds(pattern: str, text: str) -> None:
    try:
        safe = SafePattern(pattern)
    except PatternRefused:
        return
    assert safe.found_in(text) is (re.search(pattern, text, re.IGNORECASE) is not None)
