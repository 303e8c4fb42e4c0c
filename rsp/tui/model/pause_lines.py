"""The tree of pauses: cause, whoever holds others up for it, and who is held up."""

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass

from rsp.core.pause_tree import HeldUpRow, PauseGroup
from rsp.core.vocabulary import StallCause
from rsp.tui.model import text
from rsp.tui.model.columns import Column
from rsp.tui.model.session_columns import shown
from rsp.tui.model.spans import Line, Span, fit

_CAUSES = {
    StallCause.PEER_NOT_READING.value: "They do not read",
    StallCause.PATH_LOSS.value: "Their path likely loses packets",
    StallCause.PATH_CONGESTION.value: "Their path is likely full",
    StallCause.INJECTED.value: "A fault holds back what they are to get",
    StallCause.SEND_BUFFER_SMALL.value: "Our send buffer to them is too small",
    "sink_full": "They take less than comes",
    "operator": "A person holds them",
    "breakpoint": "A breakpoint holds them",
    "injected": "A fault on purpose holds them",
    "connecting": "They have not accepted",
    "routing": "Their backends are full",
    "pipelined": "They have not ended the exchange before",
    "accept": "They let nobody in",
}
_INDENT = "  "


@dataclass(frozen=True, slots=True)
class PauseLine:
    """One line of the tree. Its depth is 0 for a cause, 1 for a holder, 2 for who is held up."""

    key: Hashable
    depth: int
    what: str
    sentence: str
    sessions: int
    held_bytes: int
    since_s: float | None
    is_folded: bool = False
    leaf: HeldUpRow | None = None


def pause_lines(groups: Sequence[PauseGroup], folded: Collection[Hashable]) -> list[PauseLine]:
    """Return the lines of the tree, the biggest cause first; what is folded has none below it."""
    by_cause: dict[str, list[PauseGroup]] = {}
    for group in groups:
        by_cause.setdefault(group.cause, []).append(group)
    lines: list[PauseLine] = []
    for cause, holders in sorted(by_cause.items(), key=_weight, reverse=True):
        head = _cause_line(cause, holders, folded)
        lines.append(head)
        if not head.is_folded:
            for group in holders:
                lines += _holder_lines(group, folded)
    return lines


def _weight(item: tuple[str, list[PauseGroup]]) -> tuple[bool, int, int]:
    cause, holders = item
    sessions = sum(group.sessions for group in holders)
    return cause == "accept", sessions, sum(group.held_bytes for group in holders)


def _cause_line(
    cause: str, holders: Sequence[PauseGroup], folded: Collection[Hashable]
) -> PauseLine:
    what = _CAUSES.get(cause, shown(cause))
    known = [group.since_s for group in holders if group.since_s is not None]
    return PauseLine(
        cause,
        0,
        what,
        f"{what}: {', '.join(group.holder for group in holders)}.",
        sum(group.sessions for group in holders),
        sum(group.held_bytes for group in holders),
        max(known, default=None),
        cause in folded,
    )


def _holder_lines(group: PauseGroup, folded: Collection[Hashable]) -> list[PauseLine]:
    key = (group.cause, group.holder)
    is_folded = key in folded
    head = PauseLine(
        key,
        1,
        f"{group.holder} holds up {group.not_read}",
        f"{group.sentence}.",
        group.sessions,
        group.held_bytes,
        group.since_s,
        is_folded,
    )
    leaves = [] if is_folded else [_leaf_line(leaf) for leaf in group.held_up]
    return [head, *leaves]


def _leaf_line(leaf: HeldUpRow) -> PauseLine:
    return PauseLine(
        (leaf.session, leaf.side),
        2,
        f"{leaf.session}  {leaf.sentence}",
        f"Session {leaf.session}: {leaf.sentence}.",
        1,
        leaf.held_bytes,
        leaf.since_s,
        leaf=leaf,
    )


def _what(line: PauseLine, width: int) -> Line:
    if line.leaf is not None:
        return (Span(fit(f"{_INDENT * 2}{shown(line.what)}", width)),)
    lead = _INDENT * line.depth + ("▸ " if line.is_folded else "▾ ")
    role = "title" if line.depth == 0 else "warn"
    return Span(lead, "dim"), Span(fit(shown(line.what), width - len(lead)), role)


def _sessions(line: PauseLine, _width: int) -> Span:
    if line.leaf is not None:
        return Span("")
    return _figure(line, line.sessions, f"{line.sessions:,}")


def _held(line: PauseLine, _width: int) -> Span:
    return _figure(line, line.held_bytes, text.size(line.held_bytes))


def _since(line: PauseLine, _width: int) -> Span:
    return Span(text.duration(line.since_s), "dim")


def _figure(line: PauseLine, value: int, written: str) -> Span:
    if not value:
        return Span(text.NOTHING, "dim")
    return Span(written, ("strong", "", "dim")[line.depth])


PAUSE_COLUMNS: tuple[Column[PauseLine], ...] = (
    Column("what", "WHO HOLDS UP WHOM", 30, _what, grows_to=400, keep=100),
    Column("sessions", "SESS", 5, _sessions, ">", keep=80),
    Column("held", "HELD", 5, _held, ">", keep=90),
    Column("since", "FOR", 6, _since, ">", keep=70),
)
"""In the order of the screen."""
