"""The guide of a story as the dashboard shows it: lines that follow what is going on."""

import contextlib
import threading
from collections.abc import Sequence
from typing import overload

from rsp.cli.failure import Failure
from rsp.demo.stage import Stage
from rsp.demo.stories import Story, guide, steps_done

REFRESH_S = 1.0
"""How often the evidence is gathered: a reader does not need it sooner."""


class LiveGuide(Sequence[str]):
    """The lines of a story. A context manager: they follow the stage until its end."""

    def __init__(self, story: Story, stage: Stage) -> None:
        self._story = story
        self._stage = stage
        self._done: set[int] = set()
        self._lines = guide(story, (), ())
        self._over = threading.Event()
        self._following = threading.Thread(target=self._follow, daemon=True)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        """Return a line, or some."""
        return self._lines[index]

    def __len__(self) -> int:
        """Return the number of lines at this moment."""
        return len(self._lines)

    def __enter__(self) -> "LiveGuide":
        """Begin to follow."""
        self._following.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Follow no more."""
        self._over.set()
        self._following.join()

    def _follow(self) -> None:
        while not self._over.wait(REFRESH_S):
            # An engine that is away for a moment leaves the lines as they are.
            with contextlib.suppress(Failure):
                evidence = self._stage.evidence()
                # What was seen once stays done: the cure must not take back the step before it.
                self._done |= steps_done(self._story, evidence)
                self._lines = guide(self._story, self._done, evidence.outcomes)
