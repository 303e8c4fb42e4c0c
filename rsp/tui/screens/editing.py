"""Leaving the dashboard for the person's editor, and coming back."""

from textual.app import SuspendNotSupported

from rsp.tui.editor import EditorFailed, edit
from rsp.tui.screens.frame import Frame


def edit_in(frame: Frame, path: str, line: int) -> bool:
    """Open `path` at `line` in place of the dashboard; say why when that cannot be.

    Tell whether it was open.
    """
    try:
        with frame.app.suspend():
            edit(path, line)
    except SuspendNotSupported:
        frame.shell.say(f"No editor can be opened from here; the file is {path}.")
        return False
    except EditorFailed as error:
        frame.shell.say(str(error), is_error=True)
        return False
    return True
