"""The conditions of a Lua program, and the text in which each one reports what it came to.

`if` and `elseif` have arms. An arm that no request enters is a rule that nobody reaches; which arm
stands in its way is found by letting that one fail (`unreachable.py`).
"""

from dataclasses import dataclass

from rsp.core.linting.lua_words import Kind, Word, words_in

ARM_NAME = "_rsp_arm"
"""What a condition calls: `if _rsp_arm(3, (CONDITION)) then`."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One condition of an `if`."""

    id: int
    """From 1, in the order of the file."""
    line: int
    """Where its `if` or `elseif` stands."""
    literals: tuple[str, ...]
    """The strings in it."""
    earlier: tuple[int, ...]
    """Those of the same function that come before it and do not surround it."""


@dataclass(slots=True)
class _Block:
    """A block that is not closed yet."""

    kind: str
    """`function`, `if`, or anything else that ends with `end` or `until`."""
    function: int
    """Which function it is in, by the place of that word; 0: the file itself."""
    arm: int = 0
    """Of an `if`: the arm whose body this is."""


class _Reader:
    """Reads a program once and notes its arms."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.words = list(words_in(source))
        self.arms: list[Arm] = []
        self.inserts: list[tuple[int, str]] = []
        self._blocks: list[_Block] = []
        self._functions: dict[int, list[int]] = {}
        self._opened: list[tuple[int, int]] = []
        """Conditions that are being read: the number of the word, and how many blocks are open."""
        self._awaits_do = False

    def read(self) -> None:
        """Note every arm.

        Raises:
            ValueError: the blocks do not match, so this is not understood.
        """
        for at, word in enumerate(self.words):
            if word.kind is Kind.NAME and not self._is_field(at):
                self._step(at, word)
        if self._blocks or self._opened:
            raise ValueError("a block is not closed")

    def _is_field(self, at: int) -> bool:
        """Tell whether the word is a name behind a dot; keywords cannot stand there."""
        return at > 0 and self.words[at - 1].text in (".", ":")

    def _step(self, at: int, word: Word) -> None:
        match word.text:
            case "function":
                self._blocks.append(_Block("function", word.start + 1))
            case "while" | "for" | "do" | "repeat":
                self._loop(word.text)
            case "if" | "elseif" | "then" | "else":
                self._branch(at, word.text)
            case "end" | "until":
                self._close(None)

    def _loop(self, word: str) -> None:
        # The `do` of a `while` or a `for` opens no second block.
        if not (word == "do" and self._awaits_do):
            self._open(word)
        self._awaits_do = word in ("while", "for")

    def _branch(self, at: int, word: str) -> None:
        if word.startswith("else"):
            self._close("if")
        if word == "then":
            self._arm(at)
        elif word == "else":
            self._open("if")
        else:
            self._opened.append((at, len(self._blocks)))

    def _open(self, kind: str) -> None:
        self._blocks.append(_Block(kind, self._function()))

    def _function(self) -> int:
        return self._blocks[-1].function if self._blocks else 0

    def _close(self, kind: str | None) -> None:
        if not self._blocks or kind not in (None, self._blocks[-1].kind):
            raise ValueError("a block is closed that is not open")
        self._blocks.pop()

    def _arm(self, at: int) -> None:
        if not self._opened:
            raise ValueError("`then` without `if`")
        began, depth = self._opened.pop()
        if depth != len(self._blocks):
            raise ValueError("a block inside a condition is not closed")
        number, function = len(self.arms) + 1, self._function()
        around = {block.arm for block in self._blocks if block.function == function}
        before = self._functions.setdefault(function, [])
        condition = self.words[began + 1 : at]
        self.arms.append(
            Arm(
                number,
                self.words[began].line,
                tuple(word.text for word in condition if word.kind is Kind.STRING),
                tuple(each for each in before if each not in around),
            )
        )
        before.append(number)
        self._blocks.append(_Block("if", function, number))
        self.inserts.append((self.words[began].end, f" {ARM_NAME}({number}, ("))
        self.inserts.append((self.words[at].start, ")) "))


def arms_of(source: str) -> tuple[list[Arm], str]:
    """Return the arms of `source`, and the same program with each condition reporting itself.

    Every word stays in its line. A program that is not understood has no arms.
    """
    reader = _Reader(source)
    try:
        reader.read()
    except ValueError:
        return [], source
    parts, done = [], 0
    for at, text in sorted(reader.inserts):
        parts += [source[done:at], text]
        done = at
    return reader.arms, "".join([*parts, source[done:]])
