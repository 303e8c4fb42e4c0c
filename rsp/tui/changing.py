"""What a person may do to what is in force, from every screen: undo, redo, reload, confirm."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from textual.app import ReturnType

from rsp.core.limits import TRIAL_S
from rsp.core.replies import Changed
from rsp.tui.adjusting import AdjustableApp
from rsp.tui.screens.questions import reload_question

_RELOADS: Mapping[str, Mapping[str, Any]] = {
    "keep": {},
    "try": {"confirm": TRIAL_S},
    "drop": {"drop_edits": True},
}
"""What each answer to the question of a reload adds to the command."""


class ChangingApp(AdjustableApp[ReturnType]):
    """Base of the app: it holds the acts that change what the engine has in force."""

    def give(
        self,
        method: str,
        params: Mapping[str, Any] | Callable[[], Mapping[str, Any] | None],
        done: Callable[[msgspec.Struct], None] | None = None,
        refused: Callable[[str], None] | None = None,
    ) -> None:
        """Give the engine a command."""
        raise NotImplementedError

    def action_undo(self) -> None:
        """Take back the last edit or reload, or what is on trial."""
        self.give("undo", {})

    def action_redo(self) -> None:
        """Do again what was undone."""
        self.give("redo", {})

    def action_confirm(self) -> None:
        """Keep the change that is on trial."""
        self.give("confirm", {})

    def action_reload(self) -> None:
        """Ask the engine what a reload would change; reload when the person agrees."""

        def previewed(answer: msgspec.Struct) -> None:
            if not isinstance(answer, Changed):
                return
            # The answer is to what was shown, whatever somebody else changes meanwhile.
            seen = {"if_generation": answer.generation}

            def answered(chosen: str | None) -> None:
                if chosen is not None:
                    self.give("reload", {**_RELOADS[chosen], **seen})

            _ = self.push_screen(reload_question(answer, self.size.width), answered)

        self.give("reload", {"preview": True}, previewed)
