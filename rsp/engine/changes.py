"""Every change while traffic flows: live edits, undo, redo, and reloads of the file.

One counter numbers them all: the generation. Each change is built completely before it is
swapped in by one reference; one that cannot be built changes nothing. Changes come one at a time.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import NamedTuple

from rsp.core.addresses import EditRefused
from rsp.core.backends import Backend, BackendChanges, BackendTable
from rsp.core.config import Config
from rsp.core.differences import differences
from rsp.core.edits import (
    AddBackend,
    ChangeBackend,
    DroppedEdit,
    Edit,
    EditLayer,
    Operation,
    RemoveBackend,
)
from rsp.core.events import Noted
from rsp.core.lua_limits import SOURCES_KEPT
from rsp.core.routing import Router
from rsp.core.vocabulary import BackendState
from rsp.core.wire import CommandRefused
from rsp.engine.context import Context
from rsp.engine.resolver import resolve_operation, resolve_pools


class Applied(NamedTuple):
    """A live edit that was made, or would be."""

    what: str
    table: BackendTable


async def _forget(_edits: tuple[Edit, ...]) -> None:
    """Keep nothing: the engine was started without a state file."""


class Changes:
    """What is in force, and the one way to change it."""

    def __init__(self, context: Context, config: Config, layer: EditLayer) -> None:
        self.config = config
        self.layer = layer
        self._configs = deque([(layer.table.generation, config)], SOURCES_KEPT)
        """The last configurations, and the generation that each began with."""
        self.loaded_at_s = time.monotonic()
        self.last_change = "the configuration was loaded"
        self.keep: Callable[[tuple[Edit, ...]], Awaitable[None]] = _forget
        """Keeps the live edits for the next run of the engine, and never fails."""
        self._context = context
        self._lock = asyncio.Lock()
        self._leaving: dict[str, str] = {}
        """Backends to be removed once they are idle, and who asked for it."""

    @property
    def generation(self) -> int:
        """The number of what is in force."""
        return self.layer.table.generation

    def kept_edits(self) -> list[str]:
        """Return a sentence for each live edit on top of the file."""
        return [edit.what for edit in self.layer.edits]

    async def add(
        self, backend: Backend, who: str, if_generation: int | None, *, preview: bool = False
    ) -> Applied:
        """Add a backend; with `preview` only say what would change.

        Raises:
            EditRefused: it cannot be added.
            CommandRefused: somebody else changed something since `if_generation`.
        """
        return await self._apply(AddBackend(backend), who, if_generation, preview=preview)

    async def change(
        self,
        key: str,
        changes: BackendChanges,
        who: str,
        if_generation: int | None,
        *,
        preview: bool = False,
    ) -> Applied:
        """Change a backend. Raises as `add` does."""
        return await self._apply(ChangeBackend(key, changes), who, if_generation, preview=preview)

    async def remove(
        self, key: str, who: str, if_generation: int | None, *, preview: bool = False
    ) -> Applied:
        """Remove a backend; its sessions go on to their end. Raises as `add` does."""
        return await self._apply(RemoveBackend(key), who, if_generation, preview=preview)

    async def remove_when_idle(self, key: str, drained: str, who: str) -> str:
        """Remove a backend that is being drained once its last session has ended."""
        self._leaving[key] = who
        await self.remove_idle()
        gone = key not in self._leaving
        return f"removed {key}" if gone else f"{drained}; it will be removed when it is idle"

    async def remove_idle(self) -> None:
        """Remove those backends that were to be removed once idle, and are."""
        loads = self._context.dispatcher.loads
        for key, who in list(self._leaving.items()):
            if not self._is_draining(key):
                # Somebody brought it back, or removed it; so it stays, or is gone already.
                del self._leaving[key]
            elif loads[key].sessions == 0:
                del self._leaving[key]
                try:
                    await self.remove(key, who, None)
                except EditRefused as error:
                    self._note(f"removing {key} when idle: {error}")

    def _is_draining(self, key: str) -> bool:
        pool, _, name = key.partition("/")
        found = self.layer.table.pools.get(pool)
        backend = found.by_name.get(name) if found else None
        return backend is not None and backend.state is BackendState.DRAIN

    async def _apply(
        self, operation: Operation, who: str, if_generation: int | None, *, preview: bool
    ) -> Applied:
        operation = await resolve_operation(operation)
        async with self._lock:
            self._check_generation(if_generation)
            layer, what = self.layer.apply(
                operation, generation=self.generation + 1, at=self._stamp(), who=who
            )
            if not preview:
                await self._adopt(layer, what, who)
        return Applied(what, layer.table)

    async def undo(self, who: str, if_generation: int | None) -> str:
        """Take back the last live edit. Raises `EditRefused` when there is none."""
        return await self._step(EditLayer.undo, who, if_generation)

    async def redo(self, who: str, if_generation: int | None) -> str:
        """Bring back what was undone last. Raises `EditRefused` when there is none."""
        return await self._step(EditLayer.redo, who, if_generation)

    async def _step(
        self,
        step: Callable[[EditLayer, int], tuple[EditLayer, str]],
        who: str,
        if_generation: int | None,
    ) -> str:
        async with self._lock:
            self._check_generation(if_generation)
            layer, what = step(self.layer, self.generation + 1)
            await self._adopt(layer, what, who)
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
        config: Config,
        router: Router,
        open_listeners: Callable[[Config], Awaitable[None]],
        *,
        who: str,
        if_generation: int | None,
        drop_edits: bool,
    ) -> list[str]:
        """Put a new configuration in force, and return what changed.

        Raises:
            EditRefused: a name does not resolve.
            CommandRefused: somebody else changed something since `if_generation`.
            CannotListen: a new listener cannot be opened; nothing has changed.
        """
        async with self._lock:
            self._check_generation(if_generation)
            layer, sentences = await self._rebased(config, drop_edits=drop_edits)
            await open_listeners(config)
            self._context.dispatcher.router = router
            self._context.adopt(config.limits)
            self.config = config
            self._configs.append((layer.table.generation, config))
            self.loaded_at_s = time.monotonic()
            await self._adopt(layer, f"reloaded {config.path or 'the configuration'}", who)
        return sentences

    async def amend(
        self,
        config: Config,
        open_listeners: Callable[[Config], Awaitable[None]],
        what: str,
        who: str,
    ) -> None:
        """Put the configuration in force with other listeners and pools than the file has.

        Raises as `reload` does.
        """
        async with self._lock:
            layer, _ = await self._rebased(config, drop_edits=False)
            await open_listeners(config)
            self.config = config
            await self._adopt(layer, what, who)

    @asynccontextmanager
    async def alone(self, if_generation: int | None) -> AsyncIterator[None]:
        """Let nobody else change anything meanwhile.

        Raises:
            CommandRefused: somebody else changed something since `if_generation`.
        """
        async with self._lock:
            self._check_generation(if_generation)
            yield

    async def settle(self, config: Config, router: Router, what: str, who: str) -> None:
        """Take for the file what was written to it: what is in force, so no edit is left.

        Whoever calls this is `alone`. The table stays; the router is that of the new text, so
        that the lines in decisions are those of the file.
        """
        layer = self.layer.settled(self.generation + 1)
        self._context.dispatcher.router = router
        self.config = config
        self._configs.append((layer.table.generation, config))
        self.loaded_at_s = time.monotonic()
        await self._adopt(layer, what, who)

    async def restore(self, edits: Iterable[Edit]) -> tuple[DroppedEdit, ...]:
        """Make edits of an earlier run again, over the file as it is now; return those lost.

        An edit is lost when it makes no sense any more, when the file says the same already, or
        when its address does not resolve.
        """
        dropped: list[DroppedEdit] = []
        async with self._lock:
            layer = self.layer
            for edit in edits:
                before = layer
                try:
                    operation = await resolve_operation(edit.operation)
                    layer, what = layer.apply(
                        operation, generation=layer.table.generation + 1, at=edit.at, who=edit.who
                    )
                except EditRefused as error:
                    dropped.append(DroppedEdit(edit, str(error)))
                    continue
                if layer is before:
                    dropped.append(DroppedEdit(edit, f"the file says so itself now: {what}"))
            if layer is not self.layer:
                self._swap_in(layer)
                self.last_change = "live edits of an earlier run were restored"
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
            sentences += [f"dropped the live edit: {e.edit.what} ({e.why})" for e in lost]
        return layer, differences(self.config, self.layer.table, config, layer.table) + sentences

    async def _adopt(self, layer: EditLayer, what: str, who: str) -> None:
        """Swap it in, put it on record, and return once the edits are kept."""
        if layer is self.layer:
            return
        self._swap_in(layer)
        self.last_change = f"{what}, by {who} at {self._stamp()}"
        self._note(f"generation {self.generation}: {what} (by {who})", generation=self.generation)
        await self.keep(layer.edits)

    def _swap_in(self, layer: EditLayer) -> None:
        """From here on every new decision sees it."""
        self.layer = layer
        self._context.health.adopt(layer.table)
        self._context.idle.retain(layer.table)
        self._context.waiting.look()

    def _check_generation(self, expected: int | None) -> None:
        if expected is not None and expected != self.generation:
            raise CommandRefused(
                f"the generation is {self.generation}, not {expected}: {self.last_change}; "
                "look at it, then try again"
            )

    def _stamp(self) -> str:
        return self._context.telemetry.stamp(time.monotonic())

    def _note(self, what: str, **values: object) -> None:
        self._context.telemetry.record(
            Noted(at_s=time.monotonic(), what=what, said_by="control", values=values)
        )
