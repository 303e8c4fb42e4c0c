"""Every change while traffic flows: live edits, reloads of the file, undo and redo of both.

One counter numbers them all: the generation. Each change is built completely before it is
swapped in by one reference; one that cannot be built changes nothing. Changes come one at a time,
and none while one is on trial.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import NamedTuple

from rsp.core.addresses import EditRefused
from rsp.core.backends import BackendTable
from rsp.core.config import Config, ConfigError
from rsp.core.differences import differences
from rsp.core.edits import (
    DroppedEdit,
    Edit,
    EditLayer,
    Operation,
)
from rsp.core.generations import Change
from rsp.core.timeline import Standing, Step, Timeline
from rsp.core.trial import Terms, Trial
from rsp.core.vocabulary import ChangeKind, EventLevel
from rsp.core.wire import CommandRefused
from rsp.engine.context import Context
from rsp.engine.ground import Built, Ground
from rsp.engine.in_force import OURSELVES, InForce
from rsp.engine.nonblocking import CannotListen
from rsp.engine.resolver import resolve_operation, resolve_pools
from rsp.engine.session import Registry
from rsp.engine.trials import Moment, Trials


class Applied(NamedTuple):
    """A live edit that was made, or would be."""

    what: str
    table: BackendTable


async def _forget(_edits: tuple[Edit, ...]) -> str:
    """Keep nothing, and miss nothing: the engine was started without a state file."""
    return ""


class Changes(InForce):
    """What is in force, and the one way to change it."""

    def __init__(
        self,
        context: Context,
        config: Config,
        layer: EditLayer,
        ground: Ground,
        registry: Registry,
    ) -> None:
        super().__init__(context, config, layer, ground)
        self.timeline: Timeline[Config] = Timeline()
        self.trials = Trials(context.telemetry, registry, self._fail)
        self.keep: Callable[[tuple[Edit, ...]], Awaitable[str]] = _forget
        """Keeps the live edits for the next run of the engine; returns why it could not."""
        self.unkept = ""
        """Why the live edits are not kept for the next run; empty: they are, or need not be."""
        self._lock = asyncio.Lock()

    async def edit(
        self,
        operation: Operation,
        who: str,
        if_generation: int | None,
        *,
        preview: bool = False,
        terms: Terms | None = None,
    ) -> Applied:
        """Edit the backends; with `preview` only say what would change, with `terms` on trial.

        Sessions of a backend that is removed go on to their end.

        Raises:
            EditRefused: it cannot be done, or another change is on trial.
            CommandRefused: somebody else changed something since `if_generation`.
        """
        operation = await resolve_operation(operation)
        async with self.alone(if_generation):
            if not preview:
                self.refuse_on_trial()
            layer, what = self.layer.apply(
                operation, generation=self.generation + 1, at=self._stamp(), who=who
            )
            if not preview and layer is not self.layer:
                moment = self._moment
                change = self._adopt(layer, what, who, ChangeKind.EDIT)
                self._did(change, moment, terms)
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
        async with self.alone(if_generation):
            if self.trials.trial is not None:
                return await self._roll_back(self.trials.trial, "it was undone", who)
            moment = self._moment
            timeline, step = self.timeline.back()
            what = f"undid: {step.change.what}"
            sentences = await self._restore(step.before, what, who, ChangeKind.UNDO)
            self.timeline = timeline
            self._try(moment, terms)
        return sentences

    async def redo(
        self, who: str, if_generation: int | None, terms: Terms | None = None
    ) -> list[str]:
        """Do again what was undone last. Raises as `undo` does, also when one is on trial."""
        async with self.alone(if_generation):
            self.refuse_on_trial()
            moment = self._moment
            timeline, step = self.timeline.forth()
            what = f"redid: {step.change.what}"
            sentences = await self._restore(step.after, what, who, ChangeKind.REDO)
            self.timeline = timeline
            self._try(moment, terms)
        return sentences

    async def confirm(self, who: str, if_generation: int | None) -> str:
        """Keep the change that is on trial. Raises `EditRefused` when there is none."""
        async with self.alone(if_generation):
            trial = self.trials.trial
            if trial is None:
                raise EditRefused("nothing is on trial")
            self.trials.end()
            what = f"confirmed generation {trial.generation}: {trial.what}"
            if trial.failed:
                what += f"; {trial.failed_sentence()}"
            self.note(f"{what} (by {who})", generation=trial.generation)
        return what

    async def preview(self, config: Config, *, drop_edits: bool) -> tuple[EditLayer, list[str]]:
        """Return the layer that a reload of `config` would leave, and what it would change."""
        return await self._rebased(config, drop_edits=drop_edits)

    async def reload(
        self,
        build: Callable[[], Awaitable[Built]],
        *,
        who: str,
        if_generation: int | None,
        drop_edits: bool,
        terms: Terms | None = None,
    ) -> list[str]:
        """Put a new configuration in force, and return what changed.

        It is built once nobody else changes anything: what was read before would undo that.

        Raises:
            ConfigError: it cannot be built.
            EditRefused: a name does not resolve, or another change is on trial.
            CommandRefused: somebody else changed something since `if_generation`.
            CannotListen: a new listener cannot be opened; nothing has changed.
        """
        async with self.alone(if_generation):
            self.refuse_on_trial()
            built = await build()
            layer, sentences = await self._rebased(built.config, drop_edits=drop_edits)
            moment = self._moment
            what = f"reloaded {built.config.path or 'the configuration'}"
            self._stand_on(built, layer.table.generation)
            change = self._adopt(layer, what, who, ChangeKind.RELOAD)
            self._did(change, moment, terms)
        return sentences

    async def amend(self, amended: Callable[[Config], Config], what: str, who: str) -> None:
        """Put the configuration in force with other listeners and pools than the file has:
        `amended` is asked for it once nobody else changes the file's. Raises as `reload` does.
        """
        async with self.alone(None):
            self.refuse_on_trial()
            config = amended(self.filed)
            layer, _ = await self._rebased(config, drop_edits=False)
            self._ground.open_listeners(config)
            self.config = config
            self._adopt(layer, what, who, ChangeKind.PROXIES)

    @asynccontextmanager
    async def alone(self, if_generation: int | None) -> AsyncIterator[None]:
        """Let nobody else change anything meanwhile; what is left is kept for the next run.

        A change on trial is not: whoever starts again begins with what was confirmed.

        Raises:
            CommandRefused: somebody else changed something since `if_generation`.
            EditRefused: the engine is on its way out.
        """
        async with self._lock:
            self._check_generation(if_generation)
            if self._context.is_draining:
                raise EditRefused("the engine is stopping: nothing is changed any more")
            before = self._lasting_edits()
            yield
            after = self._lasting_edits()
            if after != before:
                self.unkept = await self.keep(after)

    def _lasting_edits(self) -> tuple[Edit, ...]:
        trial = self.trials.trial
        return self.layer.edits if trial is None else trial.back_to.standing.edits

    def settle(self, built: Built, what: str, who: str) -> None:
        """Take for the file what was written to it: what is in force, so no edit is left.

        Whoever calls this is `alone`. The table stays; the router is that of the new text, so
        that the lines in decisions are those of the file.
        """
        layer = self.layer.settled(self.generation + 1)
        self._context.dispatcher.router = built.router
        self._take(built, layer.table.generation)
        self._adopt(layer, what, who, ChangeKind.WRITE_BACK)

    async def restore(self, edits: Iterable[Edit]) -> tuple[DroppedEdit, ...]:
        """Make edits of an earlier run again, over the file as it is now; return those lost.

        An edit is lost when it makes no sense any more, when the file says the same already, or
        when its address does not resolve.
        """
        dropped: list[DroppedEdit] = []
        async with self._lock:
            for edit in edits:
                try:
                    operation = await resolve_operation(edit.operation)
                    layer, what = self.layer.apply(
                        operation, generation=self.generation + 1, at=edit.at, who=edit.who
                    )
                except EditRefused as error:
                    dropped.append(DroppedEdit(edit, str(error)))
                    continue
                if layer is self.layer:
                    dropped.append(DroppedEdit(edit, f"the file says so itself now: {what}"))
                    continue
                moment = self._moment
                self._swap_in(layer)
                change = Change(self.generation, edit.at, edit.who, what, ChangeKind.RESTORE)
                self.history.record(change)
                self._did(change, moment, None)
        return tuple(dropped)

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
            self._stand_on(built, generation)
            name = built.config.path or "the configuration"
            untouched = f"{name} was not touched: the file still says what it said; reload reads it"
            sentences = [what, *changed, *_lost(lost), untouched]
        self._adopt(layer, what, who, kind)
        return sentences

    # -- what can be taken back

    @property
    def _moment(self) -> Moment:
        """What is in force, and what can be undone and redone."""
        return Moment(Standing(self.filed, self.layer.edits), self.timeline)

    def _did(self, change: Change, before: Moment, terms: Terms | None) -> None:
        """Remember an edit or a reload, so that it can be undone; with `terms` it is on trial."""
        step = Step(change, before.standing, self._moment.standing)
        self.timeline = before.timeline.did(step)
        self._try(before, terms)

    def _try(self, before: Moment, terms: Terms | None) -> None:
        last = self.history.last
        if terms is None or last is None:
            return
        deadline_s = time.monotonic() + terms.confirm_s
        trial = Trial(last.generation, last.what, last.who, terms, deadline_s, before)
        self.trials.begin(trial)

    async def _fail(self, trial: Trial[Moment], why: str) -> None:
        """Take a change back that nobody confirmed, or that fails too often."""
        async with self.alone(None):
            if self.trials.trial is not trial:
                return
            try:
                await self._roll_back(trial, why, OURSELVES)
            except (ConfigError, EditRefused, CannotListen) as error:
                self.trials.end()
                self.note(
                    f"generation {trial.generation} cannot be rolled back ({why}): {error}; "
                    "it stays in force",
                    EventLevel.ERROR,
                )

    async def _roll_back(self, trial: Trial[Moment], why: str, who: str) -> list[str]:
        what = f"rolled back generation {trial.generation}: {why}"
        moment = trial.back_to
        sentences = await self._restore(moment.standing, what, who, ChangeKind.ROLLBACK)
        self.trials.end()
        self.timeline = moment.timeline
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

    def refuse_on_trial(self) -> None:
        """Raise `EditRefused` while a change is on trial: one at a time."""
        if self.trials.trial is not None:
            raise EditRefused(self.trials.trial.refusal(time.monotonic()))

    def _check_generation(self, expected: int | None) -> None:
        if expected is not None and expected != self.generation:
            raise CommandRefused(self.history.mismatch(expected, self.generation))


def _lost(lost: tuple[DroppedEdit, ...]) -> list[str]:
    return [f"dropped the live edit: {each.edit.what} ({each.why})" for each in lost]
