"""Regular expressions whose cost is bounded, though strangers choose the text they run on.

A backtracking matcher needs exponential time for `(a+)+b`, and no timer of ours can stop it. So
patterns that could become slow are refused, and the text is cut to a length.
"""

import re
import warnings

PATTERN_CHARACTERS = 100
"""Longest pattern. Longer ones have not been missed."""

SUBJECT_CHARACTERS = 256
"""Only this much of a text is searched. An ordinary pattern takes a microsecond; the worst of
10,000 random ones that are allowed took half a second on the worst text for it."""

NESTED_SCANS = 3
"""Most scans of the text inside each other: one for each repetition, and one for the search of a
pattern that is not anchored by `^`."""

WAYS = 8
"""Most ways through the pattern: each `?` doubles them, and a group of three branches triples."""

COUNT_MAX = 64
"""Largest number in `{n}`."""

_COUNTED = re.compile(r"\{([0-9]*)(?:(,)([0-9]*))?\}")


class PatternRefused(Exception):
    """A pattern that is wrong or could be slow. `position` counts from 0 inside the pattern."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.position = position


class SafePattern:
    """A checked pattern; letters match whatever their case."""

    __slots__ = ("_search",)

    def __init__(self, pattern: str) -> None:
        """Check and compile `pattern`.

        Raises:
            PatternRefused: it does not compile, or could need too long.
        """
        _Checker(pattern).check()
        with warnings.catch_warnings():
            # Some sets warn that they may mean something else in a later Python. Not on a screen.
            warnings.simplefilter("ignore")
            try:
                self._search = re.compile(pattern, re.IGNORECASE).search
            except re.error as error:
                message = f"not a regular expression: {error.msg}"
                raise PatternRefused(message, error.pos or 0) from error

    def found_in(self, text: str) -> bool:
        """Tell whether the pattern is found in the first 256 characters of `text`."""
        return self._search(text[:SUBJECT_CHARACTERS]) is not None


class _Checker:
    """Reads a pattern once, from left to right, and counts what could make it slow."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.scans = 0
        self.ways = 1
        # For the whole and every open group: how many branches it has so far, ...
        self.branches = [1]
        # ... and whether something in it is repeated, or has branches of its own.
        self.varies = [False]
        # Whether the item that a repetition would apply to has branches or repetitions itself.
        self.item_varies = False

    def check(self) -> None:
        if len(self.pattern) > PATTERN_CHARACTERS:
            raise PatternRefused(f"longer than {PATTERN_CHARACTERS} characters", PATTERN_CHARACTERS)
        while self.at < len(self.pattern):
            self._step(self.pattern[self.at])
        # With branches at the top, only the first one has the anchor.
        anchored = self.pattern.startswith("^") and self.branches == [1]
        if self.scans + (not anchored) > NESTED_SCANS:
            raise PatternRefused(
                'too many repetitions: two at most, or three after a "^"', len(self.pattern) - 1
            )
        if self.ways > WAYS:
            raise PatternRefused('too many "?" and "|" in groups', len(self.pattern) - 1)

    def _step(self, character: str) -> None:
        match character:
            case "\\":
                self._escape()
            case "[":
                self._set()
            case "(":
                self._open_group()
            case ")":
                self._close_group()
            case "|":
                self.branches[-1] += 1
                self.at += 1
            case "*" | "+" | "?" | "{":
                self._repeat(character)
            case _:
                self.item_varies = False
                self.at += 1

    def _escape(self) -> None:
        following = self.pattern[self.at + 1 : self.at + 2]
        if following.isdigit():
            raise PatternRefused("a reference to a group could be slow", self.at)
        self.item_varies = False
        self.at += 2

    def _set(self) -> None:
        end = self.at + 1
        if self.pattern.startswith("^", end):
            end += 1
        # A bracket that stands first is a member of the set.
        end += self.pattern.startswith("]", end)
        while end < len(self.pattern) and self.pattern[end] != "]":
            end += 2 if self.pattern[end] == "\\" else 1
        self.item_varies = False
        self.at = end + 1

    def _open_group(self) -> None:
        if self.pattern.startswith("(?", self.at):
            if not self.pattern.startswith("(?:", self.at):
                raise PatternRefused('of the "(?" forms only "(?:…)" is supported', self.at)
            self.at += 2
        self.branches.append(1)
        self.varies.append(False)
        self.at += 1

    def _close_group(self) -> None:
        if len(self.branches) > 1:
            branches, varies = self.branches.pop(), self.varies.pop()
            self.ways *= branches
            self.item_varies = branches > 1 or varies
            self.varies[-1] |= self.item_varies
        self.at += 1

    def _repeat(self, character: str) -> None:
        start = self.at
        least, most, length = self._counts(character)
        if length == 0:
            # A brace that counts nothing is an ordinary character.
            self.item_varies = False
            self.at += 1
            return
        if self.item_varies and most != 1:
            raise PatternRefused("a repetition inside a repetition could be slow", start)
        self.at += length
        if most == 1:
            self.ways *= 2
        elif least != most:
            self.scans += 1
        self.item_varies = True
        self.varies[-1] = True
        # A lazy or possessive mark changes the order of the tries, not their number.
        if self.pattern[self.at : self.at + 1] in ("?", "+"):
            self.at += 1

    def _counts(self, character: str) -> tuple[int, int | None, int]:
        """Return least and most repetitions (None: any number) and the length of the mark."""
        if character != "{":
            return {"*": (0, None, 1), "+": (1, None, 1), "?": (0, 1, 1)}[character]
        found = _COUNTED.match(self.pattern, self.at)
        if found is None or found[0] == "{}":
            return 0, 0, 0
        least = int(found[1] or 0)
        most: int | None = least
        if found[2]:
            most = int(found[3]) if found[3] else None
        if max(least, most or 0) > COUNT_MAX:
            raise PatternRefused(f"a repetition counts to {COUNT_MAX} at most", self.at)
        return least, most, len(found[0])
