"""The text tabs of the detail screen: TCP_INFO, and the story of the session."""

from rsp.core.replies import ConnectionDetail
from rsp.core.sanitise import safe
from rsp.tui.model import text
from rsp.tui.model.budget_text import budget_lines
from rsp.tui.model.exchange_columns import clock
from rsp.tui.model.session_columns import shown
from rsp.tui.model.spans import Line, Span, fit, line, wrap

_MEANINGS = {
    "rtt_us": "round trip",
    "snd_wnd_bytes": "window the peer offers",
    "notsent_bytes": "in the kernel, not sent yet",
    "busy_us": "time with bytes to send",
    "rwnd_limited_us": "of it, the peer's window held us back",
    "sndbuf_limited_us": "of it, our kernel buffer held us back",
    "total_retrans": "segments sent again",
}
"""What is worth a line, in this order; the other fields are listed by name."""

_NO_LIMIT = 2**31 - 1
"""What TCP_INFO gives for a slow start threshold that was never set."""
_FIELD = 24
"""Cells of a field that has no line of its own."""


def tcp_info_lines(detail: ConnectionDetail, width: int) -> list[Line]:
    """Return the fields of TCP_INFO (tcp(7)) of both sides: the telling ones with their meaning."""
    if not detail.tcp_info:
        return [(Span("The kernel gave no TCP_INFO for this session.", "dim"),)]
    lines: list[Line] = []
    for side, fields in detail.tcp_info.items():
        if lines:
            lines.append(())
        lines.append((Span(fit(shown(side), 10), "title"), Span(verdict(fields), "warn")))
        for name, meaning in _MEANINGS.items():
            if name in fields:
                value = fit(_with_unit(name, fields[name]), 10, ">")
                lines.append((Span(f"{value}  "), Span(f"{meaning} ", ""), Span(name, "dim")))
        others = [
            f"{shown(name)} {_with_unit(name, value)}"
            for name, value in fields.items()
            if name not in _MEANINGS
        ]
        a_line = max(width // _FIELD, 1)
        for first in range(0, len(others), a_line):
            cells = [fit(other, _FIELD) for other in others[first : first + a_line]]
            lines.append((Span("".join(cells), "dim"),))
    return lines


def _with_unit(name: str, value: int) -> str:
    if name.endswith("_us"):
        return text.duration(value / 1e6)
    if name.endswith("_ms"):
        return text.duration(value / 1e3)
    if name.endswith("_bytes"):
        return text.full_size(value)
    return "none" if value == _NO_LIMIT else f"{value:,}"


def verdict(fields: dict[str, int]) -> str:
    """Return who is slow, as far as the kernel can tell; empty when it cannot."""
    busy = fields.get("busy_us", 0)
    if not busy:
        return ""
    by_peer = fields.get("rwnd_limited_us", 0) / busy
    by_buffer = fields.get("sndbuf_limited_us", 0) / busy
    if by_peer >= 0.5:
        return f"the peer does not read: its window held us back {by_peer:.0%} of the time"
    if by_buffer >= 0.5:
        return f"our kernel buffer held us back {by_buffer:.0%} of the time"
    return f"the network sets the pace: the peer held us back {by_peer:.0%} of the time"


def time_lines(detail: ConnectionDetail, width: int) -> list[Line]:
    """Return where the time of the present exchange went."""
    backend = detail.route.backend if detail.route is not None else None
    return budget_lines(detail.budget, backend, width)


def story_lines(detail: ConnectionDetail, width: int) -> list[Line]:
    """Return what the session is and was: request, route, response, times, its end."""
    facts: list[tuple[str, str]] = [("listener", detail.listener)]
    if detail.opened_at:
        facts.append(("opened", f"{clock(detail.opened_at)}, {text.age(detail.age_s)} ago"))
    if detail.request is not None:
        request = detail.request
        facts.append(("request", f"{request.method} {request.host} {request.path}"))
    if detail.route is not None:
        route = detail.route
        key = f", key {route.key}" if route.key is not None else ""
        facts.append(("route", f"{route.pool}/{route.backend}{key}: {route.reason}"))
        facts.append(("decided in", f"{route.elapsed_us:.1f} µs, generation {detail.generation}"))
    if detail.response is not None:
        response = detail.response
        first = text.duration(response.first_byte_s)
        facts.append(
            (
                "response",
                f"{response.status}, first byte after {first}, {response.body_bytes:,} bytes",
            )
        )
    facts.append(("exchanges", f"{detail.exchanges:,} on this connection"))
    if detail.half_closed:
        facts.append(("half-closed", f"the {detail.half_closed} sends no more"))
    if detail.close_reason:
        facts.append(("closed", f"{detail.close_reason} {detail.close_detail}".strip()))
    lines: list[Line] = []
    for title, fact in facts:
        first_line, *rest = wrap(safe(fact), max(width - 12, 10))
        lines.append(line(Span(fit(title, 12), "dim"), first_line))
        lines += [line(" " * 12 + row) for row in rest]
    return lines
