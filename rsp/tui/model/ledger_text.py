"""The Ledger tab of the detail screen: the books of both directions, and the stalls."""

from rsp.core.evidence import FlowRow, StallRow
from rsp.core.replies import ConnectionDetail
from rsp.core.sanitise import safe
from rsp.tui.model.spans import Line, Span, fit, line, wrap

_TITLE = 10
_FIGURE = 15
_COLUMNS = ("READ", "SENT ON", "UNSENT", "LOST")


def ledger_lines(detail: ConnectionDetail, width: int) -> list[Line]:
    """Return what became of every byte of a body, each way, and why it stood still when it did."""
    ledger = detail.ledger
    if ledger is None:
        return [(Span("The engine keeps no books of this session.", "dim"),)]
    head = "".join(fit(name, _FIGURE, ">") for name in _COLUMNS)
    lines: list[Line] = [(Span(" " * _TITLE + head, "dim"),)]
    for title, flow in (("request", ledger.request), ("response", ledger.response)):
        lines += _flow(title, flow)
    lines.append(())
    for peer in (detail.client, detail.backend):
        if peer is not None and peer.pause is not None:
            lines += _told("paused", peer.pause.sentence, "accent", width)
    for stall in detail.stalls:
        lines += _stall(stall, width)
    if not detail.stalls:
        lines.append((Span("Nobody let it wait for 0.1 s.", "dim"),))
    return lines


def _flow(title: str, flow: FlowRow) -> list[Line]:
    figures = "".join(
        fit(f"{value:,}", _FIGURE, ">") for value in (flow.in_, flow.out, flow.unsent)
    )
    lost = fit(f"{flow.dropped:,}", _FIGURE, ">")
    is_good = flow.balanced
    besides = f"besides bodies: {flow.head_in:,} read, {flow.head_out:,} sent"
    return [
        line(Span(fit(title, _TITLE), "title"), figures, Span(lost, "" if is_good else "bad")),
        line(
            " " * _TITLE,
            Span(_verdict(flow), "good" if is_good else "bad"),
            Span(besides, "dim"),
        ),
    ]


def _verdict(flow: FlowRow) -> str:
    if flow.balanced:
        return "balanced  "
    if flow.first_divergence is None:
        return "NOT BALANCED  "
    return f"NOT BALANCED from byte {flow.first_divergence:,}  "


def _stall(stall: StallRow, width: int) -> list[Line]:
    if stall.is_over:
        return _told("over", stall.sentence, "dim", width)
    return _told("goes on", stall.sentence, "warn", width)


def _told(title: str, said: str, role: str, width: int) -> list[Line]:
    first, *rest = wrap(safe(said), max(width - _TITLE, 10))
    return [
        line(Span(fit(title, _TITLE), role), Span(first, role)),
        *(line(" " * _TITLE, Span(row, role)) for row in rest),
    ]
