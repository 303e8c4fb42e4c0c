"""The sanitiser: nothing that it returns is obeyed by a terminal."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsp.core.sanitise import SHOWN_CHARACTERS, json_of, safe, safe_json


@pytest.mark.parametrize(
    ("untrusted", "shown"),
    [
        ("", ""),
        ("GET /index.html", "GET /index.html"),
        ("\x1b[2J", "␛[2J"),
        ("\x1b]52;c;aGk=\x07", "␛]52;c;aGk=␇"),
        ("a\r\nb\tc\x00", "a␍␊b␉c␀"),
        ("\x7f", "␡"),
        ("\x9b31m", "\ufffd31m"),
        (b"\x9b31m", "\ufffd31m"),
        (b"caf\xe9", "café"),
        ("a\u202eb\u2066c", "a\ufffdb\ufffdc"),
        ("zero\u200bwidth\ufeff", "zero\ufffdwidth\ufffd"),
        ("soft\xadhyphen", "soft\ufffdhyphen"),
        ("\ud800", "\ufffd"),
        ("\U000e0041", "\ufffd"),
        ("line\u2028paragraph\u2029", "line\ufffdparagraph\ufffd"),
        ("Grüße, 世界", "Grüße, 世界"),
        ("[red]markup[/]", "[red]markup[/]"),
    ],
)
def test_a_text_is_shown_like_this(untrusted: str | bytes, shown: str) -> None:
    assert safe(untrusted) == shown


@pytest.mark.parametrize(("length", "shown"), [(6, "abcdef"), (5, "abcd…"), (2, "a…"), (1, "…")])
def test_a_cut_is_marked(length: int, shown: str) -> None:
    assert safe("abcdef", length) == shown


def test_a_long_text_is_cut_by_itself() -> None:
    assert len(safe("a" * 10_000)) == SHOWN_CHARACTERS
    assert len(safe(b"\x1b" * 10_000)) == SHOWN_CHARACTERS


@given(st.one_of(st.text(st.characters()), st.binary()), st.integers(1, 50))
def test_nothing_dangerous_is_left_and_nothing_gets_longer(
    untrusted: str | bytes, length: int
) -> None:
    shown = safe(untrusted, length)
    assert len(shown) <= min(length, len(untrusted))
    assert all(unicodedata.category(one) not in ("Cc", "Cs", "Zl", "Zp") for one in shown)
    assert safe(shown, length) == shown
    shown.encode()


def test_every_character_that_changes_the_direction_of_text_is_replaced() -> None:
    turning = {"RLE", "LRE", "RLO", "LRO", "PDF", "RLI", "LRI", "FSI", "PDI"}
    for code in range(0x110000):
        if unicodedata.bidirectional(chr(code)) in turning:
            assert safe(chr(code)) == "\ufffd", hex(code)


@given(st.text(), st.booleans())
def test_a_value_as_json_is_read_back_and_obeyed_by_no_terminal(text: str, indented: bool) -> None:
    shown = json_of({"a": [text]}, is_indented=indented)
    assert json.loads(shown) == {"a": [text]}
    assert all(safe(line, len(line)) == line for line in shown.split("\n"))
    assert (shown.count("\n") > 0) == indented


@given(st.text(st.characters(exclude_categories=[])))
def test_json_says_the_same_to_a_program_and_nothing_to_a_terminal(text: str) -> None:
    document = json.dumps({"a": [text]}, ensure_ascii=False)
    shown = safe_json(document)
    assert json.loads(shown) == json.loads(document)
    assert safe(shown, len(shown)) == shown
