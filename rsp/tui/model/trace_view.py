"""A call of `route` as it is shown: the text, the lines that ran, what each of them set."""

from dataclasses import dataclass

from rsp.core.explaining import Explanation, TraceStep, changed_locals
from rsp.core.sanitise import safe
from rsp.tui.model.decision_columns import explanation_lines
from rsp.tui.model.lua_spans import lua_lines
from rsp.tui.model.session_columns import shown
from rsp.tui.model.spans import Line, Span, fit, plain, wrap

REQUEST = "the request"
"""What stands for the argument of `route` in a trace: it says nothing here."""


@dataclass(frozen=True, slots=True)
class TraceLine:
    """A line of the text, and what became of it."""

    number: int
    spans: Line
    runs: int = 0
    """How often it ran."""
    set: str = ""
    """What it set when it ran last: `name = value`, with commas."""
    locals: tuple[tuple[str, str], ...] = ()
    """All locals after that."""


def trace_lines(answer: Explanation, running: str) -> list[TraceLine]:
    """Return the text with what ran in it; of a text that is no longer there, what ran alone."""
    known = lua_lines(running) if _is_of(answer, running) else ()
    spans: dict[int, Line] = dict(enumerate(known, 1))
    last: dict[int, tuple[TraceStep, dict[str, str]]] = {}
    runs: dict[int, int] = {}
    for step, changed in zip(answer.trace, changed_locals(answer.trace), strict=True):
        last[step.line] = step, changed
        runs[step.line] = runs.get(step.line, 0) + 1
        spans.setdefault(step.line, (Span(safe(step.source)),))
    lines = []
    for number in sorted(spans):
        if number not in last:
            dim = (Span(plain(spans[number]), "dim"),)
            lines.append(TraceLine(number, dim))
            continue
        step, changed = last[number]
        said = ", ".join(f"{name} = {value}" for name, value in changed.items() if value != REQUEST)
        lines.append(
            TraceLine(number, spans[number], runs[number], said, tuple(sorted(step.locals.items())))
        )
    return lines


def _is_of(answer: Explanation, running: str) -> bool:
    """Tell whether the trace is one of this text: each line that ran stands there."""
    text = running.split("\n")
    return all(
        step.line <= len(text) and text[step.line - 1].strip() == step.source
        for step in answer.trace
    )


def told_lines(answer: Explanation, line: TraceLine | None, width: int, height: int) -> list[Line]:
    """Return what is said below the text, in at most `height` lines.

    The locals after the chosen line, what the policy did, the candidates.
    """
    lines: list[Line] = []
    if line is not None and line.runs:
        said = ", ".join(f"{name} = {value}" for name, value in line.locals if value != REQUEST)
        said = said or "no locals"
        lines.append((Span(f"after {line.number}: ", "dim"), Span(fit(shown(said), width - 12))))
    if answer.trace_note:
        lines += [(Span(row, "warn"),) for row in wrap(shown(answer.trace_note), width)[:2]]
    if answer.policy is not None:
        policy = answer.policy
        name = f"{policy.name}: " if policy.name else ""
        lines += [(Span(row, "accent"),) for row in wrap(shown(name + policy.sentence), width)[:2]]
        numbers = [f"hash {policy.hash}"] if policy.hash is not None else []
        numbers += [f"{name} {score:.4g}" for name, score in policy.scores.items()]
        numbers += [f"tried before: {key}" for key in policy.retried]
        if numbers:
            lines.append((Span(fit(shown("  ".join(numbers)), width), "dim"),))
    return [*lines, *explanation_lines(answer, width, max(height - len(lines), 1))][:height]
