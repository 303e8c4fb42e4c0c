"""The questions about a backend: its state, and its removal."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from rsp.core.vocabulary import BackendState
from rsp.tui.model.backend_columns import state_line
from rsp.tui.model.backends import BackendLine
from rsp.tui.model.session_columns import shown
from rsp.tui.model.spans import Line, Span, line
from rsp.tui.screens.dialog import Choice, Dialog
from rsp.tui.screens.foreseen import refusal_lines, tried, who_moves
from rsp.tui.screens.shell import Shell

_MOVES = 8
"""Rows for what the recorded requests would do."""

_STATES = {
    BackendState.READY: "it gets new work",
    BackendState.DRAIN: "no new work; what is there ends in its own time",
    BackendState.MAINT: "no new work, and a request that names it is refused",
}


def state_question(chosen: BackendLine, shell: Shell) -> Dialog:
    """Ask for a state. The answers are `ready`, `drain` and `maint`."""
    lines: list[Line] = []
    choices = []
    for number, (state, meaning) in enumerate(_STATES.items(), 1):
        is_present = state == chosen.row.state
        mark = Span("▌", "accent") if is_present else Span(" ")
        lines.append(line(mark, *state_line(state), f"   {meaning}"))
        choices.append(Choice(str(number), state.upper(), state))
    lines += [(), line(Span(_sessions(chosen), "dim"))]
    is_ready = chosen.row.state == BackendState.READY
    # Whoever is not ready gets nothing new, drained or in maintenance.
    state, keys = (BackendState.DRAIN, "2 or 3") if is_ready else (BackendState.READY, "1")
    params = {"target": chosen.key, "state": state}
    later = _foresight(shell, "backend.set", params, f"With {keys}:")
    return Dialog(f"State of {shown(chosen.key)}", lines, choices, ("backends.state",), later)


def remove_question(chosen: BackendLine, shell: Shell) -> Dialog:
    """Ask when to remove a backend. The answers are `now` and `idle`."""
    count = chosen.row.sessions
    lines: list[Line] = [line(Span(_sessions(chosen), "strong" if count else ""))]
    if count:
        lines += [
            line("Now: they go on to their end, but no table shows them."),
            line("When idle: it is drained first, and removed with the last one."),
        ]
    others = [row for row in chosen.pool.backends if row.name != chosen.row.name]
    if not any(row.state == BackendState.READY and row.weight for row in others):
        said = f"Nobody else in pool {shown(chosen.pool.name)} is ready: requests would get 503."
        lines.append(line(Span(said, "warn")))
    lines += [(), line(Span("z brings it back.", "dim"))]
    choices = [Choice("n", "Now", "now", True), Choice("i", "When idle", "idle")]
    later = _foresight(shell, "backend.remove", {"target": chosen.key}, "Without it:")
    return Dialog(f"Remove {shown(chosen.key)}?", lines, choices, ("backends.remove",), later)


def _foresight(
    shell: Shell, method: str, params: dict[str, Any], title: str
) -> Callable[[int], Awaitable[Sequence[Line]]]:
    """Return what asks the engine who would move."""

    async def ask(columns: int) -> Sequence[Line]:
        answer = await tried(shell, method, params)
        if answer is None:
            return []
        if isinstance(answer, str):
            return refusal_lines(answer, columns)
        moves = who_moves(answer, method, columns, _MOVES)
        return [line(Span(title, "dim")), *moves] if moves else []

    return ask


def _sessions(chosen: BackendLine) -> str:
    count = chosen.row.sessions
    if not count:
        return "No session is at it now."
    return f"{count:,} session{'s are' if count != 1 else ' is'} at it now."
