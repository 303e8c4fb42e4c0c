"""Backends that are to be removed once nobody is at them any more."""

from rsp.core.addresses import EditRefused
from rsp.core.edits import RemoveBackend
from rsp.core.loads import BackendLoads
from rsp.core.vocabulary import BackendState
from rsp.core.wire import CommandRefused
from rsp.engine.changes import Changes


class Leaving:
    """Removes drained backends when they are idle; whoever brings one back keeps it."""

    def __init__(self, changes: Changes, loads: BackendLoads) -> None:
        self._changes = changes
        self._loads = loads
        self._leaving: dict[str, str] = {}
        """Their keys, and who asked for it."""
        changes.on_swapped = self._keep_those_brought_back

    async def remove_when_idle(self, key: str, drained: str, who: str) -> str:
        """Remove a backend that is being drained once its last session has ended."""
        self._leaving[key] = who
        await self.remove_idle()
        gone = key not in self._leaving
        return f"removed {key}" if gone else f"{drained}; it will be removed when it is idle"

    async def remove_idle(self) -> None:
        """Remove those that were to be removed once idle, and are; not while a change is on trial,
        which may be the very one that drained them."""
        if self._changes.trials.trial is not None:
            return
        for key, who in list(self._leaving.items()):
            if key in self._leaving and self._loads[key].sessions == 0:
                await self._remove(key, who)

    async def _remove(self, key: str, who: str) -> None:
        changes = self._changes
        try:
            await changes.edit(RemoveBackend(key), who, changes.generation)
        except CommandRefused:
            # Somebody else's change came first. It may have brought this one back; if not, the
            # next look finds it here.
            return
        except EditRefused as error:
            if changes.trials.trial is not None:
                # A change was put on trial while this one waited for its turn.
                return
            changes.note(f"removing {key} when idle: {error}")
        self._leaving.pop(key, None)

    def _keep_those_brought_back(self) -> None:
        """Forget who is not draining any more, or is gone: at once, also while that is on trial,
        for whoever drains it later has not asked for its removal."""
        for key in [key for key in self._leaving if not self._is_draining(key)]:
            del self._leaving[key]

    def _is_draining(self, key: str) -> bool:
        pool, _, name = key.partition("/")
        found = self._changes.layer.table.pools.get(pool)
        backend = found.by_name.get(name) if found else None
        return backend is not None and backend.state is BackendState.DRAIN
