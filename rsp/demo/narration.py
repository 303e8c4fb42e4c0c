"""The demo without a terminal: it prints its steps and what it measured."""

import subprocess
import sys
import time
from collections.abc import Callable

from rsp.core.replies import Changed
from rsp.core.what_if_text import sums
from rsp.demo.scenes import CURED_LINE, FEW_BACKENDS, Scene, line_of_the_bug
from rsp.demo.stage import Stage
from rsp.demo.stories import (
    Evidence,
    Story,
    accused,
    agreed,
    is_mended,
    story_for,
)

Say = Callable[[str], None]

LOOK_EVERY_S = 0.1
LOOK_AT_MOST_S = 40.0
"""How often the evidence is looked at while a story waits for it, and for how long: several times
the length of one round."""


def narrate(stage: Stage, seconds: float, say: Say) -> None:
    """Run the demo on `stage` for `seconds` and say what happens; a story may take longer, for
    it ends with its result."""
    say(f"The engine listens on {stage.proxy}; its control socket is {stage.control}.")
    ends_s = time.monotonic() + seconds
    if story := story_on(stage):
        tell(story, stage, say)
    time.sleep(max(0.0, ends_s - time.monotonic()))
    say(status_text(stage))


def story_on(stage: Stage) -> Story | None:
    """Return the story of `stage`, which names the line of its bug."""
    return story_for(stage.scene, line_of_the_bug(stage.config.read_text()))


def status_text(stage: Stage) -> str:
    """Return what `rsp ctl status` says of the running engine.

    Raises:
        RuntimeError: the command failed; with its reason.
    """
    command = [sys.executable, "-P", "-m", "rsp", "ctl", "--control", str(stage.control), "status"]
    answer = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if answer.returncode:
        raise RuntimeError(f"rsp ctl status failed: {answer.stderr.strip()}")
    return answer.stdout.rstrip()


def tell(story: Story, stage: Stage, say: Say) -> None:
    """Say the steps of `story`, wait for its evidence and say what was measured."""
    say(f"\n{story.title}")
    for number, step in enumerate(story.steps, start=1):
        say(f"  {number}. {step.text}")
    say("\nMeasured now:")
    if stage.scene is Scene.SLOW_WRITE:
        tell_slow_write(stage, say)
    else:
        tell_split_route(stage, say)


def tell_slow_write(stage: Stage, say: Say) -> None:
    """Say who is named, what the ledger has lost, what the client has; then mend it, and again."""
    for row in accused(look_until(stage, lambda evidence: bool(accused(evidence)))):
        if row.client.stall is not None:
            eagain = f"{row.client.eagain_writes} EAGAIN so far"
            say(f"  session {row.id} is BLOCKED: {row.client.stall.sentence}; {eagain}")
    evidence = look_until(stage, lambda evidence: bool(agreed(evidence)))
    for flow, outcome in agreed(evidence)[-1:]:
        say(
            f"  its ledger: {flow.dropped:,} of {flow.in_:,} bytes dropped, the first that is "
            f"wrong at byte {flow.first_divergence or 0:,}"
        )
        say(f"  its {outcome.text}")
    stage.mend()
    say("  fault removed: what meets EAGAIN is kept, and sent when there is room")
    # The download that is under way has lost bytes already; the one after it will not.
    evidence = look_until(stage, is_mended)
    for outcome in evidence.outcomes[-1:]:
        say(f"  its {outcome.text}")
    for flow in [flow for flow in evidence.books if flow.balanced][:1]:
        say(f"  its ledger: {flow.in_:,} bytes in, {flow.dropped:,} dropped: balanced")


def tell_split_route(stage: Stage, say: Say) -> None:
    """Say how many reloads go astray with four backends and with nine, who is split, and what the
    cure would do and does."""
    say(f"  with {FEW_BACKENDS} backends: {next_round(stage)}")
    tell_splits(stage, say)
    tell_reload(stage, say)
    say(f"  with {stage.evidence().backends} backends: {next_round(stage)}")
    tell_splits(stage, say)
    line = line_of_the_bug(stage.config.read_text())
    stage.cure()
    say(f"  line {line} is now:{CURED_LINE.rstrip()}")
    tell_reload(stage, say)
    say(f"  after the cure: {next_round(stage)}")
    tell_splits(stage, say)


def tell_reload(stage: Stage, say: Say) -> None:
    """Say what a reload would do to the recorded requests, and reload."""
    found = stage.ask("reload", Changed, preview=True).what_if
    if found is not None:
        for sentence in sums(found):
            say(f"    reload --preview: {sentence}")
    stage.ask("reload", Changed)


def tell_splits(stage: Stage, say: Say) -> None:
    """Say which names are split, as the audit finds them."""
    splits = stage.evidence().splits
    names = ", ".join(sorted(split.key for split in splits))
    say(f"    audit: {f'{len(splits)} names are split: {names}' if splits else 'no split name'}")


def next_round(stage: Stage) -> str:
    """Return what the next whole round measures: the one that is under way may have seen another
    configuration."""
    stage.world.wait_for_outcomes(1)
    return stage.world.wait_for_outcomes(1)[-1].text


def look_until(stage: Stage, is_there: Callable[[Evidence], bool]) -> Evidence:
    """Return the first evidence that `is_there`, or the last one looked at."""
    deadline_s = time.monotonic() + LOOK_AT_MOST_S
    evidence = stage.evidence()
    while not is_there(evidence) and time.monotonic() < deadline_s:
        time.sleep(LOOK_EVERY_S)
        evidence = stage.evidence()
    return evidence
