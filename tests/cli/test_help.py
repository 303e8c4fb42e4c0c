"""The help of commands says what may be written, and all of it can be."""

import pytest
from click.testing import CliRunner

from rsp.cli import main
from rsp.cli.table import as_table
from rsp.core.faults.kinds import KINDS
from rsp.core.filter import LANGUAGE, parse_filter
from rsp.core.row_fields import getter, short_names


@pytest.mark.parametrize("command", ["connections", "decisions", "break add"])
def test_a_command_that_takes_a_filter_explains_it(command: str) -> None:
    said = " ".join(CliRunner().invoke(main, ["ctl", *command.split(), "--help"]).output.split())
    for written, meaning in LANGUAGE:
        assert f"{written} {meaning}" in said


@pytest.mark.parametrize("written", [written for written, _ in LANGUAGE[:-2]])
def test_every_example_is_a_filter(written: str) -> None:
    assert parse_filter(written).text == written


@pytest.mark.parametrize("name", short_names())
def test_every_field_that_is_named_is_known(name: str) -> None:
    assert callable(getter(name))


def test_every_kind_of_fault_is_named_with_its_values() -> None:
    said = CliRunner().invoke(main, ["ctl", "fault", "add", "--help"]).output
    for name, kind in KINDS.items():
        assert f"  {name} " in said
        for value in kind.values:
            assert f"--{value}" in said


def test_a_sentence_in_the_last_column_stands_there_whole() -> None:
    sentence = "the backend has the whole request and has not begun to answer for 12.8 s by now"
    shown = as_table(("ID", "REQUEST", "STALL"), [(1, "/" + "a" * 90, sentence), (2, "/b", None)])
    assert shown.splitlines()[1].endswith(f"…  {sentence}")
    assert "a" * 70 not in shown
