"""The line that says how what runs differs from the file: live edits and files both count."""

from rsp.core.generation_rows import Edits
from rsp.core.replies import Status
from rsp.core.units import counted
from rsp.tui.model.dashboard import Model
from rsp.tui.model.session_columns import shown
from rsp.tui.model.spans import Line, Span, cut, join, width_of


def file_name(status: Status | None) -> str:
    """Return the name of the configuration file, without its folder."""
    if status is None or not status.config:
        return "the start"
    return shown(status.config.rpartition("/")[2])


def differs_line(edits: Edits, model: Model, width: int) -> Line:
    """Return the line, with fewer words where there is little room; empty when nothing can be
    undone, nor done again."""
    long, short = (
        _parts(edits, model, words) for words in ("✎ running state differs", "✎ differs")
    )
    if not long:
        return ()
    line = (Span(" "), *join(long, " · "))
    return cut(line if width_of(line) <= width else (Span(" "), *join(short, " · ")), width)


def _parts(edits: Edits, model: Model, words: str) -> list[Line]:
    parts: list[Line] = []
    count = len(edits.edits)
    if count:
        parts.append((Span(f"{words} from {file_name(model.status)}", "accent"),))
        parts.append((Span(counted(count, "edit")),))
        if model.read_only:
            parts.append((Span(shown(edits.edits[-1].what), "dim"),))
    if edits.next_undo and not model.read_only:
        what = shown(edits.next_undo)
        parts.append((Span("z", "key", "app.undo"), Span(" undoes "), Span(what, "dim")))
    if edits.undone and not model.read_only:
        what = shown(edits.undone[-1].what)
        parts.append((Span("Z", "key", "app.redo"), Span(" redoes "), Span(what, "dim")))
    return parts
