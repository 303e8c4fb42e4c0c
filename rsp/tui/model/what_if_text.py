"""What the recorded requests would do, for a dialog: sums first, then who moves."""

from rsp.core.what_if_rows import WhatIf
from rsp.core.what_if_text import ONLY_CAPITALS, sums, what_if_lines
from rsp.tui.model.session_columns import shown
from rsp.tui.model.spans import Line, Span, fit, wrap


def what_if_rows(found: WhatIf, width: int, height: int, command: str = "reload") -> list[Line]:
    """Return what a preview found, in at most `height` lines; the sums are always there.

    `command` of `rsp ctl` says all of it.
    """
    head = [
        (Span(row, _role(found, sentence)),)
        for sentence in sums(found)
        for row in wrap(shown(sentence), width)
    ]
    rest = what_if_lines(found)[len(sums(found)) :]
    room = max(height - len(head), 0)
    lines: list[Line] = [
        *head,
        *((Span(fit(shown(each), width).rstrip(), "dim"),) for each in rest[:room]),
    ]
    if len(rest) > room:
        more = f"  and more: rsp ctl {command} --preview says all of it"
        lines[-1:] = [(Span(more, "dim"),)] if room else [lines[-1]]
    return lines


def _role(found: WhatIf, sentence: str) -> str:
    """Return how a sum is shown: the first one is the answer, a loss is a warning, and
    good news is good."""
    if sentence == sums(found)[0]:
        return "warn" if found.moved else "" if found.cannot_be_known else "good"
    if sentence == ONLY_CAPITALS:
        return "good"
    is_loss = sentence.startswith((f"{found.unrouted:,} would", f"for {found.errors:,} route"))
    return "bad" if is_loss else "dim"
