"""Undo and redo: what was in force before each edit and each reload, in the order of the changes.

A step remembers a file as it was read and the edits on top of it, before and after. Whoever goes
back puts them in force again, as a new generation.
"""

from dataclasses import dataclass
from typing import Generic, TypeVar

from rsp.core.addresses import EditRefused
from rsp.core.edits import Edit
from rsp.core.generations import Change
from rsp.core.limits import UNDO_STEPS
from rsp.core.lua_limits import SOURCES_KEPT

Source = TypeVar("Source")
"""A file as it was read. Two reads of it are two sources, whatever they say."""


@dataclass(frozen=True, slots=True)
class Standing(Generic[Source]):
    """What was in force: a file, and the live edits on top of it, oldest first."""

    source: Source
    edits: tuple[Edit, ...]


@dataclass(frozen=True, slots=True)
class Step(Generic[Source]):
    """An edit or a reload, with what was in force before and after it."""

    change: Change
    before: Standing[Source]
    after: Standing[Source]


@dataclass(frozen=True, slots=True)
class Timeline(Generic[Source]):
    """The steps that can be undone, and those that were."""

    done: tuple[Step[Source], ...] = ()
    """Oldest first."""
    undone: tuple[Step[Source], ...] = ()
    """What `forth` would do again, the next one last."""

    def did(self, step: Step[Source]) -> "Timeline[Source]":
        """Return the timeline with one more step; nothing can be redone after it."""
        return Timeline(_bounded((*self.done, step)))

    def back(self) -> tuple["Timeline[Source]", Step[Source]]:
        """Return the timeline without its last step, and that step.

        Raises:
            EditRefused: there is none.
        """
        if not self.done:
            raise EditRefused("nothing to undo: no earlier change is remembered")
        step = self.done[-1]
        return Timeline(self.done[:-1], (*self.undone, step)), step

    def forth(self) -> tuple["Timeline[Source]", Step[Source]]:
        """Return the timeline with the step that was undone last, and that step.

        Raises:
            EditRefused: there is none.
        """
        if not self.undone:
            raise EditRefused("nothing to redo: no change was undone since the last new one")
        step = self.undone[-1]
        return Timeline((*self.done, step), self.undone[:-1]), step


def _bounded(steps: tuple[Step[Source], ...]) -> tuple[Step[Source], ...]:
    """Return the newest steps: not too many, and not over too many files."""
    steps = steps[-UNDO_STEPS:]
    while len({id(step.before.source) for step in steps}) > SOURCES_KEPT:
        steps = steps[1:]
    return steps
