"""The parts of the lint that know no Lua runtime: words, conditions, patterns, spellings."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsp.core.linting.arms import ARM_NAME, arms_of
from rsp.core.linting.lua_patterns import as_regex, check_identity, texts_for
from rsp.core.linting.lua_words import Kind, words_in
from rsp.core.spellings import in_capitals, is_host_name, normal_form, percent_spellings

PROGRAM = """\
-- if this then that
local a = "x" --[[ if
then ]] local b = 'it\\'s \\65\\x42\\n' local c = [==[
if]==]
function route(request)
  if request.a == "one" then
    if request.b == "two" then return "2" end
  elseif request.c == "three" or (function() if x then return y end end)() then
    for i = 1, 3 do if i == "four" then break end end
  else
    while true do repeat local z = 1 until z end
  end
  local t = { ["end"] = 1, ["if"] = t.b }
  if t then return "3" end
end
"""


def test_words_are_read_with_their_lines_and_comments_are_not() -> None:
    strings = [(w.text, w.line) for w in words_in(PROGRAM) if w.kind is Kind.STRING]
    assert strings[:4] == [("x", 2), ("it's AB\n", 3), ("if", 3), ("one", 6)]
    assert all(word.text in PROGRAM[word.start : word.end] or word.kind is Kind.STRING
               for word in words_in(PROGRAM))  # fmt: skip


def test_every_condition_is_an_arm_and_knows_what_stands_before_it() -> None:
    arms, source = arms_of(PROGRAM)
    by_literals = {arm.literals: arm for arm in arms}
    one, two, four = (by_literals[text,] for text in ("one", "two", "four"))
    three = by_literals["three",]
    last = arms[-1]
    assert (one.line, two.line, last.line) == (6, 7, 14)
    assert (one.earlier, two.earlier) == ((), ())
    assert set(three.earlier) == {one.id, two.id}
    assert set(four.earlier) == {one.id, two.id}
    assert set(last.earlier) == {one.id, two.id, three.id, four.id}
    assert source.count(ARM_NAME) == len(arms) == 6
    assert source.count("\n") == PROGRAM.count("\n")


@pytest.mark.parametrize("source", ["if x then", "end", "if x do then end", "function f("])
def test_what_is_not_understood_has_no_arms(source: str) -> None:
    assert arms_of(source) == ([], source)


@given(st.text(alphabet="ab=[]-\"'\\\n if then end elseif else do function", max_size=60))
def test_no_text_breaks_the_reader(source: str) -> None:
    arms, written = arms_of(source)
    assert written.replace(" ", "").count(ARM_NAME) == len(arms)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("^/user/[^/]+/webapps/([^/]+)/reload$", "/user/A.b/webapps/A.b/reload"),
        ("^(%w+)%.(%l-)$", "Ab.b"),
        ("^/x?y*/%d%d/", "//00/"),
        ("[%w_.-]+:8080", "A.b:8080"),
        ("^%(%[%%", "([%"),
        ("^[]]+$", "]"),
        ("(a)%1", "aa"),
    ],
)
def test_a_text_is_made_that_a_pattern_matches(pattern: str, text: str) -> None:
    assert texts_for(pattern, ["A.b"]) == [text]


def test_a_malformed_pattern_has_no_text() -> None:
    assert texts_for("^(a", ["x"]) == texts_for("%", ["x"]) == texts_for("a)", ["x"]) == []


ITEMS = st.sampled_from(["/", "a", "%d", "%w", "[^/]", "[a-c]", "%.", ".", "%u", "[%w_-]"])
QUANTIFIED = st.tuples(ITEMS, st.sampled_from(["", "+", "*", "-", "?"])).map("".join)


@given(st.lists(QUANTIFIED, max_size=6).map("".join))
def test_the_regex_of_a_pattern_matches_the_texts_made_for_it(pattern: str) -> None:
    for text in texts_for(pattern, ["IronHand.Example.com", "7"]):
        assert as_regex(f"^{pattern}$").search(text), (pattern, text)


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("/([^/]+)", "begin with ^"),
        ("^/[^/]+", "one capture"),
        ("^/(a)(b)", "one capture"),
        ("^(%b())", "%b is not known"),
        ("^(.-).-.-.-x", "more than 3 times"),
        ("^(a", "unterminated"),
        ("^([a", "malformed"),
    ],
)
def test_an_identity_is_a_pattern_that_costs_little(pattern: str, why: str) -> None:
    with pytest.raises(ValueError, match=re.escape(why)):
        check_identity(pattern)
    check_identity("^/user/[^/]+/webapps/([^/]+)/reload$")


def test_spellings_of_a_path_are_those_that_clients_write() -> None:
    assert list(percent_spellings("/api/v1")) == []
    assert ("/~x", "/%7Ex") in list(percent_spellings("/~x"))
    assert ("/%C3%A9", "/%c3%a9") in list(percent_spellings("/%c3%A9"))
    assert ("/a b", "/a%20b") in list(percent_spellings("/a b"))
    for one, other in percent_spellings("/~x/%C3%a9 y/%7E"):
        assert normal_form(one) == normal_form(other)


def test_a_name_of_a_host_is_no_name_of_a_file() -> None:
    assert is_host_name("www.foo.com")
    assert is_host_name("IronHand.example")
    for text in ("robots.txt", "v1.2", "jquery.min.js", "a", "", ".com", "a..b", "10.0.0.1"):
        assert not is_host_name(text)
    assert in_capitals("www.EXAMPLE.com") == "Www.Example.Com"
