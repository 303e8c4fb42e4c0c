"""The two stories of the demo: what to press, what to look at, how a step is seen to be done.

Pure: no clock, no socket. Whoever shows a story gathers the `Evidence` and calls `guide`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rsp.core.replies import ConnectionRow, DecisionRow, PeerRow
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


def blocked_sessions(evidence: Evidence) -> list[ConnectionRow]:
    """Return the sessions with a client that has bytes waiting for it."""
    return [row for row in evidence.connections if row.client.blocked_s > 0]


def held_back(evidence: Evidence) -> list[ConnectionRow]:
    """Return those of them whose backend is paused, because the client takes no more."""
    return [row for row in blocked_sessions(evidence) if _is_paused(row.backend)]


def _is_paused(backend: PeerRow | None) -> bool:
    return backend is not None and "sink_full" in backend.paused_by


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
        Step(
            "A slow client downloads the same 5 MiB page twice: through rsp, and through a relay "
            "that ignores EAGAIN and short writes, as the first one of 2013 did."
        ),
        Step(
            "Connections: find host book.example (press / and type book). Its state is BLOCKED: "
            "bytes wait for the client.",
            lambda evidence: bool(blocked_sessions(evidence)),
        ),
        Step(
            "Press enter on it. The client's fd counts EAGAIN and short writes, and unsent bytes "
            "stand at the mark; the backend's fd is paused by sink_full.",
            lambda evidence: bool(held_back(evidence)),
        ),
        Step("The broken relay throws those same bytes away: see what is missing below.", has_loss),
        Step(
            "The cure is what you look at: unsent bytes are kept, the backend waits, and nothing "
            "is lost."
        ),
    ),
)


def split_route(config_path: str, line: int) -> Story:
    """Return the split-route story for the configuration at `config_path`; its bug is at `line`."""
    return Story(
        "The split route: reloads that reach the wrong backend",
        (
            Step(
                "Owners reload their sites by a URL with the site's name in their own spelling: "
                "IronHand.example. Visits come in lower case."
            ),
            Step(
                "Open Routing. Compare the decisions for ironhand.example and IronHand.example: "
                "the keys differ in case, and the backends differ.",
                lambda evidence: bool(split_hosts(evidence)),
            ),
            Step(
                f"Edit line {line} of {config_path}: local key = host:lower()",
            ),
            Step("Press ctrl+r to reload. No connection is dropped.", ends_well),
            Step("Routing again: both spellings reach one backend.", ends_well),
        ),
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


def guide(story: Story, evidence: Evidence) -> list[str]:
    """Return the lines to show: title, numbered steps with a mark on those done, outcomes."""
    lines = [story.title]
    for number, step in enumerate(story.steps, start=1):
        done = step.is_done is not None and step.is_done(evidence)
        lines.append(f"{number}. {step.text}{' ✓' if done else ''}")
    return [*lines, *(f"→ {outcome.text}" for outcome in evidence.outcomes[-2:])]
