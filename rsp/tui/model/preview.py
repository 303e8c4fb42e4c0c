"""The lines below the list: one session in short, with the sentence that explains it."""

from rsp.core.replies import PeerRow
from rsp.tui.limits import NARROW_COLUMNS
from rsp.tui.model import text
from rsp.tui.model.history import History, SideHistory
from rsp.tui.model.session_columns import shown
from rsp.tui.model.sessions import Session
from rsp.tui.model.spans import Line, Span, fit, wrap
from rsp.tui.model.why import why


def preview(session: Session, history: History, width: int, height: int) -> list[Line]:
    """Return at most `height` lines. The sentence always has its place."""
    sentence = [(Span(row, part.role),) for part in why(session) for row in wrap(part.text, width)]
    # Two lines at least, so that what stands below does not jump when the sentence grows.
    sentence += [(Span(""),)] * (2 - len(sentence))
    sides = _sides(session, history, width)
    if height < 2 + len(sides) + 2:
        return [*sentence, *sides][:height]
    return [*sentence, (), _where(session), *sides][:height]


def _where(session: Session) -> Line:
    row = session.row
    spans = [Span(shown(row.client.address)), Span(" ⇄ rsp ⇄ ", "dim")]
    if row.backend is None:
        spans.append(Span("no backend now", "dim"))
    else:
        spans.append(Span(shown(row.backend.address)))
        spans.append(Span(f"   fd {row.client.fd} / {row.backend.fd}", "dim"))
    if row.route is not None:
        route = row.route
        spans += [
            Span("   route ", "dim"),
            Span(f"{shown(route.pool)}/{shown(route.backend)}", "accent"),
            Span(f"  {shown(route.reason)}", "dim"),
        ]
    return tuple(spans)


def _sides(session: Session, history: History, width: int) -> list[Line]:
    row = session.row
    lines = [_side("client  ← rsp", row.client, history.client, width, "response")]
    if row.backend is not None:
        lines.append(_side("backend ← rsp", row.backend, history.backend, width, "request"))
    return lines


def _side(title: str, peer: PeerRow, past: SideHistory, width: int, role: str) -> Line:
    strip = 10 if width < NARROW_COLUMNS else 30
    short = " short " if width < NARROW_COLUMNS else "  short writes "
    samples = [value or 0.0 for value in past.fill]
    spans = [
        Span(f"{title} ", "dim"),
        Span(text.sparkline(samples, strip, 1.0), role),
        Span(fit(f" {text.size(peer.unsent_bytes)}/{text.size(peer.high_water_bytes)}", 11)),
    ]
    if peer.kernel_send_queue_bytes is not None:
        spans += [
            Span(" kernel ", "dim"),
            Span(fit(text.size(peer.kernel_send_queue_bytes), 5)),
        ]
    spans += [Span(" EAGAIN ", "dim"), _count(peer.eagain_writes)]
    spans += [Span(short, "dim"), _count(peer.short_writes)]
    if peer.paused_by:
        reasons = ", ".join(shown(reason) for reason in peer.paused_by)
        spans.append(Span(f"  not read: {reasons}", "accent"))
    return tuple(spans)


def _count(count: int) -> Span:
    return Span(f"{count:,}", "warn" if count else "dim")
