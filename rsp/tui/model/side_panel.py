"""One side of a session in full: our buffer, the kernel's, the rates, and the last minute."""

from collections.abc import Sequence

from rsp.core.evidence import SampleRow
from rsp.core.replies import PeerRow
from rsp.tui.model import text
from rsp.tui.model.levels import FLIGHT, FLIGHT_ROLE, KERNEL, KERNEL_ROLE, level_lines
from rsp.tui.model.sessions import fill_of
from rsp.tui.model.spans import Line, Span, fit
from rsp.tui.model.why import pauses

_TITLE = 8
"""Cells of the titles at the left of each line."""

_MOST_LINES = 8
"""Lines of the strip with its marks: a higher one says no more."""


def side_panel(
    peer: PeerRow | None,
    samples: Sequence[SampleRow],
    rates: tuple[float, float],
    size: tuple[int, int],
    role: str,
    *,
    is_over: bool = False,
) -> list[Line]:
    """Return the lines of one side; `rates` are bytes per second from it and to it.

    `size`: cells and lines. `is_over`: the session is closed, and this is what was left.
    """
    width, height = size
    if peer is None:
        return [(Span("No backend connection now.", "dim"),)]
    lines = [
        _buffer(peer, width, role),
        _kernel(peer, samples),
        _rates(rates, peer),
        _state(peer, is_over=is_over),
    ]
    totals = peer.eagain_writes, peer.short_writes
    lines += level_lines(samples, (width, min(height - len(lines), _MOST_LINES)), role, totals)
    return lines[:height]


def _title(title: str) -> Span:
    return Span(fit(title, _TITLE), "dim")


def _buffer(peer: PeerRow, width: int, role: str) -> Line:
    part = fill_of(peer)
    figures = f" {text.size(peer.unsent_bytes)} of {text.size(peer.high_water_bytes)}"
    peak = f"  peak {text.size(peer.unsent_peak_bytes)}"
    bar = max(min(width - _TITLE - len(figures) - len(peak) - 1, 40), 4)
    filled, empty = text.gauge(part, bar)
    return (
        _title("buffer"),
        Span(filled, "warn" if part >= 1 else role),
        Span(empty, "track"),
        Span(figures, "strong" if part >= 1 else ""),
        Span(peak, "dim"),
    )


def _kernel(peer: PeerRow, samples: Sequence[SampleRow]) -> Line:
    """The legend of the strip as well: what its glyphs are, and how much of each there is now."""
    newest = samples[-1] if samples else None
    if newest is None or newest.kernel_unsent_bytes is None:
        queue = _queue(peer.kernel_send_queue_bytes)
        return _title("kernel"), Span(queue), Span(" to send", "dim")
    return (
        _title("kernel"),
        Span(KERNEL, KERNEL_ROLE),
        Span(_queue(newest.kernel_unsent_bytes)),
        Span(" unsent ", "dim"),
        Span(FLIGHT, FLIGHT_ROLE),
        Span(_queue(newest.in_flight_bytes)),
        Span(" in flight", "dim"),
    )


def _queue(count: int | None) -> str:
    return text.NOTHING if count is None else text.size(count)


def _rates(rates: tuple[float, float], peer: PeerRow) -> Line:
    received, sent = rates
    return (
        _title("rate"),
        Span("in ", "dim"),
        Span(f"{text.byte_rate(received)} "),
        Span("out ", "dim"),
        Span(f"{text.byte_rate(sent)} "),
        Span(_queue(peer.kernel_receive_queue_bytes)),
        Span(" unread", "dim"),
    )


def _state(peer: PeerRow, *, is_over: bool) -> Line:
    total = text.duration(peer.blocked_total_s) if peer.blocked_total_s else "never"
    if is_over:
        return _title("closed"), Span(f"blocked {total}", "dim")
    if peer.blocked_s > 0:
        waited = f"{text.duration(peer.blocked_s)} ({text.duration(peer.blocked_total_s)} in all)"
        return (_title("blocked"), Span(f"● for {waited}", "warn"))
    if peer.paused_by:
        return (_title("paused"), Span(f"‖ {pauses(peer)}", "accent"))
    return _title("open"), Span("nothing in the way", "good"), Span(f", blocked {total}", "dim")
