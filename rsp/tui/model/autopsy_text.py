"""The columns of the Autopsies screen, and one ending in full."""

import re

from rsp.core.autopsy import AutopsyRow, SideEvidence, code_words
from rsp.core.sanitise import safe
from rsp.tui.model import text
from rsp.tui.model.columns import Column
from rsp.tui.model.exchange_columns import clock
from rsp.tui.model.session_columns import shown
from rsp.tui.model.spans import Line, Span, wrap

_ORDINARY = "--"
_ADDRESS = re.compile(r" \([^\s()]+:\d+\)")


def _role(row: AutopsyRow) -> str:
    return "dim" if row.code == _ORDINARY else "warn"


def _lost(row: AutopsyRow, _width: int) -> Span:
    if row.undelivered_bytes is None:
        return Span(text.NOTHING, "dim")
    return Span(text.size(row.undelivered_bytes), "warn" if row.undelivered_bytes else "")


def _why(row: AutopsyRow, _width: int) -> Span:
    # Where a line is short, what happened matters more than at which address; below it stands all.
    return Span(shown(_ADDRESS.sub("", row.sentence, count=1)))


AUTOPSY_COLUMNS: tuple[Column[AutopsyRow], ...] = (
    Column("at", "ENDED", 12, lambda row, _: Span(clock(row.at), "dim"), keep=50),
    Column("id", "SESSION", 7, lambda row, _: Span(str(row.id)), ">", keep=70),
    Column("code", "CODE", 4, lambda row, _: Span(shown(row.code), _role(row)), keep=100),
    Column("reason", "REASON", 19, lambda row, _: Span(shown(row.reason)), from_width=100),
    Column(
        "client_address",
        "CLIENT",
        21,
        lambda row, _: Span(shown(row.client_address)),
        from_width=140,
    ),
    Column(
        "duration_s", "LASTED", 6, lambda row, _: Span(text.duration(row.duration_s)), ">", keep=40
    ),
    Column("undelivered_bytes", "NOT GOT", 7, _lost, ">", keep=60),
    Column("sentence", "WHY", 30, _why, grows_to=400, keep=90),
)
"""In the order of the screen."""


def in_full(row: AutopsyRow, width: int) -> list[Line]:
    """Return the sentence, what the code means, the books, and the evidence of both sides."""
    lines: list[Line] = [(Span(part, _role(row)),) for part in wrap(safe(row.sentence), width)]
    ledger = row.ledger
    books = ", ".join(
        f"{name} {flow.in_:,} in, {flow.out:,} out"
        + ("" if flow.balanced else f", {flow.dropped:,} dropped")
        for name, flow in (("request", ledger.request), ("response", ledger.response))
    )
    for said in (f"{row.code}: {code_words(row.code)}", f"bodies: {books}"):
        lines += [(Span(part, "dim"),) for part in wrap(safe(said), width)]
    for name, side in (("client", row.client), ("backend", row.backend)):
        if side is not None:
            lines += [(Span(part, "dim"),) for part in wrap(safe(_side(name, side)), width)]
    return lines


def _side(name: str, side: SideEvidence) -> str:
    facts = [
        side.tcp_state or "state unknown",
        side.error or "no error",
        f"epoll {side.readiness or 'said nothing'}",
        f"unsent {side.unsent_bytes:,}",
        f"in the kernel {_known(side.send_queue_bytes)}",
        f"unread {_known(side.receive_queue_bytes)}",
    ]
    for what, ago_s in (("sent", side.last_sent_s), ("received", side.last_received_s)):
        if ago_s is not None:
            facts.append(f"last byte {what} {text.duration(ago_s)} before")
    if side.wrote_last is not None:
        facts.append(f"{'we' if side.wrote_last == 'we' else 'it'} wrote last")
    return f"{name}: {', '.join(facts)}"


def _known(count: int | None) -> str:
    return "unknown" if count is None else f"{count:,}"
