"""Backends that are to be removed once nobody is at them any more."""

from rsp.core.addresses import EditRefused
from rsp.core.backends import BackendLoads
from rsp.core.edits import RemoveBackend
from rsp.core.vocabulary import BackendState
from rsp.engine.changes import Changes


class Leaving:
    """Removes drained backends when they are idle; whoever brings one back keeps it."""

    def __init__(self, changes: Changes, loads: BackendLoads) -> None:
        self._changes = changes
        self._loads = loads
        self._leaving: dict[str, str] = {}
        """Their keys, and who asked for it."""

    async def remove_when_idle(self, key: str, drained: str, who: str) -> str:
        """Remove a backend that is being drained once its last session has ended."""
        self._leaving[key] = who
        await self.remove_idle()
        gone = key not in self._leaving
        return f"removed {key}" if gone else f"{drained}; it will be removed when it is idle"

    async def remove_idle(self) -> None:
        """Remove those that were to be removed once idle, and are; not while a change is on trial,
        which may be the very one that drained them."""
        changes = self._changes
        if changes.trials.trial is not None:
            return
        for key, who in list(self._leaving.items()):
            if not self._is_draining(key):
                # Somebody brought it back, or removed it; so it stays, or is gone already.
                del self._leaving[key]
            elif self._loads[key].sessions == 0:
                del self._leaving[key]
                try:
                    await changes.edit(RemoveBackend(key), who, None)
                except EditRefused as error:
                    if changes.trials.trial is not None:
                        # A change was put on trial while this one waited for its turn.
                        self._leaving[key] = who
                        return
                    changes.note(f"removing {key} when idle: {error}")

    def _is_draining(self, key: str) -> bool:
        pool, _, name = key.partition("/")
        found = self._changes.layer.table.pools.get(pool)
        backend = found.by_name.get(name) if found else None
        return backend is not None and backend.state is BackendState.DRAIN
