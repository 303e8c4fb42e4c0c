"""The gentle end of an engine: nobody comes in, and who is there may end what was begun."""

import asyncio
import time
from itertools import islice

from rsp.core.lifecycle import State
from rsp.core.limits import CUT_SESSIONS_NAMED, LAST_WORDS_S
from rsp.core.sanitise import safe
from rsp.core.units import counted
from rsp.core.vocabulary import CloseReason, EventLevel
from rsp.engine.rows import connection_row
from rsp.engine.server import Engine
from rsp.engine.session import Session

_DRAIN_LOOK_S = 0.05
"""How often a draining engine looks whether the last session has ended."""

_UNASKED = (State.IDLE, State.READING_HEAD, State.READING_PROXY_HEADER)
"""Sessions in these states have asked nothing yet; a draining engine does not wait for it."""

_ASK_S = 0.5
"""But one that was accepted less than this ago has hardly had the time to ask: its bytes may be on
their way, and nobody told it to go elsewhere."""


async def drain(engine: Engine) -> None:
    """Accept nobody and let the present exchanges end, within the allowance."""
    engine.close_doors()
    context, live = engine.context, engine.registry.live
    allowed_s = context.limits.drain_s if engine.drain_s is None else engine.drain_s
    engine.note(f"Stopping: {counted(len(live), 'session')} may take {allowed_s:g} s to end.")
    deadline_s = time.monotonic() + allowed_s
    while live and time.monotonic() < deadline_s and not engine.hurry:
        context.poller.look_at_clock()
        for session in list(live.values()):
            if session.state in _UNASKED and _had_time(session):
                session.close(CloseReason.SHUTDOWN)
        if deadline_s - time.monotonic() < LAST_WORDS_S:
            context.waiting.turn_all_away(CloseReason.SHUTDOWN, "the engine is stopping")
        await asyncio.sleep(_DRAIN_LOOK_S)
    if live:
        engine.note(f"{counted(len(live), 'session')} cut off.", EventLevel.WARN)
        _name_the_cut(engine)


def _name_the_cut(engine: Engine) -> None:
    """Say which sessions did not end in time: who asked for what, and whom we waited for."""
    for session in islice(engine.registry.live.values(), CUT_SESSIONS_NAMED):
        row = connection_row(session, time.monotonic())
        asked = f", {row.request.method} {safe(row.request.path)}" if row.request else ""
        backend = f", backend {row.backend.address}" if row.backend else ""
        what = f"cut off while {row.state}: client {row.client.address}{asked}{backend}"
        engine.note(f"session {session.id} {what}", EventLevel.WARN)


def _had_time(session: Session) -> bool:
    age_s = session.context.poller.now_s - session.opened_s
    return bool(session.exchanges) or age_s >= _ASK_S
