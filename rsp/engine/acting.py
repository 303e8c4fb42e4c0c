"""The commands that change something: backends, the configuration, sessions, the engine itself."""

import time
from collections.abc import Awaitable

from rsp.core.addresses import EditRefused
from rsp.core.backends import Backend, BackendChanges
from rsp.core.config import ConfigError
from rsp.core.edits import AddBackend, ChangeBackend, Operation, RemoveBackend
from rsp.core.params import (
    BackendAddParams,
    BackendRemoveParams,
    BackendSetParams,
    ChangeParams,
    CloseParams,
    EditParams,
    LowatParams,
    PauseParams,
    ReloadParams,
    StopParams,
    WatchParams,
)
from rsp.core.replies import Changed, Done
from rsp.core.vocabulary import BackendState, CloseReason, Direction, PauseReason, Side
from rsp.core.wire import INVALID_PARAMS, CommandRefused
from rsp.engine.budgets import note_held
from rsp.engine.calls import CallRing
from rsp.engine.connection import Connection
from rsp.engine.looking import find_session
from rsp.engine.nonblocking import NOTSENT_UNLIMITED, CannotListen
from rsp.engine.room import move_mark
from rsp.engine.rows import trial_row
from rsp.engine.server import Engine
from rsp.engine.session import Session
from rsp.engine.what_if import what_if


def _changed(engine: Engine, *sentences: str, is_preview: bool = False) -> Changed:
    changes = engine.changes
    trial = trial_row(changes.trials.trial, time.monotonic())
    said = list(sentences)
    if changes.unkept and not is_preview:
        said.append(changes.unkept)
    return Changed(changes.generation, said, changes.kept_edits(), trial=trial)


async def _edit(
    engine: Engine,
    params: BackendAddParams | BackendSetParams | BackendRemoveParams,
    operation: Operation,
) -> Changed:
    applied = await engine.changes.edit(
        operation, params.who, params.if_generation, preview=params.preview, terms=params.terms()
    )
    reply = _changed(engine, applied.what, is_preview=params.preview)
    if params.preview:
        reply.what_if = await what_if(engine, engine.changes.config, applied.table)
    return reply


async def backend_add(engine: Engine, params: BackendAddParams) -> Changed:
    """Add a backend to a pool."""
    backend = Backend(
        params.pool, params.name, params.address, params.weight, params.max_connections
    )
    return await _edit(engine, params, AddBackend(backend))


async def backend_set(engine: Engine, params: BackendSetParams) -> Changed:
    """Change a backend's weight, state, address or limit."""
    changes = BackendChanges(
        weight=params.weight,
        state=_state(params.state),
        max_connections=params.max_connections,
        address=params.address,
    )
    return await _edit(engine, params, ChangeBackend(params.target, changes))


def _state(name: str | None) -> BackendState | None:
    if name is None:
        return None
    try:
        return BackendState(name)
    except ValueError:
        words = ", ".join(BackendState)
        raise CommandRefused(f'no state "{name}"; there are {words}', INVALID_PARAMS) from None


async def backend_remove(engine: Engine, params: BackendRemoveParams) -> Changed:
    """Remove a backend, at once or when it is idle."""
    if not params.when_idle:
        return await _edit(engine, params, RemoveBackend(params.target))
    drain = ChangeBackend(params.target, BackendChanges(state=BackendState.DRAIN))
    drained = await _edit(engine, params, drain)
    if params.preview:
        return drained
    what = await engine.leaving.remove_when_idle(params.target, drained.changed[0], params.who)
    return _changed(engine, what)


async def undo(engine: Engine, params: ChangeParams) -> Changed:
    """Take back the last edit or reload."""
    sentences = await _going(
        engine, engine.changes.undo(params.who, params.if_generation, params.terms())
    )
    return _changed(engine, *sentences)


async def redo(engine: Engine, params: ChangeParams) -> Changed:
    """Do again what was undone last."""
    sentences = await _going(
        engine, engine.changes.redo(params.who, params.if_generation, params.terms())
    )
    return _changed(engine, *sentences)


async def _going(engine: Engine, step: Awaitable[list[str]]) -> list[str]:
    try:
        return await step
    except (ConfigError, CannotListen) as error:
        engine.note_refused_reload(str(error))
        raise CommandRefused(f"{error}; nothing was changed") from error


async def confirm(engine: Engine, params: EditParams) -> Changed:
    """Keep the change that is on trial."""
    return _changed(engine, await engine.changes.confirm(params.who, params.if_generation))


async def reload(engine: Engine, params: ReloadParams) -> Changed:
    """Read the file again, and put it in force; or only say what that would change."""
    terms = params.terms()
    try:
        if params.preview:
            loaded = await engine.load()
            config = engine.extend(loaded.config)
            layer, sentences = await engine.changes.preview(config, drop_edits=params.drop_edits)
            kept = [edit.what for edit in layer.edits]
            found = await what_if(engine, config, layer.table)
            return Changed(engine.changes.generation, sentences, kept, found)
        sentences = await engine.reload(
            who=params.who,
            if_generation=params.if_generation,
            drop_edits=params.drop_edits,
            terms=terms,
        )
    except (ConfigError, CannotListen, EditRefused) as error:
        engine.note_refused_reload(str(error))
        raise CommandRefused(f"{error}; nothing was changed") from error
    return _changed(engine, *sentences)


def watch(engine: Engine, params: WatchParams) -> Done:
    """Record the calls of a session from now on, or stop that and forget them."""
    session = find_session(engine, params.id)
    is_begun = session.client.bytes_in > 0 or session.backend is not None
    calls = None if params.off else CallRing(time.monotonic(), is_begun=is_begun)
    session.watch(calls)
    return Done(f"session {params.id} is {'no longer watched' if params.off else 'watched'}")


def _held(session: Session, direction: str | None) -> list[Connection]:
    """Return the connections whose reading stops when `direction` is paused."""
    if direction not in (None, *Direction):
        raise CommandRefused(
            f'no direction "{direction}"; there are request and response', INVALID_PARAMS
        )
    sources = []
    if direction != Direction.RESPONSE:
        sources.append(session.client)
    if direction != Direction.REQUEST and session.backend is not None:
        sources.append(session.backend)
    return sources


def pause(engine: Engine, params: PauseParams) -> Done:
    """Stop reading one side of a session, or both."""
    session = find_session(engine, params.id)
    sources = _held(session, params.direction)
    if not sources:
        raise CommandRefused(f"session {params.id} has no backend connection at this moment")
    for connection in sources:
        connection.pause(PauseReason.OPERATOR)
    note_held(session)
    return Done(f"session {params.id}: {params.direction or 'both directions'} paused")


def resume(engine: Engine, params: PauseParams) -> Done:
    """Read on what a person paused; what is paused for another reason stays so."""
    session = find_session(engine, params.id)
    for connection in _held(session, params.direction):
        connection.resume(PauseReason.OPERATOR)
    note_held(session)
    return Done(f"session {params.id}: {params.direction or 'both directions'} resumed")


_UNLIMITED = "unlimited"


def lowat(engine: Engine, params: LowatParams) -> Done:
    """Let the kernel hold more or fewer unsent bytes for a session: TCP_NOTSENT_LOWAT, live."""
    lowat_bytes = _lowat_bytes(params.bytes)
    if params.side not in (None, *Side):
        raise CommandRefused(
            f'no side "{params.side}"; there are client and backend', INVALID_PARAMS
        )
    session = find_session(engine, params.id)
    moved = move_mark(session, lowat_bytes, Side(params.side) if params.side else None)
    if not moved:
        where = f"at its {params.side}" if params.side else "at either side"
        raise CommandRefused(f"session {params.id} has no TCP connection {where} now")
    shown = _UNLIMITED if lowat_bytes is None else f"{lowat_bytes:,} bytes"
    return Done(f"session {params.id}: TCP_NOTSENT_LOWAT of {' and '.join(moved)} is {shown}")


def _lowat_bytes(given: int | str) -> int | None:
    if given == _UNLIMITED:
        return None
    if isinstance(given, str) or not 0 < given < NOTSENT_UNLIMITED:
        raise CommandRefused(
            f"lowat takes 1 to {NOTSENT_UNLIMITED - 1:,} bytes, or {_UNLIMITED}", INVALID_PARAMS
        )
    return given


def close(engine: Engine, params: CloseParams) -> Done:
    """Close both sides of a session."""
    close_by_hand(engine, find_session(engine, params.id), reset=params.reset)
    return Done(f"session {params.id} {'reset' if params.reset else 'is closing'}")


def close_by_hand(engine: Engine, session: Session, *, reset: bool = False) -> None:
    """Close a session for a person, also one that stands at a breakpoint."""
    session.close(CloseReason.OPERATOR, reset=reset)
    if engine.context.lab is not None:
        engine.context.lab.let_go(session, "it was closed")


def stop(engine: Engine, params: StopParams) -> Done:
    """End the engine gently."""
    if params.drain is not None and params.drain < 0:
        raise CommandRefused("drain takes 0 or more seconds", INVALID_PARAMS)
    engine.drain_s = params.drain
    engine.stopping.set()
    return Done("stopping")
