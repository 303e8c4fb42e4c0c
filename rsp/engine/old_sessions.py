"""Sessions that were decided before the last changes: told of, ended at a request, or closed."""

from collections import Counter

from rsp.core.generation_rows import OldSessions
from rsp.core.lifecycle import State
from rsp.core.params import OldSessionsParams
from rsp.core.units import counted
from rsp.core.vocabulary import Mode
from rsp.core.wire import INVALID_PARAMS, CommandRefused
from rsp.engine.acting import close_by_hand
from rsp.engine.conversation import Conversation
from rsp.engine.server import Engine
from rsp.engine.session import Session


def old_sessions(engine: Engine, params: OldSessionsParams) -> OldSessions:
    """Return the sessions of old generations, and end them if that is asked for."""
    if params.drain and params.close:
        raise CommandRefused("choose one of drain and close", INVALID_PARAMS)
    present = engine.changes.generation
    before = present if params.before is None else params.before
    old = [session for session in engine.registry.live.values() if _is_old(session, before)]
    counts = Counter(session.generation for session in old)
    found = OldSessions(
        present, before, [session.id for session in old], dict(sorted(counts.items()))
    )
    if params.close:
        for session in old:
            close_by_hand(engine, session)
        found.closed = found.sessions
        found.done = f"{_count(found.closed)} told to close"
    elif params.drain:
        for session in old:
            _drain(engine, session, found)
        found.done = _drained(found)
    if found.done:
        engine.note(f"sessions before generation {before}: {found.done} (by {params.who})")
    return found


def _is_old(session: Session, before: int) -> bool:
    """Tell whether a session goes where an old generation sent it. One that has asked nothing yet
    does not: its first request will be decided by what is in force then."""
    is_new = session.entrance.mode is Mode.HTTP and not session.exchanges
    return session.generation < before and not is_new and not session.state.is_ending


def _drain(engine: Engine, session: Session, found: OldSessions) -> None:
    speaker = session.speaker
    if not isinstance(speaker, Conversation) or session.state.is_tunnel:
        found.staying.append(session.id)
    elif session.state is State.IDLE:
        close_by_hand(engine, session)
        found.closed.append(session.id)
    else:
        # The response says so, if its head has not left yet.
        speaker.is_last = True
        found.ending.append(session.id)


def _drained(found: OldSessions) -> str:
    parts = [f"{_count(found.ending)} to end with the present exchange"] if found.ending else []
    if found.closed:
        parts.append(f"{_count(found.closed)} idle, told to close")
    if found.staying:
        parts.append(f"{_count(found.staying)} left to end by themselves: tunnels have no requests")
    return ", ".join(parts) or "there are none"


def _count(sessions: list[int]) -> str:
    return counted(len(sessions), "session")
