"""One side of a session in full: our buffer, the kernel's, the rates, and the last minute."""

from collections.abc import Iterable

from rsp.core.replies import PeerRow
from rsp.tui.limits import HISTORY_S
from rsp.tui.model import text
from rsp.tui.model.history import SAMPLES, SideHistory
from rsp.tui.model.sessions import fill_of
from rsp.tui.model.spans import Line, Span, fit
from rsp.tui.model.why import pauses

_TITLE = 8
"""Cells of the titles at the left of each line."""

_FIGURE = 7
"""Cells of a sum at the right of a strip: up to 99,999."""


def side_panel(
    peer: PeerRow | None,
    past: SideHistory,
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
        _kernel(peer),
        _rates(rates),
        _state(peer, is_over=is_over),
    ]
    strips = [
        _strip("EAGAIN", past.eagain, peer.eagain_writes, width),
        _strip("short", past.short_writes, peer.short_writes, width),
    ]
    room = height - len(lines) - len(strips)
    if room >= 2:
        lines += _fill_chart(peer, past, width, min(room, 6), role)
    return [*lines, *strips][:height]


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


def _kernel(peer: PeerRow) -> Line:
    return (
        _title("kernel"),
        Span(_queue(peer.kernel_send_queue_bytes)),
        Span(" to send  ", "dim"),
        Span(_queue(peer.kernel_receive_queue_bytes)),
        Span(" to read", "dim"),
    )


def _queue(count: int | None) -> str:
    return text.NOTHING if count is None else text.size(count)


def _rates(rates: tuple[float, float]) -> Line:
    received, sent = rates
    return (
        _title("rate"),
        Span("in ", "dim"),
        Span(fit(text.byte_rate(received), 8)),
        Span("out ", "dim"),
        Span(text.byte_rate(sent)),
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


def _fill_chart(peer: PeerRow, past: SideHistory, width: int, height: int, role: str) -> list[Line]:
    cells = _chart_cells(width)
    samples = text.squeeze(_minute(past.fill), cells * 2)
    chart = text.braille_chart(samples, cells, height, 1.0)
    lines: list[Line] = []
    for row, cells_of_row in enumerate(chart):
        label = f"fill{text.size(peer.high_water_bytes):>4}" if row == 0 else ""
        if row == height - 1:
            label = f"60 s{0:>4}"
        lines.append(
            (Span(fit(label, _TITLE), "dim"), Span("┤", "track"), Span(cells_of_row, role))
        )
    return lines


def _chart_cells(width: int) -> int:
    """Return the cells of a minute: the same for all three, so that they can be read together."""
    return max(min(width - _TITLE - 1 - _FIGURE, round(HISTORY_S)), 4)


def _minute(past: Iterable[float | None]) -> list[float | None]:
    """Return the samples of a whole minute: what was not seen is a gap at the left."""
    samples = list(past)
    return [*(None for _ in range(SAMPLES - len(samples))), *samples]


def _strip(title: str, past: Iterable[float | None], total: int, width: int) -> Line:
    figure = f" {total:,}"
    cells = _chart_cells(width)
    merged = text.squeeze(_minute(past), cells)
    known = [value for value in merged if value is not None]
    shown = text.sparkline(known, cells)
    return (
        _title(title),
        Span(" "),
        Span(shown, "warn" if any(known) else "track"),
        Span(figure, "" if total else "dim"),
    )
