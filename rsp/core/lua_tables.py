"""Where the tables of a Lua program stand, to the character: fields, values, separators.

It reads what is written, and runs nothing: a value that is not one literal word is `computed`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rsp.core.linting.lua_words import Kind, Word

_OPENING = frozenset("({[")
_CLOSING = frozenset(")}]")
_BLOCK_OPENING = frozenset(("function", "do", "then", "repeat"))
_BLOCK_CLOSING = frozenset(("end", "until", "elseif"))


class Unfinished(Exception):
    """A table without its end. A program that loads has none."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a table constructor."""

    name: str | None
    """None: it has no name, and is an entry of a list. Empty: its name is computed."""
    words: tuple[Word, ...]
    """Its value."""
    start: int
    """Where the field begins, with its name."""
    line: int
    separator: Word | None
    """The `,` or `;` behind it."""

    @property
    def end(self) -> int:
        """Where its value ends."""
        return self.words[-1].end

    @property
    def past(self) -> int:
        """Where it ends with its separator."""
        return self.separator.end if self.separator else self.end

    @property
    def text(self) -> str | None:
        """The value, where it is one literal text."""
        return self.words[0].text if self._is_one(Kind.STRING) else None

    @property
    def is_literal(self) -> bool:
        """Whether the value is one literal text or number."""
        return self._is_one(Kind.STRING) or self._is_one(Kind.NUMBER)

    def _is_one(self, kind: Kind) -> bool:
        return len(self.words) == 1 and self.words[0].kind is kind

    @property
    def table(self) -> "Table | None":
        """The value, where it is one table constructor and nothing more."""
        if not is_mark(self.words[0], "{"):
            return None
        table, after = table_at(self.words, 0)
        return table if after == len(self.words) else None


@dataclass(frozen=True, slots=True)
class Table:
    """One table constructor."""

    opening: Word
    closing: Word
    fields: tuple[Field, ...]

    def named(self, name: str) -> tuple[Field, ...]:
        """Return the fields called `name`: more than one where it is written twice."""
        return tuple(field for field in self.fields if field.name == name)

    @property
    def has_unknown(self) -> bool:
        """Whether a field has a name that only running the program tells."""
        return any(field.name == "" for field in self.fields)


def is_mark(word: Word, text: str) -> bool:
    """Tell whether `word` is the mark `text`, and no string that says the same."""
    return word.kind is Kind.MARK and word.text == text


def table_at(words: Sequence[Word], at: int) -> tuple[Table, int]:
    """Return the table whose `{` is word `at`, and the number of the word behind it.

    Raises:
        Unfinished: it has no end.
    """
    opening, at = words[at], at + 1
    fields = []
    while at < len(words) and not is_mark(words[at], "}"):
        field, at = _field(words, at)
        fields.append(field)
    if at >= len(words):
        raise Unfinished
    return Table(opening, words[at], tuple(fields)), at + 1


def _field(words: Sequence[Word], at: int) -> tuple[Field, int]:
    first = words[at]
    name, at = _name(words, at)
    begin = at
    at = _value_end(words, at)
    if at == begin:
        raise Unfinished
    value = tuple(words[begin:at])
    separator = words[at] if is_mark(words[at], ",") or is_mark(words[at], ";") else None
    field = Field(name, value, first.start, first.line, separator)
    return field, at + (separator is not None)


def _name(words: Sequence[Word], at: int) -> tuple[str | None, int]:
    """Return the name of the field that begins with word `at`, and where its value begins."""
    first, following = words[at], words[at + 1 : at + 4]
    if first.kind is Kind.NAME and following and is_mark(following[0], "="):
        return first.text, at + 2
    if not is_mark(first, "["):
        return None, at
    if (
        len(following) == 3
        and following[0].kind is Kind.STRING
        and is_mark(following[1], "]")
        and is_mark(following[2], "=")
    ):
        return following[0].text, at + 4
    closing = _value_end(words, at + 1)
    return "", closing + 2


def _value_end(words: Sequence[Word], at: int) -> int:
    """Return the word behind the expression that begins with word `at`: a separator or a bracket.

    Raises:
        Unfinished: the program ends before that.
    """
    depth = 0
    for number in range(at, len(words)):
        word = words[number]
        if word.kind is Kind.MARK:
            if not depth and word.text in (",", ";", *_CLOSING):
                return number
            depth += (word.text in _OPENING) - (word.text in _CLOSING)
        elif word.kind is Kind.NAME:
            depth += _block_step(word.text)
    raise Unfinished


def _block_step(name: str) -> int:
    # `while … do` and `for … do` open at `do`, `if … then` at `then`; `elseif` closes what its
    # own `then` opens again.
    return (name in _BLOCK_OPENING) - (name in _BLOCK_CLOSING)


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a function with a literal text as its first argument."""

    text: str
    line: int
    second: tuple[Word, ...]
    """The second argument."""

    @property
    def table(self) -> Table | None:
        """The second argument, where it is one table constructor."""
        return Field(None, self.second, 0, self.line, None).table if self.second else None


def calls_of(words: Sequence[Word], function: str) -> Iterator[Call]:
    """Yield the calls of `function("text", …)`, in the order in which they are written.

    Raises:
        Unfinished: the program ends within one.
    """
    for at, word in enumerate(words[:-4]):
        is_call = (
            word.kind is Kind.NAME
            and word.text == function
            and not (at and words[at - 1].text in (".", ":", "function"))
            and is_mark(words[at + 1], "(")
            and words[at + 2].kind is Kind.STRING
            and is_mark(words[at + 3], ",")
        )
        if is_call:
            end = _value_end(words, at + 4)
            yield Call(words[at + 2].text, word.line, tuple(words[at + 4 : end]))


def assignments_of(words: Sequence[Word], name: str) -> list[tuple[Word, bool]]:
    """Return the word behind each `name =`, and whether it is a literal and the whole value."""
    found = []
    for at, word in enumerate(words[:-2]):
        is_target = word.kind is Kind.NAME and word.text == name and is_mark(words[at + 1], "=")
        if is_target and not (at and words[at - 1].text in (".", ":", "local")):
            value = words[at + 2]
            is_literal = value.kind in (Kind.STRING, Kind.NUMBER)
            found.append((value, is_literal and _ends_behind(words, at + 2)))
    return found


def _ends_behind(words: Sequence[Word], at: int) -> bool:
    """Tell whether an expression ends with word `at`: the next one begins a statement."""
    if at + 1 == len(words):
        return True
    follows = words[at + 1]
    is_name = follows.kind is Kind.NAME and follows.text not in ("and", "or")
    return is_name or is_mark(follows, ";")
