"""Changes with everything around them, for tests: a file with two backends, a real loop."""

import asyncio
from dataclasses import replace

from rsp.core.backends import Backend, BackendChanges, BackendTable, Pool
from rsp.core.config import Config, ListenerConfig
from rsp.core.edits import AddBackend, EditLayer
from rsp.core.limits import Limits
from rsp.core.route import FixedRouter
from rsp.core.trial import Terms
from rsp.core.vocabulary import BackendState
from rsp.engine.changes import Changes
from rsp.engine.context import Context
from rsp.engine.deadlines import Deadlines
from rsp.engine.dispatch import Dispatcher
from rsp.engine.ground import Built
from rsp.engine.leaving import Leaving
from rsp.engine.nonblocking import CannotListen
from rsp.engine.poller import Poller
from rsp.engine.session import Registry
from rsp.engine.telemetry import Telemetry

A = Backend("web", "a", "127.0.0.1:9001", resolved=("127.0.0.1", 9001))
B = Backend("web", "b", "127.0.0.1:9002", resolved=("127.0.0.1", 9002))
FILE = Config("rsp.lua", "text", (ListenerConfig("127.0.0.1:0"),), (Pool("web", (A, B)),))
DRAIN = BackendChanges(state=BackendState.DRAIN)
ME = "uid 0, pid 1"
BIGGER = replace(
    FILE, source="new", pools=(Pool("web", (A, B, Backend("web", "n", "127.0.0.1:9009"))),)
)


class Office:
    """Changes with everything around them, on a real loop."""

    def __init__(self, poller: Poller) -> None:
        self.context = Context(
            poller,
            Deadlines(asyncio.get_running_loop()),
            Telemetry(),
            Dispatcher(BackendTable.of(FILE.pools, 1), FixedRouter("web")),
            Limits(),
        )
        self.changes = Changes(self.context, FILE, EditLayer.of(FILE.pools, 1), self, Registry())
        self.leaving = Leaving(self.changes, self.context.dispatcher.loads)
        self.opened: list[Config] = []
        self.refuses_listeners = ""

    def open_listeners(self, config: Config) -> None:
        if self.refuses_listeners:
            raise CannotListen(self.refuses_listeners)
        self.opened.append(config)

    async def rebuild(self, filed: Config) -> Built:
        return Built(filed, filed, FixedRouter("web"))

    async def add(
        self, name: str = "c", *, if_generation: int | None = None, preview: bool = False
    ) -> str:
        backend = Backend("web", name, "127.0.0.1:9003")
        return (
            await self.changes.edit(AddBackend(backend), ME, if_generation, preview=preview)
        ).what

    async def reload(
        self,
        config: Config,
        *,
        drop_edits: bool = False,
        if_generation: int | None = None,
        terms: Terms | None = None,
    ) -> list[str]:
        async def build() -> Built:
            return Built(config, config, FixedRouter("web"))

        return await self.changes.reload(
            build,
            who=ME,
            if_generation=if_generation,
            drop_edits=drop_edits,
            terms=terms,
        )

    @property
    def table(self) -> BackendTable:
        return self.context.dispatcher.table

    def names(self) -> list[str]:
        return [backend.name for backend in self.table.pools["web"].backends]

    def notes(self) -> list[str]:
        return [event.message for _, event in self.context.telemetry.events.since(0)[0]]
