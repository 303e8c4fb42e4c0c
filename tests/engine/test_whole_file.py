"""Files that are whole at every moment, also where something fails on the way."""

import os
from pathlib import Path

import pytest

from rsp.engine.whole_file import write_new, write_whole

OLD, NEW = b"old text\n", b"the new text\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file.lua"
    path.write_bytes(OLD)
    return path


def refuse(*_arguments: object, **_options: object) -> int:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("call", ["open", "write", "fsync", "rename"])
def test_what_fails_leaves_the_old_text_and_nothing_else(
    file: Path, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(os, call, refuse)
        with pytest.raises(OSError, match="No space"):
            write_whole(str(file), NEW)
    assert file.read_bytes() == OLD
    assert list(file.parent.iterdir()) == [file]


def test_behind_the_rename_nothing_fails_any_more(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = os.rename

    def rename_and_break(*names: str) -> None:
        rename(*names)
        monkeypatch.setattr(os, "fsync", refuse)

    monkeypatch.setattr(os, "rename", rename_and_break)
    write_whole(str(file), NEW)
    assert file.read_bytes() == NEW


def test_a_new_file_that_could_not_be_filled_is_not_there(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    like = file.stat()
    with monkeypatch.context() as broken:
        broken.setattr(os, "write", refuse)
        with pytest.raises(OSError, match="No space"):
            write_new(f"{file}.bak", OLD, like)
    assert list(file.parent.iterdir()) == [file]
    assert write_new(f"{file}.bak", OLD, like) == f"{file}.bak"
    assert write_new(f"{file}.bak", OLD, like) == f"{file}.bak.2"
