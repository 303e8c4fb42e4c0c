"""The words of a Lua program, with the line and place of each. Knows nothing of what they mean."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

_SPACE = re.compile(r"[ \t\r\n\f\v]+")
_NAME = re.compile(r"[A-Za-z_\x80-\U0010ffff][A-Za-z0-9_\x80-\U0010ffff]*")
_NUMBER = re.compile(r"(?:0[xX][0-9A-Fa-f]*|\.?[0-9][0-9.]*)(?:[eEpP][+-]?[0-9]+)?[A-Za-z]*")
_LONG = re.compile(r"\[(=*)\[")
_MARK = re.compile(r"\.\.\.|\.\.|==|~=|<=|>=|::|.", re.DOTALL)
_ESCAPE = re.compile(
    r"\\(?:z[ \t\r\n]*|x(?P<hex>[0-9A-Fa-f]{2})|(?P<digits>[0-9]{1,3})|\r\n|(?P<one>.))", re.DOTALL
)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


class Kind(Enum):
    """What a word is."""

    NAME = auto()
    """Keywords too."""
    STRING = auto()
    NUMBER = auto()
    MARK = auto()


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a program."""

    kind: Kind
    text: str
    """As it stands there; of a string, what it stands for."""
    line: int
    """From 1."""
    start: int
    end: int
    """Characters from the beginning of the source."""


def words_in(source: str) -> Iterator[Word]:
    """Yield the words of `source` without its comments; what is unfinished ends with the text."""
    at, line = 0, 1
    while at < len(source):
        end, kind, text = _next(source, at)
        if kind is not None:
            yield Word(kind, text, line, at, end)
        line += source.count("\n", at, end)
        at = end


def _next(source: str, at: int) -> tuple[int, Kind | None, str]:
    """Return the end of what begins at `at`, what it is (None: no word), and its text."""
    if (found := _SPACE.match(source, at)) is not None:
        return found.end(), None, ""
    if source.startswith("--", at):
        return comment_end(source, at), None, ""
    if (found := _LONG.match(source, at)) is not None:
        end, text = _long(source, found)
        return end, Kind.STRING, text
    if source[at] in "\"'":
        end = _quoted_end(source, at)
        return end, Kind.STRING, _unescaped(source[at + 1 : end - 1])
    for kind, pattern in ((Kind.NAME, _NAME), (Kind.NUMBER, _NUMBER), (Kind.MARK, _MARK)):
        if (found := pattern.match(source, at)) is not None:
            return found.end(), kind, found[0]
    raise AssertionError("a mark is any character")


def comment_end(source: str, at: int) -> int:
    """Return where the comment that begins at `at` ends: with its line, or with its block."""
    if (found := _LONG.match(source, at + 2)) is not None:
        return _long(source, found)[0]
    end = source.find("\n", at)
    return len(source) if end < 0 else end


def _long(source: str, opening: re.Match[str]) -> tuple[int, str]:
    closing = f"]{opening[1]}]"
    end = source.find(closing, opening.end())
    if end < 0:
        return len(source), source[opening.end() :]
    return end + len(closing), source[opening.end() : end].removeprefix("\n")


def _quoted_end(source: str, at: int) -> int:
    quote, at = source[at], at + 1
    while at < len(source) and source[at] not in (quote, "\n"):
        at += 2 if source[at] == "\\" else 1
    return min(at + 1, len(source))


def _unescaped(text: str) -> str:
    def value(found: re.Match[str]) -> str:
        if found["hex"]:
            return chr(int(found["hex"], 16))
        if found["digits"]:
            return chr(int(found["digits"]) & 255)
        one: str = found["one"] or ""
        return _ESCAPED.get(one, one)

    return _ESCAPE.sub(value, text)
