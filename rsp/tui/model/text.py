"""Numbers as people read them: bytes, rates, times, gauges and strips, each of a known width."""

from collections.abc import Iterable

from rsp.core.units import full_size as full_size

NOTHING = "\N{EN DASH}"
"""Shown where there is no number, or none worth reading."""

UNKNOWN = "waiting for the engine"
"""Stands where the engine has not answered yet."""

EIGHTHS = " ▏▎▍▌▋▊▉█"
HEIGHTS = " ▁▂▃▄▅▆▇█"
_UNITS = ("", "K", "M", "G", "T", "P")


def size(count: float) -> str:
    """Return a number of bytes in at most 4 characters: `0`, `512`, `64K`, `1.2M`, `38M`."""
    value = float(count)
    for unit in _UNITS:
        if value < 999.5 or unit == _UNITS[-1]:
            if unit and value < 9.95:
                return f"{value:.1f}{unit}"
            return f"{value:.0f}{unit}"
        value /= 1024
    return ""


def per_second(rate: float) -> str:
    """Return a number per second, or an en dash when it is nothing."""
    if rate < 0.05:
        return NOTHING
    if rate < 9.95:
        return f"{rate:.1f}".removesuffix(".0")
    return f"{rate:,.0f}" if rate < 99_999.5 else f"{rate / 1000:,.0f}k"


def byte_rate(rate: float) -> str:
    """Return bytes per second: `38M/s`, or an en dash when nothing moves."""
    return f"{size(rate)}/s" if rate >= 1 else NOTHING


def duration(seconds: float | None) -> str:
    """Return how long something took, in at most 6 characters: `310µs`, `4.1ms`, `2.50s`."""
    if seconds is None:
        return NOTHING
    if seconds < 0.0009995:
        return f"{seconds * 1e6:.0f}µs"
    if seconds < 0.09995:
        return f"{seconds * 1e3:.1f}ms"
    if seconds < 0.9995:
        return f"{seconds * 1e3:.0f}ms"
    return f"{seconds:.2f}s" if seconds < 9.995 else f"{seconds:.0f}s"


def age(seconds: float) -> str:
    """Return an age in 5 characters: `00:41`, `12:05`, `3h07m`, `2d03h`."""
    whole = int(seconds)
    if whole < 3600:
        return f"{whole // 60:02}:{whole % 60:02}"
    if whole < 36_000:
        return f"{whole // 3600}h{whole % 3600 // 60:02}m"
    if whole < 86_400:
        return f"{whole // 3600:>4}h"
    return f"{whole // 86_400}d{whole % 86_400 // 3600:02}h"


def share(part: float) -> str:
    """Return a fraction as a percentage in 4 characters."""
    return f"{min(part, 9.99) * 100:3.0f}%"


def gauge(part: float, width: int) -> tuple[str, str]:
    """Return the filled and the empty part of a bar of `width` cells. More than full is full.

    Anything above nothing shows at least the thinnest line, so that 3 bytes are not taken for 0.
    """
    part = min(max(part, 0.0), 1.0)
    eighths = round(part * width * 8)
    if part > 0 and eighths == 0:
        eighths = 1
    whole, rest = divmod(eighths, 8)
    filled = EIGHTHS[8] * whole + (EIGHTHS[rest] if rest else "")
    return filled, "░" * (width - len(filled))


def sparkline(samples: Iterable[float], width: int, top: float | None = None) -> str:
    """Return the last `width` samples as blocks, the newest at the right.

    `top` is the value of a full block; without it the greatest sample shown is. A blank is no
    sample, and any sample above nothing is visible.
    """
    shown = list(samples)[-width:]
    limit = top if top is not None else max(shown, default=0.0)
    blocks = []
    for sample in shown:
        step = 0 if limit <= 0 else round(min(sample / limit, 1.0) * 8)
        blocks.append("▁" if sample <= 0 else HEIGHTS[max(step, 1)])
    return "".join(blocks).rjust(width)
