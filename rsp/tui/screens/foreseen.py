"""What an edit of a backend would do, asked before it is given: the engine tries it, no more."""

from collections.abc import Mapping, Sequence
from typing import Any

from rsp.core.replies import Changed
from rsp.core.sanitise import safe
from rsp.core.wire import CommandRefused
from rsp.tui.client import EngineGone
from rsp.tui.model.spans import Line, Span, wrap
from rsp.tui.model.what_if_text import what_if_rows
from rsp.tui.screens.shell import Shell


async def tried(shell: Shell, method: str, params: Mapping[str, Any]) -> Changed | str | None:
    """Return what the engine says that an edit would change; a text: why it would refuse.

    None: there is no engine, as the header says.
    """
    try:
        return await shell.feed.command(method, {**params, "preview": True}, Changed)
    except CommandRefused as error:
        return str(error)
    except EngineGone:
        return None


def refusal_lines(reason: str, width: int) -> list[Line]:
    """Return why the engine would refuse."""
    return [(Span(row, "bad"),) for row in wrap(f"✗ {safe(reason)}", width)]


def who_moves(answer: Changed, method: str, width: int, height: int) -> Sequence[Line]:
    """Return what the recorded requests would do, in `height` lines or so."""
    if answer.what_if is None:
        return []
    return what_if_rows(answer.what_if, width, height, method.replace(".", " "))
