"""The menu that changes how much the kernel may hold unsent for a session: TCP_NOTSENT_LOWAT."""

from rsp.core.replies import ConnectionDetail, ConnectionRow
from rsp.tui.model import text
from rsp.tui.screens.dialog import Choice
from rsp.tui.screens.frame import Frame
from rsp.tui.screens.menu import Menu

_UNLIMITED = "unlimited"
_MARKS = {
    "4096": "nearly all that is unsent shows here",
    "16384": "little is hidden in the kernel",
    "131072": "what every connection begins with",
    _UNLIMITED: "as the kernel likes: megabytes for a slow reader",
}


def share_menu(row: ConnectionRow) -> Menu:
    """Ask for a mark. The answers are its bytes, or `unlimited`."""
    present = _present(row)
    choices, previews = [], []
    for number, (mark, meaning) in enumerate(_MARKS.items(), 1):
        label = mark if mark == _UNLIMITED else text.full_size(int(mark)).replace(".0", "")
        choices.append(Choice(str(number), label, mark))
        previews.append(f"{meaning} (now)" if mark == present else meaning)
    return Menu(
        f"Unsent in the kernel, session {row.id}", choices, previews, ("kernel", "detail.kernel")
    )


def _present(row: ConnectionRow) -> str:
    """Return the mark of the client's socket; empty when it is not known."""
    room = row.room.get("client") if isinstance(row, ConnectionDetail) else None
    if room is None:
        return ""
    return _UNLIMITED if room.notsent_lowat_bytes is None else str(room.notsent_lowat_bytes)


def ask_share(screen: Frame, row: ConnectionRow) -> None:
    """Ask, and give the engine the command."""

    def answered(answer: str | None) -> None:
        if answer:
            mark = answer if answer == _UNLIMITED else int(answer)
            screen.shell.give("lowat", {"id": row.id, "bytes": mark})

    _ = screen.app.push_screen(share_menu(row), answered)
