"""The two stories of the demo: what to press, what to look at, how a step is seen to be done.

Pure: no clock, no socket. Whoever shows a story gathers the `Evidence`, keeps what
`steps_done` found in it, and calls `guide`.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from rsp.core.evidence import FlowRow
from rsp.core.replies import ConnectionRow, DecisionRow
from rsp.core.vocabulary import StallCause
from rsp.demo.reports import Outcome
from rsp.demo.scenes import Scene


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the engine and the world have said so far."""

    connections: Sequence[ConnectionRow] = ()
    """Live sessions."""
    decisions: Sequence[DecisionRow] = ()
    """The last ones, newest last."""
    outcomes: Sequence[Outcome] = ()
    """The last ones, newest last."""
    is_cured: bool = False
    """Whether the file of the configuration has lost the line that is wrong."""
    books: Sequence[FlowRow] = ()
    """What the ledgers of the last slow downloads say of the response."""
    faults: int = 0
    """How many faults are in force."""


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


def split_hosts(evidence: Evidence) -> dict[str, set[str]]:
    """Return the keys that reach several backends when their case is ignored, in lower case,
    with those backends."""
    reached: dict[str, set[str]] = {}
    for decision in evidence.decisions:
        if decision.key and decision.backend:
            reached.setdefault(decision.key.lower(), set()).add(decision.backend)
    return {key: backends for key, backends in reached.items() if len(backends) > 1}


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


def split_route(config_path: str, line: int) -> Story:
    """Return the split-route story for the configuration at `config_path`; its bug is at `line`."""
    return Story(
        "The split route: reloads that reach the wrong backend",
        (
            Step("Visits come in lower case; owners reload in their own spelling, by a URL."),
            Step(
                "Routing: ironhand.example and IronHand.example reach two backends.",
                lambda evidence: bool(split_hosts(evidence)),
            ),
            Step(
                f"In line {line} of {config_path}: local key = host:lower()",
                lambda evidence: evidence.is_cured,
            ),
            Step("ctrl+r, then y, reloads; no connection is dropped.", ends_well),
            Step("Routing again: both spellings reach one backend.", ends_well),
        ),
        outcomes_shown=1,
    )


def story_for(scene: Scene, config_path: str, bug_line: int | None) -> Story | None:
    """Return the story of `scene`; the plain demo has none."""
    match scene:
        case Scene.SLOW_WRITE:
            return SLOW_WRITE
        case Scene.SPLIT_ROUTE:
            return split_route(config_path, bug_line or 1)
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
