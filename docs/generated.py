"""The parts of the documents that are made from the source, so that they cannot go stale.

`python -m docs.generated` writes them anew; a test holds the documents against them.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from docs import configuration
from docs.faults import fault_tables, reason_table
from rsp.core.autopsy import BY_WORDS, PHASE_WORDS
from rsp.core.faults.kinds import KINDS, FaultFamily, Value
from rsp.core.lifecycle import diagram
from rsp.core.linting.finding import RULES
from rsp.tui.keymap import KEYS
from rsp.tui.model.fault_edit import FAMILIES, default_text
from rsp.tui.screens.tabs import TABS

ROOT = Path(__file__).parent.parent

WHERE = {
    "everywhere": "Everywhere",
    "table": "In every list",
    "connections": "Connections",
    "detail": "One session",
    "stopped": "One session, while it is stopped at a breakpoint",
    "bytes": "One session, its headers and bytes",
    "peek": "One session, its bytes",
    "breaks": "Breakpoints",
}
"""Titles of the groups of keys, and their order; a place without a title has its own name."""


class Part(NamedTuple):
    """A stretch of a document between two marks."""

    name: str
    document: str
    make: Callable[[], str]


def session_table() -> str:
    """Return the session table as a block of text."""
    return f"```text\n{diagram()}\n```"


def key_tables() -> str:
    """Return every key of the dashboard, in one table for each place where it works."""
    places = [*WHERE, *dict.fromkeys(key.where for key in KEYS if key.where not in WHERE)]
    return "\n\n".join(_key_table(where) for where in places)


def _key_table(where: str) -> str:
    rows: dict[str, list[str]] = {}
    if where == "everywhere":
        titles = ", ".join(tab.title for tab in TABS)
        rows[f"The screens: {titles}"] = [tab.number for tab in TABS]
    keys = [key for key in KEYS if key.where == where]
    for key in keys:
        rows.setdefault(key.tooltip, []).extend(key.names)
    lines = [f"| {WHERE.get(where, where.capitalize())} | |", "|---|---|"]
    for text, names in rows.items():
        lines.append(f"| {' '.join(_code(name) for name in names)} | {text} |")
    return "\n".join(lines)


def _code(name: str) -> str:
    return "`" + name.replace("|", "\\|") + "`"


def fault_kinds() -> str:
    """Return every kind of fault on purpose, in one table for each family."""
    return "\n\n".join(_family_table(family, title) for family, title in FAMILIES.items())


def _family_table(family: FaultFamily, title: str) -> str:
    lines = [f"| {title} | What it does | Values (default) |", "|---|---|---|"]
    for name, kind in KINDS.items():
        if kind.family is family:
            values = "<br>".join(_value_cell(each, value) for each, value in kind.values.items())
            lines.append(f"| `{name}` | {kind.meaning} | {values} |")
    return "\n".join(lines)


def _value_cell(name: str, value: Value) -> str:
    words = f": {', '.join(value.words)}" if value.words else ""
    default = f"{default_text(value)} {value.unit}".rstrip()
    return f"`{name}` ({default}) {value.meaning}{words}"


def rule_table() -> str:
    """Return every rule of `rsp check`, and what it means."""
    rows = [f"| `{rule}` | {meaning} |" for rule, meaning in RULES.items()]
    return "\n".join(["| Rule | What it finds |", "|---|---|", *rows])


def ending_codes() -> str:
    """Return both characters of an autopsy's code, and what each says."""
    return "\n\n".join(
        "\n".join(
            [f"| {title} | |", "|---|---|", *(f"| `{c}` | {said} |" for c, said in words.items())]
        )
        for title, words in (("first", BY_WORDS), ("second", PHASE_WORDS))
    )


PARTS = (
    Part("session table", "ARCHITECTURE.md", session_table),
    Part("keys", "README.md", key_tables),
    Part("close reasons", "docs/faults.md", reason_table),
    Part("ending codes", "docs/faults.md", ending_codes),
    Part("faults", "docs/faults.md", fault_tables),
    Part("fault kinds", "docs/faults_on_purpose.md", fault_kinds),
    Part("rules", "docs/lint.md", rule_table),
    Part("tables", "docs/configuration.md", configuration.table_sections),
    Part("policies", "docs/configuration.md", configuration.policy_table),
    Part("moving", "docs/configuration.md", configuration.moving_table),
    Part("request", "docs/configuration.md", configuration.request_table),
    Part("answer", "docs/configuration.md", configuration.answer_table),
    Part("sandbox", "docs/configuration.md", configuration.allowed_names),
    Part("limits", "docs/configuration.md", configuration.limit_table),
)


def filled_in(text: str, part: Part) -> str:
    """Return the text of a document with one part made anew.

    Raises:
        ValueError: the document lacks the two marks of the part.
    """
    begin, end = f"<!-- {part.name}: begin -->\n", f"\n<!-- {part.name}: end -->"
    before, found, rest = text.partition(begin)
    _, found_end, after = rest.partition(end)
    if not found or not found_end:
        raise ValueError(f"{part.document} lacks the marks {begin.strip()} and {end.strip()}")
    return before + begin + part.make() + end + after


def main() -> None:
    """Write every part anew."""
    for part in PARTS:
        path = ROOT / part.document
        path.write_text(filled_in(path.read_text(), part))
        sys.stdout.write(f"{part.document}: {part.name}\n")


if __name__ == "__main__":
    main()
