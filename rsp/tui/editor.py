"""The person's own editor, at a line of a file."""

import os
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path


class EditorFailed(Exception):
    """The editor could not be used. The text says why, and what to do instead."""


def editor_command(path: str, line: int, environment: Mapping[str, str]) -> list[str]:
    """Return the command that opens `path` at `line`: $VISUAL, else $EDITOR, else vi.

    `+LINE` in front of the file is what vi, emacs, nano and their kin agree on.

    Raises:
        EditorFailed: the variable cannot be split into words.
    """
    chosen = environment.get("VISUAL") or environment.get("EDITOR") or "vi"
    try:
        words = shlex.split(chosen)
    except ValueError as error:
        raise EditorFailed(f"$VISUAL or $EDITOR is {chosen!r}: {error}") from error
    return [*(words or ["vi"]), f"+{line}", path]


def edit(path: str, line: int) -> None:
    """Open the editor in this terminal, and wait until the person is done.

    Raises:
        EditorFailed: there is no such file here, or the editor cannot be started.
    """
    if not Path(path).is_file():
        raise EditorFailed(
            f"{path} cannot be found from here: the engine may have been started in another folder"
        )
    command = editor_command(path, line, os.environ)
    try:
        subprocess.run(command, check=False)
    except OSError as error:
        raise EditorFailed(
            f"the editor {command[0]} cannot be started: {error.strerror}; "
            "set $EDITOR to one that is there"
        ) from error
