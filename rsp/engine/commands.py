"""The table of control commands: a name, its parameters, and the function that carries it out."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from rsp.core.addresses import EditRefused
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
    autopsy_commands,
    explaining,
    looking,
    peeking,
    slowness,
    writing_back,
)
from rsp.engine.lab import break_commands as breaking
from rsp.engine.lab import commands as faulting
from rsp.engine.old_sessions import old_sessions
from rsp.engine.server import Engine
from rsp.engine.unbroken import begin_unbroken

Carry = Callable[[Engine, Any], object | Awaitable[object]]

COMMANDS: dict[str, tuple[type[Params], Carry]] = {
    "status": (Params, looking.status),
    "connections": (ConnectionsParams, looking.connections),
    "connection": (IdParams, looking.connection),
    "autopsies": (AutopsiesParams, autopsy_commands.autopsies),
    "exchanges": (LimitParams, slowness.exchanges),
    "pauses": (Params, slowness.pauses),
    "backends": (Params, looking.backends),
    "edits": (Params, looking.edits),
    "decisions": (DecisionsParams, looking.decisions),
    "events": (EventsParams, looking.events),
    "config": (Params, looking.config),
    "explain": (ExplainParams, explaining.explain),
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
        if isinstance(read, EditParams) and inspect.iscoroutine(reply):
            # A change comes to its end also where who gave it hangs up: of half of one, a file and
            # an engine would say different things.
            return await asyncio.shield(begin_unbroken(reply))
        return await reply if inspect.isawaitable(reply) else reply
    except EditRefused as error:
        raise CommandRefused(str(error)) from error
