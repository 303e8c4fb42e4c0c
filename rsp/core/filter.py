"""The one filter language, for every list on the screen and for `rsp ctl`: see `LANGUAGE`."""

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass

from rsp.core.row_fields import (
    Getter,
    UnknownField,
    Value,
    all_text,
    getter,
    is_blocked,
    is_stopped,
    is_time,
    is_waiting,
    short_names,
)
from rsp.core.safe_pattern import PatternRefused, SafePattern
from rsp.core.vocabulary import SessionState

LANGUAGE = (
    ("word", "some text of the row contains it, whatever the case"),
    ("state:blocked", "sessions whose bytes wait for an fd to become writable"),
    ("state:waiting", "those whose backend has the request and has not begun to answer"),
    ("state:stopped", "those that stand at a breakpoint"),
    ("backend:web1", "a field is this; = is the same, != is not this; none: it is missing"),
    ("host~example", "the text of a field matches a regular expression"),
    ("eagain>0 fill>50% age>10s", "numbers: k M G (of 1,024), us ms s m h for times"),
    ("!word", "not"),
    ("a b", "both"),
    ("a | b", "one of them"),
    ('reason:"host match"', "quotes keep spaces and marks"),
    ("fields", f"{', '.join(short_names())}; and each in the JSON, as client.eagain_writes"),
    ("states", ", ".join(SessionState)),
)
"""What may be written, and what it means; then the names."""

FILTER_CHARACTERS = 1000
"""Longest filter that is read."""

Predicate = Callable[[object], bool]

_COMPARISON = re.compile(r"([A-Za-z_][A-Za-z0-9_.]*)(>=|<=|!=|>|<|=|:|~)")
_NUMBER = re.compile(r"(-?[0-9]{1,18}(?:\.[0-9]{1,9})?)(k|K|M|g|G|%|us|ms|s|m|h)?")
_SIZES = {"k": 1024, "K": 1024, "M": 1024**2, "g": 1024**3, "G": 1024**3}
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_ORDERINGS: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}
_MISSING = ("none", "null")


class FilterError(Exception):
    """A filter that cannot be read. The text says what would be right."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.position = position
        """Where in the filter, counted in characters from 0."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter that was read."""

    text: str
    _any_of: tuple[tuple[Predicate, ...], ...]

    def matches(self, row: object) -> bool:
        """Tell whether `row` (a struct of `core/replies.py`, or nested dicts) passes."""
        for all_of in self._any_of:
            for predicate in all_of:
                if not predicate(row):
                    break
            else:
                return True
        return False


def parse_filter(text: str) -> Filter:
    """Return the filter that `text` describes; an empty one lets everything pass.

    Raises:
        FilterError: it cannot be read; with the position and a hint.
    """
    if len(text) > FILTER_CHARACTERS:
        raise FilterError(f"a filter has at most {FILTER_CHARACTERS} characters", FILTER_CHARACTERS)
    branches: list[list[Predicate]] = [[]]
    last_bar = 0
    for token in _tokens(text):
        if token.is_bar:
            if not branches[-1]:
                raise FilterError('nothing stands before this "|"', token.position)
            branches.append([])
            last_bar = token.position
        else:
            branches[-1].append(_predicate(token))
    if len(branches) > 1 and not branches[-1]:
        raise FilterError('nothing stands behind this "|"', last_bar)
    return Filter(text, tuple(tuple(branch) for branch in branches))


def sort_value(row: object, field: str) -> tuple[int, float, str]:
    """Return what to sort `row` by: missing values first, then numbers, then texts.

    Raises:
        UnknownField: there is no such field.
    """
    value = getter(field)(row)
    if value is None:
        return 0, 0.0, ""
    if isinstance(value, str):
        return 2, 0.0, value.casefold()
    if isinstance(value, list):
        return 2, 0.0, ",".join(value).casefold()
    return 1, float(value), ""


@dataclass(slots=True)
class _Token:
    """One term: its text without quotes, and which of its characters were quoted."""

    position: int
    text: str = ""
    bare: str = ""
    """`text` up to the first quote: only there can a mark have a meaning."""
    was_quoted: bool = False

    @property
    def is_bar(self) -> bool:
        return self.bare == "|" and not self.was_quoted

    def add(self, character: str, *, quoted: bool) -> None:
        self.text += character
        if not quoted and not self.was_quoted:
            self.bare += character


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    token: _Token | None = None
    position = 0
    while position < len(text):
        character = text[position]
        if character.isspace() or character == "|":
            token = None
            if character == "|":
                found.append(_Token(position, "|", "|"))
            position += 1
            continue
        if token is None:
            token = _Token(position)
            found.append(token)
        if character == '"':
            position = _read_quoted(text, position, token)
        else:
            token.add(character, quoted=False)
            position += 1
    return found


def _read_quoted(text: str, start: int, token: _Token) -> int:
    """Add what stands in quotes to `token`; return the position behind the closing quote."""
    token.was_quoted = True
    position = start + 1
    while position < len(text):
        character = text[position]
        if character == '"':
            return position + 1
        if character == "\\" and text[position + 1 : position + 2] == '"':
            position += 1
            character = '"'
        token.add(character, quoted=True)
        position += 1
    raise FilterError("the closing quote is missing", start)


def _predicate(token: _Token) -> Predicate:
    marks = len(token.bare) - len(token.bare.lstrip("!"))
    if marks:
        at = token.position + marks
        rest = _Token(at, token.text[marks:], token.bare[marks:], token.was_quoted)
        if not rest.text:
            raise FilterError('"!" needs something behind it: !word', at - 1)
        inner = _predicate(rest)
        return (lambda row: not inner(row)) if marks % 2 else inner
    comparison = _COMPARISON.match(token.bare)
    if comparison is None:
        return _word(token.text)
    name, mark = comparison[1], comparison[2]
    at = token.position + comparison.end()
    value = token.text[comparison.end() :]
    get = _getter(name, token.position)
    if not value and not token.was_quoted:
        raise FilterError(f'"{name}{mark}" needs a value behind it', at)
    if mark == "~":
        return _regex(get, value, at)
    if mark in _ORDERINGS:
        return _ordering(get, _ORDERINGS[mark], _needed_number(name, value, at))
    is_it = _equality(name, get, value)
    return (lambda row: not is_it(row)) if mark == "!=" else is_it


def _getter(name: str, position: int) -> Getter:
    try:
        return getter(name)
    except UnknownField as error:
        said = str(error)
        stop = "" if said.endswith("?") else "."
        hint = f"{said}{stop} To search for text with such a mark, put it in quotes"
        raise FilterError(hint, position) from error


def _word(word: str) -> Predicate:
    folded = word.casefold()
    return lambda row: folded in all_text(row).casefold()


def _regex(get: Getter, pattern: str, position: int) -> Predicate:
    try:
        found_in = SafePattern(pattern).found_in
    except PatternRefused as error:
        raise FilterError(str(error), position + error.position) from error

    def matches(row: object) -> bool:
        value = get(row)
        if isinstance(value, list):
            return any(found_in(item) for item in value)
        return value is not None and found_in(str(value))

    return matches


def _ordering(get: Getter, compare: Callable[[float, float], bool], than: float) -> Predicate:
    def matches(row: object) -> bool:
        value = get(row)
        return isinstance(value, float | int) and compare(value, than)

    return matches


def _equality(name: str, get: Getter, value: str) -> Predicate:
    folded = value.casefold()
    if name == "state" and folded == "blocked":
        return is_blocked
    if name == "state" and folded == "stopped":
        return is_stopped
    if name == "state" and folded == "waiting":
        return is_waiting
    if folded in _MISSING:
        return lambda row: get(row) in (None, [], folded)
    try:
        number = _number(name, value)
    except ValueError:
        number = None
    return lambda row: _equals(get(row), folded, number)


def _equals(value: Value, folded: str, number: float | None) -> bool:
    if isinstance(value, str):
        return value.casefold() == folded
    if isinstance(value, bool):
        return value is (folded in ("true", "yes"))
    if isinstance(value, list):
        return any(item.casefold() == folded for item in value)
    return value is not None and value == number


def _needed_number(name: str, value: str, position: int) -> float:
    try:
        return _number(name, value)
    except ValueError as error:
        raise FilterError(str(error), position) from error


def _number(name: str, text: str) -> float:
    """Return the number `text` in the unit of the field `name`.

    Raises:
        ValueError: not a number, or a unit that the field does not have; the text says which.
    """
    found = _NUMBER.fullmatch(text)
    if found is None:
        raise ValueError(f'"{text[:40]}" is not a number, such as 3, 1.5k, 50% or 10ms')
    number, unit = float(found[1]), found[2]
    if unit is None:
        return number
    if unit in _SIZES:
        return number * _SIZES[unit]
    if unit == "%":
        if name != "fill":
            raise ValueError(f'{name} is not a share; only fill takes "%"')
        return number / 100
    if not is_time(name):
        hint = "; for millions write M" if unit == "m" else ""
        raise ValueError(f'{name} is not a time, so it takes no "{unit}"{hint}')
    seconds = number * _SECONDS[unit]
    return seconds * 1e6 if name.endswith("_us") else seconds
