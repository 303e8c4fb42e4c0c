"""The layering rules, and what ARCHITECTURE.md says, held against the source.

The rules are of a kind that linters do not know: a name may be used in this file only, a package
may import that one only. So the source is parsed and looked at.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from docs.generated import PARTS, filled_in

ROOT = Path(__file__).parent.parent
FILE_LINES = 400
FUNCTION_LINES = 50

SOURCES = sorted((ROOT / "rsp").rglob("*.py"))
OTHERS = sorted(path for name in ("tests", "bench", "docs") for path in (ROOT / name).rglob("*.py"))
LUA = sorted(path for name in ("rsp", "sample_configs") for path in (ROOT / name).rglob("*.lua"))

FORBIDDEN = {
    "rsp/core": {
        *("socket", "select", "selectors", "asyncio", "ssl", "threading", "subprocess", "time"),
        *("random", "os", "uvloop", "lupa", "textual", "rich"),
    },
    "rsp/engine": {"textual", "rich"},
    "rsp/tui": {"lupa", "uvloop", "socket", "select"},
}
MAY_IMPORT = {
    "rsp/core": {"rsp.core"},
    "rsp/engine": {"rsp.core", "rsp.engine"},
    "rsp/tui": {"rsp.core", "rsp.tui"},
    "rsp/cli": {"rsp.core", "rsp.cli"},
}
"""What each package imports of ours; `rsp/cli` imports more, but only inside functions."""

ERRNO_WORDS = {
    *("BlockingIOError", "InterruptedError", "errno"),
    *("ConnectionResetError", "BrokenPipeError"),
}
ERRNO_FILES = {"rsp/engine/nonblocking.py", "rsp/engine/control.py"}
CATCH_ALL_FILES = {"rsp/engine/poller.py", "rsp/engine/control.py"}
ONLY_IN = {
    "epoll": {"rsp/engine/poller.py"},
    "add_reader": {"rsp/engine/poller.py"},
    "add_writer": {"rsp/engine/poller.py"},
    "SHUT_WR": {"rsp/engine/nonblocking.py"},
}
LUPA_FILES = {"rsp/engine/lua_sandbox.py"}


@cache
def tree_of(path: Path) -> ast.Module:
    """Return the parsed file: once, and not by a worker that has none of these tests."""
    return ast.parse(path.read_text())


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def is_in(path: Path, *folders: str) -> bool:
    return any(name_of(path).startswith(f"{folder}/") for folder in folders)


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_of(path) for path in SOURCES}


def imported(node: ast.AST) -> list[str]:
    """Return the modules that one statement imports, as far as their names tell."""
    match node:
        case ast.Import(names=names):
            return [alias.name for alias in names]
        case ast.ImportFrom(module=str(module), names=names, level=0):
            parts = [f"{module}.{alias.name}" for alias in names]
            return [part if part in MODULES else module for part in parts]
        case ast.ImportFrom():
            return ["(relative)"]
    return []


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield every import of a file, wherever it stands: in functions and for types too."""
    for node in ast.walk(tree):
        for module in imported(node):
            yield getattr(node, "lineno", 0), module


def imports_at_once(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the imports that run when the file is imported."""
    for node in tree.body:
        for module in imported(node):
            yield node.lineno, module


def words(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield every name that the code (not its text) uses."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=word) | ast.Attribute(attr=word):
                yield node.lineno, word
            case ast.alias(name=word):
                yield node.lineno, word


def is_within(module: str, packages: set[str]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def check(paths: list[Path], faults: Callable[[Path], Iterator[tuple[int, str]]]) -> None:
    """Fail with every fault that is found, each with its place."""
    found = [f"{name_of(path)}:{line}: {what}" for path in paths for line, what in faults(path)]
    assert not found, "\n" + "\n".join(found)


def test_the_files_are_found() -> None:
    assert len(SOURCES) > 50
    assert len(OTHERS) > 20


@pytest.mark.parametrize("package", FORBIDDEN)
def test_a_package_leaves_alone_what_it_must_not_know(package: str) -> None:
    def faults(path: Path) -> Iterator[tuple[int, str]]:
        for line, module in imports(tree_of(path)):
            if is_within(module, FORBIDDEN[package]):
                yield line, f"{package} must not import {module}"

    check([path for path in SOURCES if is_in(path, package)], faults)


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_package_imports_only_what_stands_below_it(package: str) -> None:
    def faults(path: Path) -> Iterator[tuple[int, str]]:
        found = imports_at_once if package == "rsp/cli" else imports
        for line, module in found(tree_of(path)):
            if is_within(module, {"rsp"}) and module != "rsp":
                if not is_within(module, MAY_IMPORT[package]):
                    yield line, f"{package} must not import {module} here"
            elif module == "(relative)":
                yield line, "imports are written out in full"

    check([path for path in SOURCES if is_in(path, package)], faults)


def test_nothing_imports_in_a_circle() -> None:
    graph = {
        module_of(path): {module for _, module in imports(tree_of(path)) if module in MODULES}
        for path in SOURCES
        if not is_in(path, "rsp/cli")
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"a circle of imports: {' -> '.join(error.args[1])}")


def test_only_one_file_meets_errno() -> None:
    def faults(path: Path) -> Iterator[tuple[int, str]]:
        for line, word in words(tree_of(path)):
            if word in ERRNO_WORDS and name_of(path) not in ERRNO_FILES:
                yield line, f"{word} is met in rsp/engine/nonblocking.py only"

    check([path for path in SOURCES if is_in(path, "rsp/core", "rsp/engine", "rsp/tui")], faults)


def test_only_one_file_touches_epoll_and_one_shuts_a_direction() -> None:
    def faults(path: Path) -> Iterator[tuple[int, str]]:
        for line, word in words(tree_of(path)):
            allowed = (
                ONLY_IN["epoll" if word.startswith("EPOLL") else word]
                if (word in ONLY_IN or word.startswith("EPOLL"))
                else {name_of(path)}
            )
            if name_of(path) not in allowed:
                yield line, f"{word} belongs into {', '.join(allowed)}"

    check(SOURCES, faults)


def test_lua_is_met_behind_its_wall_only() -> None:
    def faults(path: Path) -> Iterator[tuple[int, str]]:
        for line, module in imports(tree_of(path)):
            if is_within(module, {"lupa"}) and name_of(path) not in LUPA_FILES:
                yield line, "lupa is imported by the sandbox only"

    check(SOURCES, faults)


def catches_all(node: ast.AST) -> bool:
    """Tell whether a node swallows every exception; one that raises it again does not."""
    match node:
        case ast.ExceptHandler(type=None):
            return True
        case ast.ExceptHandler(type=kind, body=body):
            named = {word for _, word in words(kind)} if kind is not None else set()
            last = body[-1]
            is_passed_on = isinstance(last, ast.Raise) and last.exc is None
            return bool(named & {"Exception", "BaseException"}) and not is_passed_on
        case ast.Call(func=ast.Attribute(attr="suppress") | ast.Name(id="suppress"), args=args):
            return any(w in ("Exception", "BaseException") for arg in args for _, w in words(arg))
    return False


def test_a_bug_is_caught_at_the_known_places_only() -> None:
    def faults(path: Path) -> Iterator[tuple[int, str]]:
        for node in ast.walk(tree_of(path)):
            if catches_all(node) and name_of(path) not in CATCH_ALL_FILES:
                yield getattr(node, "lineno", 0), "catches every exception"

    check(SOURCES, faults)


@pytest.mark.parametrize(
    "code",
    [
        "try: f()\nexcept: pass",
        "try: f()\nexcept Exception: pass",
        "try: f()\nexcept (OSError, BaseException) as e: print(e)",
        "with contextlib.suppress(Exception): f()",
    ],
)
def test_a_catch_all_is_known_in_every_form(code: str) -> None:
    assert any(catches_all(node) for node in ast.walk(ast.parse(code)))


def test_what_is_raised_again_is_no_catch_all() -> None:
    tree = ast.parse("try: f()\nexcept BaseException:\n    close()\n    raise")
    assert not any(catches_all(node) for node in ast.walk(tree))


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("rsp.engine.process", ("textual", "rich")),
        ("rsp.cli.serve", ("textual", "rich", "lupa", "uvloop")),
        ("rsp.cli.ctl", ("textual", "rich", "lupa", "uvloop", "asyncio")),
        ("rsp.tui.app", ("lupa", "uvloop", "rsp.engine")),
    ],
)
def test_a_program_does_not_load_what_it_does_not_need(
    module: str, absent: tuple[str, ...]
) -> None:
    code = f"import sys, {module}; print([name for name in {absent!r} if name in sys.modules])"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert run.stdout.strip() == "[]"


def test_every_file_says_what_it_is() -> None:
    def faults(path: Path) -> Iterator[tuple[int, str]]:
        if not ast.get_docstring(tree_of(path)):
            yield 1, "no docstring"

    check([p for p in SOURCES + OTHERS if not is_in(p, "tests")], faults)


def test_files_stay_short() -> None:
    def faults(path: Path) -> Iterator[tuple[int, str]]:
        lines = len(path.read_text().splitlines())
        if lines > FILE_LINES:
            yield lines, f"{lines} lines; more than {FILE_LINES} are two files"

    check(SOURCES + OTHERS + LUA, faults)


def test_functions_stay_short() -> None:
    def faults(path: Path) -> Iterator[tuple[int, str]]:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > FUNCTION_LINES:
                    yield node.lineno, f"{node.name} has {lines} lines"

    check(SOURCES + OTHERS, faults)


# -- what the documents say

DOCUMENTS = ("ARCHITECTURE.md", "README.md")
FOLDERS = "rsp|tests|bench|docs|sample_configs"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_that_a_document_names_is_there(document: str) -> None:
    text = (ROOT / document).read_text()
    named = set(re.findall(rf"`((?:{FOLDERS})/[^` ]*)`", text))
    named |= set(re.findall(r"\]\((?!http|#)([^)#]+)\)", text))
    assert named
    missing = [path for path in sorted(named) if not (ROOT / path).exists()]
    assert not missing, f"{document} names what is not there: {missing}"


def test_where_is_names_a_file_in_every_row() -> None:
    section = (
        (ROOT / "ARCHITECTURE.md").read_text().partition("## Where is")[2].partition("\n## ")[0]
    )
    rows = [line for line in section.splitlines() if line.startswith("|")][2:]
    assert len(rows) >= 10
    assert [row for row in rows if not re.search(r"`rsp/[^`]+`", row)] == []


def defined_names() -> set[str]:
    """Return every `function` and `Class.method` of rsp."""
    found: set[str] = set()
    for path in SOURCES:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found.add(node.name)
            elif isinstance(node, ast.ClassDef):
                inner = [
                    n for n in node.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)
                ]
                found |= {f"{node.name}.{method.name}" for method in inner}
    return found


def test_every_function_that_architecture_names_is_there() -> None:
    named = set(re.findall(r"`([A-Za-z_.]+)\(\)`", (ROOT / "ARCHITECTURE.md").read_text()))
    assert len(named) >= 12
    assert named - defined_names() == set()


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_generated_parts_are_as_generated(part) -> None:  # type: ignore[no-untyped-def]
    text = (ROOT / part.document).read_text()
    assert filled_in(text, part) == text, "`make docs` writes it anew"
