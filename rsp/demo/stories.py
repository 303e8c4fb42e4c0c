"""The two stories of the demo: what to press, what to look at, how a step is seen to be done.

Pure: no clock, no socket. Whoever shows a story gathers the `Evidence`, keeps what
`steps_done` found in it, and calls `guide`.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from rsp.core.audit import SplitRow
from rsp.core.evidence import FlowRow
from rsp.core.replies import ConnectionRow
from rsp.core.vocabulary import StallCause
from rsp.demo.reports import Outcome
from rsp.demo.scenes import FEW_BACKENDS, Scene


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the engine and the world have said so far."""

    connections: Sequence[ConnectionRow] = ()
    """Live sessions."""
    backends: int = 0
    """How many there are, in all pools."""
    outcomes: Sequence[Outcome] = ()
    """The last ones, newest last."""
    is_cured: bool = False
    """Whether the file of the configuration has lost the line that is wrong."""
    books: Sequence[FlowRow] = ()
    """What the ledgers of the last slow downloads say of the response."""
    faults: int = 0
    """How many faults are in force."""
    splits: Sequence[SplitRow] = ()
    """What the audit says of the last decisions."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do or to see."""

    text: str
    is_done: Callable[[Evidence], bool] | None = None
    """None: only the reader knows."""


@dataclass(frozen=True, slots=True)
class Story:
    """A title and its steps."""

    title: str
    steps: tuple[Step, ...]
    """Each fits on a line of 80 columns: the panel they stand in is small."""
    outcomes_shown: int
    """How many of the last outcomes make one round of the story."""


def blocked_sessions(evidence: Evidence) -> list[ConnectionRow]:
    """Return the sessions with a client that has bytes waiting for it."""
    return [row for row in evidence.connections if row.client.blocked_s > 0]


def accused(evidence: Evidence) -> list[ConnectionRow]:
    """Return those of them whose client is named as the cause."""
    return [
        row
        for row in blocked_sessions(evidence)
        if row.client.stall is not None and row.client.stall.cause == StallCause.PEER_NOT_READING
    ]


def holes(evidence: Evidence) -> list[FlowRow]:
    """Return the ledgers that have lost bytes."""
    return [flow for flow in evidence.books if flow.dropped]


def agreed(evidence: Evidence) -> list[tuple[FlowRow, Outcome]]:
    """Return the ledgers that name the very hole that a client found, as large and at the same
    place, with what it found."""
    return [
        (flow, outcome)
        for flow in holes(evidence)
        for outcome in evidence.outcomes
        if (flow.dropped, flow.first_divergence)
        == (outcome.missing_bytes, outcome.first_bad_offset)
    ]


def is_mended(evidence: Evidence) -> bool:
    """Whether the fault is gone, and the page that came after it is whole."""
    return not evidence.faults and has_loss(evidence) and ends_well(evidence)


def has_loss(evidence: Evidence) -> bool:
    """Whether a download or a reload has come out wrong."""
    return any(not outcome.is_good for outcome in evidence.outcomes)


def ends_well(evidence: Evidence) -> bool:
    """Whether the last outcome is as it should be."""
    return bool(evidence.outcomes) and evidence.outcomes[-1].is_good


def has_grown(evidence: Evidence) -> bool:
    """Whether the platform has more backends than it began with."""
    return evidence.backends > FEW_BACKENDS


def is_whole(evidence: Evidence) -> bool:
    """Whether the cure is in force: no name is split, and every reload reached its site."""
    return evidence.is_cured and not evidence.splits and ends_well(evidence)


SLOW_WRITE = Story(
    "The slow write: a page that loses its middle",
    (
        Step("The proxy plays the bug of 2013: what meets EAGAIN is lost."),
        Step(
            "Connections: book.example is BLOCKED; the sentence names its client.",
            lambda evidence: bool(accused(evidence)),
        ),
        Step(
            "enter, Ledger: bytes dropped, and where the first wrong one stands.",
            lambda evidence: bool(holes(evidence)),
        ),
        Step(
            "The client counts for itself, below: the same hole, to the byte.",
            lambda evidence: bool(agreed(evidence)),
        ),
        Step("T, then x: the fault goes. The next page is whole.", is_mended),
    ),
    outcomes_shown=1,
)


def split_route(line: int) -> Story:
    """Return the split-route story; its bug is at `line` of the configuration."""
    return Story(
        "The split route: reloads that reach the wrong backend",
        (
            Step("Four backends; the file has nine. ctrl+r: most sites would move; y.", has_grown),
            Step(
                "The header warns of spellings. :split, enter: both ways of one name.",
                lambda evidence: has_grown(evidence) and bool(evidence.splits),
            ),
            Step(f"enter: the lines that ran. Line {line} hashes the name as it came."),
            Step(
                f"e: in line {line} write key = host:lower(), save, leave the editor.",
                lambda evidence: evidence.is_cured,
            ),
            Step("ctrl+r: no lower-case key would move; y. No reload goes astray.", is_whole),
        ),
        outcomes_shown=1,
    )


def story_for(scene: Scene, bug_line: int | None) -> Story | None:
    """Return the story of `scene`; the plain demo has none."""
    match scene:
        case Scene.SLOW_WRITE:
            return SLOW_WRITE
        case Scene.SPLIT_ROUTE:
            return split_route(bug_line or 1)
        case Scene.PLAIN:
            return None


def steps_done(story: Story, evidence: Evidence) -> frozenset[int]:
    """Return the numbers, from 1, of the steps that `evidence` shows to be done."""
    return frozenset(
        number
        for number, step in enumerate(story.steps, start=1)
        if step.is_done is not None and step.is_done(evidence)
    )


def guide(story: Story, done: Collection[int], outcomes: Sequence[Outcome]) -> list[str]:
    """Return the lines to show: title, steps with a mark on those `done`, the last outcomes."""
    steps = [
        f"{number}. {step.text}{' ✓' if number in done else ''}"
        for number, step in enumerate(story.steps, start=1)
    ]
    last = outcomes[-story.outcomes_shown :]
    return [story.title, *steps, *(f"→ {outcome.text}" for outcome in last)]
