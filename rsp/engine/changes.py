"""Every change while traffic flows: live edits, reloads of the file, undo and redo of both.

One counter numbers them all: the generation. Each change is built completely before it is
swapped in by one reference; one that cannot be built changes nothing. Changes come one at a time,
and none while one is on trial.
"""

import asyncio
import time
from collections import deque
from typing import NamedTuple

from rsp.core.addresses import EditRefused
from rsp.core.backends import Backend, BackendChanges, BackendTable
from rsp.core.config import Config, ConfigError
from rsp.core.differences import differences
from rsp.core.edits import (
    AddBackend,
    ChangeBackend,
    DroppedEdit,
    EditLayer,
    Operation,
    RemoveBackend,
)
from rsp.core.events import Noted
from rsp.core.generations import Change, History
from rsp.core.lua_limits import SOURCES_KEPT
from rsp.core.timeline import Standing, Step, Timeline
from rsp.core.trial import Terms, Trial
from rsp.core.vocabulary import ChangeKind, EventLevel
from rsp.core.wire import CommandRefused
from rsp.engine.context import Context
from rsp.engine.ground import Built, Ground
from rsp.engine.nonblocking import CannotListen
from rsp.engine.resolver import resolve, resolve_pools
from rsp.engine.trials import Place, Trials


class Applied(NamedTuple):
    """A live edit that was made, or would be."""

    what: str
    table: BackendTable


_OURSELVES = "rsp"
"""Who takes a change back that nobody confirmed."""


class Changes:
    """What is in force, and the one way to change it."""

    def __init__(self, context: Context, config: Config, layer: EditLayer, ground: Ground) -> None:
        self.config = self.filed = config
        """What is in force, and the same as the file has it."""
        self.layer = layer
        self.history = History()
        self.timeline: Timeline[Config] = Timeline()
        self.trials = Trials(context.telemetry, self._fail)
        self._configs = deque([(layer.table.generation, config)], SOURCES_KEPT)
        """The last configurations, and the generation that each began with."""
        self.loaded_at_s = time.monotonic()
        self._context = context
        self._ground = ground
        self._lock = asyncio.Lock()
        self.history.record(
            Change(
                self.generation, self._stamp(), _OURSELVES, "the engine started", ChangeKind.START
            )
        )

    @property
    def generation(self) -> int:
        """The number of what is in force."""
        return self.layer.table.generation

    def kept_edits(self) -> list[str]:
        """Return a sentence for each live edit on top of the file."""
        return [edit.what for edit in self.layer.edits]

    async def add(
        self,
        backend: Backend,
        who: str,
        if_generation: int | None,
        *,
        preview: bool = False,
        terms: Terms | None = None,
    ) -> Applied:
        """Add a backend; with `preview` only say what would change, with `terms` on trial.

        Raises:
            EditRefused: it cannot be added, or another change is on trial.
            CommandRefused: somebody else changed something since `if_generation`.
        """
        numbers = await resolve(backend.address)
        ready = Backend(
            backend.pool, backend.name, backend.address, backend.weight, backend.max_connections,
            resolved=numbers,
        )  # fmt: skip
        operation = AddBackend(ready)
        return await self._apply(operation, who, if_generation, preview=preview, terms=terms)

    async def change(
        self,
        key: str,
        changes: BackendChanges,
        who: str,
        if_generation: int | None,
        *,
        preview: bool = False,
        terms: Terms | None = None,
    ) -> Applied:
        """Change a backend. Raises as `add` does."""
        if changes.address is not None:
            numbers = await resolve(changes.address)
            changes = BackendChanges(
                changes.weight, changes.state, changes.max_connections, changes.address, numbers
            )
        operation = ChangeBackend(key, changes)
        return await self._apply(operation, who, if_generation, preview=preview, terms=terms)

    async def remove(
        self,
        key: str,
        who: str,
        if_generation: int | None,
        *,
        preview: bool = False,
        terms: Terms | None = None,
    ) -> Applied:
        """Remove a backend; its sessions go on to their end. Raises as `add` does."""
        operation = RemoveBackend(key)
        return await self._apply(operation, who, if_generation, preview=preview, terms=terms)

    async def _apply(
        self,
        operation: Operation,
        who: str,
        if_generation: int | None,
        *,
        preview: bool,
        terms: Terms | None,
    ) -> Applied:
        async with self._lock:
            self._check_generation(if_generation)
            if not preview:
                self._check_trial()
            layer, what = self.layer.apply(
                operation, generation=self.generation + 1, at=self._stamp(), who=who
            )
            if not preview and layer is not self.layer:
                place = self._place
                change = self._adopt(layer, what, who, ChangeKind.EDIT)
                self._did(change, place, terms)
        return Applied(what, layer.table)

    async def undo(
        self, who: str, if_generation: int | None, terms: Terms | None = None
    ) -> list[str]:
        """Take back the last edit or reload, or the change that is on trial.

        Raises:
            EditRefused: there is none.
            CommandRefused: somebody else changed something since `if_generation`.
            ConfigError, AddressError, CannotListen: what was in force cannot be built any more.
        """
        async with self._lock:
            self._check_generation(if_generation)
            if self.trials.trial is not None:
                return await self._roll_back(self.trials.trial, "it was undone", who)
            place = self._place
            timeline, step = self.timeline.back()
            what = f"undid: {step.change.what}"
            sentences = await self._restore(step.before, what, who, ChangeKind.UNDO)
            self.timeline = timeline
            self._try(place, terms)
        return sentences

    async def redo(
        self, who: str, if_generation: int | None, terms: Terms | None = None
    ) -> list[str]:
        """Do again what was undone last. Raises as `undo` does, also when one is on trial."""
        async with self._lock:
            self._check_generation(if_generation)
            self._check_trial()
            place = self._place
            timeline, step = self.timeline.forth()
            what = f"redid: {step.change.what}"
            sentences = await self._restore(step.after, what, who, ChangeKind.REDO)
            self.timeline = timeline
            self._try(place, terms)
        return sentences

    async def confirm(self, who: str, if_generation: int | None) -> str:
        """Keep the change that is on trial. Raises `EditRefused` when there is none."""
        async with self._lock:
            self._check_generation(if_generation)
            trial = self.trials.trial
            if trial is None:
                raise EditRefused("nothing is on trial")
            self.trials.end()
            what = f"confirmed generation {trial.generation}: {trial.what}"
            self.note(f"{what} (by {who})", generation=trial.generation)
        return what

    async def preview(self, config: Config, *, drop_edits: bool) -> tuple[EditLayer, list[str]]:
        """Return the layer that a reload of `config` would leave, and what it would change."""
        return await self._rebased(config, drop_edits=drop_edits)

    def source_of(self, generation: int) -> Config | None:
        """Return the configuration that was in force in a generation; None: it is forgotten."""
        for first, config in reversed(self._configs):
            if first <= generation:
                return config
        return None

    async def reload(
        self,
        built: Built,
        *,
        who: str,
        if_generation: int | None,
        drop_edits: bool,
        terms: Terms | None = None,
    ) -> list[str]:
        """Put a new configuration in force, and return what changed.

        Raises:
            EditRefused: a name does not resolve, or another change is on trial.
            CommandRefused: somebody else changed something since `if_generation`.
            CannotListen: a new listener cannot be opened; nothing has changed.
        """
        async with self._lock:
            self._check_generation(if_generation)
            self._check_trial()
            layer, sentences = await self._rebased(built.config, drop_edits=drop_edits)
            place = self._place
            what = f"reloaded {built.config.path or 'the configuration'}"
            await self._stand_on(built, layer.table.generation)
            change = self._adopt(layer, what, who, ChangeKind.RELOAD)
            self._did(change, place, terms)
        return sentences

    async def amend(self, config: Config, what: str, who: str) -> None:
        """Put the configuration in force with other listeners and pools than the file has.

        Raises as `reload` does.
        """
        async with self._lock:
            self._check_trial()
            layer, _ = await self._rebased(config, drop_edits=False)
            await self._ground.open_listeners(config)
            self.config = config
            self._adopt(layer, what, who, ChangeKind.PROXIES)

    async def _rebased(self, config: Config, *, drop_edits: bool) -> tuple[EditLayer, list[str]]:
        pools = await resolve_pools(config.pools)
        generation = self.generation + 1
        sentences: list[str] = []
        if drop_edits:
            layer = EditLayer.of(pools, generation)
            sentences += [f"dropped the live edit: {what}" for what in self.kept_edits()]
        else:
            layer, lost = self.layer.rebase(pools, generation)
            sentences += _lost(lost)
        return layer, differences(self.config, self.layer.table, config, layer.table) + sentences

    async def _restore(
        self, standing: Standing[Config], what: str, who: str, kind: ChangeKind
    ) -> list[str]:
        """Put in force again what was in force before; return what is to be told of it."""
        generation = self.generation + 1
        if standing.source is self.filed:
            layer, lost = EditLayer.over(self.layer.file_pools, standing.edits, generation)
            sentences = [what, *_lost(lost)]
        else:
            built = await self._ground.rebuild(standing.source)
            pools = await resolve_pools(built.config.pools)
            layer, lost = EditLayer.over(pools, standing.edits, generation)
            changed = differences(self.config, self.layer.table, built.config, layer.table)
            await self._stand_on(built, generation)
            name = built.config.path or "the configuration"
            untouched = f"{name} was not touched: the file still says what it said; reload reads it"
            sentences = [what, *changed, *_lost(lost), untouched]
        self._adopt(layer, what, who, kind)
        return sentences

    async def _stand_on(self, built: Built, generation: int) -> None:
        """Open the listeners of a configuration; then nothing can go wrong any more."""
        await self._ground.open_listeners(built.config)
        self._context.dispatcher.router = built.router
        self._context.adopt(built.config.limits)
        self.config, self.filed = built.config, built.filed
        self._configs.append((generation, built.config))
        self.loaded_at_s = time.monotonic()

    def _adopt(self, layer: EditLayer, what: str, who: str, kind: ChangeKind) -> Change:
        """Swap it in: from here on every new decision sees it."""
        self.layer = layer
        self._context.health.adopt(layer.table)
        self._context.idle.retain(layer.table)
        change = Change(self.generation, self._stamp(), who, what, kind)
        self.history.record(change)
        self.note(
            f"generation {self.generation}: {what} (by {who})",
            EventLevel.WARN if kind is ChangeKind.ROLLBACK else EventLevel.INFO,
            generation=self.generation,
        )
        return change

    # -- what can be taken back

    @property
    def _place(self) -> Place:
        """What is in force, and what can be undone and redone."""
        return Place(Standing(self.filed, self.layer.edits), self.timeline)

    def _did(self, change: Change, before: Place, terms: Terms | None) -> None:
        """Remember an edit or a reload, so that it can be undone; with `terms` it is on trial."""
        step = Step(change, before.standing, self._place.standing)
        self.timeline = before.timeline.did(step)
        self._try(before, terms)

    def _try(self, before: Place, terms: Terms | None) -> None:
        last = self.history.last
        if terms is None or last is None:
            return
        deadline_s = time.monotonic() + terms.confirm_s
        trial = Trial(last.generation, last.what, last.who, terms, deadline_s, before)
        self.trials.begin(trial)

    async def _fail(self, trial: Trial[Place], why: str) -> None:
        """Take a change back that nobody confirmed, or that fails too often."""
        async with self._lock:
            if self.trials.trial is not trial:
                return
            try:
                await self._roll_back(trial, why, _OURSELVES)
            except (ConfigError, EditRefused, CannotListen) as error:
                self.trials.end()
                self.note(
                    f"generation {trial.generation} cannot be rolled back ({why}): {error}; "
                    "it stays in force",
                    EventLevel.ERROR,
                )

    async def _roll_back(self, trial: Trial[Place], why: str, who: str) -> list[str]:
        what = f"rolled back generation {trial.generation}: {why}"
        place = trial.back_to
        sentences = await self._restore(place.standing, what, who, ChangeKind.ROLLBACK)
        self.trials.end()
        self.timeline = place.timeline
        return sentences

    def next_undo(self) -> str:
        """Return what `undo` would take back; empty when there is nothing."""
        if self.trials.trial is not None:
            return self.trials.trial.what
        return self.timeline.done[-1].change.what if self.timeline.done else ""

    def rolled_back(self) -> str:
        """Return why the last change was rolled back; empty when something was changed since."""
        last = self.history.last
        return last.what if last is not None and last.kind is ChangeKind.ROLLBACK else ""

    def _check_trial(self) -> None:
        if self.trials.trial is not None:
            raise EditRefused(self.trials.trial.refusal(time.monotonic()))

    def _check_generation(self, expected: int | None) -> None:
        if expected is not None and expected != self.generation:
            raise CommandRefused(self.history.mismatch(expected, self.generation))

    def _stamp(self) -> str:
        return self._context.telemetry.stamp(time.monotonic())

    def note(self, what: str, weight: EventLevel = EventLevel.INFO, **values: object) -> None:
        """Record something about changes, made or not."""
        self._context.telemetry.record(
            Noted(at_s=time.monotonic(), what=what, said_by="control", weight=weight, values=values)
        )


def _lost(lost: tuple[DroppedEdit, ...]) -> list[str]:
    return [f"dropped the live edit: {each.edit.what} ({each.why})" for each in lost]
