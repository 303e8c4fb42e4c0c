"""The table of control commands: a name, its parameters, and the function that carries it out."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from rsp.core.params import (
    AutopsiesParams,
    BackendAddParams,
    BackendRemoveParams,
    BackendSetParams,
    BreakAddParams,
    BreakRemoveParams,
    ChangeParams,
    CloseParams,
    ConnectionsParams,
    ContinueParams,
    DecisionsParams,
    EditParams,
    EventsParams,
    ExplainParams,
    FaultAddParams,
    FaultRemoveParams,
    IdParams,
    LimitParams,
    LowatParams,
    OldSessionsParams,
    Params,
    PauseParams,
    PeekParams,
    PendingParams,
    ReloadParams,
    StepParams,
    StopParams,
    WatchParams,
    WriteBackParams,
    read_params,
)
from rsp.core.wire import METHOD_NOT_FOUND, CommandRefused
from rsp.engine import (
    acting,
    explaining,
    inquest,
    looking,
    peeking,
    retracing,
    writing_back,
)
from rsp.engine.lab import break_commands as breaking
from rsp.engine.lab import commands as faulting
from rsp.engine.old_sessions import old_sessions
from rsp.engine.server import Engine

Carry = Callable[[Engine, Any], object | Awaitable[object]]

COMMANDS: dict[str, tuple[type[Params], Carry]] = {
    "status": (Params, looking.status),
    "connections": (ConnectionsParams, looking.connections),
    "connection": (IdParams, looking.connection),
    "autopsies": (AutopsiesParams, inquest.autopsies),
    "exchanges": (LimitParams, explaining.exchanges),
    "pauses": (Params, explaining.pauses),
    "backends": (Params, looking.backends),
    "edits": (Params, looking.edits),
    "decisions": (DecisionsParams, looking.decisions),
    "events": (EventsParams, looking.events),
    "config": (Params, looking.config),
    "explain": (ExplainParams, retracing.explain),
    "backend.add": (BackendAddParams, acting.backend_add),
    "backend.set": (BackendSetParams, acting.backend_set),
    "backend.remove": (BackendRemoveParams, acting.backend_remove),
    "undo": (ChangeParams, acting.undo),
    "redo": (ChangeParams, acting.redo),
    "confirm": (EditParams, acting.confirm),
    "reload": (ReloadParams, acting.reload),
    "write-back": (WriteBackParams, writing_back.write_back_edits),
    "watch": (WatchParams, acting.watch),
    "peek": (PeekParams, peeking.peek),
    "pause": (PauseParams, acting.pause),
    "resume": (PauseParams, acting.resume),
    "lowat": (LowatParams, acting.lowat),
    "close": (CloseParams, acting.close),
    "fault.add": (FaultAddParams, faulting.add),
    "fault.list": (Params, faulting.listed),
    "fault.remove": (FaultRemoveParams, faulting.remove),
    "break.add": (BreakAddParams, breaking.add),
    "break.list": (Params, breaking.listed),
    "break.remove": (BreakRemoveParams, breaking.remove),
    "step": (StepParams, breaking.step),
    "continue": (ContinueParams, breaking.go_on),
    "pending": (PendingParams, breaking.pending),
    "old-sessions": (OldSessionsParams, old_sessions),
    "stop": (StopParams, acting.stop),
}


async def carry_out(engine: Engine, method: str, params: dict[str, Any], peer: str) -> object:
    """Carry out one command, and return its reply; the change is then in force.

    Raises:
        CommandRefused: unknown command, wrong parameters, or the engine refuses.
    """
    found = COMMANDS.get(method)
    if found is None:
        raise CommandRefused(
            f'no command "{method}"; there are {", ".join(COMMANDS)}', METHOD_NOT_FOUND
        )
    kind, carry = found
    read = read_params(kind, params)
    if isinstance(read, EditParams):
        read.who = f"{read.who} ({peer})" if read.who else peer
    engine.context.poller.look_at_clock()
    try:
        reply = carry(engine, read)
        if not inspect.isawaitable(reply):
            return reply
        return await (_to_its_end(reply) if isinstance(read, EditParams) else reply)
    except acting.REFUSALS as error:
        raise CommandRefused(str(error)) from error


async def _to_its_end(reply: Awaitable[object]) -> object:
    """Let a change come to its end also where who gave it hangs up: half of one would be a file
    and an engine that say different things."""
    task = asyncio.ensure_future(reply)
    _under_way.add(task)
    task.add_done_callback(_forget)
    return await asyncio.shield(task)


_under_way: set[asyncio.Future[object]] = set()


def _forget(task: asyncio.Future[object]) -> None:
    _under_way.discard(task)
    if not task.cancelled():
        # Whoever still waits is told; for nobody it is no bug.
        task.exception()
