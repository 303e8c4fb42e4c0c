"""Texts that a Lua pattern matches, made from the pattern.

Each is a candidate: whether it really matches is found by running the pattern. `%b`, `%f` and
anchors inside are done as well as they can be.

Source: Lua 5.1 manual, section 5.4.1.
"""

import re
import string
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rsp.core.lua_limits import LINT_TEXT_CHARACTERS
from rsp.core.safe_pattern import NESTED_SCANS

_CLASSES: dict[str, str] = {
    "a": string.ascii_letters,
    "d": string.digits,
    "l": string.ascii_lowercase,
    "s": " \t\r\n\f\v",
    "u": string.ascii_uppercase,
    "w": string.ascii_letters + string.digits,
    "x": string.hexdigits,
    "p": string.punctuation,
    "c": "".join(map(chr, [*range(32), 127])),
}
_ALL = frozenset(map(chr, range(256)))
_HANDY = "a0-_x/.~:" + string.ascii_letters + string.digits + string.punctuation + " "
"""What a single character is taken from, the first one that fits."""

_CLASS = re.compile(r"%(?P<escaped>.)|\[(?P<set>\^?\]?(?:%.|[^\]%])*)\]|(?P<one>.)", re.DOTALL)
_IN_SET = re.compile(r"%(?P<escaped>.)|(?P<low>.)-(?P<high>[^\]])|(?P<one>.)", re.DOTALL)


def texts_for(pattern: str, fillings: Iterable[str]) -> list[str]:
    """Return texts that `pattern` should match, without repeats.

    Where it repeats a class of characters, each of `fillings` is tried in turn: whole where the
    class has all its characters, else those that it has.
    """
    found: dict[str, None] = {}
    for filling in fillings:
        text = _Writer(pattern, filling).write()
        if text is not None and len(text) <= LINT_TEXT_CHARACTERS:
            found.setdefault(text)
    return list(found)


def characters_of(item: str) -> frozenset[str]:
    """Return the characters that one class of a pattern (`%d`, `[^/]`, `.`, `x`) stands for."""
    if item == ".":
        return _ALL
    if item.startswith("%"):
        return _escaped(item[1:])
    if not item.startswith("[") or len(item) == 1:
        return frozenset(item)
    inner = item[1:-1]
    is_not, inner = inner.startswith("^"), inner.removeprefix("^")
    members = frozenset().union(*_members(inner))
    return _ALL - members if is_not else members


def _members(inner: str) -> Iterator[frozenset[str]]:
    for found in _IN_SET.finditer(inner):
        if found["escaped"]:
            yield _escaped(found["escaped"])
        elif found["low"]:
            yield frozenset(map(chr, range(ord(found["low"]), ord(found["high"]) + 1)))
        else:
            yield frozenset(found["one"])


def _escaped(letter: str) -> frozenset[str]:
    members = _CLASSES.get(letter.lower())
    if members is None:
        return frozenset(letter)
    return frozenset(members) if letter.islower() else _ALL - frozenset(members)


@dataclass(slots=True)
class _Writer:
    """Writes one text while it reads the pattern from left to right."""

    pattern: str
    filling: str
    at: int = 0
    text: str = ""

    def write(self) -> str | None:
        """Return the text; None when the pattern is malformed."""
        self.at = 1 if self.pattern.startswith("^") else 0
        open_captures: list[tuple[int, int]] = []
        captures: dict[int, str] = {}
        begun = 0
        while self.at < len(self.pattern):
            rest = self.pattern[self.at :]
            if rest[0] == "(":
                begun += 1
                open_captures.append((begun, len(self.text)))
                self.at += 1
            elif rest[0] == ")":
                if not open_captures:
                    return None
                number, start = open_captures.pop()
                captures[number] = self.text[start:]
                self.at += 1
            elif rest == "$":
                self.at += 1
            elif not self._special(rest, captures) and not self._item():
                return None
        return None if open_captures else self.text

    def _special(self, rest: str, captures: dict[int, str]) -> bool:
        """Write what is no class of characters: `%b()`, `%f[set]`, `%1`."""
        if rest.startswith("%b") and len(rest) >= 4:
            self.text += rest[2:4]
            self.at += 4
        elif rest.startswith("%f"):
            found = _CLASS.match(self.pattern, self.at + 2)
            self.at = found.end() if found else len(self.pattern)
        elif len(rest) > 1 and rest[0] == "%" and rest[1].isdigit():
            self.text += captures.get(int(rest[1]), "")
            self.at += 2
        else:
            return False
        return True

    def _item(self) -> bool:
        found = _CLASS.match(self.pattern, self.at)
        if found is None or found[0] == "%":
            return False
        allowed = characters_of(found[0])
        self.at = found.end()
        quantifier = self.pattern[self.at : self.at + 1]
        if quantifier in ("*", "+", "-", "?") and quantifier:
            self.at += 1
        if quantifier in ("*", "+", "-"):
            filled = "".join(letter for letter in self.filling if letter in allowed)
            self.text += filled or (_one_of(allowed) if quantifier == "+" else "")
        elif quantifier != "?":
            self.text += _one_of(allowed)
        return True


def _one_of(allowed: frozenset[str]) -> str:
    for letter in _HANDY:
        if letter in allowed:
            return letter
    return min(allowed, default="")


def as_regex(pattern: str) -> re.Pattern[str]:
    """Return what finds the same as the Lua pattern `pattern`, where a regex can say it.

    Raises:
        ValueError: it has `%b`, `%f` or a back reference, or is malformed.
    """
    try:
        return re.compile("".join(_regex_parts(pattern)), re.DOTALL)
    except re.error as error:
        raise ValueError(error.msg) from error


def check_identity(pattern: str) -> None:
    """Check that `pattern` can be held against the path of every decision.

    Raises:
        ValueError: what is wrong with it.
    """
    if not pattern.startswith("^"):
        raise ValueError("it must begin with ^")
    if as_regex(pattern).groups != 1:
        raise ValueError("it must have one capture")
    repetitions = sum(part.endswith(("*", "+", "*?")) for part in _regex_parts(pattern))
    if repetitions > NESTED_SCANS:
        raise ValueError(f"it repeats more than {NESTED_SCANS} times, which could be slow")


def _regex_parts(pattern: str) -> list[str]:
    parts, at = ["^"] if pattern.startswith("^") else [], int(pattern.startswith("^"))
    while at < len(pattern):
        part, at = _regex_part(pattern, at)
        parts.append(part)
    return parts


def _regex_part(pattern: str, at: int) -> tuple[str, int]:
    """Return what one item of a pattern is as a regex, and where the next one begins."""
    rest = pattern[at:]
    if rest[0] in "()":
        return rest[0], at + 1
    if rest == "$":
        return r"\Z", at + 1
    if rest[0] == "%" and (rest[1:2].isdigit() or rest[1:2] in ("b", "f", "")):
        raise ValueError(f"{rest[:2]} is not known here")
    found = _CLASS.match(pattern, at)
    if found is None or found[0] == "[":
        raise ValueError("it is malformed")
    quantifier = pattern[found.end() : found.end() + 1]
    if not quantifier or quantifier not in "*+-?":
        return _regex_class(found[0]), found.end()
    return _regex_class(found[0]) + quantifier.replace("-", "*?"), found.end() + 1


def _regex_class(item: str) -> str:
    if item == ".":
        return "."
    members = characters_of(item)
    if len(members) > 128:
        return "[^" + "".join(map(re.escape, sorted(_ALL - members))) + "]"
    return "[" + "".join(map(re.escape, sorted(members))) + "]"
