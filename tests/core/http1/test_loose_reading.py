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
        what = loose_call(node) or loose_word(node)
        if what:
            yield getattr(node, "lineno", 0), what


def loose_call(node: ast.AST) -> str:
    match node:
        case ast.Call(
            func=ast.Name(id="int"), args=[ast.Subscript(value=ast.Name(id="match")), *_]
        ):
            return ""
        case ast.Call(func=ast.Name(id="int" | "float")):
            return "a number that no pattern has passed"
        case ast.Call(func=ast.Attribute(attr=name, value=value), args=args) if not is_ours(value):
            if name in STRIPPING and not args:
                return f"{name}() of whatever Python calls blank"
            if name == "decode" and not is_narrow(args):
                return "a text that is more than ASCII or latin-1"
    return ""


def loose_word(node: ast.AST) -> str:
    match node:
        case ast.Attribute(attr=name) if name in LOOSE:
            return f"{name} knows more than ASCII"
        case ast.Constant(value=bytes(text)) if b"$" in re.sub(rb"\[[^]]*\]", b"", text):
            return "$ in a pattern"
    return ""


def is_ours(value: ast.expr) -> bool:
    """Tell whether a text is written in the source, or has a name of the module."""
    return isinstance(value, ast.Constant) or (isinstance(value, ast.Name) and value.id.isupper())


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
