"""Gives the engine commands. Edits take turns, each checked against the generation seen last."""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from rsp.core.faults.rows import FaultAdded, FaultsRemoved
from rsp.core.generation_rows import OldSessions
from rsp.core.replies import Changed, Done
from rsp.core.wire import CommandRefused
from rsp.core.write_back_rows import WrittenBack
from rsp.tui.client import EngineGone
from rsp.tui.feed import Feed
from rsp.tui.model.dashboard import Model

Params = Mapping[str, Any]

_EDITS = frozenset({"undo", "redo", "reload", "confirm", "write-back"})
_ANSWERS: Mapping[str, type[msgspec.Struct]] = {
    "fault.add": FaultAdded,
    "fault.remove": FaultsRemoved,
    "old-sessions": OldSessions,
    "write-back": WrittenBack,
}
"""What is answered to commands that stand out; to other edits `Changed`, to the rest `Done`."""


@dataclass(frozen=True, slots=True)
class Order:
    """A command that waits for its turn."""

    method: str
    params: Params | Callable[[], Params | None]
    """A function is asked when it is the command's turn; with None nothing is sent."""
    done: Callable[[msgspec.Struct], None] | None = None
    """Gets the answer; without it the answer is shown."""
    refused: Callable[[str], None] | None = None
    """Is told that the engine refused, after the person was."""


class Teller(Protocol):
    """The app, as far as commands need it."""

    model: Model
    feed: Feed

    def say(self, message: str, *, is_error: bool = False) -> None:
        """Show a short notice."""

    def say_change(self, message: str) -> None:
        """Show what was changed, in place of the notice before."""


class Commander:
    """Carries orders out, and shows what came of them."""

    def __init__(self, teller: Teller) -> None:
        self._teller = teller
        self._turn = asyncio.Lock()

    async def carry_out(self, order: Order) -> None:
        """Give the engine one command; a refusal is shown, and so is what was done."""
        if not is_edit(order.method):
            await self._give(order, _ANSWERS.get(order.method, Done))
            return
        # A second key press must see the generation that the first one made.
        async with self._turn:
            await self._give(order, _ANSWERS.get(order.method, Changed))

    async def _give(self, order: Order, kind: type[msgspec.Struct]) -> None:
        teller = self._teller
        params = order.params() if callable(order.params) else order.params
        if params is None:
            return
        before = teller.model.generation
        if kind is Changed and before is None:
            # What nobody has seen cannot be checked against what is.
            teller.say("The engine has not answered yet: nothing was changed.", is_error=True)
            return
        try:
            answer = await teller.feed.command(order.method, _signed(order, params, before), kind)
        except (CommandRefused, EngineGone) as error:
            teller.say(str(error), is_error=True)
            if order.refused is not None:
                order.refused(str(error))
            teller.feed.nudge()
            return
        if isinstance(answer, Changed | WrittenBack):
            teller.model.note_generation(answer.generation)
        if order.done is not None:
            order.done(answer)
        elif isinstance(answer, Changed):
            self._say_changed(order.method, answer, before)
        else:
            self._say_done(answer)
        teller.feed.nudge()

    def _say_done(self, answer: msgspec.Struct) -> None:
        match answer:
            case Done(done=said):
                self._teller.say(said)
            case FaultAdded(id=number, sentence=said):
                self._teller.say_change(f"↯ {number}: {said} · T x removes it")
            case FaultsRemoved(removed=numbers):
                self._teller.say_change(f"removed {_faults(numbers)}; what was held goes on")
            case OldSessions(done=said):
                self._teller.say(said)

    def _say_changed(self, method: str, answer: Changed, before: int | None) -> None:
        said = "\n".join(answer.changed) or "Nothing changed."
        if answer.generation != before:
            said += hint(method, answer)
        self._teller.say_change(said)


def hint(method: str, answer: Changed) -> str:
    """Return which key comes next after a change, behind a dot."""
    if answer.trial is not None:
        return f" · on trial for {answer.trial.left_s:.0f} s: C confirms, z undoes"
    return " · z undo" if method.startswith("backend.") or method == "reload" else ""


def _signed(order: Order, params: Params, generation: int | None) -> dict[str, object]:
    """Return the parameters with what goes on record: who wants it, and what they saw."""
    is_checked = is_edit(order.method)
    seen = {"if_generation": generation} if is_checked else {}
    name = {"who": who()} if is_checked or order.method in _ANSWERS else {}
    return {**name, **seen, **params}


def _faults(numbers: Sequence[int]) -> str:
    listed = ", ".join(map(str, numbers))
    return f"fault{'s' * (len(numbers) != 1)} {listed}" if numbers else "no fault: there is none"


def is_edit(method: str) -> bool:
    """Tell whether a command is checked against the generation seen, and says what it changed."""
    return method in _EDITS or method.startswith("backend.")


def who() -> str:
    """Name this dashboard for the record of edits: its terminal."""
    try:
        return f"dashboard@{os.ttyname(0).removeprefix('/dev/')}"
    except OSError:
        return "dashboard"
