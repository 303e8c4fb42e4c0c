"""The questions of the dashboard: what each says is at stake, and which keys answer it."""

from collections.abc import Sequence

from rsp.core.generation_rows import OldSessions
from rsp.core.limits import TRIAL_S
from rsp.core.replies import Changed, Status
from rsp.core.sanitise import safe
from rsp.core.units import counted
from rsp.tui.model import text
from rsp.tui.model.session_columns import shown
from rsp.tui.model.sessions import Session
from rsp.tui.model.spans import Line, Span, line
from rsp.tui.model.what_if_text import what_if_rows
from rsp.tui.screens.dialog import Choice, Dialog, text_columns

_LISTED = 8
"""Rows that a question lists before it says how many more there are."""
_FORESEEN = 10
"""Rows for what the recorded requests would do: the smallest screen has room for them."""


def close_question(sessions: Sequence[Session], ids: Sequence[int]) -> Dialog:
    """Ask how to close some sessions. The answers are `close` and `reset`."""
    unsent = sum(_unsent(session) for session in sessions)
    lines: list[Line] = []
    for session in sessions[:_LISTED]:
        waiting = text.full_size(_unsent(session))
        address = shown(session.row.client.address)
        lines.append(
            line(
                Span(f"{session.id:>6} ", "strong"),
                f"{address}  ",
                Span(f"{waiting} unsent", "dim"),
            )
        )
    if not sessions:
        lines.append(line(Span("It is not in the list: what waits in it is unknown.", "dim")))
    elif len(ids) > len(lines):
        lines.append(line(Span(f"       and {len(ids) - len(lines)} more", "dim")))
    dropped = Span(text.full_size(unsent), "warn") if sessions else "what waits in it"
    lines += [
        (),
        line("Close sends what is buffered, then ends both sides."),
        line("Reset drops ", dropped, " at once."),
    ]
    what = f"session {ids[0]}" if len(ids) == 1 else f"{len(ids)} sessions"
    choices = [Choice("c", "Close", "close", True), Choice("r", "Reset", "reset", True)]
    return Dialog(f"Close {what}?", lines, choices, ("close", "detail.close"))


def _unsent(session: Session) -> int:
    backend = session.row.backend
    return session.row.client.unsent_bytes + (backend.unsent_bytes if backend else 0)


def leave_question(status: Status | None) -> Dialog:
    """Ask whether the engine goes on. The answers are `stop` and `leave`."""
    live = _live_sessions(status)
    lines = [
        line("The proxy has ", Span(live, "strong"), "."),
        (),
        line("Leave running: rsp attach comes back to it."),
        line("Stop: no new connections, the present ones may end."),
    ]
    choices = [Choice("l", "Leave running", "leave"), Choice("s", "Stop", "stop", True)]
    return Dialog("Leave rsp", lines, choices, ("back_or_quit", "quit"))


def _live_sessions(status: Status | None) -> str:
    if status is None:
        return "an unknown number of sessions"
    return counted(status.sessions, "live session")


def stop_question(status: Status | None) -> Dialog:
    """Ask whether to stop an engine that somebody else started. The answer is `stop`."""
    live = _live_sessions(status)
    lines = [line("The proxy has ", Span(live, "strong"), "; they get their time to end.")]
    return Dialog("Stop the engine?", lines, [Choice("s", "Stop", "stop", True)])


def reload_question(changed: Changed, columns: int) -> Dialog:
    """Ask whether to reload, given what it would change, on a screen of `columns`.

    The answers are `keep`, `try` and `drop`.
    """
    sentences = changed.changed[:_LISTED] or ["It would change nothing."]
    lines: list[Line] = [line(safe(sentence)) for sentence in sentences]
    if len(changed.changed) > _LISTED:
        lines.append(line(Span(f"and {len(changed.changed) - _LISTED} more changes", "dim")))
    if changed.what_if is not None:
        lines += [(), *what_if_rows(changed.what_if, text_columns(columns), _FORESEEN)]
    choices = [Choice("y", "Reload", "keep"), Choice("t", f"Try for {TRIAL_S:.0f} s", "try")]
    if changed.kept_edits:
        lines += [(), line(Span("Live edits that stay on top of the file:", "dim"))]
        lines += [line(safe(sentence)) for sentence in changed.kept_edits[:_LISTED]]
        choices.append(Choice("d", "Drop edits", "drop", True))
    return Dialog("Reload the configuration?", lines, choices, ("reload",))


def old_sessions_question(found: OldSessions) -> Dialog:
    """Ask what becomes of the sessions of old generations.

    The answers are `leave`, `drain` and `close`.
    """
    count = len(found.sessions)
    verb, whom = ("session goes", "it") if count == 1 else ("sessions go", "them")
    lines = [line(Span(f"{count:,} {verb}", "strong"), f" where an old generation sent {whom}:")]
    newest = sorted(found.generations.items(), reverse=True)
    for generation, of in newest[:_LISTED]:
        lines.append(line(Span(f"  generation {generation:>4}  ", "dim"), f"{of:>6,}"))
    if len(newest) > _LISTED:
        lines.append(line(Span(f"  and {len(newest) - _LISTED} generations before", "dim")))
    lines += [
        (),
        line("Leave: their next requests are decided by what is in force then."),
        line("Drain: each ends with its present exchange; tcp sessions stay."),
        line("Close: all of them now; what is buffered is sent."),
    ]
    choices = [
        Choice("l", "Leave", "leave"),
        Choice("d", "Drain", "drain", True),
        Choice("c", "Close", "close", True),
    ]
    return Dialog("Sessions of old generations", lines, choices, ("config.old",))
