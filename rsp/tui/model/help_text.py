"""What the help says: the live keys, the filter language, the words and signs of the screens."""

from collections.abc import Sequence
from typing import NamedTuple

from rsp.core.filter import LANGUAGE
from rsp.core.legend import CLOSE_REASONS
from rsp.tui.model.spans import Line, Span, fit, wrap


class HelpKey(NamedTuple):
    """A key as the help shows it."""

    written: str
    tooltip: str
    where: str


_WORDS = (
    ("● BLOCKED", "send() got EAGAIN: bytes wait in our buffer until the fd is writable"),
    ("‖ PAUSED", "a person or a breakpoint holds the session"),
    ("◖ HALFCLOSE", "one side has said all it had to say; the other goes on"),
    ("◔ WAITING", "the backend has the request and has not begun to answer"),
    ("▸ STREAM", "bytes pass"),
    ("○ IDLE", "kept alive, waiting for the next request"),
    ("C→B", "bytes for the backend that its kernel has not taken yet"),
    ("B→C buf", "bytes for the client that its kernel has not taken yet; full is the high mark"),
    ("EAGN/s", "writes per second for which the kernel had no room at all"),
    ("short write", "the kernel took a part of the bytes; the rest waits here"),
    ("TTFB", "from the whole request head to the first byte of the response"),
    ("SHARE", "the part of a pool's new work that the weights give to a backend"),
    ("◐ DRAIN", "no new work; what is there ends in its own time"),
    ("○ MAINT", "out of service: a request that names it is refused"),
    ("✎", "edited while running, or changed on disk: what runs is not what the file says"),
    ("⚠ split key", "one name in several spellings reaches different backends"),
    ("shift-drag", "your terminal's own text selection"),
)


def help_lines(keys: Sequence[HelpKey], search: str, width: int) -> list[Line]:
    """Return the help, narrowed to what contains `search`."""
    sections = [
        ("This screen", [(key.written, key.tooltip) for key in keys if key.where != "everywhere"]),
        ("Everywhere", [(key.written, key.tooltip) for key in keys if key.where == "everywhere"]),
        ("Filter language", list(LANGUAGE)),
        ("Words and signs", list(_WORDS)),
        ("Why a session ended", [(reason.value, text) for reason, text in CLOSE_REASONS.items()]),
    ]
    wanted = search.strip().lower()
    lines: list[Line] = []
    for title, rows in sections:
        found = [row for row in rows if wanted in f"{row[0]} {row[1]}".lower()]
        if not found:
            continue
        if lines:
            lines.append(())
        lines.append((Span(title, "title"),))
        for left, right in found:
            first, *rest = wrap(right, max(width - 28, 20))
            lines.append((Span("  "), Span(fit(left, 26), "key"), Span(first)))
            lines += [(Span(" " * 28 + row),) for row in rest]
    return lines or [(Span(f"No key and no word contains {search!r}.", "dim"),)]
