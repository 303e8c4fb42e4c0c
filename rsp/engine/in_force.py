"""What is in force: a configuration, the live edits on top of it, and how others take its place.

A generation is swapped in by one reference, when nothing about it can go wrong any more.
"""

import time
from collections import deque
from collections.abc import Callable

from rsp.core.config import Config
from rsp.core.edits import EditLayer
from rsp.core.events import Noted
from rsp.core.generations import Change, History
from rsp.core.lua_limits import SOURCES_KEPT
from rsp.core.vocabulary import ChangeKind, EventLevel
from rsp.engine.context import Context
from rsp.engine.ground import Built, Ground

OURSELVES = "rsp"
"""Who did what no person did."""


class InForce:
    """Holds it, and puts it on record. Which change may come when is not decided here."""

    def __init__(self, context: Context, config: Config, layer: EditLayer, ground: Ground) -> None:
        self.config = self.filed = config
        """What is in force, and the same as the file has it."""
        self.layer = layer
        self.history = History()
        self._configs = deque([(layer.table.generation, config)], SOURCES_KEPT)
        """The last configurations, and the generation that each began with."""
        self.loaded_at_s = time.monotonic()
        self.on_swapped: Callable[[], object] = lambda: None
        """Called when another table has come in force."""
        self._context = context
        self._ground = ground
        self.history.record(
            Change(
                self.generation, self._stamp(), OURSELVES, "the engine started", ChangeKind.START
            )
        )

    @property
    def generation(self) -> int:
        """The number of what is in force."""
        return self.layer.table.generation

    def kept_edits(self) -> list[str]:
        """Return a sentence for each live edit on top of the file."""
        return [edit.what for edit in self.layer.edits]

    def source_of(self, generation: int) -> Config | None:
        """Return the configuration that was in force in a generation; None: it is forgotten."""
        for first, config in reversed(self._configs):
            if first <= generation:
                return config
        return None

    def _stand_on(self, built: Built, generation: int) -> None:
        """Open the listeners of a configuration; then nothing can go wrong any more."""
        self._ground.open_listeners(built.config)
        self._context.dispatcher.router = built.router
        self._context.adopt(built.config.limits)
        self._take(built, generation)

    def _take(self, built: Built, generation: int) -> None:
        self.config, self.filed = built.config, built.filed
        self._configs.append((generation, built.config))
        self.loaded_at_s = time.monotonic()

    def _adopt(self, layer: EditLayer, what: str, who: str, kind: ChangeKind) -> Change:
        """Swap it in, and put it on record."""
        self._swap_in(layer)
        change = Change(self.generation, self._stamp(), who, what, kind)
        self.history.record(change)
        self.note(
            f"generation {self.generation}: {what} (by {who})",
            EventLevel.WARN if kind is ChangeKind.ROLLBACK else EventLevel.INFO,
            generation=self.generation,
        )
        return change

    def _swap_in(self, layer: EditLayer) -> None:
        """From here on every new decision sees it."""
        self._context.dispatcher.loads.follow(self.layer.table, layer.table)
        self.layer = layer
        self._context.health.adopt(layer.table)
        self._context.idle.retain(layer.table)
        self._context.waiting.look()
        self.on_swapped()

    def _stamp(self) -> str:
        return self._context.telemetry.stamp(time.monotonic())

    def note(self, what: str, weight: EventLevel = EventLevel.INFO, **values: object) -> None:
        """Record something about changes, made or not."""
        self._context.telemetry.record(
            Noted(at_s=time.monotonic(), what=what, said_by="control", weight=weight, values=values)
        )
