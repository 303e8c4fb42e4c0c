"""Bytes of strangers are read by patterns: Python's own notions of blanks and digits are too wide.

`int` takes signs, underscores, blanks and digits of every script; `strip` takes vertical tabs, and
of texts also U+0085; `$` stands before a last line feed as well. So the source is looked at.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import rsp.core.http1

SOURCES = sorted(Path(rsp.core.http1.__file__).parent.glob("*.py"))
LOOSE = {"splitlines", "isdigit", "isdecimal", "isnumeric", "isalnum", "isspace", "casefold"}
STRIPPING = {"strip", "lstrip", "rstrip", "split", "rsplit"}
NARROW = {"ascii", "latin-1"}


def loose_reading(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield what takes more than the grammar of HTTP does, with its line."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Name(id="int"), args=[ast.Subscript(value=ast.Name(id="match")), *_]
            ):
                pass
            case ast.Call(func=ast.Name(id="int" | "float")):
                yield node.lineno, "a number that no pattern has passed"
            case ast.Call(func=ast.Attribute(value=ast.Constant())):
                pass  # a text of our own
            case ast.Call(func=ast.Attribute(value=ast.Name(id=own))) if own.isupper():
                pass  # and one with a name
            case ast.Call(func=ast.Attribute(attr=name), args=[]) if name in STRIPPING:
                yield node.lineno, f"{name}() of whatever Python calls blank"
            case ast.Call(func=ast.Attribute(attr="decode"), args=args) if not is_narrow(args):
                yield node.lineno, "a text that is more than ASCII or latin-1"
            case ast.Attribute(attr=name) if name in LOOSE:
                yield node.lineno, f"{name} knows more than ASCII"
            case ast.Constant(value=bytes(text)) if b"$" in re.sub(rb"\[[^]]*\]", b"", text):
                yield node.lineno, "$ in a pattern"


def is_narrow(args: list[ast.expr]) -> bool:
    return [
        arg.value for arg in args if isinstance(arg, ast.Constant) and arg.value in NARROW
    ] != []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_bytes_of_strangers_are_read_by_patterns_only(path: Path) -> None:
    assert list(loose_reading(ast.parse(path.read_text()))) == []


@pytest.mark.parametrize(
    "code",
    [
        "int(value)",
        "int(value, 16)",
        "value.strip()",
        "value.rstrip()",
        "value.split()",
        "value.decode()",
        "value.decode('utf-8')",
        "head.splitlines()",
        "value.isdigit()",
        'compile(rb"[0-9]+$")',
    ],
)
def test_loose_reading_is_known_in_every_form(code: str) -> None:
    assert list(loose_reading(ast.parse(code)))
