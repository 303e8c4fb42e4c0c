"""`rsp init`: the file it writes is clean, and nothing is overwritten."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from rsp.cli.check import command as check
from rsp.cli.init import command
from rsp.core.expectations import expectations_in


def test_the_sample_passes_its_own_check(tmp_path: Path) -> None:
    path = tmp_path / "site.lua"
    result = CliRunner().invoke(command, [str(path)])
    assert (result.exit_code, result.stdout.startswith(f"wrote {path};")) == (0, True)
    assert len(expectations_in(path.read_text("utf-8"))) == 3
    checked = CliRunner().invoke(check, [str(path)])
    assert (checked.exit_code, checked.stdout) == (0, f"{path}: nothing to complain about\n")


def test_a_file_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "site.lua"
    path.write_text("mine")
    result = CliRunner().invoke(command, [str(path)])
    assert result.exit_code == 1
    assert f"{path} is already there" in result.stderr
    assert path.read_text() == "mine"


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    result = CliRunner().invoke(command, [str(tmp_path / "absent" / "site.lua")])
    assert result.exit_code == 1
    assert "No such file or directory" in result.stderr


def test_without_a_name_it_is_rsp_lua(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(command, []).exit_code == 0
    assert (tmp_path / "rsp.lua").is_file()
