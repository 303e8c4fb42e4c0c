"""Planted configurations: 20 that are guilty of one rule each, and 20 that only look like it."""

import re
from pathlib import Path

import pytest

from rsp.core.vocabulary import Severity
from rsp.engine.check import check
from rsp.engine.lua_config import load_config

PLANTED = Path(__file__).parent.parent / "lint"
GUILTY = sorted((PLANTED / "guilty").glob("*.lua"))
INNOCENT = sorted((PLANTED / "innocent").glob("*.lua"))

NAMED_RULES = {
    *("case_sensitive_key", "port_in_key", "trailing_dot", "percent_encoding", "unreachable_rule"),
    *("unknown_pool", "no_default", "shadowed_backend", "weight_zero_pool", "modulo_hash"),
}


def marked(path: Path) -> list[tuple[str, int]]:
    """Return the rule and the line of each `-- <- RULE` in a file."""
    lines = enumerate(path.read_text().splitlines(), 1)
    found = ((re.search(r"-- <- (\w+)", text), number) for number, text in lines)
    return [(mark[1], number) for mark, number in found if mark]


def test_there_are_forty_and_every_rule_is_among_them() -> None:
    assert (len(GUILTY), len(INNOCENT)) == (20, 20)
    assert {rule for path in GUILTY for rule, _ in marked(path)} == NAMED_RULES
    assert [marked(path) for path in INNOCENT] == [[]] * 20


@pytest.mark.parametrize("path", GUILTY, ids=lambda path: path.stem)
def test_the_guilty_are_found_by_name_and_line_and_of_nothing_else(path: Path) -> None:
    findings = check(load_config(str(path)))
    assert [(finding.rule, finding.line) for finding in findings] == marked(path)
    is_advice = findings[0].severity is Severity.ADVICE
    assert is_advice == (findings[0].rule == "modulo_hash")


@pytest.mark.parametrize("path", INNOCENT, ids=lambda path: path.stem)
def test_the_innocent_are_not_accused(path: Path) -> None:
    assert check(load_config(str(path))) == []
