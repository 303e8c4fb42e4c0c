"""The composition root: builds an engine, opens its listeners, reloads it, and ends it."""

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from rsp import __version__
from rsp.core.addresses import UNIX_PREFIX
from rsp.core.backends import BackendTable
from rsp.core.config import Config, ConfigError, ListenerConfig, ListenerKey, by_key
from rsp.core.edits import EditLayer
from rsp.core.events import Event, Noted
from rsp.core.redact import secrets_of, those_in
from rsp.core.route import FixedRouter, Routable, Router
from rsp.core.trial import Terms
from rsp.core.vocabulary import AcceptPause, CloseReason, EventLevel
from rsp.engine.changes import Changes
from rsp.engine.context import Context
from rsp.engine.deadlines import Deadlines
from rsp.engine.dispatch import Dispatcher
from rsp.engine.entrance import Entrance
from rsp.engine.ground import Built
from rsp.engine.housekeeping import keep_house
from rsp.engine.leaving import Leaving
from rsp.engine.listener import Listener
from rsp.engine.listening import Inherited, open_listener
from rsp.engine.lua_config import LoadedConfig, LuaRouter, load_config, rebuild_router
from rsp.engine.memory import MemoryWatch
from rsp.engine.nonblocking import CannotListen
from rsp.engine.poller import Poller
from rsp.engine.resolver import resolve_pools
from rsp.engine.sampling import Sampler
from rsp.engine.session import Registry
from rsp.engine.stalls import StallWatch
from rsp.engine.telemetry import Telemetry
from rsp.engine.troubles import TroubleWatch
from rsp.engine.watchdog import Watchdog
from rsp.engine.worker import Rehearser


class Engine:
    """A running proxy. Everything happens on the loop that it was started on."""

    def __init__(
        self,
        loaded: LoadedConfig,
        telemetry: Telemetry,
        rehearser: Rehearser,
        *,
        listen: str | None,
    ) -> None:
        self.telemetry = telemetry
        self.rehearser = rehearser
        """Does what must not hold up traffic: traces and previews."""
        self.registry = Registry()
        self.listeners: dict[ListenerKey, Listener] = {}
        self.log_path: Path | None = None
        self.stopping = asyncio.Event()
        self.hurry = False
        """Whether to end at once: it was told to stop a second time."""
        self.drain_s: float | None = None
        """Seconds that the present sessions get to end; None: what the limits say."""
        self.cry: Callable[[Event], object] | None = None
        """Logs an event at once, from any thread: for when the loop stands still."""
        self.extend: Callable[[Config], Config] = lambda config: config
        """Returns a configuration with what was added to it at run time. Raises `ConfigError`."""
        self._listen = listen
        self._loaded = loaded
        self._housekeeping: asyncio.Task[None] | None = None
        self._watchdog: Watchdog | None = None
        self._loop: asyncio.AbstractEventLoop
        self.context: Context
        self.changes: Changes
        self.leaving: Leaving
        self.memory: MemoryWatch
        self.stalls: StallWatch
        self.sampler: Sampler
        self.troubles: TroubleWatch
        self._accepts = False
        self._inherited = Inherited()

    async def start(self) -> None:
        """Resolve, build, and open the listeners; nothing is left open when that fails.

        Raises:
            ConfigError: there is no listener.
            AddressError: a name does not resolve.
            CannotListen: a listener cannot be opened.
        """
        self._loop = loop = asyncio.get_running_loop()
        loaded = self._loaded
        # Its runtime must not outlive the first reload.
        del self._loaded
        config = self._with_listen(loaded.config)
        pools = await resolve_pools(config.pools)
        layer = EditLayer.of(pools, generation=1)
        router = self._built(loaded).router
        poller = Poller(loop)
        self.context = Context(
            poller,
            Deadlines(loop, poller.look_at_clock),
            self.telemetry,
            Dispatcher(layer.table, router),
            config.limits,
        )
        self.changes = Changes(self.context, config, layer, self, self.registry)
        self.leaving = Leaving(self.changes, self.context.dispatcher.loads)
        self.memory = MemoryWatch(self.context, self.registry, self._heed_memory)
        self.stalls = StallWatch(self.context)
        self.sampler = Sampler(self.context, self.registry)
        self.troubles = TroubleWatch(self.context, self.registry)
        try:
            self.open_listeners(config)
        except CannotListen:
            self._release()
            raise
        self.context.health.adopt(layer.table)
        # At once: others in the same batch of readiness must not meet the broken one.
        self.context.dispatcher.on_route_failed = self._look_at_router
        for unused in self._inherited.unused():
            self.note(f"{unused} was handed over, and no listener has it", EventLevel.WARN)
        self._look_after_it(loop)

    def _look_after_it(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start what watches over the traffic, and what is done now and then."""
        self._watchdog = Watchdog(lambda: self.context.dispatcher.router, self._report_long_route)
        self._watchdog.start()
        tick = self.context.dispatcher.balancer.stickiness.tick
        self._housekeeping = loop.create_task(
            keep_house(self.leaving, self.listeners, self.telemetry.clock, self.note, tick)
        )
        self.memory.start()
        self.stalls.start()
        self.sampler.start()

    def _with_listen(self, config: Config) -> Config:
        """`--listen` stands in for the listeners of the file.

        Raises:
            ConfigError: there is no listener at all.
        """
        if self._listen is None:
            if not config.listeners:
                raise ConfigError(
                    f"{config.path}: there is no listener, so nobody could connect; "
                    'add listen { address = "127.0.0.1:8080" }, or give --listen'
                )
            return config
        first = config.listeners[0] if config.listeners else ListenerConfig("")
        return replace(config, listeners=(replace(first, address=self._listen, fd=None),))

    def accept(self) -> None:
        """Let clients in: the engine is ready."""
        self._accepts = True
        for listener in self.listeners.values():
            listener.resume(AcceptPause.STARTING)

    def short_name(self) -> str:
        """Return what tells this engine from others: the real port of the first listener.

        Of a unix socket it is the file's name without its ending.
        """
        address = self._first_address()
        if address.startswith(UNIX_PREFIX):
            return Path(address).stem
        return address.rpartition(":")[2]

    def _first_address(self) -> str:
        return next(iter(self.listeners.values())).entrance.address

    def open_listeners(self, config: Config) -> None:
        """Open what is new before anything that is no longer wanted is closed.

        Raises:
            CannotListen: one cannot be opened, or the engine is on its way out; then none was.
        """
        if self.context.is_draining:
            raise CannotListen("the engine is stopping: it listens nowhere any more")
        pools = tuple(pool.name for pool in config.pools)
        wanted = by_key(config.listeners)
        opened: dict[ListenerKey, Listener] = {}
        try:
            for key, listener_config in wanted.items():
                if key not in self.listeners:
                    ours = [*self.listeners.values(), *opened.values()]
                    opened[key] = self._open(listener_config, pools, ours)
        except BaseException:
            for listener in opened.values():
                listener.close()
            raise
        self.listeners |= opened
        for key in [key for key in self.listeners if key not in wanted]:
            self.listeners.pop(key).close()
        self._adopt_listeners(wanted, config, pools)

    def _adopt_listeners(
        self, wanted: dict[ListenerKey, ListenerConfig], config: Config, pools: tuple[str, ...]
    ) -> None:
        for key, listener in self.listeners.items():
            entrance = Entrance(listener.entrance.address, wanted[key], pools)
            listener.adopt(entrance, config.limits)
        if self.context.lab is not None:
            self.context.lab.look_at_listeners()
        self._heed_memory()
        if self._accepts:
            self.accept()

    def _heed_memory(self) -> None:
        """Let nobody in while the memory budget says so."""
        for listener in self.listeners.values():
            if self.memory.stops_accepting:
                listener.pause(AcceptPause.MEMORY)
            else:
                listener.resume(AcceptPause.MEMORY)

    def _open(
        self, config: ListenerConfig, pools: tuple[str, ...], ours: list[Listener]
    ) -> Listener:
        addresses = [listener.entrance.address for listener in ours]
        option = "" if self._accepts else "--listen"
        opened = open_listener(config, self._inherited, addresses, option)
        entrance = Entrance(opened.address, config, pools)
        return Listener(self.context, self.registry, opened, entrance)

    async def load(self) -> LoadedConfig:
        """Read the configuration file again, in a thread of its own: traffic does not wait.

        Raises:
            ConfigError: what is on disk cannot be used.
        """
        path = self.changes.config.path
        if path is None:
            return LoadedConfig(self.changes.filed, None)
        loaded = await asyncio.to_thread(load_config, path)
        return replace(loaded, config=self._with_listen(loaded.config))

    async def rebuild(self, filed: Config) -> Built:
        """Make a new runtime, in a thread of its own, of a text that was in force before.

        Raises:
            ConfigError: the same text cannot be loaded a second time.
        """
        router = await asyncio.to_thread(rebuild_router, filed)
        return self._built(LoadedConfig(filed, router))

    async def reload(
        self,
        *,
        who: str,
        if_generation: int | None = None,
        drop_edits: bool = False,
        terms: Terms | None = None,
    ) -> list[str]:
        """Build what is on disk, and put it in force; what cannot be built changes nothing.

        Raises:
            ConfigError: what is on disk cannot be used; also `EditRefused`, `CommandRefused` and
            `CannotListen`, as `Changes.reload` says.
        """
        return await self.changes.reload(
            self._loaded_and_built,
            who=who,
            if_generation=if_generation,
            drop_edits=drop_edits,
            terms=terms,
        )

    async def _loaded_and_built(self) -> Built:
        return self._built(await self.load())

    def settle(self, loaded: LoadedConfig, what: str, *, who: str) -> None:
        """Take what was just written to the file for the file; see `Changes.settle`."""
        loaded = replace(loaded, config=self._with_listen(loaded.config))
        self.changes.settle(self._built(loaded), what, who)

    async def put_in_force(self, what: str, *, who: str) -> None:
        """Put what runs in force again, as `extend` has it by now. Raises as `reload` does."""
        await self.changes.amend(self.extend, what, who)

    def rename_listener(self, key: ListenerKey) -> str:
        """Have the configuration know a listener by its real address; return that.

        Many may say port 0, and which of them is which depends on their order.
        """
        listener = self.listeners.pop(key)
        address = listener.entrance.address
        self.listeners[address, 0] = listener
        config = self.changes.config
        known = by_key(config.listeners)
        known[key] = replace(known[key], address=address)
        self.changes.config = replace(config, listeners=tuple(known.values()))
        return address

    def note(self, what: str, weight: EventLevel = EventLevel.INFO, **values: object) -> None:
        """Record something about the engine itself."""
        event = Noted(at_s=time.monotonic(), what=what, weight=weight, values=values)
        self.telemetry.record(event)

    def note_refused_reload(self, why: str) -> None:
        """Record that a reload was asked for and could not be done."""
        what = f"{why}; the running configuration stays (generation {self.changes.generation})"
        self.telemetry.record(
            Noted(at_s=time.monotonic(), what=what, said_by="config", weight=EventLevel.ERROR)
        )

    def close_doors(self) -> None:
        """Accept nobody any more, and change nothing: the engine is on its way out."""
        self.changes.trials.stop()
        self.context.is_draining = True
        self.context.keeps_alive = False
        for listener in self.listeners.values():
            listener.close()
        self._inherited.close()
        if self.context.lab is not None:
            self.context.lab.on_draining()

    async def stop(self) -> None:
        """End at once: whatever is still open is reset."""
        if self._housekeeping is not None:
            self._housekeeping.cancel()
        if self._watchdog is not None:
            self._watchdog.stop()
        self.context.poller.look_at_clock()
        for session in list(self.registry.live.values()):
            session.close(CloseReason.SHUTDOWN, reset=True)
        self._release()
        self.note("Stopped.")

    def _release(self) -> None:
        for listener in self.listeners.values():
            listener.close()
        self.listeners.clear()
        self.memory.stop()
        self.stalls.stop()
        self.sampler.stop()
        self.context.health.stop()
        self.context.idle.retain(BackendTable({}, 0))
        self.context.deadlines.stop()
        self.context.poller.close()

    def _look_at_router(self) -> None:
        """A Lua runtime that ran out of memory is beyond help; a new one is made of its source."""
        router = self.context.dispatcher.router
        if not isinstance(router, LuaRouter) or not router.broken:
            return
        self.note(f"the Lua runtime is replaced: {router.broken}", EventLevel.ERROR)
        try:
            rebuilt = rebuild_router(self.changes.config)
        except ConfigError as error:
            self.note(f"the Lua runtime cannot be made anew: {error}; reload", EventLevel.ERROR)
            return
        if rebuilt is not None:
            rebuilt.on_print = self._note_print
            self.context.dispatcher.router = rebuilt

    def _built(self, loaded: LoadedConfig) -> Built:
        router: Router
        if loaded.router is not None:
            loaded.router.on_print = self._note_print
            router = loaded.router
        else:
            pools = loaded.config.pools
            router = FixedRouter(pools[0].name if pools else "")
        return Built(loaded.config, self.extend(loaded.config), router)

    def _note_print(self, printed: str, request: Routable) -> None:
        secrets = those_in(secrets_of(request.query, request.fields), printed)
        shown = self.telemetry.redactor.text(printed.rstrip(), secrets)
        event = Noted(at_s=time.monotonic(), what=f"route printed: {shown}", said_by="config")
        self.telemetry.record(event)

    def _report_long_route(self, event: Event) -> None:
        """Say it now, from the watchdog's thread; the loop keeps it once it is free again."""
        if self.cry is not None:
            self.cry(event)
        self._loop.call_soon_threadsafe(self.telemetry.record, event)

    def greeting(self) -> str:
        """Return the words that the C original said when it was ready."""
        address = self._first_address()
        if address.startswith(UNIX_PREFIX):
            return f"Started.  Listening on {address}."
        return f"Started.  Listening on port {self.short_name()}."

    @property
    def version(self) -> str:
        """The version of this engine."""
        return __version__

    @property
    def pid(self) -> int:
        """The process id of this engine."""
        return os.getpid()
